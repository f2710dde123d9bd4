"""The pages of the test identity provider: who signs in, the way back, and what it is."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse

from sso.models import KeyPairUse
from sso.pages.test_idp import memory
from sso.pages.test_idp.forms import PersonForm
from sso.pages.test_idp.memory import Asked, SignIn
from sso.pages.test_idp.plumbing import TestIdPView
from sso.test_idp import services
from sso.test_idp.oidc import AskedAuthorization
from sso.test_idp.people import MISBEHAVIOUR_LABELS, Misbehaviour, Person
from sso.test_idp.relying_parties import (
    RelyingParty,
    find_connection,
    logout_url_of,
    members_of,
    relying_party_at,
)
from sso.test_idp.saml_answers import IssuedResponse, issue_response, logout_request_url
from sso.test_idp.saml_messages import AskedSignIn

_FIRST_PERSON = Person(email="ada@example.com", first_name="Ada", last_name="Lovelace", groups=("Engineers",))


class Home(TestIdPView):
    """GET /test-idp/:client_id: what it is, what to copy, and where this browser is signed in."""

    def get(self, request: HttpRequest) -> HttpResponse:
        rows = memory.sign_ins(request, self.environment)
        shown = [(row, find_connection(self.environment, row.connection_id)) for row in rows]
        return self.show("home.html", {"sign_ins": [pair for pair in shown if pair[1] is not None]})

    def post(self, request: HttpRequest) -> HttpResponse:
        """End one sign-in at the application, by single logout."""
        rows = memory.sign_ins(request, self.environment)
        chosen = next((row for row in rows if row.session_index == request.POST.get("session")), None)
        connection = find_connection(self.environment, chosen.connection_id) if chosen else None
        if chosen is None or connection is None:
            return HttpResponseRedirect(request.path, status=303)
        url = logout_request_url(self.idp, logout_url_of(connection), chosen.name_id, chosen.session_index)
        response = go_on(self, url, "Signing out", "The application is asked to end the session.")
        memory.write_sign_ins(response, self.environment, [row for row in rows if row != chosen])
        return response


class SignInPage(TestIdPView):
    """GET, POST /test-idp/:client_id/sign-in: who is it, of a request in ``?request=``."""

    asked: Asked

    def answer(self, request: HttpRequest, *arguments: Any, **options: Any) -> HttpResponseBase:
        """Find the request that is to be answered."""
        asked = memory.read_request(self.environment, request.GET.get("request", ""))
        if asked is None:
            return self.refusal(
                "This sign-in has expired",
                "Requests wait for an hour. Go back to the application and sign in again from there.",
                status=404,
            )
        self.asked = asked
        return super().answer(request, *arguments, **options)

    def get(self, request: HttpRequest) -> HttpResponse:
        known = memory.people(request, self.environment)
        hinted = self.asked.login_hint
        person = next((one for one in known if hinted in {one.email, one.subject}), None)
        if person is None and "@" in hinted:
            person = Person(email=hinted)
        return self._show(PersonForm.about(person or (known[0] if known else self._somebody())))

    def post(self, request: HttpRequest) -> HttpResponse:
        if chosen := request.POST.get("person"):
            person = self._known(chosen)
            if person is None:
                return HttpResponseRedirect(request.get_full_path(), status=303)
            return self._send(person, None)
        wanted = request.POST.get("answer", "")
        misbehaviour = next((one for one in Misbehaviour if one.value == wanted), None)
        if misbehaviour is Misbehaviour.CANCELLED:
            # Whoever cancels need not have said who they are.
            return self._send(self._somebody(), misbehaviour)
        form = PersonForm(request.POST)
        if not form.is_valid():
            return self._show(form, status=422)
        return self._send(form.person, misbehaviour)

    def _party(self) -> RelyingParty:
        address = self.asked.acs_url if isinstance(self.asked, AskedSignIn) else self.asked.redirect_uri
        return relying_party_at(self.environment, address)

    def _somebody(self) -> Person:
        """Return a person to begin with, of the domain that the connection is for."""
        connection = self._party().connection
        domain = None
        if connection is not None and connection.organization is not None:
            domain = connection.organization.domains.order_by("id").first()
        if domain is None:
            return _FIRST_PERSON
        return Person.from_json(_FIRST_PERSON.as_json() | {"email": f"ada@{domain.domain}"})

    def _suggestions(self) -> list[tuple[str, Person, str]]:
        """Return who is one click away: a key, the person, and why they are offered."""
        known = memory.people(self.request, self.environment)
        rows = [(f"recent-{place}", person, "used before") for place, person in enumerate(known)]
        seen = {person.email.lower() for person in known}
        for user in members_of(self._party()):
            if user.email not in seen:
                person = Person(
                    email=user.email, first_name=user.first_name or "", last_name=user.last_name or ""
                )
                rows.append((f"member-{user.pk}", person, "member"))
        return rows

    def _known(self, key: str) -> Person | None:
        return next((person for name, person, _reason in self._suggestions() if name == key), None)

    def _show(self, form: PersonForm, status: int = 200) -> HttpResponse:
        asked = self.asked
        is_saml = isinstance(asked, AskedSignIn)
        context = {
            "form": form,
            "relying_party": self._party(),
            "suggestions": self._suggestions(),
            "misbehaviours": [(one.value, label) for one, label in MISBEHAVIOUR_LABELS.items()],
            "protocol": "SAML" if is_saml else "OpenID Connect",
            "address": asked.acs_url if isinstance(asked, AskedSignIn) else asked.redirect_uri,
            "service_provider": asked.sp_entity_id if isinstance(asked, AskedSignIn) else asked.client_id,
            "force_authn": isinstance(asked, AskedSignIn) and asked.force_authn,
        }
        return self.show("sign_in.html", context, status)

    def _send(self, person: Person, misbehaviour: Misbehaviour | None) -> HttpResponse:
        party = self._party()
        if isinstance(self.asked, AskedSignIn):
            response = self._send_saml(self.asked, party, person, misbehaviour)
        else:
            response = self._send_oidc(self.asked, person, misbehaviour)
        if misbehaviour is None:
            memory.remember_person(self.request, response, self.environment, person)
        return response

    def _send_saml(
        self, asked: AskedSignIn, party: RelyingParty, person: Person, misbehaviour: Misbehaviour | None
    ) -> HttpResponse:
        issued = issue_response(
            self.idp,
            asked,
            person,
            misbehaviour,
            encryption_certificate_pem=_encryption_certificate_of(party),
        )
        response = post_on(self, issued)
        if party.connection is not None and misbehaviour is None:
            row = SignIn(party.connection.pk, issued.name_id, issued.session_index, person.email)
            others = memory.sign_ins(self.request, self.environment)
            kept = [
                one for one in others if (one.connection_id, one.name_id) != (row.connection_id, row.name_id)
            ]
            memory.write_sign_ins(response, self.environment, [row, *kept])
        return response

    def _send_oidc(
        self, asked: AskedAuthorization, person: Person, misbehaviour: Misbehaviour | None
    ) -> HttpResponse:
        if misbehaviour is Misbehaviour.CANCELLED:
            answer = {"error": "access_denied", "error_description": "The person cancelled."}
        else:
            answer = {
                "code": services.issue_code(
                    environment=self.environment, asked=asked, person=person, misbehaviour=misbehaviour
                )
            }
        url = authorization_response(self.idp.issuer, asked, answer)
        return go_on(self, url, "Signed in", "The browser goes back to the application.")


def _encryption_certificate_of(party: RelyingParty) -> str:
    """Return the certificate to encrypt to, for a connection that demands it."""
    settings = getattr(party.connection, "saml_settings", None)
    if party.connection is None or settings is None or not settings.require_encrypted_assertions:
        return ""
    pairs = party.connection.own_key_pairs(KeyPairUse.ENCRYPTION)
    return pairs[-1].certificate if pairs else ""


def authorization_response(issuer: str, asked: AskedAuthorization, answer: dict[str, str]) -> str:
    """Return where the browser takes an answer; RFC 9207 has it name who answers."""
    state = {"state": asked.state} if asked.state else {}
    query = urlencode({**answer, **state, "iss": issuer})
    return f"{asked.redirect_uri}{'&' if '?' in asked.redirect_uri else '?'}{query}"


def go_on(view: TestIdPView, url: str, title: str, text: str) -> HttpResponse:
    """Send the browser on by a page, not by a redirect.

    Chromium holds the policy's form-action against every redirect that follows a form, in other applications too.
    """
    return view.show("go_on.html", {"target": url, "title": title, "text": text})


def post_on(view: TestIdPView, issued: IssuedResponse) -> HttpResponse:
    """Have the browser post a response; without script, by a button."""
    response = view.show("post_on.html", {"issued": issued})
    # The form goes to another origin, and the redirects after it to others again.
    response._csp_replace = {"form-action": None}  # type: ignore[attr-defined]  # noqa: SLF001  # django-csp's own mark
    return response


def begin(view: TestIdPView, asked: Asked) -> HttpResponseRedirect:
    """Send the browser to the page that asks who signs in; by GET, so that its cookies come along."""
    page = reverse("test-idp-sign-in", args=[view.environment.client_id])
    handle = memory.write_request(view.environment, asked)
    return HttpResponseRedirect(f"{page}?{urlencode({'request': handle})}", status=303)
