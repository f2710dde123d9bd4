"""Everything of the test identity provider lies below the client id of its sandbox."""

from django.urls import include, path

from sso.pages.test_idp import oidc_views, saml_views, views
from sso.test_idp.identity import PATH

_pages = [
    path("", views.Home.as_view(), name="test-idp"),
    path("/sign-in", views.SignInPage.as_view(), name="test-idp-sign-in"),
    path("/saml/metadata", saml_views.Metadata.as_view(), name="test-idp-saml-metadata"),
    path("/saml/sso", saml_views.SingleSignOn.as_view(), name="test-idp-saml-sso"),
    path("/saml/start", saml_views.Start.as_view(), name="test-idp-saml-start"),
    path("/saml/slo", saml_views.SingleLogout.as_view(), name="test-idp-saml-slo"),
    path("/oidc/.well-known/openid-configuration", oidc_views.Discovery.as_view(), name="test-idp-discovery"),
    path("/oidc/jwks", oidc_views.JWKS.as_view(), name="test-idp-jwks"),
    path("/oidc/authorize", oidc_views.Authorize.as_view(), name="test-idp-authorize"),
    path("/oidc/token", oidc_views.Token.as_view(), name="test-idp-token"),
    path("/oidc/userinfo", oidc_views.UserInfo.as_view(), name="test-idp-userinfo"),
    path("/oidc/end_session", oidc_views.EndSession.as_view(), name="test-idp-end-session"),
]

urlpatterns = [path(f"{PATH.lstrip('/')}<str:client_id>", include(_pages))]
