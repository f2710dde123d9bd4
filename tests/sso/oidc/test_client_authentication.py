"""How we say at a token endpoint who we are, and what a connection may choose of it."""

import base64
import dataclasses
import hashlib
import json
from typing import Any

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.db import connection as database
from workos.common.models.create_connection_oidc_options_id_token_signature_algorithm import (
    CreateConnectionOIDCOptionsIdTokenSignatureAlgorithm as SignatureAlgorithm,
)
from workos.common.models.create_connection_oidc_options_token_authentication_method import (
    CreateConnectionOIDCOptionsTokenAuthenticationMethod as TokenMethod,
)
from workos.sso.models import (
    CreateConnectionKeyPair,
    CreateConnectionOIDCOptions,
    PatchConnectionOIDCOptions,
)

from sso import services
from sso.connection_types import ConnectionType
from sso.models import Connection
from sso.oidc.client_keys import make_client_key_pair
from sso.oidc.failures import OIDCFailure
from sso.oidc.parties import relying_party_of
from tests.factories.organizations import make_organization
from tests.factories.sso import make_oidc_connection
from tests.odd_keys import huge_key, unknown_curve
from tests.oidc_provider import CLIENT_ID, CLIENT_SECRET, curve_key, rsa_key, unsigned
from tests.sso.browser import local, query_of
from tests.sso.oidc.conftest import arrive, leave

SECRET = "a secret of the tests"


def pem_of(key: Any) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_key_in(certificate_pem: str) -> Any:
    return x509.load_pem_x509_certificate(certificate_pem.encode()).public_key()


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def party_with_key(party, **changes):
    key, certificate = make_client_key_pair("conn_1")
    options = {
        "client_secret": "",
        "token_authentication_method": "private_key_jwt",
        "signing_key": key,
        "signing_certificate": certificate,
    }
    return dataclasses.replace(party, **{**options, **changes})


# --- at the token endpoint --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "offered"),
    [("client_secret_post", ["client_secret_basic"]), ("client_secret_basic", ["client_secret_post"])],
)
def test_the_chosen_method_goes_before_what_discovery_says(party, provider, sign_in, method, offered):
    provider.document["token_endpoint_auth_methods_supported"] = offered
    sign_in(dataclasses.replace(party, token_authentication_method=method))
    request = provider.last("/token")
    assert ("client_secret" in request.form) == (method == "client_secret_post")
    assert ("authorization" in request.headers) == (method == "client_secret_basic")


@pytest.mark.parametrize(
    ("kind", "algorithm"),
    [(ConnectionType.GENERIC_OIDC, "RS256"), (ConnectionType.ENTRA_ID_OIDC, "PS256")],
)
def test_an_assertion_names_its_key_and_is_for_this_endpoint_alone(party, provider, sign_in, kind, algorithm):
    provider.issuer = f"{provider.issuer}/tenant-1/v2.0"
    provider.claims["tid"] = "tenant-1"
    signing = party_with_key(party, connection_type=kind, issuer=provider.issuer)
    sign_in(signing)
    form = provider.last("/token").form
    assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    assert "client_secret" not in form

    certificate = x509.load_pem_x509_certificate(signing.signing_certificate.encode())
    header = jwt.get_unverified_header(form["client_assertion"])
    thumbprint = base64url(certificate.fingerprint(hashes.SHA256()))
    assert header == {
        "alg": algorithm,
        "typ": "JWT",
        "kid": thumbprint,
        "x5t#S256": thumbprint,
        "x5t": base64url(certificate.fingerprint(hashes.SHA1())),
    }
    claims = jwt.decode(
        form["client_assertion"],
        public_key_in(signing.signing_certificate),
        algorithms=[algorithm],
        audience=f"{provider.issuer}/token",
        issuer=CLIENT_ID,
        subject=CLIENT_ID,
    )
    assert claims["exp"] - claims["iat"] == 300
    assert signing.signing_key not in f"{form} {signing!r}"


