"""django-allauth as a library: one exchange with one provider, with our credentials, our HTTP and none of its state.

The library finds whatever it needs by its adapter and by the present request; both are ours, and carry one exchange.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

import orjson
import requests  # noqa: TID251 -- its types and errors; the session is the guarded one
from allauth.core import context
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp, SocialLogin
from allauth.socialaccount.providers.apple.provider import AppleProvider
from allauth.socialaccount.providers.base.provider import ProviderException
from allauth.socialaccount.providers.bitbucket_oauth2.provider import BitbucketOAuth2Provider
from allauth.socialaccount.providers.discord.provider import DiscordProvider
from allauth.socialaccount.providers.github.provider import GitHubProvider
from allauth.socialaccount.providers.gitlab.provider import GitLabProvider
from allauth.socialaccount.providers.google.provider import GoogleProvider
from allauth.socialaccount.providers.microsoft.provider import MicrosoftGraphProvider
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.provider import OAuth2Provider
from allauth.socialaccount.providers.quickbooks.provider import QuickBooksOAuth2Provider
from allauth.socialaccount.providers.salesforce.provider import SalesforceProvider
from allauth.socialaccount.providers.slack.provider import SlackProvider
from allauth.socialaccount.providers.twitter_oauth2.provider import TwitterOAuth2Provider
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, QueryDict

from foundation.outbound import as_outbound_error, guarded_session
from sso.oauth.apple import AppleAdapter
from sso.oauth.bitbucket import BitbucketAdapter
from sso.oauth.catalogue import SocialProvider
from sso.oauth.clients import OAuthClient
from sso.oauth.google import GoogleAdapter

_TIMEOUT_SECONDS = 15.0
_MAXIMUM_BYTES = 512 * 1024

_PROVIDER_CLASSES: Mapping[str, type[OAuth2Provider]] = {
    provider.id: provider
    for provider in (
        AppleProvider,
        BitbucketOAuth2Provider,
        DiscordProvider,
        GitHubProvider,
        GitLabProvider,
        GoogleProvider,
        MicrosoftGraphProvider,
        QuickBooksOAuth2Provider,
        SalesforceProvider,
        SlackProvider,
        TwitterOAuth2Provider,
    )
}

# Where the library's own code loses what is needed, or leans on sessions.
_ADAPTER_CLASSES = {"apple": AppleAdapter, "bitbucket_oauth2": BitbucketAdapter, "google": GoogleAdapter}

# Addresses of a provider that an environment may set, to use a server of its own.
_ENDPOINTS = frozenset(
    {"authorize_url", "access_token_url", "profile_url", "emails_url", "identity_url", "public_key_url"}
)


# What the library's code for a provider raises when it is sent something else than it was written for.
_MISREADINGS = (
    OAuth2Error,
    ProviderException,
    ImproperlyConfigured,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
    RecursionError,
)


class MisreadAnswer(Exception):
    """The provider sent something that its code in the library cannot read."""


class ExchangeRequest(HttpRequest):
    """The request that the library believes to serve. It carries the exchange to our adapter."""

    def __init__(self, app: SocialApp, parameters: Mapping[str, str]) -> None:
        super().__init__()
        self.method = "GET"
        query = QueryDict(mutable=True)
        query.update(dict(parameters))
        query._mutable = False  # noqa: SLF001 -- as Django's own requests are made
        self.GET = query  # type: ignore[assignment]
        self.app = app
        self.session_of_exchange: requests.Session | None = None
        self.answers: list[dict[str, Any]] = []


class ProviderAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]  # the library ships no types
    """What the library asks its host for (SOCIALACCOUNT_ADAPTER): answered from the exchange, never from tables."""

    def list_apps(
        self, request: HttpRequest, provider: str | None = None, client_id: str | None = None
    ) -> list[SocialApp]:
        """Return the one client of this exchange."""
        return [_current().app]

    def get_provider(
        self, request: HttpRequest, provider: str, client_id: str | None = None
    ) -> OAuth2Provider:
        """Return the one provider of this exchange."""
        current = _current()
        return _PROVIDER_CLASSES[current.app.provider](current, app=current.app)

    def get_requests_session(self) -> requests.Session:
        """Return HTTP that is held to the rules of ``foundation.outbound``, with one deadline over the exchange."""
        session = _current().session_of_exchange
        if session is None:
            raise RuntimeError("The library calls the provider where it has no business to.")
        return session

    def new_user(self, request: HttpRequest, sociallogin: SocialLogin) -> "Person":
        """Return a stand-in for a user: ours are made elsewhere, and not from this."""
        return Person()

    def populate_user(
        self, request: HttpRequest, sociallogin: SocialLogin, data: Mapping[str, Any]
    ) -> "Person":
        """Keep what the provider's code read of the person."""
        person = cast("Person", sociallogin.user)
        person.fields = dict(data)
        return person

    def is_email_verified(self, provider: OAuth2Provider, email: str) -> bool:
        """Leave it to the provider's answer; whether that counts is decided in ``sso.oauth.emails``."""
        return False


