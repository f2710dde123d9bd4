"""The SAML endpoints of the test identity provider."""

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_exempt

from sso.connection_types import Protocol
from sso.pages.test_idp import memory
from sso.pages.test_idp.plumbing import TestIdPView
from sso.pages.test_idp.views import begin, go_on, post_on
from sso.test_idp.relying_parties import (
    find_connection,
    find_connection_by_entity_id,
    logout_url_of,
    relying_party_at,
    sign_in_of_connection,
)
from sso.test_idp.saml_answers import logout_response_url, refuse_passive, write_metadata
from sso.test_idp.saml_messages import UnreadableRequest, read_logout_request, read_sign_in_request


class Metadata(TestIdPView):
    """GET /test-idp/:client_id/saml/metadata."""

    def get(self, _request: HttpRequest) -> HttpResponse:
        response = HttpResponse(write_metadata(self.idp), content_type="application/samlmetadata+xml")
        response.headers["Content-Disposition"] = 'inline; filename="test-idp.xml"'
        return response


# A service provider posts from its own origin: there is no token of ours in its form, and nothing changes by it.
@method_decorator(csrf_exempt, name="dispatch")
class SingleSignOn(TestIdPView):
    """GET, POST /test-idp/:client_id/saml/sso: takes an AuthnRequest, and asks who signs in."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._take(request.GET, by_redirect=True)

    def post(self, request: HttpRequest) -> HttpResponse:
        return self._take(request.POST, by_redirect=False)

    def _take(self, parameters: QueryDict, *, by_redirect: bool) -> HttpResponse:
        values = {name: str(parameters.get(name, "")) for name in ("SAMLRequest", "RelayState")}
        asked = read_sign_in_request(
            values["SAMLRequest"],
            by_redirect=by_redirect,
            relay_state=values["RelayState"],
            sso_url=self.idp.sso_url,
        )
        relying_party_at(self.environment, asked.acs_url)
        if asked.is_passive:
            return post_on(self, refuse_passive(self.idp, asked))
        return begin(self, asked)


class Start(TestIdPView):
    """GET /test-idp/:client_id/saml/start?connection=: a sign-in that begins here, as from a portal of apps."""

    def get(self, request: HttpRequest) -> HttpResponse:
        connection = find_connection(self.environment, request.GET.get("connection", ""))
        if connection is None or connection.protocol is not Protocol.SAML:
            raise Http404
        return begin(self, sign_in_of_connection(connection))


@method_decorator(csrf_exempt, name="dispatch")
class SingleLogout(TestIdPView):
    """GET, POST /test-idp/:client_id/saml/slo: a logout that an application asks for, or its answer to ours."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._take(request.GET, by_redirect=True)

    def post(self, request: HttpRequest) -> HttpResponse:
        return self._take(request.POST, by_redirect=False)

    def _take(self, parameters: QueryDict, *, by_redirect: bool) -> HttpResponse:
        names = ("SAMLRequest", "SAMLResponse", "RelayState")
        values = {name: str(parameters.get(name, "")) for name in names}
        if values["SAMLResponse"]:
            return self.show(
                "done.html", {"title": "Signed out", "text": "The application has ended the session."}
            )
        if not values["SAMLRequest"]:
            raise UnreadableRequest("It has neither SAMLRequest nor SAMLResponse.")
        asked = read_logout_request(
            values["SAMLRequest"], by_redirect=by_redirect, relay_state=values["RelayState"]
        )
        connection = find_connection_by_entity_id(self.environment, asked.sp_entity_id)
        if connection is None:
            # A LogoutRequest does not say where its answer goes, and metadata of strangers is not kept.
            text = "The test identity provider does not know where this application takes the answer."
            return self.show("done.html", {"title": "Signed out", "text": text})
        url = logout_response_url(self.idp, asked, logout_url_of(connection))
        response = go_on(self, url, "Signed out", "The browser goes back to the application.")
        rows = memory.sign_ins(self.request, self.environment)
        kept = [row for row in rows if (row.connection_id, row.name_id) != (connection.pk, asked.name_id)]
        memory.write_sign_ins(response, self.environment, kept)
        return response
