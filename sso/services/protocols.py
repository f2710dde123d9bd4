"""One way to speak to every protocol room: the row of a connection becomes the parties of its exchange."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from foundation import clock
from foundation.encryption import token_digest
from sso import conf
from sso.attribute_presets import map_profile
from sso.connection_types import ConnectionType, Protocol
from sso.exchanges import Departure, ExchangeRefused, ReceivedProfile
from sso.failures import EXCHANGE_SENTENCES, ExchangeFailure
from sso.models import Connection, KeyPairUse
from sso.oauth.clients import oauth_client_of
from sso.oauth.sign_in import begin_sign_in as begin_oauth
from sso.oauth.sign_in import finish_sign_in as finish_oauth
from sso.oidc import logout as oidc_logout
from sso.oidc.parties import relying_party_of
from sso.oidc.sign_in import begin_sign_in as begin_oidc
from sso.oidc.sign_in import finish_sign_in as finish_oidc
from sso.representations import oidc_redirect_uri
from sso.saml import logout as saml_logout
from sso.saml.parties import IdentityProvider, KeyPair, SAMLOptions, ServiceProvider
from sso.saml.profiles import received_profile
from sso.saml.requests import begin_sign_in as begin_saml
from sso.saml.responses import read_response
from sso.test_idp.identity import belongs_to_a_test_idp

PROMPT_LOGIN = "login"

# Where the memory of an exchange keeps the moment after which the person has to have signed in at the provider.
_FRESH_SINCE = "fresh_since"

# Whose sign-in page reads ``login_hint`` beside a SAML request; others may stumble over it.
_SAML_TYPES_WITH_LOGIN_HINT = frozenset(
    {
        ConnectionType.OKTA_SAML,
        ConnectionType.AZURE_SAML,
        ConnectionType.GENERIC_SAML,
        ConnectionType.TEST_IDP,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """What the application passes on to the identity provider."""

    login_hint: str = ""
    domain_hint: str = ""
    prompt: str = ""
    max_age: int | None = None
    provider_scopes: Sequence[str] = ()
    provider_query_params: Mapping[str, str] = field(default_factory=dict)

    @property
    def allowed_age(self) -> int | None:
        """How many seconds ago the person may have signed in at the provider; None for any number."""
        # OpenID Connect Core 3.1.2.1: the values of prompt are parted by spaces, and max_age=0 says the same as login.
        return 0 if PROMPT_LOGIN in self.prompt.split() else self.max_age

    def as_json(self) -> dict[str, Any]:
        """Return what :meth:`from_json` reads."""
        return {**asdict(self), "provider_scopes": list(self.provider_scopes)}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "Hints":
        """Return what was kept."""
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class Received:
    """An answer that passed every check of its protocol, with the connection's mapping done.

    ``roles`` are the values of the role attribute. ``seen`` are digests that count once, each until its moment.
    """

    profile: ReceivedProfile
    roles: tuple[str, ...] = ()
    seen: tuple[tuple[str, datetime], ...] = ()


def begin(connection: Connection, handle: str, hints: Hints) -> Departure:
    """Return the way to a connection's identity provider; may call it, so no transaction is open. Raises ExchangeRefused."""
    _refuse_test_idp_in_production(connection)
    return _ROOMS[connection.protocol][0](connection, handle, hints)


def finish(connection: Connection, parameters: Mapping[str, str], memory: Mapping[str, str]) -> Received:
    """Return what an answer says; may call the identity provider. Raises ExchangeRefused."""
    _refuse_test_idp_in_production(connection)
    return _ROOMS[connection.protocol][1](connection, parameters, memory)


def begin_logout(connection: Connection, handle: str, logout_memory: Mapping[str, str]) -> Departure:
    """Return the way to a provider's logout, for the session that a sign-in remembered; may call it.

    Raises ExchangeRefused, also where the provider has no logout.
    """
    _refuse_test_idp_in_production(connection)
    match connection.protocol:
        case Protocol.SAML if connection.saml_settings.idp_slo_url and logout_memory.get("name_id"):
            return saml_logout.begin_logout(
                service_provider_of(connection), identity_provider_of(connection), logout_memory, handle
            )
        case Protocol.OIDC if logout_memory.get("id_token"):
            departure = oidc_logout.begin_logout(
                relying_party_of(connection.oidc_settings),
                id_token=logout_memory["id_token"],
                post_logout_redirect_uri=conf.oidc_post_logout_url(connection.id),
                state=handle,
            )
            if departure is not None:
                return departure
    failure = ExchangeFailure.NO_PROVIDER_LOGOUT
    raise ExchangeRefused(failure, EXCHANGE_SENTENCES[failure])


