"""Where an operator works from, for what outlives the request."""

from django.http import HttpRequest

from environments.api.requests import client_ip, user_agent


def origin_of(request: HttpRequest) -> tuple[str, str]:
    """Return the IP address and the User-Agent."""
    return client_ip(request), user_agent(request)
