"""Run under the 5.x SDK, in a process of its own: the two generations share their import name."""

import base64
import datetime as dt
import os
import sys
import time
import uuid
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from django_otp.oath import totp
from workos import WorkOSClient
from workos.exceptions import (  # type: ignore[import-not-found, unused-ignore]  # the older SDK, which mypy does not see
    AuthenticationException,
    AuthorizationException,
    BadRequestException,
    ConflictException,
    EmailVerificationRequiredException,
    NotFoundException,
)

from tests.sdk.idp_visit import sign_in_at_the_provider

CALLBACK = "http://localhost:3000/callback"
PASSWORD = "correct horse battery staple 42"


def client(**options: Any) -> Any:
    return WorkOSClient(base_url=os.environ["WORKOS_BASE_URL"], **options)


def fresh(stem: str = "x") -> str:
    return f"{stem}-{uuid.uuid4().hex[:8]}"


def refused(exceptions: Any, call: Any, **expected: Any) -> Any:
    caught: Any = None
    try:
        call()
    except exceptions as error:
        caught = error
    assert caught is not None, f"none of {exceptions}"
    found = {name: getattr(caught, name, None) for name in expected}
    assert found == expected, found
    assert caught.request_id
    return caught


def organizations(workos: Any) -> None:
    external_id, domain = fresh("ext"), f"{fresh('acme')}.test"
    made = workos.organizations.create_organization(
        name="Foo",
        external_id=external_id,
        metadata={"tier": "gold"},
        domain_data=[{"domain": domain, "state": "verified"}],
    )
    assert [d.domain for d in made.domains] == [domain]
    assert workos.organizations.get_organization_by_external_id(external_id).id == made.id
    assert workos.organizations.list_organizations(domains=[domain]).data[0].id == made.id
    changed = workos.organizations.update_organization(organization_id=made.id, name="Bar")
    assert (changed.name, changed.metadata) == ("Bar", {"tier": "gold"})
    assert {role.slug for role in workos.organizations.list_organization_roles(made.id).data} >= {
        "admin",
        "member",
    }
    extra = workos.organization_domains.create_organization_domain(
        organization_id=made.id, domain=f"{fresh('shop')}.example.com"
    )
    assert workos.organization_domains.get_organization_domain(extra.id).state == "pending"
    workos.organization_domains.delete_organization_domain(extra.id)
    for _ in range(5):
        workos.organizations.create_organization(name="Page")
    walked = [organization.id for organization in workos.organizations.list_organizations(limit=2)]
    assert len(walked) == len(set(walked)) >= 6
    key = fresh("key")
    first = workos.organizations.create_organization(name="Once", idempotency_key=key)
    assert workos.organizations.create_organization(name="Once", idempotency_key=key).id == first.id
    issued = workos.organizations.create_api_key(made.id, name="CI")
    assert workos.api_keys.validate_api_key(value=issued.value).id == issued.id
    assert [k.id for k in workos.organizations.list_api_keys(made.id).data] == [issued.id]
    workos.api_keys.delete_api_key(issued.id)
    assert workos.api_keys.validate_api_key(value=issued.value) is None
    workos.organizations.delete_organization(made.id)
    refused(
        NotFoundException, lambda: workos.organizations.get_organization(made.id), code="entity_not_found"
    )


def users(workos: Any) -> None:
    management = workos.user_management
    acme = workos.organizations.create_organization(name="Acme")
    ada = management.create_user(
        email=f"{fresh('ada')}@acme.test", password=PASSWORD, email_verified=True, external_id=fresh("ext")
    )
    assert management.get_user_by_external_id(ada.external_id).id == ada.id
    assert [u.id for u in management.list_users(email=ada.email).data] == [ada.id]
    assert management.update_user(user_id=ada.id, first_name="Ada").first_name == "Ada"
    membership = management.create_organization_membership(
        user_id=ada.id, organization_id=acme.id, role_slug="admin"
    )
    assert management.deactivate_organization_membership(membership.id).status == "inactive"
    assert management.reactivate_organization_membership(membership.id).status == "active"
    found = management.list_organization_memberships(organization_id=acme.id, statuses=["active"]).data
    assert [m.id for m in found] == [membership.id]

    signed_in = management.authenticate_with_password(email=ada.email, password=PASSWORD)
    signing_key = jwt.PyJWKClient(management.get_jwks_url()).get_signing_key_from_jwt(signed_in.access_token)
    claims = jwt.decode(signed_in.access_token, signing_key, algorithms=["RS256"])
    assert (claims["sub"], claims["org_id"], claims["role"]) == (ada.id, acme.id, "admin")
    refreshed = management.authenticate_with_refresh_token(refresh_token=signed_in.refresh_token)
    assert refreshed.refresh_token != signed_in.refresh_token
    assert [s.id for s in management.list_sessions(user_id=ada.id).data] == [claims["sid"]]
    management.revoke_session(session_id=claims["sid"])
    refused(
        BadRequestException,
        lambda: management.authenticate_with_refresh_token(refresh_token=refreshed.refresh_token),
        error="invalid_grant",
    )
    names = ["organization.created", "organization_membership.created", "organization_membership.updated"]
    listed: list[Any] = []
    deadline = time.monotonic() + 60
    # On PostgreSQL the stream waits for transactions that began earlier, those of other tests among them.
    while len(listed) < 4 and time.monotonic() < deadline:
        listed = workos.events.list_events(events=names, organization_id=acme.id).data
    assert [event.event for event in listed] == [*names, names[-1]]
    rest = workos.events.list_events(events=names, organization_id=acme.id, after=listed[0].id).data
    assert [event.id for event in rest] == [event.id for event in listed[1:]]
    management.delete_user(ada.id)
    refused(NotFoundException, lambda: management.get_user(ada.id), message=f"User not found: '{ada.id}'.")


