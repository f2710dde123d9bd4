"""Bitbucket, with its word on each address, which the library's own code drops."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialLogin, SocialToken
from allauth.socialaccount.providers.bitbucket_oauth2.views import BitbucketOAuth2Adapter
from django.http import HttpRequest


class BitbucketAdapter(BitbucketOAuth2Adapter):  # type: ignore[misc]  # the library ships no types
    """Reads the list of addresses whole."""

    def complete_login(
        self, request: HttpRequest, app: object, token: SocialToken, **_options: object
    ) -> SocialLogin:
        """Return the person with all addresses."""
        headers = {"Authorization": f"Bearer {token.token}"}
        session = get_adapter().get_requests_session()
        profile = session.get(self.profile_url, headers=headers)
        profile.raise_for_status()
        listed = session.get(self.emails_url, headers=headers)
        listed.raise_for_status()
        login = self.get_provider().sociallogin_from_response(request, profile.json())
        login.email_addresses = [_address(entry) for entry in listed.json().get("values", [])]
        return login


def _address(entry: dict[str, Any]) -> EmailAddress:
    return EmailAddress(
        email=str(entry["email"]).lower(),
        verified=entry.get("is_confirmed") is True,
        primary=entry.get("is_primary") is True,
    )
