"""Who signs in at the test identity provider, and in which way the answer may be wrong on purpose."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Misbehaviour(StrEnum):
    """How an answer fails, for developers who want to see what their customers will see."""

    CANCELLED = "cancelled"
    UNSIGNED = "unsigned"
    FOREIGN_KEY = "foreign_key"
    EXPIRED = "expired"
    STALE = "stale"
    WRONG_AUDIENCE = "wrong_audience"
    NO_EMAIL = "no_email"


MISBEHAVIOUR_LABELS: Mapping[Misbehaviour, str] = {
    Misbehaviour.CANCELLED: "The person cancels",
    Misbehaviour.UNSIGNED: "Without a signature",
    Misbehaviour.FOREIGN_KEY: "Signed with another key",
    Misbehaviour.EXPIRED: "Expired an hour ago",
    Misbehaviour.STALE: "Signed in an hour ago",
    Misbehaviour.WRONG_AUDIENCE: "For another audience",
    Misbehaviour.NO_EMAIL: "Without an email address",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody made up. ``attributes`` are whatever else is said of them: values by name."""

    email: str
    first_name: str = ""
    last_name: str = ""
    groups: tuple[str, ...] = ()
    role: str = ""
    user_id: str = ""
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def subject(self) -> str:
        """Return the stable id; made of the email address where none was typed."""
        return self.user_id or f"test-{hashlib.sha256(self.email.lower().encode()).hexdigest()[:20]}"

    def as_json(self) -> dict[str, Any]:
        """Return what :meth:`from_json` reads."""
        return {
            "email": self.email,
            "first_name": self.first_name,
            "last_name": self.last_name,
            "groups": list(self.groups),
            "role": self.role,
            "user_id": self.user_id,
            "attributes": {name: list(values) for name, values in self.attributes.items()},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Person":
        """Read a person back."""
        return cls(
            email=data["email"],
            first_name=data["first_name"],
            last_name=data["last_name"],
            groups=tuple(data["groups"]),
            role=data["role"],
            user_id=data["user_id"],
            attributes={name: tuple(values) for name, values in data["attributes"].items()},
        )

    def saml_attributes(self, misbehaviour: Misbehaviour | None = None) -> dict[str, tuple[str, ...]]:
        """Return the attributes of an assertion; what is empty is left out, as identity providers do."""
        said = {
            "id": (self.subject,),
            "email": (self.email,),
            "firstName": (self.first_name,),
            "lastName": (self.last_name,),
            "groups": self.groups,
            "role": (self.role,),
            **self.attributes,
        }
        if misbehaviour is Misbehaviour.NO_EMAIL:
            del said["email"]
        return {name: values for name, values in said.items() if any(values)}

    def claims(self, misbehaviour: Misbehaviour | None = None) -> dict[str, Any]:
        """Return the OIDC claims (OIDC core 5.1); an attribute with one value is a text, with several a list."""
        claims: dict[str, Any] = {
            "sub": self.subject,
            "email": self.email,
            "email_verified": True,
            "given_name": self.first_name,
            "family_name": self.last_name,
            "name": f"{self.first_name} {self.last_name}".strip(),
            "groups": list(self.groups),
            "role": self.role,
        }
        free = {
            name: values[0] if len(values) == 1 else list(values) for name, values in self.attributes.items()
        }
        if misbehaviour is Misbehaviour.NO_EMAIL:
            del claims["email"], claims["email_verified"]
        # The names of the protocol are its own: a free attribute cannot say who issued the token, or when it ends.
        return {
            name: value
            for name, value in {**free, **claims}.items()
            if value not in ("", []) and name not in RESERVED_CLAIMS
        }


RESERVED_CLAIMS = frozenset(
    {"iss", "aud", "azp", "exp", "iat", "nbf", "nonce", "auth_time", "at_hash", "sid", "jti"}
)
