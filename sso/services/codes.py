"""The end of a sign-in at ``/sso``: a code for the application, and the profile that it fetches with it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from environments.models import Environment
from foundation import clock, pkce
from foundation.encryption import digests_equal, token_digest
from foundation.errors import DomainError, Unauthenticated
from foundation.ids import new_ulid_secret
from sso import conf
from sso.errors import CodeReplayed, InvalidClient, InvalidGrant
from sso.models import (
    ExchangeKind,
    Profile,
    ProviderSession,
    SSOAccessToken,
    SSOAuthorizationCode,
    SSOSession,
)
from sso.representations import LINKED_STATES
from sso.services.exchange_events import tell_unasked_succeeded
from sso.services.exchanges import Finished
from sso.services.provider_sessions import is_over


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token that reads a profile, in clear this once."""

    access_token: str
    profile: Profile
    oauth_tokens: Mapping[str, Any] | None


@transaction.atomic
def issue_code(
    *,
    profile: Profile,
    redirect_uri: str,
    code_challenge: str = "",
    sso_session: SSOSession | None = None,
    provider_session: ProviderSession | None = None,
    oauth_tokens: Mapping[str, Any] | None = None,
) -> str:
    """Return a code for a profile, good once, for ten minutes, and for the client of its environment."""
    code = new_ulid_secret()
    moment = clock.now()
    SSOAuthorizationCode.objects.create(
        environment_id=profile.environment_id,
        code_digest=token_digest(code),
        profile=profile,
        sso_session=sso_session,
        provider_session=provider_session,
        redirect_uri=redirect_uri,
        code_challenge=code_challenge,
        oauth_tokens=json.dumps(dict(oauth_tokens)) if oauth_tokens else "",
        created_at=moment,
        expires_at=moment + conf.CODE_LIFETIME,
    )
    return code


def exchange_code(
    *,
    environment: Environment,
    code: str,
    code_verifier: str | None = None,
    redirect_uri: str | None = None,
    by_public_client: bool = False,
) -> IssuedToken:
    """Exchange a code for its profile, and a token that reads it again; once.

    A code that comes again with all that it is bound to was stolen, now or the first time: the token that it made is
    void from then on (RFC 6749 §4.1.2). Raises InvalidGrant, CodeReplayed, InvalidClient.
    """
    with transaction.atomic():
        outcome = _exchange(environment, code, code_verifier, redirect_uri, by_public_client=by_public_client)
    # Raised out here: what a replay takes away must not be rolled back by the refusal.
    if isinstance(outcome, DomainError):
        raise outcome
    return outcome


def lock_unasked_code(environment: Environment, code: str) -> SSOAuthorizationCode | None:
    """Return the code of a sign-in that began at the identity provider, its row locked, or None.

    No door was asked for it, so the first one that it comes to may spend it: ``/sso/token`` by :func:`exchange_code`,
    or whoever calls this, by :func:`spend_unasked_code`.
    """
    rows = SSOAuthorizationCode.objects.in_environment(environment).filter(
        code_digest=token_digest(code), sso_session__kind=ExchangeKind.IDP_INITIATED
    )
    related = rows.select_related(
        "environment", "profile__connection__organization", "profile__connection__environment"
    )
    return (
        related.select_related("sso_session__connection", "provider_session", "profile__user")
        .select_for_update(of=("self",))
        .first()
    )


def spend_unasked_code(row: SSOAuthorizationCode) -> Finished | None:
    """Spend a code that :func:`lock_unasked_code` returned and that was not spent; None where it counts no more."""
    if row.expires_at <= clock.now() or is_over(row.provider_session_id, row.environment_id):
        return None
    if row.sso_session is None:
        return None
    row.spent_at, row.oauth_tokens = clock.now(), ""
    row.save(update_fields=["spent_at", "oauth_tokens"])
    row.sso_session.environment = row.environment
    return Finished(row.sso_session, row.profile, {}, None, row.provider_session)


def void_token_of(row: SSOAuthorizationCode) -> None:
    """Take away the token that a code has made, because the code came again."""
    SSOAccessToken.objects.in_environment(row.environment_id).filter(code=row).delete()


def require_profile(access_token: str) -> Profile:
    """Return the profile that a token reads, its connection loaded; raises Unauthenticated."""
    rows = SSOAccessToken.unscoped.select_related("profile__connection")
    row = rows.filter(token_digest=token_digest(access_token), expires_at__gt=clock.now()).first()
    if row is None:
        raise Unauthenticated
    return row.profile


def _exchange(
    environment: Environment,
    code: str,
    code_verifier: str | None,
    redirect_uri: str | None,
    *,
    by_public_client: bool,
) -> IssuedToken | DomainError:
    rows = SSOAuthorizationCode.objects.in_environment(environment)
    row = (
        rows.select_related("profile__connection", "sso_session__connection", "sso_session__environment")
        .select_for_update(of=("self",))
        .filter(code_digest=token_digest(code))
        .first()
    )
    if row is None:
        return InvalidGrant.of(code)
    # RFC 6749 §4.1.3 asks for the redirect URI; the contract's requests leave it out.
    if redirect_uri is not None and not digests_equal(redirect_uri, row.redirect_uri):
        return InvalidGrant.of(code)
    if row.code_challenge and not pkce.verifies(code_verifier or "", row.code_challenge):
        return InvalidGrant.of(code)
    if by_public_client and not row.code_challenge:
        # Neither a secret nor a verifier: anybody who has seen the code could come so.
        return InvalidClient()
    if row.spent_at is not None:
        void_token_of(row)
        replayed = CodeReplayed.of(code)
        replayed.provider_session_id = row.provider_session_id
        return replayed
    moment = clock.now()
    if row.expires_at <= moment or is_over(row.provider_session_id, row.environment_id):
        return InvalidGrant.of(code)
    if row.profile.connection.state not in LINKED_STATES:
        # Switched off since the browser came back: nobody signs in through it any more.
        return InvalidGrant.of(code)
    oauth_tokens = json.loads(row.oauth_tokens) if row.oauth_tokens else None
    row.spent_at, row.oauth_tokens = moment, ""
    row.save(update_fields=["spent_at", "oauth_tokens"])
    if row.sso_session is not None and row.sso_session.kind == ExchangeKind.IDP_INITIATED:
        tell_unasked_succeeded(row.sso_session, row.profile)
    access_token = new_ulid_secret()
    SSOAccessToken.objects.create(
        environment=environment,
        token_digest=token_digest(access_token),
        profile=row.profile,
        code=row,
        created_at=moment,
        expires_at=moment + conf.ACCESS_TOKEN_LIFETIME,
    )
    return IssuedToken(access_token, row.profile, oauth_tokens)
