"""The official Python SDK, current generation, against a live server: every operation of the first release."""

import base64
import json
import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest
from workos import WorkOSClient
from workos._errors import (
    AuthenticationError,
    AuthorizationError,
    BadRequestError,
    ConflictError,
    EmailVerificationRequiredError,
    NotFoundError,
    OrganizationSelectionRequiredError,
    RateLimitExceededError,
    UnprocessableEntityError,
)
from workos.common.models import OrganizationDomainDataState
from workos.organization_membership import RoleMultiple, RoleSingle
from workos.organizations.models import OrganizationDomainData
from workos.session import (
    AuthenticateWithSessionCookieErrorResponse,
    AuthenticateWithSessionCookieSuccessResponse,
    RefreshWithSessionCookieErrorResponse,
    RefreshWithSessionCookieSuccessResponse,
    seal_session_from_auth_response,
)
from workos.user_management import PasswordPlaintext

from foundation.ids import new_secret
from tests.live import LiveGatehouse
from tests.other_transactions import wait_for_other_transactions

PASSWORD = "correct horse battery staple 42"


@pytest.fixture
def workos(gatehouse_server: LiveGatehouse) -> Iterator[WorkOSClient]:
    with WorkOSClient(
        api_key=gatehouse_server.api_key,
        client_id=gatehouse_server.client_id,
        base_url=gatehouse_server.base_url,
        max_retries=0,
    ) as client:
        yield client


def fresh(stem: str = "x") -> str:
    return f"{stem}-{new_secret(8).lower()}"


def make_organization(workos: WorkOSClient, **fields: Any) -> Any:
    return workos.organizations.create_organization(name=fields.pop("name", "Acme"), **fields)


def make_user(workos: WorkOSClient, **fields: Any) -> Any:
    fields.setdefault("email", f"{fresh('ada')}@acme.test")
    fields.setdefault("email_verified", True)
    fields.setdefault("password", PasswordPlaintext(password=PASSWORD))
    return workos.user_management.create_user(**fields)


def make_member(workos: WorkOSClient, organization: Any, role: str = "admin") -> tuple[Any, Any]:
    user = make_user(workos)
    membership = workos.organization_membership.create_organization_membership(
        user_id=user.id, organization_id=organization.id, role=RoleSingle(role_slug=role)
    )
    return user, membership


def claims_of(workos: WorkOSClient, access_token: str) -> dict[str, Any]:
    key = jwt.PyJWKClient(workos.user_management.get_jwks_url()).get_signing_key_from_jwt(access_token)
    claims: dict[str, Any] = jwt.decode(access_token, key, algorithms=["RS256"])
    return claims


# --- the main job ---------------------------------------------------------------------------------------------


def test_the_main_job_from_an_organization_to_the_end_of_a_session(workos, gatehouse_server):
    users = workos.user_management
    domain = f"{fresh('acme')}.test"
    acme = make_organization(
        workos,
        domain_data=[OrganizationDomainData(domain=domain, state=OrganizationDomainDataState.VERIFIED)],
    )
    assert [(d.domain, d.state) for d in acme.domains] == [(domain, "verified")]
    ada, membership = make_member(workos, acme)
    assert membership.role.slug == "admin"

    signed_in = users.authenticate_with_password(email=ada.email, password=PASSWORD)
    assert (signed_in.user.id, signed_in.organization_id) == (ada.id, acme.id)
    claims = claims_of(workos, signed_in.access_token)
    assert claims["iss"] == gatehouse_server.base_url
    assert (claims["sub"], claims["org_id"], claims["role"]) == (ada.id, acme.id, "admin")
    assert claims["exp"] - claims["iat"] == 300

    refreshed = users.authenticate_with_refresh_token(refresh_token=signed_in.refresh_token)
    assert refreshed.refresh_token != signed_in.refresh_token
    assert claims_of(workos, refreshed.access_token)["sid"] == claims["sid"]

    [session] = users.list_sessions(ada.id).data
    assert (session.id, session.status) == (claims["sid"], "active")
    users.revoke_session(session_id=session.id)
    with pytest.raises(BadRequestError) as refusal:
        users.authenticate_with_refresh_token(refresh_token=refreshed.refresh_token)
    assert refusal.value.error == "invalid_grant"


def test_the_logout_url_ends_the_session_in_a_browser(workos):
    users = workos.user_management
    ada = make_user(workos)
    signed_in = users.authenticate_with_password(email=ada.email, password=PASSWORD)
    url = users.get_logout_url(session_id=claims_of(workos, signed_in.access_token)["sid"])

    answer = httpx.get(url)

    assert answer.status_code == 302
    with pytest.raises(BadRequestError):
        users.authenticate_with_refresh_token(refresh_token=signed_in.refresh_token)


