import pytest
from hypothesis import given
from hypothesis import strategies as st

from environments import branding
from environments.errors import BrandingInvalid
from environments.services import update_branding
from tests.api_client import ApiClient

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20


@given(st.integers(0, 0xFFFFFF))
def test_text_is_readable_in_whatever_colour_is_chosen(number):
    color = f"#{number:06x}"
    colors = {}
    for line in branding.stylesheet(color, color).splitlines()[1:-1]:
        name, _, value = line.strip().removesuffix(");").partition(": light-dark(")
        colors[name] = value.split(", ")
    for scheme, surface in enumerate(("#ffffff", "#17191f")):
        assert branding.contrast(colors["--accent-text"][scheme], surface) >= 4.5
        assert branding.contrast(colors["--accent"][scheme], colors["--accent-ink"][scheme]) >= 4.5
    assert branding.contrast(colors["--ground"][0], colors["--ground-ink"][0]) >= 4.5


@pytest.mark.parametrize(
    "changes",
    [
        {"accent_color": "red"},
        {"accent_color": "#12345"},
        {"accent_color": "#123456;}body{display:none"},
        {"terms_url": "javascript:alert(1)"},
        {"logo": b"<svg onload='alert(1)'/>"},
        {"logo": PNG + b"\0" * 300_000},
    ],
)
def test_what_the_pages_cannot_show_is_refused(environment, changes):
    with pytest.raises(BrandingInvalid):
        update_branding(environment=environment, changes=changes)


def test_the_stylesheet_and_the_logo_are_served(environment):
    update_branding(environment=environment, changes={"accent_color": "#E8590C", "logo": PNG})
    http = ApiClient()

    sheet = http.get(f"/branding/{environment.client_id}.css")
    logo = http.get(f"/branding/{environment.client_id}/logo")

    assert "--accent: light-dark(#e8590c" in sheet.content.decode()
    assert (logo.content, logo.headers["Content-Type"]) == (PNG, "image/png")
    assert "sandbox" in logo.headers["Content-Security-Policy"]
    assert http.get("/branding/client_unknown.css").content == b""
    assert http.get("/branding/client_unknown/logo").status_code == 404
