"""What one OpenID Connect callback costs, beside PyJWT's own time for the same signature."""

from dataclasses import replace

import jwt

from bench.saml import timed
from sso.connection_types import ConnectionType
from sso.oidc.discovery import find_provider
from sso.oidc.parties import RelyingParty
from sso.oidc.sign_in import begin_sign_in, finish_sign_in
from sso.oidc.tokens import read_id_token
from tests.oidc_provider import CLIENT_ID, CLIENT_SECRET, REDIRECT_URI, OIDCProvider, rsa_key, run_provider

_A_DAY = 86_400


def main(count: int = 10_000) -> None:
    """Print the costs of ``count`` ID tokens, and of a tenth of as many callbacks."""
    with run_provider() as provider:
        # Wide enough that no token expires while it is measured.
        party = RelyingParty(
            connection_type=ConnectionType.GENERIC_OIDC,
            issuer=provider.issuer,
            client_id=CLIENT_ID,
            client_secret=CLIENT_SECRET,
            clock_skew_seconds=_A_DAY,
        )
        _report(provider, party, count)


def _report(provider: OIDCProvider, party: RelyingParty, count: int) -> None:
    token, key = provider.id_token("nonce"), rsa_key().public_key()
    known = find_provider(party)
    bare = timed(lambda: jwt.decode(token, key, algorithms=["RS256"], audience=CLIENT_ID), count // 10)
    checked = timed(
        lambda: read_id_token(party, known, token, nonce="nonce", access_token="access-1"), count // 10
    )

    def callback(used: RelyingParty) -> object:
        departure = begin_sign_in(used, redirect_uri=REDIRECT_URI, state="state")
        provider.requests.clear()
        parameters = {"code": departure.memory["nonce"], "state": "state"}
        return finish_sign_in(used, redirect_uri=REDIRECT_URI, parameters=parameters, memory=departure.memory)

    without_userinfo = replace(party, uses_discovery=False, authorization_endpoint=known.authorization_endpoint,
                               token_endpoint=known.token_endpoint, jwks_uri=known.jwks_uri)  # fmt: skip
    one_call = timed(lambda: callback(without_userinfo), count // 100)
    two_calls = timed(lambda: callback(party), count // 100)
    print(f"\n{'':36}{'cpu ms':>9}{'of PyJWT alone':>18}")
    for name, cost in (
        ("PyJWT, one RS256 signature", bare),
        ("OIDC: ID token, every check", checked),
        ("OIDC: callback, provider included", one_call),
        ("OIDC: the same with userinfo", two_calls),
    ):
        print(f"{name:36}{cost:9.2f}{cost / bare:18.1f}")
