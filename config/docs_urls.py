"""The welcome page, the OpenAPI schema and its offline page."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe
from drf_spectacular.renderers import OpenApiJsonRenderer
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView


@require_safe
def welcome(request: HttpRequest) -> HttpResponse:
    """GET /: where to go from here."""
    keeps_mail = not settings.PRODUCTION and not settings.MAIL_IS_DELIVERED
    return render(request, "welcome.html", {"title": "Welcome", "keeps_mail": keeps_mail})


urlpatterns = [
    path("", welcome, name="welcome"),
    path("openapi.json", SpectacularAPIView.as_view(renderer_classes=[OpenApiJsonRenderer]), name="openapi"),
    path("docs", SpectacularSwaggerSplitView.as_view(url_name="openapi"), name="docs"),
]
