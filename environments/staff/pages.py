"""Pages that the admin answers with when it refuses."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

_WORDS = {
    400: ("This request makes no sense", "Something in the address or the form is not what this page takes."),
    403: ("Not allowed", "Your role does not include this. An owner of the installation can change it."),
    404: (
        "Not found",
        "There is no such object in this environment. If it belongs to another one, switch to that first.",
    ),
    "csrf": ("This form has expired", "Go back, reload the page and send the form again."),
    "no_environment": (
        "No environment yet",
        "You have not been given any environment. Ask an owner of the installation for one.",
    ),
}


def error_page(
    request: HttpRequest, status: int, reason: str = "", context: dict[str, Any] | None = None
) -> HttpResponse:
    """Return a page that says what was refused and what to do about it."""
    title, text = _WORDS[reason or status]
    return render(
        request,
        "admin/error.html",
        {**(context or {}), "title": title, "text": text, "status": status},
        status=status,
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form without its token (``CSRF_FAILURE_VIEW``)."""
    del reason
    return error_page(request, 403, "csrf", {"has_permission": False})