def test_two_assertions_have_two_ids(party, provider, sign_in):
    signing = party_with_key(party)
    ids = set()
    for _ in range(2):
        sign_in(signing)
        ids.add(
            jwt.decode(provider.last("/token").form["client_assertion"], options={"verify_signature": False})[
                "jti"
            ]
        )
    assert len(ids) == 2


def test_a_provider_that_reads_pss_alone_gets_it(party, provider, sign_in):
    provider.document["token_endpoint_auth_signing_alg_values_supported"] = ["PS256", "ES256"]
    sign_in(party_with_key(party))
    assert jwt.get_unverified_header(provider.last("/token").form["client_assertion"])["alg"] == "PS256"


def test_a_method_without_its_credentials_is_refused_before_the_code_is_spent(party, provider, refusal):
    for changes in (
        {"token_authentication_method": "client_secret_basic"},
        {"token_authentication_method": "private_key_jwt"},
    ):
        refused = refusal(dataclasses.replace(party, client_secret="", **changes))
        assert refused.failure == OIDCFailure.SETTINGS_INCOMPLETE
    assert provider.asked_for("/token") == 0


def test_one_algorithm_counts_where_the_connection_names_it(party, provider, refusal, sign_in):
    strict = dataclasses.replace(party, id_token_signature_algorithm="ES256")
    refused = refusal(strict)
    assert refused.failure == OIDCFailure.ALGORITHM_REFUSED
    assert "ES256" in refused.sentence
    assert sign_in(dataclasses.replace(party, id_token_signature_algorithm="RS256")).idp_id == "person-1"


@pytest.mark.parametrize("name", ["none", "HS256"])
def test_a_row_that_names_a_bad_algorithm_opens_nothing(party, provider, refusal, name):
    def make(claims, header):
        return (
            unsigned(claims, {**header, "alg": name})
            if name == "none"
            else jwt.encode(claims, CLIENT_SECRET * 2, algorithm=name, headers=header)
        )

    provider.make_token = make
    refused = refusal(dataclasses.replace(party, id_token_signature_algorithm=name))
    assert refused.failure == OIDCFailure.ALGORITHM_REFUSED


def test_userinfo_is_left_alone_where_the_connection_says_so(party, provider, sign_in):
    profile = sign_in(dataclasses.replace(party, fetches_userinfo=False))
    assert (profile.email, profile.groups) == ("ada@acme.example", ())
    assert provider.asked_for("/userinfo") == 0


def test_a_client_with_a_secret_may_go_without_pkce_and_keeps_its_nonce(party, provider, sign_in):
    without = dataclasses.replace(party, uses_pkce=False)
    departure, sent = leave(without)
    assert "code_challenge" not in sent
    assert sent["nonce"]
    arrive(without, departure)
    assert "code_verifier" not in provider.last("/token").form


def test_a_client_without_credentials_has_pkce_whatever_its_row_says(party):
    _, sent = leave(dataclasses.replace(party, uses_pkce=False, client_secret=""))
    assert sent["code_challenge_method"] == "S256"


# --- what the API takes -----------------------------------------------------------------------------------------


@pytest.fixture
def organization(environment):
    return make_organization(environment)


@pytest.fixture
def create(api, organization):
    def post(**options):
        return api.post(
            "/connections",
            {
                "organization_id": organization.id,
                "oidc_options": {"discovery_endpoint": "https://op.example", "client_id": "app", **options},
            },
        )

    return post


@pytest.fixture
def patch(api):
    def change(connection_id, **options):
        return api.patch(f"/connections/{connection_id}", {"oidc_options": options})

    return change


def row_of(connection_id):
    return Connection.unscoped.get(pk=connection_id).oidc_settings


def fields_of(answer):
    assert answer.status_code == 422, answer.content
    return [error["field"] for error in answer.json()["errors"]]


def pair(key: Any = None) -> CreateConnectionKeyPair:
    written, certificate = make_client_key_pair("Somebody's own")
    return CreateConnectionKeyPair(key=key or written, cert=certificate)


