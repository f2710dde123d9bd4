"""The root of all URLs. Unknown routes are answered in JSON."""

from django.contrib import admin
from django.urls import include, path

from config import health

urlpatterns = [
    path("healthz", health.alive),
    path("readyz", health.ready),
    path("admin/", admin.site.urls),
    path("", include("config.docs_urls")),
    path("", include("authentication.pages.urls")),
    path("", include("authentication.api.urls")),
    path("", include("organizations.api.urls")),
    path("", include("accounts.api.urls")),
    path("", include("authorization.api.urls")),
    path("", include("environments.api.urls")),
    path("", include("events.api.urls")),
    path("", include("events.pages.urls")),
]

handler400 = "environments.api.views.bad_request_view"
handler403 = "environments.api.views.forbidden_view"
handler404 = "environments.api.views.not_found_view"
handler500 = "environments.api.views.server_error_view"
