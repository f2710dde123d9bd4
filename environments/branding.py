"""How the hosted pages of an environment look: validated colours, and the stylesheet made of them.

The pages run under a policy without inline styles, so that colours come as a stylesheet of their own. Nothing an
operator types reaches it but six hexadecimal digits. Text stays readable whatever colour is chosen: the ink on the
accent, and the accent itself where it is text, are moved until WCAG 2.2 (1.4.3: 4.5 to 1) is met in both schemes.
"""

import hashlib
import re
from dataclasses import dataclass

from environments.models import Branding

_HEX = re.compile(r"#[0-9a-f]{6}")
_READABLE = 4.5

# The surfaces of static/hosted/hosted.css that accent-coloured text stands on.
_LIGHT_SURFACE = "#ffffff"
_DARK_SURFACE = "#17191f"
_LIGHT_INK = "#ffffff"
# Pure black: with anything lighter, some colours could be read with neither ink.
_DARK_INK = "#000000"

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
class _Scheme:
    accent: str
    accent_strong: str
    accent_ink: str
    accent_text: str


def stylesheet(branding: Branding | None) -> str:
    """Return the custom properties that an environment's colours set; an empty text where it has none."""
    if branding is None:
        return ""
    lines = []
    if is_color(branding.accent_color):
        light = _scheme(branding.accent_color, _LIGHT_SURFACE)
        dark = _scheme(branding.accent_color, _DARK_SURFACE)
        for name in ("accent", "accent_strong", "accent_ink", "accent_text"):
            property_name = name.replace("_", "-")
            lines.append(f"  --{property_name}: light-dark({getattr(light, name)}, {getattr(dark, name)});")
    if is_color(branding.background_color):
        # What stands on the ground itself, outside the card, must stay readable too.
        ground = branding.background_color
        ink = _LIGHT_INK if contrast(ground, _LIGHT_INK) >= contrast(ground, _DARK_INK) else _DARK_INK
        lines.append(f"  --ground: light-dark({ground}, #0d0f13);")
        lines.append(f"  --ground-ink: light-dark({ink}, #a3abba);")
    if not lines:
        return ""
    return ":root {\n" + "\n".join(lines) + "\n}\n"


def stylesheet_version(branding: Branding | None) -> str:
    """Return a short digest of the stylesheet, which lets browsers keep it for as long as it stays the same."""
    return hashlib.sha256(stylesheet(branding).encode()).hexdigest()[:12]


def _scheme(accent: str, surface: str) -> _Scheme:
    ink = _LIGHT_INK if contrast(accent, _LIGHT_INK) >= _READABLE else _DARK_INK
    strong = _mix(accent, "#000000" if ink == _LIGHT_INK else "#ffffff", 0.12)
    return _Scheme(accent, strong, ink, _readable_on(surface, accent))


def _readable_on(surface: str, color: str) -> str:
    """Return the colour, moved away from the surface until it can be read there."""
    away = "#ffffff" if _luminance(surface) < 0.5 else "#000000"
    for step in range(21):
        moved = _mix(color, away, step / 20)
        if contrast(moved, surface) >= _READABLE:
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
