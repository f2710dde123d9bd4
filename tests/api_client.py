"""An HTTP client for tests that speaks JSON with an API key."""

import ipaddress
import json
import random
from typing import Any

from django.test import Client


def new_address() -> str:
    """Return an address that nobody else calls from: limits by address would count one test's calls against another's."""
    return str(ipaddress.IPv4Address(random.randint(0x0A000001, 0x0AFFFFFE)))


class ApiClient:
    """Calls the API as an SDK does: JSON bodies, a bearer key; answers are Django's test responses."""

    def __init__(self, api_key: str | None = None, **headers: str) -> None:
        self._client = Client(raise_request_exception=False, REMOTE_ADDR=new_address())
        self.api_key = api_key
        self.headers = headers

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        form: str | None = None,
        headers: dict[str, str] | None = None,
        query: dict[str, Any] | None = None,
    ) -> Any:
        content, content_type = b"", ""
        if form is not None:
            content, content_type = form.encode(), "application/x-www-form-urlencoded"
        elif body is not None:
            content, content_type = json.dumps(body).encode(), "application/json"
        sent = dict(self.headers)
        if self.api_key is not None:
            sent["Authorization"] = f"Bearer {self.api_key}"
        sent |= headers or {}
        return self._client.generic(
            method, path, content, content_type=content_type, headers=sent, query_params=query
        )

    def get(self, path: str, query: dict[str, Any] | None = None, **options: Any) -> Any:
        return self.request("GET", path, query=query, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> Any:
        return self.request("POST", path, {} if body is None and "form" not in options else body, **options)

    def put(self, path: str, body: Any = None, **options: Any) -> Any:
        return self.request("PUT", path, {} if body is None else body, **options)

    def patch(self, path: str, body: Any = None, **options: Any) -> Any:
        return self.request("PATCH", path, {} if body is None else body, **options)

    def delete(self, path: str, body: Any = None, **options: Any) -> Any:
        return self.request("DELETE", path, body, **options)
