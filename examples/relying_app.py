"""An application without a sign-in screen of its own: plain WSGI and the official SDK (pip install workos).

    WORKOS_API_KEY=sk_… WORKOS_CLIENT_ID=client_… python examples/relying_app.py

Then open http://localhost:3000. Its callback is the redirect URI that every sandbox begins with.
"""

import os
import secrets
from html import escape
from socketserver import ThreadingMixIn
from urllib.parse import parse_qs
from wsgiref.simple_server import WSGIServer, make_server

from workos import WorkOSClient

workos = WorkOSClient(base_url=os.environ.get("WORKOS_BASE_URL", "http://localhost:8000"))
users = workos.user_management
callback = os.environ.get("CALLBACK_URL", "http://localhost:3000/callback")
# Who is signed in, by the cookie of this application. A real one keeps a sealed cookie instead.
visits: dict[str, dict] = {}


def application(environ, start_response):
    def answer(status, body="", **headers):
        shown = [(name.replace("_", "-"), value) for name, value in headers.items()]
        start_response(status, [("Content-Type", "text/html; charset=utf-8"), *shown])
        return [body.encode()]

    cookies = dict(part.strip().partition("=")[::2] for part in environ.get("HTTP_COOKIE", "").split(";"))
    visit_id = cookies.get("visit") or secrets.token_urlsafe()
    visit = visits.setdefault(visit_id, {})
    cookie = f"visit={visit_id}; Path=/; HttpOnly; SameSite=Lax"
    query = {name: values[0] for name, values in parse_qs(environ["QUERY_STRING"]).items()}

    if environ["PATH_INFO"] == "/sign-in":
        asked = {"prompt": query.get("prompt"), "screen_hint": query.get("screen_hint")}
        # Whoever says which company they are from is taken to its own identity provider.
        company = query.get("company")
        if company:
            found = workos.organizations.get_organization_by_external_id(company)
            asked["organization_id"] = found.id
        else:
            asked["provider"] = "authkit"
        started = users.get_authorization_url_with_pkce(redirect_uri=callback, **asked)
        visit.update(state=started["state"], code_verifier=started["code_verifier"])
        return answer("302 Found", Location=started["url"], Set_Cookie=cookie)
    if environ["PATH_INFO"] == "/callback" and "code" in query and "state" not in query:
        # A sign-in that began at the company's own portal: nobody here asked for it, so anybody may have sent this
        # browser, with a code of theirs. Whose account it is shows before it is used; only a press of the button counts.
        visit["offered"] = users.authenticate_with_code(code=query["code"])
        question = f"<h1>Continue as {escape(visit['offered'].user.email)}?</h1>"
        form = "<form method=post action=/accept><button>Continue</button></form><p><a href=/>No</a></p>"
        return answer("200 OK", question + form, Set_Cookie=cookie)
    if environ["PATH_INFO"] == "/accept" and environ["REQUEST_METHOD"] == "POST" and "offered" in visit:
        # The cookie is SameSite=Lax, so that no other site can press the button.
        offered = visit.pop("offered")
        visit["user"], visit["access_token"] = offered.user, offered.access_token
        return answer("303 See Other", Location="/")
    if environ["PATH_INFO"] == "/callback":
        # The state is what ties this answer to the browser that asked.
        if not secrets.compare_digest(query.get("state", ""), visit.pop("state", secrets.token_urlsafe())):
            return answer("400 Bad Request", "This sign-in was not begun here.")
        if "error" in query:
            why = escape(f"{query['error']} {query.get('error_description', '')}")
            return answer("200 OK", f"<p>Not signed in: {why}</p><a href=/>Home</a>")
        signed_in = users.authenticate_with_code(code=query["code"], code_verifier=visit.pop("code_verifier"))
        visit["user"], visit["access_token"] = signed_in.user, signed_in.access_token
        return answer("303 See Other", Location="/")
    if "user" in visit:
        return answer("200 OK", f"<h1>Hello {escape(visit['user'].email)}</h1>")
    sign_in = "<p><a href=/sign-in>Sign in</a></p>"
    with_sso = "<p><a href=/sign-in?company=sample>Sign in with SSO</a> as the sample customer</p>"
    return answer("200 OK", f"<h1>Hello stranger</h1>{sign_in}{with_sso}")


class Server(ThreadingMixIn, WSGIServer):
    """Browsers open connections ahead of need; one that stays silent must not hold up the others."""

    daemon_threads = True


if __name__ == "__main__":
    make_server("localhost", 3000, application, Server).serve_forever()
