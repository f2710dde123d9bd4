"""``/dev/mail``: what Gatehouse would have sent, for developers who run it without a mail server.

The messages hold one-time codes, so the pages exist only outside production, only while mail is kept, and only for
sandboxes; and they open to a signed-in operator, or to whoever sits at the machine itself.
"""

import ipaddress
from typing import Any
from urllib.parse import urlsplit

from csp.constants import SELF
from csp.decorators import csp_update
from django.conf import settings
from django.contrib import admin
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.http import urlencode
from django.views import View

from environments.models import Environment, EnvironmentKind
from environments.staff.pages import error_page
from environments.staff.scope import operator_of
from events import conf
from events.models import Mail
from foundation.errors import NotFound

_PAGE = 50
_LOOPBACK_NAMES = {"localhost", "127.0.0.1", "::1", "[::1]"}

# The message is a stranger to this page: no script, no form, no picture but the logo that we serve ourselves; links
# open elsewhere.
_MESSAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data: {base_url}/branding/; frame-ancestors 'self'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox"
)


class _MailPage(View):
    """Opens to those who may read kept mail, and hands down the sandboxes whose mail it is."""

    environments: list[Environment]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if settings.PRODUCTION or not conf.keeps_mail():
            return error_page(request, 404, context={"has_permission": False})
        sandboxes = Environment.objects.filter(kind=EnvironmentKind.SANDBOX)
        if admin.site.has_permission(request):
            sandboxes = sandboxes.filter(pk__in=operator_of(request).visible_environments())
        elif not is_local(request):
            return HttpResponseRedirect(f"{reverse('admin:login')}?{urlencode({'next': request.path})}")
        self.environments = list(sandboxes)
        try:
            response = super().dispatch(request, *args, **kwargs)
        except Http404:
            return error_page(request, 404, context={"has_permission": False})
        response.headers["Cache-Control"] = "no-store"
        return response

    def require_mail(self, mail_id: str) -> Mail:
        """Return a message of one of the sandboxes; raises Http404."""
        for environment in self.environments:
            try:
                return Mail.objects.in_environment(environment).require(mail_id)
            except NotFound:
                continue
        raise Http404


class MailList(_MailPage):
    """GET /dev/mail."""

    def get(self, request: HttpRequest) -> HttpResponse:
        chosen = next((row for row in self.environments if row.pk == request.GET.get("environment")), None)
        recipient = request.GET.get("to", "").replace("\x00", "").strip().lower()
        messages: list[Mail] = []
        for environment in [chosen] if chosen else self.environments:
            rows = (
                Mail.objects.in_environment(environment).defer("text", "html").select_related("environment")
            )
            if recipient:
                rows = rows.filter(recipient__icontains=recipient)
            messages.extend(rows.order_by("-id")[: _PAGE * 4])
        messages.sort(key=lambda mail: mail.id, reverse=True)
        page = Paginator(messages, _PAGE).get_page(request.GET.get("page"))
        context = {"title": "Mail", "page": page, "environments": self.environments, "recipient": recipient}
        return render(request, "dev/mail_list.html", context)


@method_decorator(csp_update({"frame-src": [SELF]}), name="dispatch")
class MailItem(_MailPage):
    """GET /dev/mail/:id."""

    def get(self, request: HttpRequest, mail_id: str) -> HttpResponse:
        mail = self.require_mail(mail_id)
        return render(request, "dev/mail.html", {"title": mail.subject, "mail": mail})


class MailHTML(_MailPage):
    """GET /dev/mail/:id/html, for the frame inside the page of the message."""

    def get(self, request: HttpRequest, mail_id: str) -> HttpResponse:
        response = HttpResponse(f'<base target="_blank">{self.require_mail(mail_id).html}')
        response.headers["Content-Security-Policy"] = _MESSAGE_POLICY.format(base_url=settings.BASE_URL)
        response.headers["X-Frame-Options"] = "SAMEORIGIN"
        return response


def is_local(request: HttpRequest) -> bool:
    """Tell whether the browser runs on the very machine that listens here, with nobody in between.

    Each condition shuts another way in: the socket is open to this machine alone, the peer is this machine, no proxy
    or tunnel forwards for somebody else, and the name in the address bar is this machine's, not one that a page
    elsewhere had resolved to it (DNS rebinding).
    """
    if settings.BIND not in _LOOPBACK_NAMES or settings.TRUSTED_PROXIES:
        return False
    if any(
        header in request.headers for header in ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "Via")
    ):
        return False
    try:
        peer_is_here = ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False
    return peer_is_here and (urlsplit(f"//{request.get_host()}").hostname or "") in _LOOPBACK_NAMES
