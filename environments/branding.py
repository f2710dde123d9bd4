"""How the pages and the mail of an environment look: validated colours, and the stylesheet made of them.

The pages run under a policy without inline styles, so that colours come as a stylesheet of their own. Nothing an
operator types reaches it but six hexadecimal digits. Text stays readable whatever colour is chosen: the ink on the
accent, and the accent itself where it is text, are moved until WCAG 2.2 (1.4.3: 4.5 to 1) is met in both schemes.
"""

import hashlib
import re
from dataclasses import dataclass

from environments.appearance import BrandingFields
from environments.models import Branding, Environment

_HEX = re.compile(r"#[0-9a-f]{6}")
# WCAG 2.2, 1.4.3.
READABLE = 4.5

# The surfaces of static/hosted/hosted.css that accent-coloured text stands on.
_LIGHT_SURFACE = "#ffffff"
_DARK_SURFACE = "#17191f"
SURFACES = {"light": _LIGHT_SURFACE, "dark": _DARK_SURFACE}
_LIGHT_INK = "#ffffff"
# Pure black: with anything lighter, some colours could be read with neither ink.
_DARK_INK = "#000000"
# The accent of an environment that has chosen none: that of hosted.css.
_PLAIN_ACCENT = "#4f46e5"

LARGEST_LOGO = 256 * 1024
_SIGNATURES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}


def is_color(text: str) -> bool:
    """Tell whether a text is a colour as it is stored: ``#`` and six lower-case hexadecimal digits."""
    return _HEX.fullmatch(text) is not None


def contrast(first: str, second: str) -> float:
    """Return the contrast ratio of two colours, from 1 to 21 (WCAG 2.2, "contrast ratio")."""
    lighter, darker = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def image_type(content: bytes) -> str | None:
    """Return the media type of a picture by its first bytes, or None if it is not one of ours.

    SVG is not: it can carry script.
    """
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for start, kind in _SIGNATURES.items() if content.startswith(start)), None)


@dataclass(frozen=True, slots=True)
class Look:
    """How something is shown to people: an environment's branding, with what an organization's puts in its place.

    Empty texts stand for what nobody has chosen; the two addresses are paths on this server, with a version in them.
    """

    product_name: str
    accent_color: str = ""
    background_color: str = ""
    terms_url: str = ""
    privacy_url: str = ""
    support_url: str = ""
    logo_url: str = ""
    stylesheet_url: str = ""


_TEXTS = ("product_name", "accent_color", "background_color", "terms_url", "privacy_url", "support_url")


def find_branding(environment: Environment) -> Branding | None:
    """Return the environment's own branding, without the bytes of its logo."""
    return Branding.objects.in_environment(environment).defer("logo").first()


def look_of(environment: Environment) -> Look:
    """Return how an environment looks by itself."""
    return blend(environment, find_branding(environment), None)


def blend(
    environment: Environment, own: BrandingFields | None, special: BrandingFields | None, special_id: str = ""
) -> Look:
    """Return a look of an environment's branding and of what takes its place field by field.

    ``special_id`` names the special one's owner in the addresses of its logo and stylesheet.
    """
    chosen = dict.fromkeys(_TEXTS, "")
    logo_url = ""
    for row, owner in ((own, environment.client_id), (special, f"{environment.client_id}/{special_id}")):
        if row is None:
            continue
        chosen |= {field: getattr(row, field) for field in _TEXTS if getattr(row, field)}
        if row.logo_content_type:
            logo_url = f"/branding/{owner}/logo?v={logo_version(row)}"
    chosen["product_name"] = chosen["product_name"] or environment.name
    colors = stylesheet(chosen["accent_color"], chosen["background_color"])
    owner = environment.client_id if special is None else f"{environment.client_id}/{special_id}"
    return Look(
        **chosen,
        logo_url=logo_url,
        stylesheet_url=f"/branding/{owner}.css?v={stylesheet_version(colors)}" if colors else "",
    )


def logo_version(row: BrandingFields) -> str:
    """Return what changes whenever a logo does."""
    return format(int(row.updated_at.timestamp() * 1_000_000), "x")


def button_colors(look: Look) -> tuple[str, str]:
    """Return the colour of a button and of the readable text on it."""
    scheme = _scheme(look.accent_color if is_color(look.accent_color) else _PLAIN_ACCENT, _LIGHT_SURFACE)
    return scheme.accent, scheme.accent_ink


@dataclass(frozen=True, slots=True)
class _Scheme:
    accent: str
    accent_strong: str
    accent_ink: str
    accent_text: str


def stylesheet(accent_color: str, background_color: str) -> str:
    """Return the custom properties that two colours set; an empty text where neither is chosen."""
    lines = []
    if is_color(accent_color):
        light = _scheme(accent_color, _LIGHT_SURFACE)
        dark = _scheme(accent_color, _DARK_SURFACE)
        for name in ("accent", "accent_strong", "accent_ink", "accent_text"):
            property_name = name.replace("_", "-")
            lines.append(f"  --{property_name}: light-dark({getattr(light, name)}, {getattr(dark, name)});")
    if is_color(background_color):
        # What stands on the ground itself, outside the card, must stay readable too.
        ground = background_color
        ink = ink_on(ground)
        lines.append(f"  --ground: light-dark({ground}, #0d0f13);")
        lines.append(f"  --ground-ink: light-dark({ink}, #a3abba);")
    if not lines:
        return ""
    return ":root {\n" + "\n".join(lines) + "\n}\n"


def stylesheet_version(content: str) -> str:
    """Return a short digest of a stylesheet, which lets browsers keep it for as long as it stays the same."""
    return hashlib.sha256(content.encode()).hexdigest()[:12]


def _scheme(accent: str, surface: str) -> _Scheme:
    ink = _LIGHT_INK if contrast(accent, _LIGHT_INK) >= READABLE else _DARK_INK
    strong = _mix(accent, "#000000" if ink == _LIGHT_INK else "#ffffff", 0.12)
    return _Scheme(accent, strong, ink, readable_on(surface, accent))


def ink_on(ground: str) -> str:
    """Return black or white, whichever can be read better on a colour."""
    return _LIGHT_INK if contrast(ground, _LIGHT_INK) >= contrast(ground, _DARK_INK) else _DARK_INK


def readable_on(surface: str, color: str) -> str:
    """Return the colour, moved away from the surface until it can be read there."""
    away = "#ffffff" if _luminance(surface) < 0.5 else "#000000"
    for step in range(21):
        moved = _mix(color, away, step / 20)
        if contrast(moved, surface) >= READABLE:
            return moved
    return away


def _mix(color: str, other: str, share: float) -> str:
    pairs = zip(_channels(color), _channels(other), strict=True)
    return "#" + "".join(f"{round(mine + (theirs - mine) * share):02x}" for mine, theirs in pairs)


def _luminance(color: str) -> float:
    red, green, blue = (_linear(channel / 255) for channel in _channels(color))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4


def _channels(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)