def test_every_option_of_the_current_sdk_is_taken_and_told(api, organization):
    own = pair()
    options = CreateConnectionOIDCOptions(
        discovery_endpoint="https://op.example/.well-known/openid-configuration",
        client_id="app",
        redirect_uri="https://login.customer.example/callback",
        pkce=False,
        token_authentication_method=TokenMethod.PRIVATE_KEY_JWT,
        jwt_signing_key_pair=own,
        id_token_signature_algorithm=SignatureAlgorithm.PS_256,
        fetch_user_info=False,
    )
    answer = api.post("/connections", {"organization_id": organization.id, "oidc_options": options.to_dict()})

    assert answer.status_code == 201, answer.content
    told = answer.json()["oidc_options"]
    assert told["redirect_uri"] == "https://login.customer.example/callback"
    assert told["callback_uri"].endswith(f"/sso/oidc/{answer.json()['id']}/callback")
    assert told["pkce"] is False
    assert told["token_authentication_method"] == "private_key_jwt"
    assert told["jwt_signing_certs"] == [own.cert]
    assert told["id_token_signature_algorithm"] == "PS256"
    assert told["fetch_user_info"] is False
    assert "PRIVATE KEY" not in answer.content.decode()
    assert relying_party_of(row_of(answer.json()["id"])).signing_key == own.key


def test_a_connection_that_names_nothing_works_as_it_always_did(create):
    told = create(client_secret=SECRET).json()["oidc_options"]

    assert told["redirect_uri"] == told["callback_uri"]
    assert (told["pkce"], told["fetch_user_info"]) == (True, True)
    assert told["token_authentication_method"] is None
    assert told["id_token_signature_algorithm"] is None
    assert told["jwt_signing_certs"] == []


def test_a_key_pair_is_made_where_none_is_given_and_lies_sealed(create, organization):
    answer = create(token_authentication_method="private_key_jwt")

    (certificate,) = answer.json()["oidc_options"]["jwt_signing_certs"]
    public_key = public_key_in(certificate)
    row = row_of(answer.json()["id"])
    assert isinstance(public_key, rsa.RSAPublicKey)
    assert row.jwt_signing_key.startswith("-----BEGIN PRIVATE KEY-----")
    with database.cursor() as cursor:
        cursor.execute("select jwt_signing_key from sso_oidcsettings")
        (lying,) = cursor.fetchone()
    assert "PRIVATE" not in lying
    assert hashlib.sha256(row.jwt_signing_key.encode()).hexdigest() not in lying


def test_moving_to_a_key_makes_one_and_forgets_the_secret(create, patch):
    connection_id = create(client_secret=SECRET).json()["id"]

    moved = patch(connection_id, token_authentication_method="private_key_jwt").json()["oidc_options"]
    again = patch(connection_id, token_authentication_method="private_key_jwt").json()["oidc_options"]

    assert len(moved["jwt_signing_certs"]) == 1
    assert again["jwt_signing_certs"] == moved["jwt_signing_certs"]
    assert row_of(connection_id).client_secret == ""
    assert fields_of(patch(connection_id, token_authentication_method="client_secret_basic")) == [
        "client_secret"
    ]
    back = patch(connection_id, token_authentication_method="client_secret_post", client_secret=SECRET)
    assert back.json()["oidc_options"]["token_authentication_method"] == "client_secret_post"
    # The pair stays, so that the provider need not be told of another one.
    assert back.json()["oidc_options"]["jwt_signing_certs"] == moved["jwt_signing_certs"]


def test_a_key_in_the_place_of_the_secret_moves_along(create, patch):
    key = curve_key("P-256")
    connection_id = create(client_secret=pem_of(key)).json()["id"]
    assert relying_party_of(row_of(connection_id)).private_key == pem_of(key).strip()

    (certificate,) = patch(connection_id, token_authentication_method="private_key_jwt").json()[
        "oidc_options"
    ]["jwt_signing_certs"]

    public_key = public_key_in(certificate)
    assert isinstance(public_key, ec.EllipticCurvePublicKey)
    assert public_key == key.public_key()


def test_a_key_pair_is_replaced_by_another_one(create, patch):
    connection_id = create(token_authentication_method="private_key_jwt").json()["id"]
    own = pair()

    told = patch(connection_id, jwt_signing_key_pair=own.to_dict()).json()["oidc_options"]

    assert told["jwt_signing_certs"] == [own.cert]


