"""Django's page middleware, kept off the API's path: an API call has no session, no cookie and no CSRF token."""

from typing import Any

from csp.middleware import CSPMiddleware
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import Http404, HttpRequest, HttpResponseBase
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.common import CommonMiddleware
from django.middleware.csrf import CsrfViewMiddleware
from django_otp.middleware import OTPMiddleware

# Paths that show pages to people. All else is API.
HOSTED_PREFIXES = (
    "/sign-in",
    "/sso/start",
    "/sso/saml/",
    "/sso/oidc/",
    "/sso/oauth/",
    "/signed-out",
    "/branding/",
    "/reset-password",
    "/account/",
    "/device/",
    "/invite/",
)
# Not as prefixes: an API may well have /devices.
_HOSTED_PAGES = frozenset({"/account", "/device", "/invite"})
_PAGES = _HOSTED_PAGES | {"/"}
PAGE_PREFIXES = ("/admin", "/dev/", "/docs", "/static/", "/test-idp/", *HOSTED_PREFIXES)


def is_page(path: str) -> bool:
    """Tell whether a path shows a page: these have sessions and CSRF protection, the API has neither."""
    if path.startswith("/passwordless/"):
        # A mail's link is a page; what makes and sends it is not.
        return path.endswith("/confirm")
    return path in _PAGES or path.startswith(PAGE_PREFIXES)


def is_hosted_page(path: str) -> bool:
    """Tell whether a path shows one of the pages that end users see."""
    return path in _HOSTED_PAGES or path.startswith(HOSTED_PREFIXES)


class _PagesOnly:
    """Steps aside for API paths."""

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if is_page(request.path_info):
            return super().__call__(request)  # type: ignore[misc, no-any-return]  # a mix-in before the real middleware
        return self.get_response(request)  # type: ignore[attr-defined, no-any-return]  # set by the real middleware

    def process_view(self, request: HttpRequest, *arguments: Any) -> Any:
        inherited = getattr(super(), "process_view", None)
        if inherited is None or not is_page(request.path_info):
            return None
        return inherited(request, *arguments)


class PageSessionMiddleware(_PagesOnly, SessionMiddleware):
    """Sessions of operators."""


class PageCommonMiddleware(_PagesOnly, CommonMiddleware):
    """Django's common rules for pages, and one of ours: no page has a NUL in its address."""

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        path = request.path_info
        if "\x00" in path and is_page(path) and not path.startswith("/admin"):
            # No id holds it, and PostgreSQL refuses to look it up. The admin has pages of its own for what is gone.
            raise Http404
        return super().__call__(request)


class PageCsrfMiddleware(_PagesOnly, CsrfViewMiddleware):
    """Forms carry a CSRF token."""


class PageAuthenticationMiddleware(_PagesOnly, AuthenticationMiddleware):
    """``request.user`` is the operator."""


class PageOTPMiddleware(_PagesOnly, OTPMiddleware):  # type: ignore[misc]  # django-otp ships no types
    """Knows whether the operator's second factor was verified."""


class PageMessageMiddleware(_PagesOnly, MessageMiddleware):
    """One-time notices in the admin."""


class PageFrameMiddleware(_PagesOnly, XFrameOptionsMiddleware):
    """Pages are framed by nobody."""


class PageCSPMiddleware(_PagesOnly, CSPMiddleware):
    """The strict Content Security Policy."""
