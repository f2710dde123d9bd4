"""Which page refuses a form without its CSRF token: the admin's, or that of the hosted pages."""

from django.http import HttpRequest, HttpResponseBase

from authentication.pages.looks import FormExpired
from config.middleware import is_hosted_page
from environments.staff import pages


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponseBase:
    """Answer a form without its token (``CSRF_FAILURE_VIEW``)."""
    if is_hosted_page(request.path_info):
        return FormExpired.as_view()(request)
    return pages.csrf_failure(request, reason)
