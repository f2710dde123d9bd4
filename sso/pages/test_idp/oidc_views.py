"""The OpenID Connect endpoints of the test identity provider."""

import base64
import binascii
from typing import Any
from urllib.parse import unquote_plus, urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, JsonResponse
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_exempt

from sso.pages.test_idp.plumbing import TestIdPView
from sso.pages.test_idp.views import authorization_response, begin
from sso.test_idp import oidc, services
from sso.test_idp.oidc import AskedAuthorization, CodeRedemption, OIDCRefused, UnusableRequest
from sso.test_idp.relying_parties import relying_party_at


class OIDCView(TestIdPView):
    """An endpoint that answers in JSON, to browsers of any origin: nothing here belongs to anybody real."""

    def answer(self, request: HttpRequest, *arguments: Any, **options: Any) -> HttpResponseBase:
        """Answer, or refuse in the words of RFC 6749 (5.2) or RFC 6750 (3.1)."""
        try:
            response = super().answer(request, *arguments, **options)
        except OIDCRefused as refusal:
            response = _refused(refusal)
        response.headers["Access-Control-Allow-Origin"] = "*"
        return response


def _refused(refusal: OIDCRefused) -> HttpResponse:
    status = 401 if refusal.error in {"invalid_client", "invalid_token"} else 400
    body = {"error": refusal.error, "error_description": refusal.description}
    response = JsonResponse(body, status=status)
    if refusal.error == "invalid_token":
        response.headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
    elif refusal.error == "invalid_client":
        response.headers["WWW-Authenticate"] = 'Basic realm="test identity provider"'
    return response


class Discovery(OIDCView):
    """GET /test-idp/:client_id/oidc/.well-known/openid-configuration."""

    def get(self, _request: HttpRequest) -> HttpResponse:
        return JsonResponse(oidc.discovery(self.idp))


class JWKS(OIDCView):
    """GET /test-idp/:client_id/oidc/jwks."""

    def get(self, _request: HttpRequest) -> HttpResponse:
        return JsonResponse({"keys": [self.idp.public_jwk]})


@method_decorator(csrf_exempt, name="dispatch")
class Authorize(TestIdPView):
    """GET, POST /test-idp/:client_id/oidc/authorize (OIDC core 3.1.2.1 asks for both)."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._take(request.GET.dict())

    def post(self, request: HttpRequest) -> HttpResponse:
        return self._take(request.POST.dict())

    def _take(self, parameters: dict[str, Any]) -> HttpResponse:
        try:
            client_id, redirect_uri = oidc.read_redirect_uri(parameters)
        except UnusableRequest as refusal:
            return self.refusal("This request cannot be answered", str(refusal))
        relying_party_at(self.environment, redirect_uri)
        try:
            return begin(self, oidc.read_authorization(parameters))
        except OIDCRefused as refusal:
            asked = AskedAuthorization(
                client_id=client_id, redirect_uri=redirect_uri, state=str(parameters.get("state", ""))[:2000]
            )
            answer = {"error": refusal.error, "error_description": refusal.description}
            return HttpResponseRedirect(authorization_response(self.idp.issuer, asked, answer), status=303)


@method_decorator(csrf_exempt, name="dispatch")
class Token(OIDCView):
    """POST /test-idp/:client_id/oidc/token."""

    def post(self, request: HttpRequest) -> HttpResponse:
        if request.POST.get("grant_type") != "authorization_code":
            raise OIDCRefused("unsupported_grant_type", "grant_type has to be authorization_code.")
        redeemed = services.redeem_code(
            environment=self.environment,
            idp=self.idp,
            code=str(request.POST.get("code", "")),
            presented=_presented(request),
        )
        return JsonResponse(
            oidc.issue_tokens(self.idp, redeemed.asked, redeemed.person, redeemed.misbehaviour)
        )


@method_decorator(csrf_exempt, name="dispatch")
class UserInfo(OIDCView):
    """GET, POST /test-idp/:client_id/oidc/userinfo (OIDC core 5.3.1 asks for both)."""

    def get(self, request: HttpRequest) -> HttpResponse:
        scheme, _, access_token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise OIDCRefused("invalid_token", "The access token belongs into the Authorization header.")
        return JsonResponse(oidc.read_userinfo(self.idp, access_token.strip()))

    post = get


class EndSession(TestIdPView):
    """GET /test-idp/:client_id/oidc/end_session (OIDC RP-initiated logout 2)."""

    def get(self, request: HttpRequest) -> HttpResponse:
        url = request.GET.get("post_logout_redirect_uri", "")
        hint = oidc.read_id_token_hint(self.idp, request.GET.get("id_token_hint", ""))
        if url:
            # Whose address is it? Raises for one that must not be sent to.
            _client_id, url = oidc.read_redirect_uri({"client_id": "any", "redirect_uri": url})
            state = request.GET.get("state", "")[:2000]
            if state:
                url = f"{url}{'&' if '?' in url else '?'}{urlencode({'state': state})}"
        if url.startswith(f"{settings.BASE_URL}/sso/") and hint is not None:
            return HttpResponseRedirect(url, status=303)
        text = "Nobody stays signed in at the test identity provider."
        # A stranger's address is shown before it is gone to: this must not be a springboard.
        return self.show("done.html", {"title": "Signed out", "text": text, "back": url})

    def answer(self, request: HttpRequest, *arguments: Any, **options: Any) -> HttpResponseBase:
        """Answer, or say why the address is none."""
        try:
            return super().answer(request, *arguments, **options)
        except UnusableRequest as refusal:
            return self.refusal("This request cannot be answered", str(refusal))


def _presented(request: HttpRequest) -> CodeRedemption:
    """Read what the client presents: its secret by Basic or in the body (RFC 6749 2.3.1)."""
    client_id, client_secret = request.POST.get("client_id", ""), request.POST.get("client_secret", "")
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            name, _, password = base64.b64decode(credentials, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError, ValueError) as error:
            raise OIDCRefused("invalid_client", "The Authorization header cannot be read.") from error
        client_id, client_secret = unquote_plus(name), unquote_plus(password)
    return CodeRedemption(
        client_id=str(client_id),
        client_secret=str(client_secret),
        redirect_uri=str(request.POST.get("redirect_uri", "")),
        code_verifier=str(request.POST.get("code_verifier", "")),
    )
