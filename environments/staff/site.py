"""The admin site: who gets in, which environment is open, the navigation, the first page."""

from functools import update_wrapper
from typing import Any
from urllib.parse import urlsplit

import structlog
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.admin.models import LogEntry
from django.contrib.auth.views import LogoutView
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from environments import services
from environments.staff import dashboard
from environments.staff.model_admin import StaffModelAdmin
from environments.staff.pages import error_page
from environments.staff.scope import (
    NoEnvironment,
    choose_environment,
    environments_of,
    find_environment,
    open_environment,
    operator_of,
)
from environments.staff.sign_in import CodeView, OperatorPasswordView, SignInView
from environments.staff.two_step import two_step_page

# The sections of the navigation, in order. A ModelAdmin names its own.
SECTIONS = (
    "People",
    "Organizations",
    "Single sign-on",
    "Access",
    "Activity",
    "Environment",
    "Installation",
)


class GatehouseAdminSite(AdminSite):
    """Django's admin, one environment at a time, with a second factor for operators who set one up."""

    site_title = "Gatehouse"
    site_header = "Gatehouse"
    index_title = "Overview"
    index_template = "admin/dashboard.html"
    site_url = None
    enable_nav_sidebar = True

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        # Deleting is a use case of its own for each kind of object, and asks first.
        self.disable_action("delete_selected")

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Take our own pages alone: Django's for its groups have nothing to do with how operators get their rights."""
        if admin_class is not None and issubclass(admin_class, StaffModelAdmin):
            super().register(model_or_iterable, admin_class, **options)

    # --- Who gets in ------------------------------------------------------------------------------------------

    def has_permission(self, request: HttpRequest) -> bool:
        """An active operator who has shown a code, if an authenticator app was ever confirmed.

        The device is looked up at every request: enrolling in one browser shuts the door on all others.
        """
        operator: Any = request.user
        if not (operator.is_authenticated and operator.is_active and operator.is_staff):
            return False
        return bool(operator.is_verified()) or services.find_authenticator(operator_of(request)) is None

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Open the operator's environment before the view, and answer refusals with a page of the admin."""

        def in_environment(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if any("\x00" in value for values in request.GET.lists() for value in values[1]):
                # PostgreSQL takes no NUL in a text, and a filter would hand it on.
                return self._refusal(request, 400)
            open_environment(request)
            environment = find_environment(request)
            if environment is not None:
                structlog.contextvars.bind_contextvars(environment_id=environment.pk)
            try:
                answer: HttpResponseBase = view(request, *args, **kwargs)
                return answer
            except Http404:
                return self._refusal(request, 404)
            except NoEnvironment:
                return self._refusal(request, 403, "no_environment")
            except PermissionDenied:
                return self._refusal(request, 403)
            except SuspiciousOperation:
                return self._refusal(request, 400)

        return super().admin_view(update_wrapper(in_environment, view), cacheable)

    def _refusal(self, request: HttpRequest, status: int, reason: str = "") -> HttpResponse:
        request.current_app = self.name
        return error_page(request, status, reason, self.each_context(request))

    # --- Pages of the site ------------------------------------------------------------------------------------

    def get_urls(self) -> list[Any]:
        own = [
            path("login/code/", self.login_code, name="login_code"),
            path("two-step/", self.admin_view(self.two_step), name="two_step"),
            path(
                "environment/",
                self.admin_view(require_POST(self.switch_environment)),
                name="switch_environment",
            ),
        ]
        return [*own, *super().get_urls()]

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """E-mail and password."""
        if request.method == "GET" and self.has_permission(request):
            return HttpResponseRedirect(reverse("admin:index", current_app=self.name))
        return self._door(request, SignInView, "Sign in")

    def login_code(self, request: HttpRequest) -> HttpResponseBase:
        """The second step, for those who have one."""
        return self._door(request, CodeView, "Two-step sign-in")

    def _door(self, request: HttpRequest, view: Any, title: str) -> HttpResponseBase:
        request.current_app = self.name
        context = {
            "site_title": self.site_title,
            "site_header": self.site_header,
            "title": title,
            "has_permission": False,
        }
        answer: HttpResponseBase = never_cache(
            sensitive_post_parameters()(view.as_view(extra_context=context))
        )(request)
        return answer

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """End the session and show the sign-in page."""
        return LogoutView.as_view(next_page=reverse("admin:login", current_app=self.name))(request)

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """The operator's own password."""
        request.current_app = self.name
        return OperatorPasswordView.as_view(
            success_url=reverse("admin:password_change_done", current_app=self.name),
            extra_context={**self.each_context(request), "title": "Change password"},
        )(request)

    def password_change_done(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Say so, on the first page."""
        messages.success(request, "Your password was changed. Your other sessions have ended.")
        return HttpResponseRedirect(reverse("admin:index", current_app=self.name))

    def two_step(self, request: HttpRequest) -> HttpResponseBase:
        """The operator's own second factor."""
        request.current_app = self.name
        return two_step_page(request, self.each_context(request))

    def switch_environment(self, request: HttpRequest) -> HttpResponseBase:
        """POST the id of another environment: open it, and go to the same list there."""
        environment = choose_environment(request, request.POST.get("environment", ""))
        if environment is None:
            raise Http404
        back = request.POST.get("next", "")
        safe = url_has_allowed_host_and_scheme(back, allowed_hosts=None) and urlsplit(back).path.startswith(
            reverse("admin:index", current_app=self.name)
        )
        return HttpResponseRedirect(back if safe else reverse("admin:index", current_app=self.name))

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """The figures of the environment."""
        environment = find_environment(request)
        extra = dict(extra_context or {})
        if environment is not None:
            extra["dashboard"] = dashboard.figures_of(environment, request, self._in_order())
        extra["two_step_is_on"] = operator_of(request).is_verified()  # type: ignore[attr-defined]  # set by django-otp
        return super().index(request, extra)

    def _in_order(self) -> list[Any]:
        return sorted(
            self._registry.values(),
            key=lambda page: (
                SECTIONS.index(getattr(page, "section", SECTIONS[-1])),
                getattr(page, "order", 50),
            ),
        )

    def app_index(
        self, request: HttpRequest, app_label: str, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """The navigation has sections of its own, so Django's page per app has nothing to show."""
        raise Http404

    # --- What every page shows --------------------------------------------------------------------------------

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        context = super().each_context(request)
        environment = find_environment(request)
        return {**context, "environment": environment, "environments": environments_of(request)}

    def get_log_entries(self, request: HttpRequest) -> Any:
        """Nothing: the first page shows the environment's events with their actors instead."""
        return LogEntry.objects.none()

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[dict[str, Any]]:
        """Return the navigation: sections that staff think in, and not one per Django app."""
        if not self.has_permission(request):
            return []
        sections: dict[str, list[dict[str, Any]]] = {name: [] for name in SECTIONS}
        for app in self._build_app_dict(request, app_label).values():
            for entry in app["models"]:
                model_admin = self._registry[entry["model"]]
                if not getattr(model_admin, "in_navigation", True):
                    continue
                entry["name"] = getattr(model_admin, "label", "") or entry["name"]
                entry["order"] = getattr(model_admin, "order", 50)
                entry["icon"] = getattr(model_admin, "icon", "dot")
                sections[getattr(model_admin, "section", SECTIONS[-1])].append(entry)
        return [
            {
                "name": name,
                "app_label": name.lower(),
                "app_url": "",
                "has_module_perms": True,
                "models": sorted(entries, key=lambda entry: (entry["order"], str(entry["name"]))),
            }
            for name, entries in sections.items()
            if entries
        ]
