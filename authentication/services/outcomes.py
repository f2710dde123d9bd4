"""What a sign-in comes to: values, because what was recorded on the way must outlive a refusal."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from accounts.models import User
from authentication.engine import Step
from authentication.models import Session

_LONGEST_USER_AGENT = 500


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a person signs in from, as far as the product says."""

    ip_address: str | None = None
    user_agent: str | None = None

    @classmethod
    def told(cls, ip_address: str | None, user_agent: str | None) -> "Origin":
        """Return the origin that a product tells of; an address that is none counts as not told."""
        try:
            address = str(ipaddress.ip_address(ip_address)) if ip_address else None
        except ValueError:
            address = None
        return cls(address, user_agent[:_LONGEST_USER_AGENT] if user_agent else None)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The person is signed in; the tokens are shown this once."""

    session: Session
    user: User
    access_token: str
    refresh_token: str


@dataclass(frozen=True, slots=True)
class StepRequired:
    """The sign-in waits for a step, under this token; ``details`` are what the step needs."""

    step: Step
    pending_authentication_token: str
    details: Mapping[str, Any]