def roles(workos: Any) -> None:
    authorization = workos.authorization
    slug, permission = fresh("auditor"), fresh("reports-read")
    authorization.create_permission(slug=permission, name="Read")
    assert permission in [p.slug for p in authorization.list_permissions(limit=100).data]
    authorization.create_environment_role(slug=slug, name="Auditor")
    granted = authorization.set_environment_role_permissions(slug, permissions=[permission])
    assert granted.permissions == [permission]
    acme = workos.organizations.create_organization(name="Acme")
    own = f"org-{fresh()}"
    authorization.create_organization_role(acme.id, slug=own, name="Own")
    assert authorization.add_organization_role_permission(
        acme.id, own, permission_slug=permission
    ).permissions == [permission]
    assert {own, slug} <= {role.slug for role in authorization.list_organization_roles(acme.id).data}


def factors(workos: Any) -> None:
    made = workos.mfa.enroll_factor(type="totp", totp_issuer="Foo", totp_user="ada@acme.test")
    assert workos.mfa.get_factor(made.id).totp.user == "ada@acme.test"
    challenge = workos.mfa.challenge_factor(authentication_factor_id=made.id)
    verified = workos.mfa.verify_challenge(
        authentication_challenge_id=challenge.id, code=code_shown(made.totp.secret)
    )
    assert verified.valid
    workos.mfa.delete_factor(made.id)
    management = workos.user_management
    ada = management.create_user(email=f"{fresh('ada')}@acme.test", password=PASSWORD, email_verified=True)
    enrolled = management.enroll_auth_factor(user_id=ada.id, type="totp")
    factor = enrolled.authentication_factor
    assert management.list_auth_factors(user_id=ada.id).data[0].id == factor.id
    asked = refused(
        AuthorizationException,
        lambda: management.authenticate_with_password(email=ada.email, password=PASSWORD),
        code="mfa_challenge",
    )
    signed_in = management.authenticate_with_totp(
        code=code_shown(factor.totp.secret),
        authentication_challenge_id=enrolled.authentication_challenge.id,
        pending_authentication_token=asked.response_json["pending_authentication_token"],
    )
    assert signed_in.user.id == ada.id


def code_shown(secret: str) -> str:
    return f"{totp(base64.b32decode(secret)):06d}"


def refusals(workos: Any) -> None:
    management = workos.user_management
    stranger = client(api_key="sk_test_stranger", client_id="client_x")
    refused(AuthenticationException, stranger.organizations.list_organizations, message="Unauthorized")
    refused(
        BadRequestException,
        lambda: management.authenticate_with_password(email="nobody@acme.test", password="x"),
        code="invalid_credentials",
    )
    invalid = refused(BadRequestException, lambda: workos.organizations.create_organization(name=""))
    assert invalid.response.status_code == 422
    bob = management.create_user(email=f"{fresh('bob')}@acme.test", password=PASSWORD)
    unverified = refused(
        EmailVerificationRequiredException,
        lambda: management.authenticate_with_password(email=bob.email, password=PASSWORD),
        code="email_verification_required",
    )
    assert unverified.email_verification_id
    external_id = fresh("ext")
    workos.organizations.create_organization(name="First", external_id=external_id)
    refused(
        (ConflictException, BadRequestException),
        lambda: workos.organizations.create_organization(name="Second", external_id=external_id),
        code="external_id_already_used",
    )
    key = fresh("key")
    workos.organizations.create_organization(name="First", idempotency_key=key)
    refused(
        BadRequestException,
        lambda: workos.organizations.create_organization(name="Second", idempotency_key=key),
        code="idempotency_key_reused",
    )


