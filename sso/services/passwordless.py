"""Passwordless sessions: a link by mail that ends in a code for ``/sso/token`` (workos-legacy 2)."""

from datetime import timedelta

from django.db import IntegrityError, transaction

from accounts.email_addresses import normalize_email
from accounts.errors import InvalidEmail
from environments.mail import send_mail
from environments.models import Environment, MailKind, RedirectURI, RedirectURIPurpose
from environments.redirect_uris import callback_url
from environments.services import allows_sign_in_at
from foundation import clock
from foundation.encryption import token_digest
from foundation.errors import Invalid
from foundation.ids import new_secret
from sso import conf
from sso.connection_types import ConnectionType
from sso.errors import AccessDenied, ExchangeNotFound, InvalidRedirectURI, PasswordlessSessionInvalid
from sso.exchanges import ReceivedProfile
from sso.models import Connection, ConnectionState, PasswordlessSession
from sso.services.authorize import refusal_url
from sso.services.codes import issue_code
from sso.services.profiles import record_profile


@transaction.atomic
def create_passwordless_session(
    *,
    environment: Environment,
    email: str,
    redirect_uri: str = "",
    state: str | None = None,
    expires_in: int = conf.PASSWORDLESS_SHORTEST,
) -> PasswordlessSession:
    """Make a link for a mailbox; whoever asked may mail it, or let :func:`send_passwordless_session` do so.

    ``expires_in`` is in seconds. Raises Invalid for what is no address, InvalidRedirectURI.
    """
    try:
        address = normalize_email(email)
    except InvalidEmail:
        raise Invalid.field("email", "email must be an email", "This is not an email address.") from None
    token = new_secret()
    moment = clock.now()
    return PasswordlessSession.objects.create(
        environment=environment,
        connection=_ensure_connection(environment),
        email=address,
        token=token,
        token_digest=token_digest(token),
        redirect_uri=_redirect_uri(environment, redirect_uri),
        state=state,
        created_at=moment,
        expires_at=moment + timedelta(seconds=expires_in),
    )


@transaction.atomic
def send_passwordless_session(*, environment: Environment, session_id: str) -> None:
    """Mail the link; raises PasswordlessSessionInvalid where there is none that still works."""
    row = PasswordlessSession.objects.in_environment(environment).filter(pk=session_id).first()
    if row is None or row.confirmed_at is not None or row.expires_at <= clock.now():
        raise PasswordlessSessionInvalid.of(session_id)
    send_mail(
        environment=environment,
        kind=MailKind.MAGIC_LINK,
        recipient=row.email,
        context={
            "email": row.email,
            "sign_in_url": conf.passwordless_link(row.token),
            "minutes": max(1, int((row.expires_at - clock.now()).total_seconds() // 60)),
        },
    )


def require_passwordless_session(token: str) -> PasswordlessSession:
    """Return the session of a link, environment loaded, whatever has become of it; raises ExchangeNotFound.

    A link in a mail names nothing but its token.
    """
    rows = PasswordlessSession.unscoped.select_related("environment", "connection")
    row = rows.filter(token_digest=token_digest(token)).first()
    if row is None:
        raise ExchangeNotFound
    return row


def is_open(session: PasswordlessSession) -> bool:
    """Tell whether a link still signs somebody in."""
    return session.confirmed_at is None and session.expires_at > clock.now()


@transaction.atomic
def confirm_passwordless_session(session: PasswordlessSession) -> str:
    """Spend a link, and return where the browser goes: the application with a code, or with ``access_denied``."""
    rows = PasswordlessSession.objects.in_environment(session.environment_id)
    row = rows.select_related("connection").select_for_update(of=("self",)).get(pk=session.pk)
    if not is_open(row):
        refusal = AccessDenied("The link has expired, or was used before.")
        return refusal_url(row.redirect_uri, row.state, refusal)
    row.confirmed_at = clock.now()
    row.save(update_fields=["confirmed_at"])
    # Whoever opened the link reads the mailbox: the address is the subject.
    profile = record_profile(
        row.connection, ReceivedProfile(idp_id=row.email, email=row.email, email_verified=True)
    )
    code = issue_code(profile=profile, redirect_uri=row.redirect_uri)
    return callback_url(row.redirect_uri, row.state, {"code": code})


def _ensure_connection(environment: Environment) -> Connection:
    """Return the environment's connection for links, made when it is first asked for."""
    rows = Connection.objects.in_environment(environment).filter(
        connection_type=ConnectionType.MAGIC_LINK, organization__isnull=True
    )
    found = rows.first()
    if found is not None:
        return found
    try:
        with transaction.atomic():
            return Connection.objects.create(
                environment=environment,
                connection_type=ConnectionType.MAGIC_LINK,
                name=ConnectionType.MAGIC_LINK.label,
                state=ConnectionState.ACTIVE,
                activated_at=clock.now(),
            )
    except IntegrityError:
        return rows.get()


def _redirect_uri(environment: Environment, wanted: str) -> str:
    if wanted:
        if not allows_sign_in_at(environment, wanted):
            raise InvalidRedirectURI
        return wanted
    rows = RedirectURI.objects.in_environment(environment).filter(
        purpose=RedirectURIPurpose.SIGN_IN, is_default=True
    )
    default = rows.values_list("uri", flat=True).first()
    if default is None:
        raise InvalidRedirectURI("The environment has no default redirect URI, so one must be given.")
    return default
