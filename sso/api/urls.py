from django.urls import path

from sso.api import certificate_views, connection_views, passwordless_views, sign_in_views

_CERTIFICATES = "connections/<str:connection_id>/saml_idp_signing_certs"
_ENCRYPTION_CERTIFICATES = "connections/<str:connection_id>/saml_sp_encryption_certs"
_SIGNING_CERTIFICATE = "connections/<str:connection_id>/saml_sp_signing_cert"

urlpatterns = [
    path("connections", connection_views.ConnectionCollection.as_view()),
    path("connections/<str:connection_id>", connection_views.ConnectionItem.as_view()),
    path(_CERTIFICATES, certificate_views.IdPCertificateCollection.as_view()),
    path(f"{_CERTIFICATES}/<str:certificate_id>", certificate_views.IdPCertificateItem.as_view()),
    path(_ENCRYPTION_CERTIFICATES, certificate_views.SPEncryptionCertificateCollection.as_view()),
    path(
        f"{_ENCRYPTION_CERTIFICATES}/<str:certificate_id>",
        certificate_views.SPEncryptionCertificateItem.as_view(),
    ),
    path(_SIGNING_CERTIFICATE, certificate_views.SPSigningCertificate.as_view()),
    path(
        f"{_SIGNING_CERTIFICATE}/<str:certificate_id>", certificate_views.SPSigningCertificateItem.as_view()
    ),
    path("sso/authorize", sign_in_views.Authorize.as_view()),
    path("sso/token", sign_in_views.Token.as_view()),
    path("sso/logout", sign_in_views.Logout.as_view()),
    path("sso/logout/authorize", sign_in_views.AuthorizeLogout.as_view()),
    path("passwordless/sessions", passwordless_views.PasswordlessSessions.as_view()),
    path("passwordless/sessions/<str:session_id>/send", passwordless_views.SendPasswordlessSession.as_view()),
    path("sso/profile", sign_in_views.UserProfile.as_view()),
]
