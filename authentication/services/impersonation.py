"""Staff in a user's place: for an hour, with a reason, seen by the application and by the user.

What comes out is an authorization code at one of the environment's redirect URIs, which the application exchanges as
any other. The browser is not signed in on our own pages, so the user's account page stays shut: credentials cannot be
changed in somebody else's name.
"""

from django.db import transaction

from accounts.models import User
from authentication import conf
from authentication.errors import ImpersonationInvalid, ImpersonationNotAllowed
from authentication.models import AuthenticationMethod, AuthorizationCode, SignInAttempt
from authentication.services.attempts import lock_user_row
from authentication.services.looks import look_of_attempt
from authentication.services.outcomes import Origin
from environments.mail import send_mail
from environments.models import (
    AuthenticationSettings,
    Environment,
    MailKind,
    Operator,
    RedirectURI,
    RedirectURIPurpose,
)
from environments.redirect_uris import callback_url
from foundation import clock
from foundation.encryption import token_digest
from foundation.errors import NotFound
from foundation.ids import new_secret, new_ulid_secret
from organizations.models import MembershipStatus, Organization, OrganizationMembership

LONGEST_REASON = 500


@transaction.atomic
def impersonate(
    *,
    environment: Environment,
    operator: Operator,
    user: User,
    organization: Organization | None,
    reason: str,
    redirect_uri: str,
    origin: Origin,
) -> str:
    """Sign an operator in in a user's place; return where the browser goes: the application, with a code.

    The door has made sure that the operator is who they say. Raises ImpersonationNotAllowed, ImpersonationInvalid,
    NotFound (the user was deleted meanwhile).
    """
    settings = AuthenticationSettings.objects.in_environment(environment).get()
    may_open = operator.visible_environments().filter(pk=environment.pk).exists()
    if not (settings.impersonation_enabled and operator.can_impersonate and may_open):
        raise ImpersonationNotAllowed
    row = lock_user_row(environment, user.pk)
    if row is None:
        raise NotFound.of("User", user.pk)
    reason = " ".join(reason.split())
    _require_valid(environment, row, organization, reason, redirect_uri)
    moment = clock.now()
    attempt = SignInAttempt.objects.create(
        environment=environment,
        user=row,
        token_digest=token_digest(new_secret()),
        authentication_method=AuthenticationMethod.IMPERSONATION,
        organization=organization,
        needs_organization=False,
        is_hosted=True,
        ip_address=origin.ip_address,
        user_agent=origin.user_agent,
        impersonator_id=operator.pk,
        impersonator_email=operator.email,
        impersonation_reason=reason,
        expires_at=moment + conf.AUTHORIZATION_CODE_LIFETIME,
    )
    code = new_ulid_secret()
    AuthorizationCode.objects.create(
        environment=environment,
        attempt=attempt,
        code_digest=token_digest(code),
        redirect_uri=redirect_uri,
        created_at=moment,
        expires_at=attempt.expires_at,
    )
    if settings.impersonation_mail_enabled:
        _write_to(row, attempt)
    return callback_url(redirect_uri, None, {"code": code})


def _require_valid(
    environment: Environment, user: User, organization: Organization | None, reason: str, redirect_uri: str
) -> None:
    if not reason or len(reason) > LONGEST_REASON:
        raise ImpersonationInvalid.field("reason", "reason_required", "Say why, in at most 500 characters.")
    uris = RedirectURI.objects.in_environment(environment).filter(purpose=RedirectURIPurpose.SIGN_IN)
    if "*" in redirect_uri or not uris.filter(uri=redirect_uri).exists():
        raise ImpersonationInvalid.field(
            "redirect_uri", "redirect_uri_invalid", "Choose one of the environment's redirect URIs."
        )
    if organization is None:
        return
    memberships = OrganizationMembership.objects.in_environment(environment)
    if not memberships.filter(user=user, organization=organization, status=MembershipStatus.ACTIVE).exists():
        raise ImpersonationInvalid.field(
            "organization_id",
            "organization_id_invalid",
            "The user is not an active member of this organization.",
        )


def _write_to(user: User, attempt: SignInAttempt) -> None:
    send_mail(
        environment=attempt.environment,
        kind=MailKind.IMPERSONATION,
        recipient=user.email,
        context={
            "email": user.email,
            "impersonator": attempt.impersonator_email,
            "reason": attempt.impersonation_reason,
            "signed_in_at": attempt.authenticated_at,
            "account_url": conf.account_page(attempt.environment.client_id),
        },
        locale=user.locale,
        look=look_of_attempt(attempt),
    )
