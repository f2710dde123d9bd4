"""The root of all URLs. Unknown routes are answered in JSON."""

from itertools import chain

from django.contrib import admin
from django.urls import include, path

from accounts.api import urls as accounts_urls
from authentication.api import urls as authentication_urls
from authorization.api import urls as authorization_urls
from config import health
from environments.api import urls as environments_urls
from events.api import urls as events_urls
from organizations.api import urls as organizations_urls
from sso.api import urls as sso_urls

# The API's patterns stand here themselves: every include() that does not match costs each request an exception.
urlpatterns = [
    path("healthz", health.alive),
    path("readyz", health.ready),
    path("admin/", admin.site.urls),
    path("", include("config.docs_urls")),
    *chain(
        authentication_urls.urlpatterns,
        organizations_urls.urlpatterns,
        sso_urls.urlpatterns,
        accounts_urls.urlpatterns,
        authorization_urls.urlpatterns,
        environments_urls.urlpatterns,
        events_urls.urlpatterns,
    ),
    path("", include("authentication.pages.urls")),
    path("", include("events.pages.urls")),
    path("", include("sso.pages.test_idp.urls")),
]

handler400 = "environments.api.views.bad_request_view"
handler403 = "environments.api.views.forbidden_view"
handler404 = "environments.api.views.not_found_view"
handler500 = "environments.api.views.server_error_view"
