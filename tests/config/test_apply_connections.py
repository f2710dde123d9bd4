"""Connections of organizations in a setup file; the file is the one of docs/configuration.md."""

import textwrap
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from events.models import Event
from sso.models import Connection, IdPCertificate, OIDCSettings, SAMLSettings
from tests.factories.environments import make_environment
from tests.factories.organizations import make_organization
from tests.factories.sso import idp_key_pair, make_saml_connection

EXAMPLE = (
    (Path(__file__).parents[2] / "docs" / "configuration.md")
    .read_text()
    .split("```yaml\n", 2)[2]
    .split("```", 1)[0]
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def apply(tmp_path, monkeypatch):
    monkeypatch.setenv("GLOBEX_IDP_CERTIFICATE", idp_key_pair()[1])
    monkeypatch.setenv("GLOBEX_CLIENT_SECRET", "the secret of the variable")

    def run(text: str, *options: str) -> str:
        path = tmp_path / "setup.yaml"
        path.write_text(text)
        out = StringIO()
        call_command("apply", str(path), *options, stdout=out)
        return out.getvalue()

    return run


def of_globex(section: str) -> str:
    """Return a file with one connection of Globex."""
    head = "environment: {client_id: client_demo}\norganizations:\n  - name: Globex\n    connections:\n"
    return head + textwrap.indent(f"- {section}\n", "      ")


def test_the_documented_connections_are_made_and_can_be_used(apply):
    said = apply(EXAMPLE)

    assert "created connection GenericSAML of Globex" in said
    saml, oidc = Connection.unscoped.order_by("id")
    assert (saml.state, saml.external_id, saml.name) == ("validating", "globex-saml", "Globex")
    assert [row.domain for row in saml.domains.all()] == ["globex.example"]
    assert saml.attribute_map == {"email": "mail", "groups": "memberOf"}
    assert (saml.custom_attribute_map, saml.role_map) == ({"department": "ou"}, {"it-admins": "admin"})
    assert (saml.single_logout, oidc.single_logout) == (False, True)
    settings = SAMLSettings.unscoped.get()
    assert settings.idp_entity_id == "https://idp.globex.example"
    assert settings.idp_sso_url == "https://idp.globex.example/sso"
    assert settings.require_encrypted_assertions
    assert IdPCertificate.unscoped.get().certificate.strip() == idp_key_pair()[1].strip()
    assert (oidc.state, oidc.external_id) == ("validating", "globex-oidc")
    client = OIDCSettings.unscoped.get()
    assert (client.issuer, client.client_secret) == (
        "https://login.globex.test",
        "the secret of the variable",
    )


def test_the_same_file_again_changes_nothing(apply):
    apply(EXAMPLE)
    events = Event.unscoped.count()
    changed_at = set(Connection.unscoped.values_list("updated_at", flat=True))

    assert apply(EXAMPLE) == "Everything is as the file says.\n"
    assert Event.unscoped.count() == events
    assert set(Connection.unscoped.values_list("updated_at", flat=True)) == changed_at


def test_what_differs_is_changed_and_what_is_not_named_stays(apply, monkeypatch):
    apply(EXAMPLE)
    monkeypatch.setenv("GLOBEX_CLIENT_SECRET", "its successor")

    assert apply(EXAMPLE) == "changed connection GenericOIDC of Globex\n"
    assert OIDCSettings.unscoped.get().client_secret == "its successor"
    switched_off = of_globex("{type: GenericOIDC, external_id: globex-oidc, state: inactive}")
    assert apply(switched_off) == "changed connection GenericOIDC of Globex\n"
    assert apply(switched_off) == "Everything is as the file says.\n"
    row = Connection.unscoped.get(external_id="globex-oidc")
    assert row.state == "inactive"
    assert [domain.domain for domain in row.domains.all()] == ["globex.test"]
    assert OIDCSettings.unscoped.get().client_id == "gatehouse"


METADATA = """<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://idp.globex.example">
<IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
<KeyDescriptor use="signing"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>
{certificate}</X509Certificate></X509Data></KeyInfo></KeyDescriptor>
<SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://idp.globex.example/sso"/>
</IDPSSODescriptor></EntityDescriptor>"""


def test_metadata_in_the_file_describes_a_provider_and_values_beside_it_count_more(apply, monkeypatch):
    certificate = "".join(idp_key_pair()[1].splitlines()[1:-1])
    monkeypatch.setenv("GLOBEX_METADATA", METADATA.format(certificate=certificate))
    section = of_globex(
        "{type: OktaSAML, saml_options: {idp_metadata_xml: !env GLOBEX_METADATA, sign_requests: false,"
        " idp_sso_url: 'https://proxy.globex.example/sso'}}"
    )

    apply(section)
    assert apply(section) == "Everything is as the file says.\n"

    settings = SAMLSettings.unscoped.get()
    assert (settings.idp_entity_id, settings.idp_sso_binding) == ("https://idp.globex.example", "post")
    assert settings.idp_sso_url == "https://proxy.globex.example/sso"
    assert settings.sign_requests is False
    assert IdPCertificate.unscoped.get().certificate.strip() == idp_key_pair()[1].strip()
    assert Connection.unscoped.get().state == "validating"


def test_a_connection_of_which_there_is_one_is_found_by_its_type_and_an_id_can_be_pinned(apply):
    apply(of_globex("{type: OktaSAML, id: conn_01HPINNED, name: Okta}"))
    assert Connection.unscoped.get().pk == "conn_01HPINNED"

    assert apply(of_globex("{type: OktaSAML}")) == "Everything is as the file says.\n"
    assert apply(of_globex("{type: OktaSAML, id: conn_01HPINNED, name: Other}")) != ""
    assert Connection.unscoped.get().name == "Other"
    assert "created" in apply(of_globex("{type: OktaSAML, name: A second one}"))
    with pytest.raises(CommandError, match="more than one OktaSAML connection is there; name it by id"):
        apply(of_globex("{type: OktaSAML}"))


def test_an_address_of_metadata_is_kept_for_the_worker_and_a_check_does_nothing(apply):
    section = of_globex("{type: OktaSAML, saml_options: {idp_metadata_url: 'https://idp.example/metadata'}}")

    assert "would have created connection OktaSAML of Globex" in apply(section, "--check")
    assert not Connection.unscoped.exists()
    apply(section)
    assert Connection.unscoped.get().state == "draft"
    assert SAMLSettings.unscoped.get().metadata_url == "https://idp.example/metadata"


@pytest.mark.parametrize(
    ("section", "sentence"),
    [
        ("{type: GitHubOAuth}", r"organizations\[0\]\.connections\[0\]\.type: .*not a valid choice"),
        (
            "{type: OktaSAML, saml_options: {idp_sso: x}}",
            r"connections\[0\]\.saml_options\.idp_sso: There is no such key",
        ),
        (
            "{type: OktaSAML, attribute_maps: {standard_attributes: {mail: x}}}",
            r"attribute_maps\.standard_attributes\.mail: There is no such key",
        ),
        (
            "{type: OktaSAML, saml_options: {idp_metadata_xml: <nothing>}}",
            r"organizations\[0\]\.connections\[0\]: saml_options\.idp_metadata_xml: .*metadata",
        ),
        (
            "{type: OktaSAML, saml_options: {idp_sso_url: 'ftp://idp.example'}}",
            r"organizations\[0\]\.connections\[0\]: idp_sso_url: ",
        ),
        ("{type: OktaSAML, role_map: {it: owner}}", r"connections\[0\]: role_map: There is no role 'owner'"),
        (
            "{type: OktaSAML, oidc_options: {issuer: 'https://x.example'}}",
            r"connections\[0\]: oidc_options: ",
        ),
        (
            "{type: GenericOIDC, oidc_options: {client_secret: !env GLOBEX_NOWHERE}}",
            r"Line 5: the environment variable GLOBEX_NOWHERE is not set",
        ),
        ("{type: GenericOIDC, oidc_options: {client_secret: !env [A]}}", "Line 5: !env takes the name"),
        (
            "{type: GenericOIDC, oidc_options: {pkce: false}}",
            r"connections\[0\]: pkce: PKCE can be switched off only",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place_and_changes_nothing(apply, section, sentence):
    with pytest.raises(CommandError, match=sentence):
        apply(of_globex(section))
    assert not Connection.unscoped.exists()


def test_a_connection_is_neither_taken_over_nor_made_another_type(apply):
    apply(EXAMPLE)
    stranger = make_saml_connection(make_organization(make_environment("Another tenant")))
    own = Connection.unscoped.get(external_id="globex-saml")

    with pytest.raises(CommandError, match="already exists"):
        apply(of_globex(f"{{type: OktaSAML, id: {stranger.pk}}}"))
    with pytest.raises(CommandError, match=r"connections\[0\]: .*is of type GenericSAML, which cannot be"):
        apply(of_globex(f"{{type: OktaSAML, id: {own.pk}}}"))
    with pytest.raises(CommandError, match=r"connections\[0\]: .*belongs to another organization"):
        apply(of_globex(f"{{type: GenericSAML, id: {own.pk}}}").replace("name: Globex", "name: Initech"))
    assert Connection.unscoped.count() == 3