def finish_logout(
    connection: Connection, query_string: str, form: Mapping[str, str] | None, memory: Mapping[str, str]
) -> Mapping[str, Any]:
    """Return what a provider answers to a logout, for the trail, after every check; raises ExchangeRefused."""
    if connection.protocol is not Protocol.SAML:
        # RP-Initiated Logout 1.0 §3: the browser comes back with the state, which found its exchange, and no word.
        return {}
    answer = saml_logout.read_logout_response(
        service_provider_of(connection),
        identity_provider_of(connection),
        saml_options_of(connection),
        memory["request_id"],
        query_string=query_string,
        form=form,
    )
    if not answer.is_complete:
        failure = ExchangeFailure.LOGOUT_INCOMPLETE
        sentence = EXCHANGE_SENTENCES[failure].format(status=answer.status or "no status")
        raise ExchangeRefused(failure, sentence, answer.received)
    return answer.received


def _refuse_test_idp_in_production(connection: Connection) -> None:
    """Refuse an identity provider at which anybody can be anybody, however it came into the row.

    Its name is enough to know it: an answer that names another issuer than the connection does is refused anyway.
    """
    if connection.environment.is_sandbox:
        return
    match connection.protocol:
        case Protocol.SAML:
            issuer = connection.saml_settings.idp_entity_id
        case Protocol.OIDC:
            issuer = connection.oidc_settings.issuer
        case _:
            return
    if connection.connection_type == ConnectionType.TEST_IDP or belongs_to_a_test_idp(issuer):
        failure = ExchangeFailure.TEST_IDP_IN_PRODUCTION
        raise ExchangeRefused(failure, EXCHANGE_SENTENCES[failure])


def service_provider_of(connection: Connection) -> ServiceProvider:
    """Return our own side of a SAML connection."""
    row = connection.saml_settings
    signing = next(iter(connection.own_key_pairs(KeyPairUse.SIGNING)), None)
    return ServiceProvider(
        entity_id=row.sp_entity_id or conf.saml_metadata_url(connection.id),
        acs_url=row.acs_url or conf.saml_acs_url(connection.id),
        slo_url=conf.saml_slo_url(connection.id),
        private_key_pem=signing.private_key if signing else "",
        certificate_pem=signing.certificate if signing else "",
        encryption_pairs=tuple(
            KeyPair(private_key_pem=pair.private_key, certificate_pem=pair.certificate)
            for pair in connection.own_key_pairs(KeyPairUse.ENCRYPTION)
        ),
    )


def identity_provider_of(connection: Connection) -> IdentityProvider:
    """Return the other side of a SAML connection."""
    row = connection.saml_settings
    certificates = sorted(connection.idp_certificates.all(), key=lambda certificate: certificate.id)
    return IdentityProvider(
        entity_id=row.idp_entity_id,
        sso_url=row.idp_sso_url,
        sso_binding=row.idp_sso_binding,
        slo_url=row.idp_slo_url,
        slo_binding=row.idp_slo_binding,
        slo_response_url=row.idp_slo_response_url,
        certificates_pem=tuple(certificate.certificate for certificate in certificates),
    )


def saml_options_of(connection: Connection, *, force_authn: bool = False) -> SAMLOptions:
    """Return what a SAML connection chose."""
    row = connection.saml_settings
    return SAMLOptions(
        sign_requests=row.sign_requests and bool(connection.own_key_pairs(KeyPairUse.SIGNING)),
        require_signed_responses=row.require_signed_responses,
        require_encrypted_assertions=row.require_encrypted_assertions,
        allow_idp_initiated=row.allow_idp_initiated,
        force_authn=row.force_authn or force_authn,
        requested_authn_context=row.requested_authn_context,
        clock_skew_seconds=row.clock_skew_seconds,
    )


def _begin_saml(connection: Connection, handle: str, hints: Hints) -> Departure:
    takes_hint = connection.connection_type in _SAML_TYPES_WITH_LOGIN_HINT
    # SAML has a word for a fresh sign-in and none for one of a certain age.
    options = saml_options_of(connection, force_authn=hints.allowed_age is not None)
    departure = begin_saml(
        service_provider_of(connection),
        identity_provider_of(connection),
        options,
        handle,
        login_hint=hints.login_hint if takes_hint else None,
    )
    if not options.force_authn:
        return departure
    allowed_age = 0 if connection.saml_settings.force_authn else hints.allowed_age or 0
    fresh_since = clock.now() - timedelta(seconds=allowed_age)
    return replace(departure, memory={**departure.memory, _FRESH_SINCE: fresh_since.isoformat()})