def codes(workos: Any) -> None:
    management = workos.user_management
    email = f"{fresh('cy')}@example.com"
    made = management.create_magic_auth(email=email)
    assert management.get_magic_auth(made.id).code == made.code
    signed_in = management.authenticate_with_magic_auth(code=made.code, email=email)
    assert (signed_in.user.email, signed_in.user.email_verified) == (email, True)
    refused(
        BadRequestException,
        lambda: management.authenticate_with_magic_auth(code=made.code, email=email),
        code="one_time_code_previously_used",
    )
    reset = management.create_password_reset(email=email)
    assert management.get_password_reset(reset.id).password_reset_token == reset.password_reset_token
    user = management.reset_password(token=reset.password_reset_token, new_password=PASSWORD)
    assert user.id == signed_in.user.id
    assert management.authenticate_with_password(email=email, password=PASSWORD).user.id == user.id
    refused(
        NotFoundException,
        lambda: management.reset_password(token=reset.password_reset_token, new_password=PASSWORD),
    )
    refused(
        BadRequestException,
        lambda: management.authenticate_with_code(code="01E2RJ4C05B52KKZ8FSRDAP23J"),
        error="invalid_grant",
    )


def connections(workos: Any) -> None:
    organization = workos.organizations.create_organization(name="Foo")
    # The older SDK makes none itself.
    made = workos.sso._http_client.request(
        "connections",
        method="post",
        json={"organization_id": organization.id, "connection_type": "OktaSAML"},
    )
    found = workos.sso.get_connection(made["id"])
    assert (found.name, list(found.domains)) == ("Foo", [])
    listed = workos.sso.list_connections(organization_id=organization.id, connection_type="OktaSAML")
    assert [row.id for row in listed.data] == [found.id]
    assert found.id in workos.sso.get_authorization_url(
        connection_id=found.id, redirect_uri="http://localhost:3000/callback"
    )
    session = workos.passwordless.create_session(
        email="marcelina@foo-corp.com", type="MagicLink", expires_in=900
    )
    assert workos.passwordless.send_session(session.id) is True
    refused(
        BadRequestException,
        lambda: workos.sso.get_profile_and_token(code="01E2RJ4C05B52KKZ8FSRDAP23J"),
        error="invalid_grant",
    )
    refused(AuthenticationException, lambda: workos.sso.get_profile("01E2RJ4C05B52KKZ8FSRDAP23J"))
    workos.sso.delete_connection(found.id)
    refused(NotFoundException, lambda: workos.sso.get_connection(found.id))


def single_sign_on(workos: Any) -> None:
    domain = f"{fresh('sso')}.test"
    organization = workos.organizations.create_organization(
        name="Signing in", domain_data=[{"domain": domain, "state": "verified"}]
    )

    def create(**fields: Any) -> Any:
        body = {"organization_id": organization.id, **fields}
        return workos.sso._http_client.request("connections", method="post", json=body)

    made = create(connection_type="TestIdp", external_id="one")
    other = create(connection_type="OktaSAML")
    listed = workos.sso.list_connections(domain=domain, limit=1)
    assert [row.id for row in listed.data] == [other["id"]]
    assert [row.id for row in listed] == [other["id"], made["id"]]
    ascending = workos.sso.list_connections(organization_id=organization.id, order="asc").data
    assert [row.id for row in ascending] == [made["id"], other["id"]]
    private_key, certificate = key_pair()
    renewed = workos.sso.update_connection(
        connection_id=other["id"], saml_options_signing_key=private_key, saml_options_signing_cert=certificate
    )
    assert renewed.id == other["id"]

    email = f"ada@{domain}"
    for selector in ({"connection_id": made["id"]}, {"organization_id": organization.id}):
        url = workos.sso.get_authorization_url(
            redirect_uri=CALLBACK, state="st ate", login_hint=email, **selector
        )
        back = sign_in_at_the_provider(url, email)
        assert back["state"] == "st ate"
        found = workos.sso.get_profile_and_token(back["code"])
        # A type that the SDK is too young to know comes as text that was not typed.
        assert found.profile.email == email
        assert "TestIdp" in str(found.profile.connection_type)
        assert workos.sso.get_profile(found.access_token).id == found.profile.id
    url = workos.user_management.get_authorization_url(connection_id=made["id"], redirect_uri=CALLBACK)
    signed_in = workos.user_management.authenticate_with_code(
        code=sign_in_at_the_provider(url, email)["code"]
    )
    assert (signed_in.user.email, signed_in.organization_id) == (email, organization.id)

    assert create(connection_type="OktaSAML", external_id="one")["id"] == made["id"]
    invalid = refused(BadRequestException, lambda: create(connection_type="nonsense"))
    assert invalid.response.status_code == 422
    stranger = client(api_key="sk_test_stranger", client_id="client_x")
    refused(AuthenticationException, stranger.sso.list_connections, message="Unauthorized")


def key_pair() -> tuple[str, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sp.example")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=365))
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    private_key = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return private_key.decode(), certificate.public_bytes(encoding).decode()


if __name__ == "__main__":
    for part in (organizations, users, roles, factors, codes, connections, single_sign_on, refusals):
        part(client())
        sys.stdout.write(f"{part.__name__}\n")