class Person:
    """Whom the library takes for a user."""

    def __init__(self) -> None:
        self.fields: dict[str, Any] = {}

    def set_unusable_password(self) -> None:
        """Do nothing: there is none."""


class Exchange:
    """The library's objects of one exchange with one provider."""

    def __init__(
        self, client: OAuthClient, provider: SocialProvider, redirect_uri: str, request: ExchangeRequest
    ):
        self.request = request
        self.library_provider = _PROVIDER_CLASSES[provider.library_id](request, app=request.app)
        adapter_class = _ADAPTER_CLASSES.get(provider.library_id, self.library_provider.oauth2_adapter_class)
        self.adapter = adapter_class(request)
        for name, url in client.settings.get("endpoints", {}).items():
            # Some adapters compute theirs, from settings of their own.
            if name in _ENDPOINTS and not isinstance(getattr(adapter_class, name, None), property):
                setattr(self.adapter, name, url)
        self.adapter.get_callback_url = lambda _request, _app: redirect_uri
        self.library_client = self.adapter.get_client(request, request.app)

    def authorize_url(self, state: str, scopes: Sequence[str], parameters: Mapping[str, str]) -> str:
        """Return where the browser goes; ``parameters`` go before the library's own."""
        self.library_client.state = state
        usual = {**self.library_provider.get_auth_params(), **parameters}
        url: str = self.library_client.get_redirect_url(self.adapter.authorize_url, scopes, usual)
        return url

    def read_answer(self, code_verifier: str, nonce: str) -> tuple[dict[str, Any], SocialLogin]:
        """Spend the code and ask who the person is: the token endpoint's answer, and what the library made of it.

        Raises OutboundError where no answer came, MisreadAnswer where it was another than the library expects, and
        ExchangeRefused where an ID token does not hold.
        """
        try:
            return self._read(code_verifier, nonce)
        except (requests.HTTPError, requests.JSONDecodeError) as error:
            raise MisreadAnswer from error
        except requests.RequestException as error:
            raise as_outbound_error(error) from error
        except _MISREADINGS as error:
            raise MisreadAnswer from error

    def _read(self, code_verifier: str, nonce: str) -> tuple[dict[str, Any], SocialLogin]:
        self.adapter.nonce = nonce  # For the adapters that read an ID token.
        answer: dict[str, Any] = self.adapter.get_access_token_data(
            self.request, self.request.app, self.library_client, pkce_code_verifier=code_verifier or None
        )
        token = self.adapter.parse_token(answer)
        login = self.adapter.complete_login(self.request, self.request.app, token, response=answer)
        return answer, login


@contextmanager
def open_exchange(
    client: OAuthClient,
    provider: SocialProvider,
    *,
    redirect_uri: str,
    parameters: Mapping[str, str] | None = None,
) -> Iterator[Exchange]:
    """Make the library's world for one exchange; with ``parameters``, those of a callback, it may call the provider."""
    request = ExchangeRequest(_app_of(client, provider), parameters or {})
    with context.request_context(request):
        if parameters is None:
            yield Exchange(client, provider, redirect_uri, request)
            return
        with guarded_session(timeout_seconds=_TIMEOUT_SECONDS, maximum_bytes=_MAXIMUM_BYTES) as session:
            # Type ignored: the stubs know one callable, the library a list of them.
            session.hooks["response"] = [lambda response, **_: _note(request, response)]
            request.session_of_exchange = session
            yield Exchange(client, provider, redirect_uri, request)


def _note(request: ExchangeRequest, response: requests.Response) -> None:
    """Keep what an answer says of an error: the library's own exceptions quote whole answers, tokens included."""
    note: dict[str, Any] = {"status": response.status_code}
    try:
        body = orjson.loads(response.content or b"")
    except ValueError:
        body = None
    if isinstance(body, dict):
        for name in ("error", "error_description", "message"):
            if isinstance(body.get(name), str):
                note[name] = body[name][:500]
    request.answers.append(note)


def _current() -> ExchangeRequest:
    return cast("ExchangeRequest", context.request)


def _app_of(client: OAuthClient, provider: SocialProvider) -> SocialApp:
    """Write the row of an environment as the library wants it; it is never saved."""
    settings = dict(client.settings)
    secret, key = client.client_secret, ""
    if provider.library_id == "apple":
        # Apple's "secret" is a token signed with the private key: the library takes the parts apart like this.
        secret, key = str(settings.get("key_id", "")), str(settings.get("team_id", ""))
        settings["certificate_key"] = client.key
    elif provider.library_id == "salesforce":
        key = str(settings.get("salesforce_url") or "https://login.salesforce.com").rstrip("/")
    return SocialApp(
        provider=provider.library_id,
        name=provider.label,
        client_id=client.client_id,
        secret=secret,
        key=key,
        settings=settings,
    )
