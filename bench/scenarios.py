"""What is measured."""

import json
import uuid
from typing import Any

from bench.client import message


class Fixed:
    """The same request again and again."""

    def __init__(self, method: str, path: str, api_key: str = "") -> None:
        self._message = message(method, path, api_key)

    def request(self) -> bytes:
        return self._message

    def answer(self, body: bytes) -> None: ...


class CreateUser:
    """A new user each time, under an idempotency key as current SDKs send one."""

    def __init__(self, api_key: str) -> None:
        self._api_key = api_key

    def request(self) -> bytes:
        name = uuid.uuid4().hex
        body = json.dumps({"email": f"{name}@bench.test", "first_name": "Ada"}).encode()
        return message("POST", "/user_management/users", self._api_key, body, f"Idempotency-Key: {name}\r\n")

    def answer(self, body: bytes) -> None: ...


class SignIn:
    """A sign-in by password."""

    def __init__(self, facts: dict[str, Any], number: int) -> None:
        self._facts, self._email = facts, facts["emails"][number]

    def request(self) -> bytes:
        body = {
            "client_id": self._facts["client_id"],
            "client_secret": self._facts["api_key"],
            "grant_type": "password",
            "email": self._email,
            "password": self._facts["password"],
        }
        return _authenticate(body)

    def answer(self, body: bytes) -> None: ...


class Refresh:
    """A session that is refreshed again and again, each time by the token of the last answer."""

    def __init__(self, facts: dict[str, Any], refresh_token: str) -> None:
        self._facts, self._refresh_token = facts, refresh_token

    def request(self) -> bytes:
        body = {
            "client_id": self._facts["client_id"],
            "client_secret": self._facts["api_key"],
            "grant_type": "refresh_token",
            "refresh_token": self._refresh_token,
        }
        return _authenticate(body)

    def answer(self, body: bytes) -> None:
        self._refresh_token = json.loads(body)["refresh_token"]


def _authenticate(fields: dict[str, Any]) -> bytes:
    return message("POST", "/user_management/authenticate", "", json.dumps(fields).encode())