def test_a_member_of_several_organizations_chooses_one(workos):
    users = workos.user_management
    first, second = make_organization(workos), make_organization(workos)
    ada, _ = make_member(workos, first)
    workos.organization_membership.create_organization_membership(user_id=ada.id, organization_id=second.id)

    with pytest.raises(OrganizationSelectionRequiredError) as choice:
        users.authenticate_with_password(email=ada.email, password=PASSWORD)
    assert {organization["id"] for organization in choice.value.organizations or []} == {
        first.id,
        second.id,
    }

    token = choice.value.pending_authentication_token or ""
    signed_in = users.authenticate_with_organization_selection(
        pending_authentication_token=token, organization_id=second.id
    )
    assert signed_in.organization_id == second.id
    assert claims_of(workos, signed_in.access_token)["role"] == "member"
    # From there to the other one by the refresh token.
    switched = users.authenticate_with_refresh_token(
        refresh_token=signed_in.refresh_token, organization_id=first.id
    )
    assert claims_of(workos, switched.access_token)["org_id"] == first.id


def test_the_sealed_session_is_read_and_refreshed(workos):
    cookie_password = base64.urlsafe_b64encode(os.urandom(32)).decode()
    acme = make_organization(workos)
    ada, _ = make_member(workos, acme)
    signed_in = workos.user_management.authenticate_with_password(email=ada.email, password=PASSWORD)
    sealed = seal_session_from_auth_response(
        access_token=signed_in.access_token,
        refresh_token=signed_in.refresh_token,
        user=signed_in.user.to_dict(),
        cookie_password=cookie_password,
    )
    session = workos.user_management.load_sealed_session(session_data=sealed, cookie_password=cookie_password)

    read = session.authenticate()
    assert isinstance(read, AuthenticateWithSessionCookieSuccessResponse), read
    assert (read.organization_id, read.role) == (acme.id, "admin")

    refreshed = session.refresh()
    assert isinstance(refreshed, RefreshWithSessionCookieSuccessResponse), refreshed
    session_id = parse_qs(urlsplit(session.get_logout_url()).query)["session_id"][0]
    assert session_id == read.session_id

    workos.user_management.revoke_session(session_id=session_id)
    assert isinstance(session.refresh(), RefreshWithSessionCookieErrorResponse)
    other = base64.urlsafe_b64encode(os.urandom(32)).decode()
    broken = workos.user_management.load_sealed_session(session_data=sealed, cookie_password=other)
    assert isinstance(broken.authenticate(), AuthenticateWithSessionCookieErrorResponse)


# --- each operation -------------------------------------------------------------------------------------------


def test_organizations(workos):
    external_id = fresh("ext")
    made = make_organization(workos, name="Foo", external_id=external_id, metadata={"tier": "gold"})
    assert (made.name, made.external_id, made.metadata) == ("Foo", external_id, {"tier": "gold"})
    assert workos.organizations.get_organization(made.id).id == made.id
    assert workos.organizations.get_organization_by_external_id(external_id).id == made.id

    changed = workos.organizations.update_organization(made.id, name="Bar", metadata={"tier": "silver"})
    assert (changed.name, changed.metadata) == ("Bar", {"tier": "silver"})
    cleared = workos.organizations.update_organization(made.id, external_id=None)
    assert cleared.external_id is None
    assert made.id in [o.id for o in workos.organizations.list_organizations(limit=100).data]

    workos.organizations.delete_organization(made.id)
    with pytest.raises(NotFoundError):
        workos.organizations.get_organization(made.id)


def test_lists_are_walked_by_the_sdk_to_their_end(workos):
    made = {make_organization(workos).id for _ in range(7)}

    pages = workos.organizations.list_organizations(limit=2)
    walked = [organization.id for organization in pages.auto_paging_iter()]

    assert made <= set(walked)
    assert len(walked) == len(set(walked))
    last = workos.organizations.list_organizations(limit=3, order="asc", after=min(made))
    assert all(organization.id > min(made) for organization in last.data)


