"""Authorization codes: the end of a sign-in on our pages, and its exchange for tokens (RFC 6749 §4.1)."""

from dataclasses import dataclass, replace
from datetime import timedelta

from django.db import transaction

from authentication import conf
from authentication.access_tokens import policy_of
from authentication.errors import (
    AuthenticationMethodNotAllowed,
    AuthorizationRequestNotFound,
    CodeChallengeNotFound,
    InvalidAuthorizationCode,
    InvalidClient,
    InvalidPendingAuthenticationToken,
    OrganizationAccessDenied,
    ReauthenticationRequired,
)
from authentication.models import (
    AuthorizationCode,
    AuthorizationRequest,
    Session,
    SignInAttempt,
    SignInEnding,
)
from authentication.services.attempts import find_invitation, go_on, is_waiting, lock_attempt, lock_user_row
from authentication.services.authorization_requests import PROMPT_LOGIN, is_open, refusal_url
from authentication.services.outcomes import Origin, Outcome
from authentication.services.profiles import record_profile_refusal, sign_in_with_profile
from authentication.services.sessions import end_session, end_what_began_by
from environments.models import Environment
from environments.redirect_uris import callback_url
from foundation import clock, pkce
from foundation.actors import SYSTEM
from foundation.encryption import digests_equal, token_digest
from foundation.errors import DomainError
from foundation.ids import new_ulid_secret
from organizations.errors import InvitationInvalid
from organizations.models import MembershipStatus, OrganizationMembership
from sso.errors import CodeReplayed
from sso.models import SSOAuthorizationCode
from sso.services import IssuedToken, exchange_code, lock_unasked_code, spend_unasked_code, void_token_of


@dataclass(frozen=True, slots=True)
class _Presented:
    """A code as somebody presents it, with what else its request may have bound it to."""

    code: str
    code_verifier: str | None
    redirect_uri: str | None
    by_public_client: bool
    invitation_token: str | None


@transaction.atomic
def issue_authorization_code(*, request: AuthorizationRequest, pending_authentication_token: str) -> str:
    """Finish a request with a sign-in on our pages; return where the browser goes: the application, with a code.

    The token is that of :class:`Authenticated`. Asked twice, as by a form that was sent twice, it gives two codes of
    which one can be exchanged. Whoever is no member of the organization that was asked for is sent back with
    ``access_denied``. Raises InvalidPendingAuthenticationToken, ReauthenticationRequired,
    AuthorizationRequestNotFound (it ran out meanwhile).
    """
    attempt = lock_hosted_attempt(request, pending_authentication_token)
    if request.ending != SignInEnding.APPLICATION:
        # Nobody waits for a code: the sign-in was for a page of ours.
        raise InvalidPendingAuthenticationToken.of(pending_authentication_token)
    if request.organization_id is not None:
        if not _may_enter(attempt, request.organization_id):
            return refusal_url(request.redirect_uri, request.state, OrganizationAccessDenied())
        attempt.organization_id = request.organization_id
    moment = clock.now()
    code = new_ulid_secret()
    row = AuthorizationCode.objects.create(
        environment=request.environment,
        attempt=attempt,
        code_digest=token_digest(code),
        redirect_uri=request.redirect_uri,
        code_challenge=request.code_challenge,
        created_at=moment,
        expires_at=moment + conf.AUTHORIZATION_CODE_LIFETIME,
    )
    attempt.expires_at = row.expires_at
    attempt.save(update_fields=["organization", "expires_at"])
    return callback_url(request.redirect_uri, request.state, {"code": code})


def lock_hosted_attempt(request: AuthorizationRequest, token: str) -> SignInAttempt:
    """Return the attempt of our pages that is to finish a request, locked as by lock_attempt.

    Raises InvalidPendingAuthenticationToken, ReauthenticationRequired, AuthorizationRequestNotFound (it ran out).
    """
    if request.expires_at <= clock.now():
        raise AuthorizationRequestNotFound
    attempt = lock_attempt(request.environment, token)
    if not attempt.is_hosted:
        raise InvalidPendingAuthenticationToken.of(token)
    if needs_fresh_sign_in(request, attempt):
        raise ReauthenticationRequired
    return attempt


def needs_fresh_sign_in(request: AuthorizationRequest, attempt: SignInAttempt) -> bool:
    """Tell whether an application asked for more than a sign-in of that age; one since the request always does."""
    if attempt.authenticated_at >= request.created_at:
        return False
    if request.prompt == PROMPT_LOGIN:
        return True
    age = clock.now() - attempt.authenticated_at
    return request.max_age is not None and age > timedelta(seconds=request.max_age)


def exchange_authorization_code(
    *,
    environment: Environment,
    is_public_client: bool,
    origin: Origin,
    code: str,
    code_verifier: str | None = None,
    redirect_uri: str | None = None,
    invitation_token: str | None = None,
) -> Outcome:
    """Exchange a code for tokens, once; the engine has the last word, with the policy of this moment.

    The code is one of a sign-in on our pages, or of one that began at an identity provider, which no door was asked
    for. One that comes again with all that it is bound to was stolen, now or the first time: the session that it
    made ends (RFC 6749 §4.1.2). Without the verifier it is refused and nothing else, or whoever has seen an old
    URL could sign its user out. Raises InvalidAuthorizationCode, CodeChallengeNotFound, InvalidClient,
    InvitationInvalid, InvitationCannotBeUsedForEmail, AuthenticationMethodNotAllowed, and what
    :func:`sign_in_with_profile` raises.
    """
    presented = _Presented(code, code_verifier, redirect_uri, is_public_client, invitation_token)
    with transaction.atomic():
        outcome = _exchange(environment, origin, presented)
    # Raised out here: the end of the session must not be rolled back by the refusal.
    if isinstance(outcome, DomainError):
        raise outcome
    return outcome


