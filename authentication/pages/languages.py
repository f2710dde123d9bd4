"""Which language a hosted page speaks."""

from django.conf import settings
from django.http import HttpRequest
from django.utils import translation

from authentication.pages.cookies import LANGUAGE_COOKIE

# OpenID Connect Core §3.1.2.1: languages in the order of preference, separated by spaces.
PARAMETER = "ui_locales"


def chosen_language(request: HttpRequest) -> str | None:
    """Return the language that the address of this page asks for, if there are pages in it."""
    for tag in request.GET.get(PARAMETER, "").split():
        found = _supported(tag)
        if found is not None:
            return found
    return None


def language_of(request: HttpRequest) -> str:
    """Return the language to answer in: asked for, chosen before, or one that the browser prefers."""
    return (
        chosen_language(request)
        or _supported(request.COOKIES.get(LANGUAGE_COOKIE, ""))
        or translation.get_language_from_request(request)
    )


def supported_language(tag: str | None) -> str | None:
    """Return the language of our pages that a language tag comes down to, or None."""
    return _supported(tag or "")


def languages() -> list[tuple[str, str]]:
    """Return code and own name of every language."""
    return [(code, str(name)) for code, name in settings.LANGUAGES]


def _supported(tag: str) -> str | None:
    try:
        return translation.get_supported_language_variant(tag) if 0 < len(tag) <= 35 else None
    except LookupError:
        return None
