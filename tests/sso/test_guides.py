"""The guides for IT admins name what the admin shows, and explain every check that can fail."""

import re
from pathlib import Path

from django.contrib import admin

from environments.staff.tools import tools_of
from sso.admin.connection_forms import FORMS
from sso.connection_types import ConnectionType
from sso.failures import ExchangeFailure
from sso.models import Connection
from sso.oauth.failures import OAuthFailure
from sso.oidc.failures import OIDCFailure
from sso.saml.failures import SAMLFailure

GUIDES = Path(__file__).parents[2] / "docs" / "sso"
FAILURES = GUIDES / "failures.md"
IDP_GUIDES = sorted(path for path in GUIDES.glob("*.md") if path != FAILURES)
CHECKS = {
    failure.value
    for failures in (ExchangeFailure, SAMLFailure, OIDCFailure, OAuthFailure)
    for failure in failures
}


def names_in_the_admin():
    page = admin.site._registry[Connection]
    fields = {str(field.label) for form in FORMS.values() for field in form.base_fields.values()}
    shown = {
        str(getattr(page, name).short_description)
        for name in page.readonly_fields
        if hasattr(getattr(page, name, None), "short_description")
    }
    return fields | shown | {tool.label for tool in tools_of(type(page)).values()}


def test_every_check_that_can_fail_is_explained_once():
    rows = re.findall(r"^\| `([a-z_0-9]+)` \|", FAILURES.read_text(), re.MULTILINE)

    assert sorted(rows) == sorted(CHECKS)


def test_what_guides_print_in_bold_is_what_the_admin_calls_it():
    known = names_in_the_admin() | {kind.label for kind in ConnectionType}
    unknown = {
        (guide.name, name)
        for guide in IDP_GUIDES
        for name in re.findall(r"\*\*([^*]+)\*\*", guide.read_text().replace("\n", " "))
        if name not in known
    }

    assert unknown == set()


def test_guides_mention_no_check_that_does_not_exist():
    shaped = re.compile(r"`((?:oidc|oauth|saml)_[a-z_]+|[a-z]+(?:_[a-z]+)+)`")
    # Names of protocols and providers that look like ours.
    others = {"access_denied", "saml_subject", "role_list", "private_key_jwt"}
    others |= {"auth_time", "email_verified", "given_name", "family_name"}
    unknown = {
        (guide.name, name)
        for guide in IDP_GUIDES
        for name in shaped.findall(guide.read_text())
        if name not in CHECKS | others
    }

    assert unknown == set()


def test_guides_link_to_pages_that_exist():
    broken = [
        (guide.name, target)
        for guide in (*IDP_GUIDES, FAILURES)
        for target in re.findall(r"\]\(([^)#]+)", guide.read_text())
        if not target.startswith("http") and not (guide.parent / target).exists()
    ]

    assert broken == []
