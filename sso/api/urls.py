from django.urls import path

from sso.api import connection_views, passwordless_views, sign_in_views

_CERTIFICATES = "connections/<str:connection_id>/saml_idp_signing_certs"

urlpatterns = [
    path("connections", connection_views.ConnectionCollection.as_view()),
    path("connections/<str:connection_id>", connection_views.ConnectionItem.as_view()),
    path(_CERTIFICATES, connection_views.IdPCertificateCollection.as_view()),
    path(f"{_CERTIFICATES}/<str:certificate_id>", connection_views.IdPCertificateItem.as_view()),
    path("sso/authorize", sign_in_views.Authorize.as_view()),
    path("sso/token", sign_in_views.Token.as_view()),
    path("sso/logout", sign_in_views.Logout.as_view()),
    path("sso/logout/authorize", sign_in_views.AuthorizeLogout.as_view()),
    path("passwordless/sessions", passwordless_views.PasswordlessSessions.as_view()),
    path("passwordless/sessions/<str:session_id>/send", passwordless_views.SendPasswordlessSession.as_view()),
    path("sso/profile", sign_in_views.UserProfile.as_view()),
]
