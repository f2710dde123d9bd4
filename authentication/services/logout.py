"""Logging out in the browser: the session ends, and the browser is sent where the environment allows."""

from django.db import transaction
from django.db.models import QuerySet

from authentication import conf
from authentication.errors import ReturnToNotAllowed
from authentication.models import HostedSession, Session, SessionStatus
from authentication.services.hosted_sessions import end_hosted_session
from authentication.services.sessions import end_by_provider_sessions, end_session, user_actor
from environments import redirect_uris
from environments.models import AuthenticationSettings, Environment, RedirectURI, RedirectURIPurpose
from foundation.actors import Actor
from sso.models import ProviderSession
from sso.services import find_single_logout, open_logout


def log_out(*, session_id: str, return_to: str | None, ip_address: str | None, user_agent: str | None) -> str:
    """End a session and return the URL for the browser (workos-behaviour (g)).

    Where the connection chose it, the browser goes on to the identity provider first, and comes to that URL after.
    Nobody is authenticated here: knowing the session's id is what allows its end, and the worst that a stranger
    does with it is to sign somebody out. A session that is unknown, or over, is logged out already. Raises
    ReturnToNotAllowed before anything has changed.
    """
    session = Session.unscoped.select_related("environment", "user").filter(pk=session_id).first()
    environment = None if session is None else session.environment
    target = _target(environment, return_to)
    if session is None or session.status is not SessionStatus.ACTIVE:
        return target
    with transaction.atomic():
        actor = user_actor(session.user)
        left = _leave_provider(session, actor)
        end_session(session, actor)
    return _way_on(left, target, ip_address, user_agent)


def log_out_browser(
    *, hosted_session: HostedSession, ip_address: str | None, user_agent: str | None
) -> str | None:
    """Sign a browser out of our pages and of what it reached through them.

    Return the URL at which it goes on to the identity provider, where the connection chose it; None elsewhere.
    """
    with transaction.atomic():
        left = _leave_provider(hosted_session, user_actor(hosted_session.user))
        end_hosted_session(hosted_session)
    if left is None:
        return None
    target = conf.signed_out_page(hosted_session.environment.client_id)
    return _way_on(left, target, ip_address, user_agent)


def default_logout_url(environment: Environment) -> str:
    """Return where a browser goes that signed out, and that nobody sent anywhere."""
    default = _logout_uris(environment).filter(is_default=True).values_list("uri", flat=True).first()
    if default is not None:
        return default
    settings = AuthenticationSettings.objects.in_environment(environment).get()
    return settings.homepage_url or conf.signed_out_page(environment.client_id)


def _leave_provider(session: Session | HostedSession, actor: Actor) -> ProviderSession | None:
    """End a session at the identity provider with all that began by it; return it where the browser has to go there."""
    left = find_single_logout(session.provider_session_id, session.environment_id)
    if left is not None:
        # Before the session itself: whoever ends what a provider began locks the provider's session first.
        end_by_provider_sessions([left], actor)
    return left


def _way_on(left: ProviderSession | None, target: str, ip_address: str | None, user_agent: str | None) -> str:
    if left is None:
        return target
    return open_logout(provider_session=left, url=target, ip_address=ip_address, user_agent=user_agent)


def _target(environment: Environment | None, return_to: str | None) -> str:
    if return_to:
        if not _is_allowed(environment, return_to):
            raise ReturnToNotAllowed
        return return_to
    return conf.signed_out_page("") if environment is None else default_logout_url(environment)


def _is_allowed(environment: Environment | None, return_to: str) -> bool:
    if environment is None:
        # A session that was purged long ago has no environment to ask: any that lists exactly this URI will do.
        listed = RedirectURI.unscoped.filter(purpose=RedirectURIPurpose.LOGOUT, uri=return_to)
        return "*" not in return_to and listed.exists()
    return any(redirect_uris.matches(row.uri, return_to) for row in _logout_uris(environment))


def _logout_uris(environment: Environment) -> "QuerySet[RedirectURI]":
    return RedirectURI.objects.in_environment(environment).filter(purpose=RedirectURIPurpose.LOGOUT)
