from django.urls import path

from environments.api import endpoints

urlpatterns = [
    path("user_management/redirect_uris", endpoints.RedirectURICollection.as_view()),
    path("user_management/redirect_uris/<str:redirect_uri_id>", endpoints.RedirectURIItem.as_view()),
    path("user_management/cors_origins", endpoints.CORSOriginCollection.as_view()),
    path("sso/jwks/<str:client_id>", endpoints.JWKSet.as_view()),
]
