"""The widget that tells people from bots, on the pages where somebody types an address."""

from typing import Any

from django.http import HttpResponse

from authentication.bot_checks import TOKEN_FIELD, WIDGET_ORIGIN, WIDGET_SCRIPT, is_person
from authentication.pages.plumbing import SignInPage
from environments.api.requests import client_ip


def looks_like_a_bot(page: SignInPage) -> bool:
    """Tell whether the form that was sent did not pass the environment's check; False where it has none."""
    settings = page.settings()
    if not settings.turnstile_site_key:
        return False
    return not is_person(
        settings,
        response_token=page.request.POST.get(TOKEN_FIELD, ""),
        ip_address=client_ip(page.request),
    )


def show_with_check(
    page: SignInPage, template: str, context: dict[str, Any], status: int, *, is_refused: bool = False
) -> HttpResponse:
    """Render a page with the widget, and let the browser load it; as it is where the environment checks nobody."""
    site_key = page.settings().turnstile_site_key
    if not site_key:
        return page.show(template, context, status)
    check = {"site_key": site_key, "script": WIDGET_SCRIPT, "is_refused": is_refused}
    response = page.show(template, {**context, "bot_check": check}, status)
    # Read by django-csp: this page alone, and of this environment alone.
    response._csp_update = {"script-src": [WIDGET_ORIGIN], "frame-src": [WIDGET_ORIGIN]}  # type: ignore[attr-defined]  # noqa: SLF001
    return response