def exchange_sso_code(
    *,
    environment: Environment,
    code: str,
    code_verifier: str | None = None,
    redirect_uri: str | None = None,
    by_public_client: bool = False,
) -> IssuedToken:
    """Exchange a code for its profile, as :func:`sso.services.exchange_code`; raises what that raises.

    One that comes again may have been spent at the other door: then the session that it made there ends.
    """
    try:
        return exchange_code(
            environment=environment,
            code=code,
            code_verifier=code_verifier,
            redirect_uri=redirect_uri,
            by_public_client=by_public_client,
        )
    except CodeReplayed as replayed:
        if replayed.provider_session_id is not None:
            end_what_began_by(environment.id, [replayed.provider_session_id], SYSTEM)
        raise


def _exchange(environment: Environment, origin: Origin, presented: _Presented) -> Outcome | DomainError:
    row = _lock_code(environment, presented.code)
    if row is None:
        return _exchange_unasked(environment, origin, presented)
    refusal = _binding_refusal(row, presented)
    if refusal is not None:
        return refusal
    attempt = row.attempt
    if row.spent_at is not None:
        _revoke_what_it_made(row)
        return InvalidAuthorizationCode.of(presented.code)
    if row.expires_at <= clock.now() or not is_waiting(attempt, attempt.user):
        return InvalidAuthorizationCode.of(presented.code)
    # Spent first, whatever the engine says: a code is presented once.
    row.spent_at = clock.now()
    row.save(update_fields=["spent_at"])
    attempt.is_hosted = False
    if presented.invitation_token is not None and attempt.impersonator_id:
        # Nobody joins anything in somebody else's name.
        return InvitationInvalid()
    if presented.invitation_token is not None:
        attempt.invitation = find_invitation(environment, attempt.user.email, presented.invitation_token)
    attempt.ip_address = attempt.ip_address or origin.ip_address
    attempt.user_agent = attempt.user_agent or origin.user_agent
    return go_on(attempt, policy_of(environment), "")


def _exchange_unasked(
    environment: Environment, origin: Origin, presented: _Presented
) -> Outcome | DomainError:
    """Begin a sign-in with the profile of an answer that nobody asked for; the engine goes on as with any other."""
    row = lock_unasked_code(environment, presented.code)
    if row is None:
        return InvalidAuthorizationCode.of(presented.code)
    # There was no request that could have brought a challenge, so that no public client gets past here.
    refusal = _binding_refusal(row, presented)
    if refusal is not None:
        return refusal
    if not is_open(environment, row.profile.connection):
        return AuthenticationMethodNotAllowed()
    if row.spent_at is not None:
        void_token_of(row)
        if row.provider_session_id is not None:
            end_what_began_by(environment.id, [row.provider_session_id], SYSTEM)
        return InvalidAuthorizationCode.of(presented.code)
    finished = spend_unasked_code(row)
    if finished is None:
        return InvalidAuthorizationCode.of(presented.code)
    origin = replace(origin, invitation_token=presented.invitation_token)
    try:
        return sign_in_with_profile(finished=finished, origin=origin)
    except DomainError as refused:
        # What the sign-in had written is undone; that the code was presented stays.
        record_profile_refusal(failed=finished, refusal=refused, origin=origin)
        return refused


def _lock_code(environment: Environment, code: str) -> AuthorizationCode | None:
    """Return the code with its attempt and user, all locked, the user first as everywhere; None if there is none."""
    codes = AuthorizationCode.objects.in_environment(environment).filter(code_digest=token_digest(code))
    user_id = codes.values_list("attempt__user_id", flat=True).first()
    user = None if user_id is None else lock_user_row(environment, user_id)
    if user is None:
        return None
    row = codes.select_related("attempt").select_for_update(of=("self", "attempt")).first()
    if row is not None:
        row.attempt.user = user
    return row


def _binding_refusal(
    row: AuthorizationCode | SSOAuthorizationCode, presented: _Presented
) -> DomainError | None:
    """Say why a code does not belong to whoever presents it, or None."""
    # RFC 6749 §4.1.3 asks for the redirect URI; the contract's requests leave it out.
    if presented.redirect_uri is not None and not digests_equal(presented.redirect_uri, row.redirect_uri):
        return InvalidAuthorizationCode.of(presented.code)
    verifier = presented.code_verifier
    if row.code_challenge:
        verified = verifier is not None and pkce.verifies(verifier, row.code_challenge)
        return None if verified else InvalidAuthorizationCode.of(presented.code)
    if verifier is not None:
        return CodeChallengeNotFound()
    # Neither a secret nor a verifier: anybody who has seen the code could come so.
    return InvalidClient() if presented.by_public_client else None


def _revoke_what_it_made(row: AuthorizationCode) -> None:
    session = Session.objects.in_environment(row.environment_id).filter(pk=row.session_id or "").first()
    if session is not None:
        end_session(session, SYSTEM)
    elif row.attempt.completed_at is None:
        # Its sign-in still waits for a step: it ends here.
        row.attempt.completed_at = clock.now()
        row.attempt.save(update_fields=["completed_at"])


def _may_enter(attempt: SignInAttempt, organization_id: str) -> bool:
    if attempt.invitation is not None and attempt.invitation.organization_id == organization_id:
        return True
    rows = OrganizationMembership.objects.in_environment(attempt.environment_id)
    return rows.filter(
        user=attempt.user, organization_id=organization_id, status=MembershipStatus.ACTIVE
    ).exists()
