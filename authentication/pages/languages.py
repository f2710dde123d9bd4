"""Which language a hosted page speaks."""

from django.conf import settings
from django.http import HttpRequest
from django.utils import translation

from authentication.pages.cookies import LANGUAGE_COOKIE
from foundation.languages import find_supported

# OpenID Connect Core §3.1.2.1: languages in the order of preference, separated by spaces; and what people type.
PARAMETERS = ("ui_locales", "lang")


def chosen_language(request: HttpRequest) -> str | None:
    """Return the language that the address of this page asks for, if there are pages in it."""
    tags = [tag for parameter in PARAMETERS for tag in request.GET.get(parameter, "").split()]
    return next(filter(None, map(find_supported, tags)), None)


def language_of(request: HttpRequest) -> str:
    """Return the language to answer in: asked for, chosen before, or one that the browser prefers."""
    return (
        chosen_language(request)
        or find_supported(request.COOKIES.get(LANGUAGE_COOKIE))
        or translation.get_language_from_request(request)
    )


def languages() -> list[tuple[str, str]]:
    """Return code and own name of every language."""
    return [(code, str(name)) for code, name in settings.LANGUAGES]
