"""The forms of looks: an environment's, and those of an organization that has its own."""

from typing import Any

from django import forms
from django.utils.html import format_html

from environments import branding
from environments.appearance import BrandingFields
from environments.branding import Look
from environments.staff.model_admin import ServiceForm
from environments.staff.panels import Panel, badge, code

BRANDING_FIELDSETS: Any = (
    (None, {"fields": ("product_name",)}),
    ("Logo", {"fields": ("logo_shown", "new_logo", "remove_logo")}),
    ("Colours", {"fields": ("accent_color", "background_color")}),
    ("Links", {"fields": ("support_url", "privacy_url", "terms_url")}),
)


class BrandingForm(ServiceForm):
    """Words for people who have not read the code, and a place for a picture."""

    new_logo = forms.FileField(
        required=False,
        label="New logo",
        help_text="PNG, JPEG, GIF or WebP, at most 256 KiB; PNG shows in every mail reader. It is shown 32 pixels high.",
        widget=forms.FileInput(attrs={"accept": "image/png,image/jpeg,image/gif,image/webp"}),
    )
    remove_logo = forms.BooleanField(required=False, label="Remove the logo")

    class Meta:
        labels = {
            "product_name": "Product name",
            "accent_color": "Accent",
            "background_color": "Background",
            "support_url": "Help",
            "privacy_url": "Privacy",
            "terms_url": "Terms",
        }
        widgets = dict.fromkeys(("support_url", "privacy_url", "terms_url"), forms.URLInput)

    def clean_new_logo(self) -> bytes | None:
        """Return the bytes of a picture, as far as one that is allowed would go."""
        upload = self.cleaned_data["new_logo"]
        return None if upload is None else upload.read(branding.LARGEST_LOGO + 1)


def branding_changes(changes: dict[str, Any]) -> dict[str, Any]:
    """Return a form's changes as the services take them."""
    wanted = {name: value for name, value in changes.items() if name not in {"new_logo", "remove_logo"}}
    if changes.get("new_logo") or changes.get("remove_logo"):
        wanted["logo"] = changes.get("new_logo")
    return wanted


def logo_picture(row: BrandingFields, url: str) -> str:
    """Return the logo as it is now."""
    if not row.logo_content_type or not url:
        return "—"
    return format_html('<img class="branding-logo" src="{}" alt="The logo" height="32">', url)


def contrast_panel(look: Look) -> Panel:
    """Return how well the colours can be read, and what the pages make of those that cannot."""
    accent, ink = branding.button_colors(look)
    rows: list[tuple[Any, ...]] = [
        ("Text on buttons", code(f"{ink} on {accent}"), _verdict(branding.contrast(ink, accent))),
    ]
    for scheme, surface in branding.SURFACES.items():
        shown = branding.readable_on(surface, accent)
        note = code(shown) if shown == accent else format_html("{} instead of {}", code(shown), code(accent))
        rows.append((f"Links, {scheme}", note, _verdict(branding.contrast(shown, surface))))
    if look.background_color:
        ground_ink = branding.ink_on(look.background_color)
        rows.append(
            (
                "Below the card, light",
                code(f"{ground_ink} on {look.background_color}"),
                _verdict(branding.contrast(ground_ink, look.background_color)),
            )
        )
    return Panel("How well the colours can be read", ("What", "Colours", "Contrast"), rows)


def _verdict(ratio: float) -> str:
    return badge(f"{ratio:.1f} : 1", "good" if ratio >= branding.READABLE else "bad")
