from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from environments.models import Environment
from events.models import Event
from organizations.models import Organization, OrganizationMembership
from sso.models import OAuthProvider
from tests.api_client import ApiClient

EXAMPLE = (
    (Path(__file__).parents[2] / "docs" / "configuration.md")
    .read_text()
    .split("```yaml\n", 1)[1]
    .split("```", 1)[0]
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def apply(tmp_path):
    def run(text: str, *options: str) -> str:
        path = tmp_path / "setup.yaml"
        path.write_text(text)
        out = StringIO()
        call_command("apply", str(path), *options, stdout=out)
        return out.getvalue()

    return run


def test_the_documented_file_makes_a_setup_in_which_its_user_exists_with_its_role(apply):
    apply(EXAMPLE)

    api = ApiClient("sk_test_0123456789abcdef0123456789abcdef")
    (user,) = api.get("/user_management/users", {"email": "ada@acme.test"}).json()["data"]
    assert user["email_verified"] is True
    (organization,) = api.get("/organizations").json()["data"]
    assert [(item["domain"], item["state"]) for item in organization["domains"]] == [
        ("acme.test", "verified")
    ]
    memberships = api.get("/user_management/organization_memberships", {"user_id": user["id"]}).json()["data"]
    assert [item["role"]["slug"] for item in memberships] == ["admin"]
    environment = Environment.objects.get(client_id="client_demo")
    assert environment.authentication_settings.email_verification_required is False


def test_the_same_file_again_changes_nothing(apply):
    apply(EXAMPLE)
    events = Event.unscoped.count()

    assert apply(EXAMPLE) == "Everything is as the file says.\n"
    assert Event.unscoped.count() == events


def test_an_organizations_policy_comes_from_the_file_and_unknown_rules_are_refused(apply):
    apply(EXAMPLE)
    organization = Organization.unscoped.get()
    assert organization.policy.session_maximum_seconds == 86_400

    changed = apply(EXAMPLE.replace("session_maximum_seconds: 86400", "session_maximum_seconds: 3600"))
    assert changed == "changed policy of Acme\n"
    with pytest.raises(CommandError, match="passwords_allowed"):
        apply(EXAMPLE.replace("mfa_policy: optional", "passwords_allowed: true"))


def test_a_social_provider_comes_from_the_file_and_keeps_what_is_not_named(apply):
    apply(EXAMPLE)
    row = OAuthProvider.unscoped.select_related("connection").get()
    assert (row.connection.connection_type, row.client_id) == ("GitHubOAuth", "Iv1.demo")
    assert (row.client_secret, row.connection.state) == ("the-secret-of-the-app", "validating")

    changed = "environment: {client_id: client_demo}\nsocial_providers:\n  - {type: GitHubOAuth, client_id: Iv1.other"
    assert "changed social provider GitHubOAuth" in apply(changed + ", enabled: false}")
    row = OAuthProvider.unscoped.select_related("connection").get()
    assert (row.client_id, row.client_secret) == ("Iv1.other", "the-secret-of-the-app")
    assert row.connection.state == "inactive"
    assert apply(changed + ", enabled: false}") == "Everything is as the file says.\n"
    with pytest.raises(CommandError, match="GrokOAuth"):
        apply("social_providers: [{type: GrokOAuth, client_id: x}]")


def test_a_changed_file_changes_what_differs_and_leaves_the_rest(apply):
    apply(EXAMPLE)
    user = User.unscoped.get(email="ada@acme.test")

    report = apply(
        EXAMPLE.replace("roles: [admin]", "roles: [member]").replace("name: Acme", "name: Acme Inc")
    )

    assert report.splitlines() == [
        "changed organization Acme Inc",
        "changed membership of ada@acme.test in Acme Inc",
    ]
    membership = OrganizationMembership.unscoped.get()
    assert membership.user_id == user.id
    assert [role.slug for role in membership.roles.all()] == ["member"]


def test_check_says_what_would_be_done_and_does_nothing(apply):
    assert "would have created user ada@acme.test" in apply(EXAMPLE, "--check")
    assert not Environment.objects.exists()
    assert not User.unscoped.exists()


def test_pinned_ids_are_kept(apply):
    apply(
        "environment: {name: Pinned, client_id: client_pinned}\n"
        "organizations: [{id: org_pinned, name: Acme}]\n"
        "users: [{id: user_pinned, email: ada@acme.test, memberships: [{organization: org_pinned}]}]\n"
    )
    membership = OrganizationMembership.unscoped.get()
    assert (membership.organization_id, membership.user_id) == ("org_pinned", "user_pinned")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("organisations: []", "organisations: There is no such key."),
        ("users: [{email: ada@acme.test, is_staff: true}]", "users[0].is_staff: There is no such key."),
        ("users: [{}]", "users[0].email: This field is required."),
        ("- a list", "must hold a mapping"),
        ("a: [", "is not YAML"),
        ("!!python/object/apply:os.system ['true']", "is not YAML"),
        (
            "users: [{email: ada@acme.test, memberships: [{organization: nowhere}]}]",
            "no organization 'nowhere'",
        ),
        ("users: [{email: ada@acme.test, password: '123'}]", "Password"),
        ("redirect_uris: ['javascript:alert(1)']", "redirect URI"),
        ("settings: {access_token_seconds: 1}", "settings"),
        ("settings: {access_token_seconds: soon}", "settings"),
    ],
)
def test_a_file_that_is_wrong_is_refused_in_words_and_changes_nothing(apply, text, sentence):
    with pytest.raises(CommandError) as refused:
        apply(text)
    assert sentence.lower() in str(refused.value).lower()
    assert not Environment.objects.exists()
    assert not User.unscoped.exists()
    assert not Organization.unscoped.exists()