def test_organization_domains(workos):
    acme = make_organization(workos)
    domain = f"{fresh('shop')}.example.com"
    made = workos.organization_domains.create_organization_domain(domain=domain, organization_id=acme.id)
    assert (made.domain, made.state, made.verification_strategy) == (domain, "pending", "dns")
    assert made.verification_token
    assert workos.organization_domains.get_organization_domain(made.id).organization_id == acme.id
    assert workos.organizations.list_organizations(domains=[domain]).data[0].id == acme.id

    workos.organization_domains.delete_organization_domain(made.id)
    with pytest.raises(NotFoundError):
        workos.organization_domains.get_organization_domain(made.id)


def test_users(workos):
    users = workos.user_management
    external_id = fresh("ext")
    made = make_user(
        workos, first_name="Ada", last_name="Lovelace", external_id=external_id, metadata={"team": "engine"}
    )
    assert (made.first_name, made.email_verified, made.metadata) == ("Ada", True, {"team": "engine"})
    assert users.get_user(made.id).id == users.get_user_by_external_id(external_id).id == made.id
    assert [user.id for user in users.list_users(email=made.email.upper()).data] == [made.id]
    assert users.get_user_identities(made.id) == []

    changed = users.update_user(made.id, first_name="Augusta", locale="en-GB")
    assert (changed.first_name, changed.locale) == ("Augusta", "en-GB")
    users.update_user(made.id, password=PasswordPlaintext(password="another staple, correct battery"))
    with pytest.raises(BadRequestError):
        users.authenticate_with_password(email=made.email, password=PASSWORD)

    users.delete_user(made.id)
    with pytest.raises(NotFoundError) as gone:
        users.get_user(made.id)
    assert gone.value.message == f"User not found: '{made.id}'."


def test_memberships(workos):
    memberships = workos.organization_membership
    acme = make_organization(workos)
    user, made = make_member(workos, acme, role="member")
    assert memberships.get_organization_membership(made.id).status == "active"
    changed = memberships.update_organization_membership(made.id, role=RoleSingle(role_slug="admin"))
    assert changed.role.slug == "admin"
    several = memberships.update_organization_membership(
        made.id, role=RoleMultiple(role_slugs=["member", "admin"])
    )
    assert {role.slug for role in several.roles or []} == {"admin", "member"}

    assert memberships.deactivate_organization_membership(made.id).status == "inactive"
    found = memberships.list_organization_memberships(user_id=user.id, statuses=["active", "inactive"]).data
    assert [m.id for m in found] == [made.id]
    assert memberships.list_organization_memberships(user_id=user.id, statuses=["active"]).data == []
    assert memberships.reactivate_organization_membership(made.id).status == "active"
    assert memberships.list_organization_membership_groups(made.id).data == []
    memberships.delete_organization_membership(made.id)
    with pytest.raises(NotFoundError):
        memberships.get_organization_membership(made.id)


def test_groups(workos):
    acme = make_organization(workos)
    _, membership = make_member(workos, acme)
    made = workos.groups.create_organization_group(acme.id, name="Engineers", description="They build")
    assert workos.groups.get_organization_group(acme.id, made.id).name == "Engineers"
    assert workos.groups.update_organization_group(acme.id, made.id, name="Builders").name == "Builders"
    assert [g.id for g in workos.groups.list_organization_groups(acme.id).data] == [made.id]

    workos.groups.create_group_organization_membership(
        acme.id, made.id, organization_membership_id=membership.id
    )
    members = workos.groups.list_group_organization_memberships(acme.id, made.id).data
    assert [m.id for m in members] == [membership.id]
    of_member = workos.organization_membership.list_organization_membership_groups(membership.id).data
    assert [g.id for g in of_member] == [made.id]
    workos.groups.delete_group_organization_membership(acme.id, made.id, membership.id)
    assert workos.groups.list_group_organization_memberships(acme.id, made.id).data == []
    workos.groups.delete_organization_group(acme.id, made.id)
    assert workos.groups.list_organization_groups(acme.id).data == []