def _finish_saml(
    connection: Connection, parameters: Mapping[str, str], memory: Mapping[str, str]
) -> Received:
    fresh_since = memory.get(_FRESH_SINCE)
    answer = read_response(
        service_provider_of(connection),
        identity_provider_of(connection),
        saml_options_of(connection),
        parameters.get("SAMLResponse", ""),
        memory.get("request_id"),
        fresh_since=None if fresh_since is None else datetime.fromisoformat(fresh_since),
    )
    profile = received_profile(answer, connection.connection_type, connection.attribute_map)
    ids = dict.fromkeys((answer.response_id, answer.assertion_id))
    return Received(
        # The provider is the authority on its own people; whether the address is one of them is asked later.
        replace(profile, email_verified=True),
        _roles(connection, profile),
        tuple((token_digest(each), answer.expires_at) for each in ids),
    )


def _roles(connection: Connection, profile: ReceivedProfile) -> tuple[str, ...]:
    return map_profile(connection.connection_type, connection.attribute_map, profile.raw_attributes).roles


def _mapped(connection: Connection, profile: ReceivedProfile) -> Received:
    """Fill the profile's fields as the connection's type and its own map say; what the room found stands elsewhere."""
    mapped = map_profile(connection.connection_type, connection.attribute_map, profile.raw_attributes)
    # An address by another claim than the one that the provider vouched for is not vouched for.
    is_verified = profile.email_verified and (not profile.email or mapped.email in {None, profile.email})
    filled = replace(
        profile,
        idp_id=mapped.idp_id or profile.idp_id,
        email=mapped.email or profile.email,
        email_verified=is_verified,
        first_name=mapped.first_name or profile.first_name,
        last_name=mapped.last_name or profile.last_name,
        name=mapped.name or profile.name,
        groups=mapped.groups or profile.groups,
    )
    return Received(filled, mapped.roles)


def _begin_oidc(connection: Connection, handle: str, hints: Hints) -> Departure:
    return begin_oidc(
        relying_party_of(connection.oidc_settings),
        redirect_uri=oidc_redirect_uri(connection),
        state=handle,
        login_hint=hints.login_hint or None,
        domain_hint=hints.domain_hint or None,
        prompt=hints.prompt or None,
        max_age=hints.allowed_age,
        provider_scopes=hints.provider_scopes,
        provider_query_params=hints.provider_query_params,
    )


def _finish_oidc(
    connection: Connection, parameters: Mapping[str, str], memory: Mapping[str, str]
) -> Received:
    profile = finish_oidc(
        relying_party_of(connection.oidc_settings),
        redirect_uri=oidc_redirect_uri(connection),
        parameters=parameters,
        memory=memory,
    )
    return _mapped(connection, profile)


def _begin_oauth(connection: Connection, handle: str, hints: Hints) -> Departure:
    return begin_oauth(
        oauth_client_of(connection.oauth_provider),
        redirect_uri=conf.oauth_callback_url(connection.id),
        state=handle,
        login_hint=hints.login_hint or None,
        domain_hint=hints.domain_hint or None,
        prompt=hints.prompt or None,
        provider_scopes=hints.provider_scopes,
        provider_query_params=hints.provider_query_params,
    )


def _finish_oauth(
    connection: Connection, parameters: Mapping[str, str], memory: Mapping[str, str]
) -> Received:
    # A social provider's people have no attribute map: each provider's own words are known.
    return Received(
        finish_oauth(
            oauth_client_of(connection.oauth_provider),
            redirect_uri=conf.oauth_callback_url(connection.id),
            parameters=parameters,
            memory=memory,
        )
    )


def _no_exchange(_connection: Connection, *_arguments: Any) -> Any:
    raise ExchangeRefused(
        "no_exchange", "A connection of this type signs people in by mail, not by a provider."
    )


_Begin = Callable[[Connection, str, Hints], Departure]
_Finish = Callable[[Connection, Mapping[str, str], Mapping[str, str]], Received]

_ROOMS: Mapping[Protocol, tuple[_Begin, _Finish]] = {
    Protocol.SAML: (_begin_saml, _finish_saml),
    Protocol.OIDC: (_begin_oidc, _finish_oidc),
    Protocol.OAUTH: (_begin_oauth, _finish_oauth),
    Protocol.MAGIC_LINK: (_no_exchange, _no_exchange),
}