@pytest.mark.parametrize(
    "text",
    [
        "client_secret: 'hidden away",
        "a: 1\nb: {client_secret: hidden away, c: [}",
        "hidden away: @x",
        "client_secret: *hidden",
        "client_secret: !hidden away",
    ],
)
def test_a_file_that_is_not_yaml_is_not_repeated_with_its_secrets(apply, text):
    with pytest.raises(CommandError, match=r"The file is not YAML: line \d") as refused:
        apply(text)
    assert "hidden" not in str(refused.value)


LOOKS = """
environment: {name: Sandbox}
branding: {product_name: Reports, accent_color: "#0B7285", logo: "iVBORw0KGgoAAAAA"}
mail: {sender_address: login@reports.example, kinds_left_to_application: [new_device, invitation]}
organizations:
  - {name: Acme, branding: {product_name: Acme Portal, logo: "R0lGODlhAAAA"}}
"""


def test_looks_and_mail_come_from_the_file_and_stay_as_they_are(apply):
    apply(LOOKS)

    environment = Environment.objects.get(name="Sandbox")
    http = ApiClient()
    assert b"--accent: light-dark(#0b7285" in http.get(f"/branding/{environment.client_id}.css").content
    assert http.get(f"/branding/{environment.client_id}/logo").headers["Content-Type"] == "image/png"
    organization = Organization.objects.in_environment(environment).get()
    logo = http.get(f"/branding/{environment.client_id}/{organization.id}/logo")
    assert logo.headers["Content-Type"] == "image/gif"
    assert environment.mail_settings.kinds_left_to_application == ["invitation", "new_device"]
    assert apply(LOOKS.replace("#0B7285", "#0b7285")) == "Everything is as the file says.\n"


@pytest.mark.parametrize(
    "text",
    [
        "branding: {logo: not base64}",
        "branding: {logo: PHN2Zz4=}",
        "branding: {accent_color: red}",
        'mail: {sender_name: "\\x00"}',
        "mail: {default_language: tlh}",
        "mail: {sends: false}",
    ],
)
def test_looks_and_mail_that_cannot_be_are_refused(apply, text):
    with pytest.raises(CommandError):
        apply(text)