def test_roles_and_permissions_and_their_claims(workos):
    authorization = workos.authorization
    permission, role = fresh("reports-read"), fresh("auditor")
    made = authorization.create_permission(slug=permission, name="Read reports")
    assert (made.slug, made.system) == (permission, False)
    assert authorization.get_permission(permission).name == "Read reports"
    assert authorization.update_permission(permission, description="All of them").description == "All of them"
    assert permission in [p.slug for p in authorization.list_permissions(limit=100).data]

    assert authorization.create_environment_role(slug=role, name="Auditor").slug == role
    assert authorization.update_environment_role(role, name="Auditors").name == "Auditors"
    assert authorization.add_environment_role_permission(role, body_slug=permission).permissions == [
        permission
    ]
    assert authorization.set_environment_role_permissions(role, permissions=[]).permissions == []
    authorization.set_environment_role_permissions(role, permissions=[permission])
    assert authorization.get_environment_role(role).permissions == [permission]
    assert role in [r.slug for r in authorization.list_environment_roles().data]

    acme = make_organization(workos)
    own = f"org-{fresh('local')}"
    assert authorization.create_organization_role(acme.id, slug=own, name="Local").slug == own
    authorization.set_organization_role_permissions(acme.id, own, permissions=[permission])
    authorization.remove_organization_role_permission(acme.id, own, permission)
    authorization.add_organization_role_permission(acme.id, own, body_slug=permission)
    assert authorization.update_organization_role(acme.id, own, name="Locals").name == "Locals"
    assert authorization.get_organization_role(acme.id, own).permissions == [permission]
    assert {own, role} <= {r.slug for r in authorization.list_organization_roles(acme.id).data}

    user, _ = make_member(workos, acme, role=own)
    signed_in = workos.user_management.authenticate_with_password(email=user.email, password=PASSWORD)
    claims = claims_of(workos, signed_in.access_token)
    assert (claims["role"], claims["permissions"]) == (own, [permission])

    with pytest.raises(ConflictError):
        authorization.delete_organization_role(acme.id, own)
    workos.user_management.delete_user(user.id)
    authorization.delete_organization_role(acme.id, own)
    authorization.delete_permission(permission)
    with pytest.raises(NotFoundError):
        authorization.get_permission(permission)


def test_api_keys_of_customers(workos):
    acme = make_organization(workos)
    permission = workos.authorization.create_permission(slug=fresh("export"), name="Export").slug
    made = workos.api_keys.create_organization_api_key(acme.id, name="CI", permissions=[permission])
    assert made.value.startswith("sk_")
    validation = workos.api_keys.create_validation(value=made.value)
    assert validation.api_key is not None
    assert (validation.api_key.id, validation.api_key.permissions) == (made.id, [permission])
    assert [k.id for k in workos.api_keys.list_organization_api_keys(acme.id).data] == [made.id]

    workos.api_keys.create_api_key_expire(made.id)
    assert workos.api_keys.create_validation(value=made.value).api_key is None
    workos.api_keys.delete_api_key(made.id)

    user, _ = make_member(workos, acme)
    mine = workos.user_management.create_user_api_key(user.id, name="Mine", organization_id=acme.id)
    owned = workos.user_management.list_user_api_keys(user.id).data
    assert [k.id for k in owned] == [mine.id]
    assert workos.api_keys.create_validation(value="sk_of_nobody").api_key is None


def test_redirect_uris_cors_origins_and_the_jwt_template(workos):
    users = workos.user_management
    uri = users.create_redirect_uri(uri=f"https://{fresh()}.example/callback")
    assert uri.id in [u.id for u in users.list_redirect_uris(limit=100).data]
    users.delete_redirect_uris(uri.id)
    origin = users.create_cors_origin(origin=f"https://{fresh()}.example")
    assert origin.id in [o.id for o in users.list_cors_origins(limit=100).data]

    content = json.dumps({"locale": "{{ user.locale || 'none' }}"})
    # It stays: nothing deletes a template, and a claim more disturbs no other test.
    users.update_jwt_template(content=content)
    assert users.list_jwt_template().content == content
    ada = make_user(workos)
    signed_in = users.authenticate_with_password(email=ada.email, password=PASSWORD)
    assert claims_of(workos, signed_in.access_token)["locale"] == "none"
    with pytest.raises((UnprocessableEntityError, BadRequestError)):
        users.update_jwt_template(content='{"sub": "somebody else"}')


def test_jwks(workos, gatehouse_server):
    keys = workos.user_management.get_jwks(gatehouse_server.client_id).keys

    assert [(key.alg, key.kty, key.use) for key in keys] == [("RS256", "RSA", "sig")]
    with pytest.raises(NotFoundError):
        workos.user_management.get_jwks("client_unknown")


def test_events_tell_what_happened_and_who_did_it(workos):
    acme = make_organization(workos)
    user, membership = make_member(workos, acme)
    names = ["organization.created", "organization_membership.created"]
    wait_for_other_transactions()
    listed = workos.events.list_events(events=names, organization_id=acme.id).data

    assert sorted(event.event for event in listed) == names
    assert {event.data.id for event in listed} == {acme.id, membership.id}
    [created] = [
        event
        for event in workos.events.list_events(events=["user.created"], limit=100).data
        if event.data.id == user.id
    ]
    assert created.context.actor.source == "api"
    # A stream is resumed by ``after`` in ascending order.
    stream = workos.events.list_events(events=names, order="asc", after=min(event.id for event in listed))
    assert max(event.id for event in listed) in [event.id for event in stream.data]