BAD_OPTIONS = [
    ({"client_secret": huge_key()}, "client_secret"),
    ({"client_secret": unknown_curve()[0]}, "client_secret"),
    ({"token_authentication_method": "client_secret_basic"}, "client_secret"),
    ({"token_authentication_method": "client_secret_post"}, "client_secret"),
    ({"token_authentication_method": "private_key_jwt", "client_secret": SECRET}, "client_secret"),
    (
        {"token_authentication_method": "client_secret_basic", "client_secret": pem_of(rsa_key())},
        "client_secret",
    ),
    ({"token_authentication_method": "none"}, "oidc_options.token_authentication_method"),
    ({"jwt_signing_key_pair": pair().to_dict(), "client_secret": SECRET}, "jwt_signing_key_pair"),
    ({"jwt_signing_key_pair": {"key": pair().key}}, "oidc_options.jwt_signing_key_pair.cert"),
    ({"pkce": False}, "pkce"),
    ({"redirect_uri": "javascript:alert(1)"}, "redirect_uri"),
    ({"redirect_uri": "https://a:b@login.customer.example/"}, "redirect_uri"),
    ({"redirect_uri": "https://login.customer.example/#top"}, "redirect_uri"),
    ({"id_token_signature_algorithm": "HS256"}, "id_token_signature_algorithm"),
    ({"id_token_signature_algorithm": "none"}, "id_token_signature_algorithm"),
    ({"id_token_signature_algorithm": "RS1"}, "id_token_signature_algorithm"),
    ({"fetch_user_info": "perhaps"}, "oidc_options.fetch_user_info"),
]


@pytest.mark.parametrize(
    ("options", "field"),
    BAD_OPTIONS,
    ids=[f"{number}-{field}" for number, (_, field) in enumerate(BAD_OPTIONS)],
)
def test_options_that_do_not_go_together_are_refused_by_field(create, options, field):
    assert fields_of(create(**options)) == [field]
    assert Connection.unscoped.count() == 0


@pytest.mark.parametrize(
    "kind",
    [
        "another key", "short", "huge", "P-384", "unknown curve", "no PEM", "no certificate",
        "certificate on an unknown curve",
    ],
)  # fmt: skip
def test_a_key_pair_that_cannot_serve_is_refused(create, kind):
    own = pair()
    given = {
        "another key": {"key": pem_of(rsa_key("attacker")), "cert": own.cert},
        "short": {
            "key": pem_of(rsa.generate_private_key(public_exponent=65537, key_size=1024)),
            "cert": own.cert,
        },
        "huge": {"key": huge_key(), "cert": own.cert},
        "unknown curve": {"key": unknown_curve()[0], "cert": own.cert},
        "certificate on an unknown curve": {"key": own.key, "cert": unknown_curve()[1]},
        "P-384": {"key": pem_of(curve_key("P-384")), "cert": own.cert},
        "no PEM": {"key": "MIIB", "cert": own.cert},
        "no certificate": {"key": own.key, "cert": "MIIB"},
    }[kind]
    refused = create(token_authentication_method="private_key_jwt", jwt_signing_key_pair=given)
    assert fields_of(refused) == ["jwt_signing_key_pair"]
    assert own.key[100:160] not in refused.content.decode()
    # Told from its size: whether its numbers are primes would take a minute to find out.
    assert ("more than 4096 bits" in refused.content.decode()) is (kind == "huge")


def test_production_keeps_its_callbacks_on_https(environment, create):
    environment.kind = "production"
    environment.save(update_fields=["kind"])
    assert fields_of(create(client_secret=SECRET, redirect_uri="http://login.customer.example/")) == [
        "redirect_uri"
    ]


