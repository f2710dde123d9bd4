"""Logging out in the browser: the session ends, and the browser is sent where the environment allows."""

from django.db.models import QuerySet

from authentication import conf
from authentication.errors import ReturnToNotAllowed
from authentication.models import Session
from authentication.services.sessions import end_session, user_actor
from environments import redirect_uris
from environments.models import AuthenticationSettings, Environment, RedirectURI, RedirectURIPurpose


def log_out(*, session_id: str, return_to: str | None) -> str:
    """End a session and return the URL for the browser (workos-behaviour (g)).

    Nobody is authenticated here: knowing the session's id is what allows its end, and the worst that a stranger
    does with it is to sign somebody out. A session that is unknown, or over, is logged out already. Raises
    ReturnToNotAllowed before anything has changed.
    """
    session = Session.unscoped.select_related("environment", "user").filter(pk=session_id).first()
    environment = None if session is None else session.environment
    target = _target(environment, return_to)
    if session is not None:
        end_session(session, user_actor(session.user))
    return target


def _target(environment: Environment | None, return_to: str | None) -> str:
    if return_to:
        if not _is_allowed(environment, return_to):
            raise ReturnToNotAllowed
        return return_to
    if environment is None:
        return conf.signed_out_page("")
    default = _logout_uris(environment).filter(is_default=True).values_list("uri", flat=True).first()
    if default is not None:
        return default
    settings = AuthenticationSettings.objects.in_environment(environment).get()
    return settings.homepage_url or conf.signed_out_page(environment.client_id)


def _is_allowed(environment: Environment | None, return_to: str) -> bool:
    if environment is None:
        # A session that was purged long ago has no environment to ask: any that lists exactly this URI will do.
        listed = RedirectURI.unscoped.filter(purpose=RedirectURIPurpose.LOGOUT, uri=return_to)
        return "*" not in return_to and listed.exists()
    return any(redirect_uris.matches(row.uri, return_to) for row in _logout_uris(environment))


def _logout_uris(environment: Environment) -> "QuerySet[RedirectURI]":
    return RedirectURI.objects.in_environment(environment).filter(purpose=RedirectURIPurpose.LOGOUT)
