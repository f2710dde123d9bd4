"""Leaving for a social provider, and reading what comes back."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from allauth.socialaccount.models import SocialLogin

from foundation import clock
from foundation.ids import new_secret
from foundation.outbound import OutboundError
from sso.connection_types import ConnectionType
from sso.exchanges import Departure, ExchangeRefused, ReceivedProfile
from sso.oauth import emails, microsoft
from sso.oauth.catalogue import SocialProvider, find_social_provider, missing_settings
from sso.oauth.clients import OAuthClient
from sso.oauth.failures import OAuthFailure, refused
from sso.oauth.library import Exchange, MisreadAnswer, Person, open_exchange
from sso.oidc import sign_in as oidc
from sso.oidc.failures import shown
from sso.oidc.parties import RelyingParty
from sso.oidc.token_endpoint import seconds_of

_LONGEST_SUBJECT = 255


def begin_sign_in(
    client: OAuthClient,
    *,
    redirect_uri: str,
    state: str,
    login_hint: str | None = None,
    domain_hint: str | None = None,
    prompt: str | None = None,
    provider_scopes: Sequence[str] = (),
    provider_query_params: Mapping[str, str] | None = None,
) -> Departure:
    """Return how the browser leaves for the provider; raises ExchangeRefused."""
    provider = _require_provider(client)
    if provider.issuer:
        return oidc.begin_sign_in(
            _relying_party(client, provider),
            redirect_uri=redirect_uri,
            state=state,
            login_hint=login_hint,
            domain_hint=domain_hint,
            prompt=prompt,
            provider_scopes=provider_scopes,
            provider_query_params=provider_query_params,
        )
    nonce, verifier = new_secret(43), new_secret(64)
    hints = {"login_hint": login_hint, "prompt": prompt, _domain_parameter(client): domain_hint}
    parameters = {
        **{
            name: value
            for name, value in (provider_query_params or {}).items()
            if name not in oidc.RESERVED_PARAMETERS
        },
        **{name: value for name, value in hints.items() if value},
        **provider.parameters,
    }
    secrets: dict[str, str] = {}
    if provider.uses_nonce:
        secrets["nonce"] = nonce
    if _uses_pkce(client, provider):
        secrets |= {"code_challenge": oidc.code_challenge(verifier), "code_challenge_method": "S256"}
    with open_exchange(client, provider, redirect_uri=redirect_uri) as exchange:
        scopes = list(
            dict.fromkeys(
                (
                    *(client.scopes or provider.scopes or exchange.library_provider.get_scope()),
                    *provider_scopes,
                )
            )
        )
        url = exchange.authorize_url(state, scopes, parameters | secrets)
    return Departure(
        url=url,
        memory={"nonce": nonce, "code_verifier": verifier if _uses_pkce(client, provider) else ""},
        sent={"provider": provider.label, "scopes": scopes, "redirect_uri": redirect_uri, **parameters},
    )


def finish_sign_in(
    client: OAuthClient, *, redirect_uri: str, parameters: Mapping[str, str], memory: Mapping[str, str]
) -> ReceivedProfile:
    """Return the person whom the provider's answer names; raises ExchangeRefused. Calls the provider.

    ``parameters`` are those of the callback, whose ``state`` the caller has matched with the browser and with this
    connection already; Apple's callback brings them in a form. ``memory`` is the departure's.
    """
    provider = _require_provider(client)
    if provider.issuer:
        profile = oidc.finish_sign_in(
            _relying_party(client, provider), redirect_uri=redirect_uri, parameters=parameters, memory=memory
        )
        return _with_trust(profile, provider.trust_of(client))
    _check_parameters(provider, parameters)
    with open_exchange(client, provider, redirect_uri=redirect_uri, parameters=parameters) as exchange:
        try:
            answer, login = exchange.read_answer(memory["code_verifier"], memory["nonce"])
        except OutboundError as error:
            raise refused(
                OAuthFailure.PROVIDER_UNREACHABLE, f"{provider.label} gave no answer: {error}"
            ) from error
        except MisreadAnswer as error:
            raise _misread(provider, exchange) from error
    return _profile_of(client, provider, answer, login, memory["nonce"])


def _require_provider(client: OAuthClient) -> SocialProvider:
    provider = find_social_provider(client.connection_type)
    if provider is None:
        raise refused(
            OAuthFailure.PROVIDER_UNSUPPORTED,
            f"There is no code for the provider {shown(client.connection_type.value)}, so nobody can sign in with it.",
        )
    missing = missing_settings(client)
    if missing:
        raise refused(
            OAuthFailure.SETTINGS_INCOMPLETE,
            f"The credentials for {provider.label} are not complete: {', '.join(missing)} must be filled in.",
        )
    return provider


def _relying_party(client: OAuthClient, provider: SocialProvider) -> RelyingParty:
    return RelyingParty(
        connection_type=client.connection_type,
        issuer=str(client.settings.get("issuer") or provider.issuer),
        client_id=client.client_id,
        client_secret=client.client_secret,
        scopes=client.scopes or provider.scopes,
        uses_pkce=_uses_pkce(client, provider),
    )


def _uses_pkce(client: OAuthClient, provider: SocialProvider) -> bool:
    return client.settings.get("pkce", provider.uses_pkce) is not False


def _domain_parameter(client: OAuthClient) -> str:
    return "hd" if client.connection_type is ConnectionType.GOOGLE_OAUTH else "domain_hint"


def _with_trust(profile: ReceivedProfile, trust: emails.Trust) -> ReceivedProfile:
    """Count the word of a provider that speaks OpenID Connect on its address only where it is believed."""
    address = emails.Address((profile.email or "").lower(), profile.email_verified, is_primary=True)
    return dataclasses.replace(profile, email_verified=trust(profile.raw_attributes, address))


def _check_parameters(provider: SocialProvider, parameters: Mapping[str, str]) -> None:
    error, description = parameters.get("error"), parameters.get("error_description", "")
    words = f" It says: {shown(description, 300)}." if description else ""
    if error is not None:
        received = {"error": error[:200], "error_description": description[:1000]}
        # Apple and LinkedIn have names of their own for it.
        if error in {"access_denied", "user_cancelled_authorize", "user_cancelled_login"}:
            raise refused(
                OAuthFailure.CANCELLED,
                f"The person cancelled at {provider.label} ({error}).{words}",
                received,
            )
        raise refused(
            OAuthFailure.PROVIDER_REFUSED,
            f"{provider.label} refused the sign-in with the error {shown(error)}.{words}",
            received,
        )
    if not parameters.get("code"):
        raise refused(OAuthFailure.CODE_MISSING, f"{provider.label} sent the browser back without a code.")


def _misread(provider: SocialProvider, exchange: Exchange) -> ExchangeRefused:
    """Tell what went wrong by the provider's last answer: the library's exceptions quote tokens and secrets."""
    last = exchange.request.answers[-1] if exchange.request.answers else {}
    error = last.get("error", "")
    description = last.get("error_description") or last.get("message") or ""
    words = f" It says: {shown(description, 300)}." if description else ""
    if error in {"invalid_client", "unauthorized_client", "incorrect_client_credentials"}:
        return refused(
            OAuthFailure.CLIENT_REFUSED,
            f"{provider.label} does not accept the client ID and the secret ({error}): copy both again, and check "
            f"whether the secret has expired.{words}",
            last,
        )
    if error in {"invalid_grant", "bad_verification_code", "redirect_uri_mismatch"}:
        return refused(
            OAuthFailure.CODE_REFUSED,
            f"{provider.label} does not accept the code that it sent ({error}): it was used before, is too old, or the "
            f"redirect URI differs from the registered one.{words}",
            last,
        )
    return refused(
        OAuthFailure.ANSWER_INVALID,
        f"{provider.label} answered with something else than a token and a person "
        f"(HTTP status {last.get('status', 'unknown')}{f', error {shown(error)}' if error else ''}).{words}",
        last,
    )


def _profile_of(
    client: OAuthClient,
    provider: SocialProvider,
    answer: Mapping[str, Any],
    login: SocialLogin,
    nonce: str,
) -> ReceivedProfile:
    subject, raw = login.account.uid, login.account.extra_data
    if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT or subject == "None":
        raise refused(OAuthFailure.SUBJECT_MISSING, f"{provider.label} does not say who signed in.")
    if not isinstance(raw, dict) or not oidc.fits(raw):
        raise refused(
            OAuthFailure.CLAIMS_TOO_LARGE,
            f"{provider.label} sent more about the person than is kept.",
        )
    addresses = [
        emails.Address(address.email, address.verified is True, address.primary is True)
        for address in login.email_addresses
        if isinstance(address.email, str)
    ]
    confirmed = raw.get(provider.confirmed_email_in) if provider.confirmed_email_in else None
    if isinstance(confirmed, str) and confirmed:
        addresses.append(emails.Address(confirmed.lower(), is_verified=True, is_primary=True))
    if client.connection_type is ConnectionType.MICROSOFT_OAUTH:
        proven = microsoft.find_verified_email(client, answer, nonce=nonce, subject=subject)
        addresses = [
            emails.Address(address.email, address.email == proven, address.is_primary)
            for address in addresses
        ]
    email, is_verified = emails.pick(raw, addresses, provider.trust_of(client))
    first_name, last_name, name = _names(login.user)
    return ReceivedProfile(
        idp_id=subject,
        email=email,
        email_verified=is_verified,
        first_name=first_name,
        last_name=last_name,
        name=name,
        raw_attributes=raw,
        received={"profile": raw},
        oauth_tokens=_tokens_of(client, provider, answer),
    )


def _names(person: Person) -> tuple[str | None, str | None, str | None]:
    def text(name: str, limit: int) -> str | None:
        value = person.fields.get(name)
        return value[:limit] if isinstance(value, str) and value else None

    first, last, whole = text("first_name", 200), text("last_name", 200), text("name", 400)
    if whole and not first and not last:
        # Where a provider has one name alone, the part before the first space is taken for the first name.
        first, _, rest = whole.partition(" ")
        first, last = first[:200], rest[:200] or None
    return first, last, whole or " ".join(filter(None, (first, last))) or None


def _tokens_of(client: OAuthClient, provider: SocialProvider, answer: Mapping[str, Any]) -> Mapping[str, Any]:
    refresh_token, scope = answer.get("refresh_token"), answer.get("scope")
    seconds = seconds_of(answer.get("expires_in"))
    return {
        "provider": client.connection_type.value,
        "access_token": str(answer["access_token"]),
        "refresh_token": refresh_token if isinstance(refresh_token, str) else "",
        "expires_at": int(clock.now().timestamp()) + seconds if seconds else 0,
        "scopes": scope.replace(",", " ").split()
        if isinstance(scope, str)
        else list(client.scopes or provider.scopes),
    }