# --- every error shape through its exception ------------------------------------------------------------------


def test_400_bad_request(workos):
    with pytest.raises(BadRequestError) as wrong:
        workos.user_management.authenticate_with_password(email="nobody@acme.test", password="x")
    assert (wrong.value.status_code, wrong.value.code) == (400, "invalid_credentials")
    assert wrong.value.request_id
    ada = make_user(workos)
    with pytest.raises(BadRequestError) as same:
        workos.user_management.authenticate_with_password(email=ada.email, password="x")
    assert (same.value.code, same.value.message) == (wrong.value.code, wrong.value.message)


def test_400_weak_password_lists_what_is_wrong(workos):
    with pytest.raises(BadRequestError) as weak:
        make_user(workos, password=PasswordPlaintext(password="abc"))
    assert weak.value.code == "password_strength_error"
    assert weak.value.errors


def test_400_oauth_form(workos):
    with pytest.raises(BadRequestError) as grant:
        workos.user_management.authenticate_with_refresh_token(refresh_token="unknown")
    assert (grant.value.error, grant.value.error_description) == ("invalid_grant", "Invalid refresh token.")


def test_401_unauthorized(gatehouse_server):
    with (
        WorkOSClient(
            api_key="sk_test_stranger",
            client_id=gatehouse_server.client_id,
            base_url=gatehouse_server.base_url,
        ) as stranger,
        pytest.raises(AuthenticationError) as unknown,
    ):
        stranger.organizations.list_organizations()
    assert (unknown.value.status_code, unknown.value.message) == (401, "Unauthorized")


def test_403_flow_error(workos):
    ada = make_user(workos, email_verified=False)
    with pytest.raises(EmailVerificationRequiredError) as unverified:
        workos.user_management.authenticate_with_password(email=ada.email, password=PASSWORD)
    assert isinstance(unverified.value, AuthorizationError)
    assert unverified.value.pending_authentication_token
    assert unverified.value.email == ada.email


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("User", lambda w: w.user_management.get_user("user_unknown")),
        ("Organization", lambda w: w.organizations.get_organization("org_unknown")),
        (
            "Organization Membership",
            lambda w: w.organization_membership.get_organization_membership("om_unknown"),
        ),
        (
            "Organization Domain",
            lambda w: w.organization_domains.get_organization_domain("org_domain_unknown"),
        ),
        ("Session", lambda w: w.user_management.revoke_session(session_id="session_unknown")),
    ],
)
def test_404_names_what_was_not_found(workos, name, call):
    with pytest.raises(NotFoundError) as missing:
        call(workos)
    assert missing.value.code == "entity_not_found"
    assert missing.value.message.startswith(f"{name} not found: '")


def test_409_conflict(workos):
    origin = f"https://{fresh()}.example"
    workos.user_management.create_cors_origin(origin=origin)
    with pytest.raises(ConflictError) as twice:
        workos.user_management.create_cors_origin(origin=origin)
    assert twice.value.code == "duplicate_cors_origin"


def test_422_validation(workos):
    with pytest.raises(UnprocessableEntityError) as blank:
        make_organization(workos, name="")
    assert blank.value.message == "Validation failed"
    assert blank.value.errors
    with pytest.raises(UnprocessableEntityError) as page:
        workos.organizations.list_organizations(limit=101)
    assert page.value.errors


def test_429_rate_limited_by_password(workos):
    ada = make_user(workos)
    refused: list[int] = []
    for _ in range(12):
        try:
            workos.user_management.authenticate_with_password(email=ada.email, password="wrong")
        except RateLimitExceededError as limit:
            refused.append(int(limit.retry_after or 0))
        except BadRequestError:
            continue
    assert len(refused) == 2
    assert all(wait > 0 for wait in refused)


def test_a_repeat_by_the_sdk_under_the_same_key_creates_nothing_twice(workos):
    name = fresh("once")
    options: Any = {"idempotency_key": fresh("key")}
    first = workos.organizations.create_organization(name=name, request_options=options)
    again = workos.organizations.create_organization(name=name, request_options=options)

    assert first.id == again.id
    with pytest.raises(BadRequestError, match="Another idempotency key"):
        workos.organizations.create_organization(name="another", request_options=options)