def test_what_the_current_sdk_leaves_out_of_a_change_stays_but_for_the_redirect_uri(create, patch):
    """Its to_dict writes null for a redirect_uri that nobody named, which the reference takes for a way back."""
    connection_id = create(
        client_secret=SECRET,
        token_authentication_method="client_secret_post",
        pkce=False,
        fetch_user_info=False,
        id_token_signature_algorithm="ES256",
        redirect_uri="https://login.customer.example/",
    ).json()["id"]
    changes = PatchConnectionOIDCOptions(client_id="renamed").to_dict()
    assert changes == {"client_id": "renamed", "redirect_uri": None}

    told = patch(connection_id, **changes).json()["oidc_options"]

    assert told["client_id"] == "renamed"
    assert told["redirect_uri"] == told["callback_uri"]
    assert told["token_authentication_method"] == "client_secret_post"
    assert told["id_token_signature_algorithm"] == "ES256"
    assert (told["pkce"], told["fetch_user_info"]) == (False, False)
    assert row_of(connection_id).client_secret == SECRET


def test_null_goes_back_to_what_is_usual(create, patch):
    connection_id = create(
        client_secret=SECRET,
        token_authentication_method="client_secret_post",
        id_token_signature_algorithm="ES256",
    ).json()["id"]

    told = patch(connection_id, token_authentication_method=None, id_token_signature_algorithm=None).json()[
        "oidc_options"
    ]

    assert told["token_authentication_method"] is None
    assert told["id_token_signature_algorithm"] is None


def test_the_callback_of_another_connection_is_no_redirect_uri(create, patch):
    """A hostile provider behind that callback would be handed the codes of this one (RFC 9700 4.4)."""
    other = create(client_secret=SECRET).json()["oidc_options"]["callback_uri"]
    mine = create(client_secret=SECRET).json()

    for spelling in (other, other.replace("http", "HTTP", 1), f"{other}?x=1"):
        refused = patch(mine["id"], redirect_uri=spelling)
        assert fields_of(refused) == ["redirect_uri"], spelling
    assert fields_of(create(client_secret=SECRET, redirect_uri=other)) == ["redirect_uri"]
    assert row_of(mine["id"]).redirect_uri == ""


def test_our_own_callback_spelled_out_is_no_other_redirect_uri(create, patch):
    mine = create(client_secret=SECRET).json()
    told = patch(mine["id"], redirect_uri=mine["oidc_options"]["callback_uri"])
    assert told.status_code == 200
    assert row_of(mine["id"]).redirect_uri == ""


# --- through the door -------------------------------------------------------------------------------------------


def test_a_browser_comes_back_by_way_of_another_address(provider, company, browser):
    provider.claims["email"] = "grace@example.com"
    elsewhere = "https://login.customer.example/callback"
    connection = make_oidc_connection(
        company,
        oidc={
            "issuer": provider.issuer,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "redirect_uri": elsewhere,
        },
    )
    sent = query_of(browser.leave(connection=connection.id)["Location"])
    assert sent["redirect_uri"] == elsewhere

    # Whoever keeps that address sends the browser on to ours, query and all.
    back = browser.client.get(
        f"/sso/oidc/{connection.id}/callback", {"code": sent["nonce"], "state": sent["state"]}
    )

    assert "code" in query_of(back["Location"])
    assert provider.last("/token").form["redirect_uri"] == elsewhere


def test_a_connection_with_a_key_of_its_own_signs_somebody_in(provider, company, browser):
    provider.claims["email"] = "grace@example.com"
    connection = make_oidc_connection(
        company,
        oidc={
            "issuer": provider.issuer,
            "client_id": CLIENT_ID,
            "client_secret": "",
            "token_authentication_method": "private_key_jwt",
        },
    )
    sent = query_of(browser.leave(connection=connection.id)["Location"])
    back = browser.client.get(local(sent["redirect_uri"]), {"code": sent["nonce"], "state": sent["state"]})

    assert "code" in query_of(back["Location"])
    certificate = services.require_connection(
        company.environment, connection.id
    ).oidc_settings.jwt_signing_certificate
    jwt.decode(
        provider.last("/token").form["client_assertion"],
        public_key_in(certificate),
        algorithms=["RS256"],
        audience=f"{provider.issuer}/token",
    )
    trail = json.dumps([connection.sso_sessions.get().sent, connection.sso_sessions.get().received])
    assert "client_assertion" not in trail
    assert "PRIVATE" not in trail
