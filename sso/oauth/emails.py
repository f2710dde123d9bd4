"""Whose word on a mail address counts.

A verified address finds the account of whoever owns the mailbox, so a provider is believed only where it has sent a
message there itself and lets nobody else say so. Where a company's administrator can write any address into a profile
(Microsoft, Slack, Salesforce, a GitLab server of one's own), anybody can be that administrator.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Address:
    """An address as the library read it; ``is_verified`` is the provider's word."""

    email: str
    is_verified: bool
    is_primary: bool


# The person's raw data and one address in it; True where the provider's word is believed.
Trust = Callable[[Mapping[str, Any], Address], bool]


def provider_says(_raw: Mapping[str, Any], address: Address) -> bool:
    """The provider verifies addresses itself, and says of this one that it has."""
    return address.is_verified


def nobody(_raw: Mapping[str, Any], _address: Address) -> bool:
    """Somebody else may have written the address, or it is not said whether it was verified."""
    return False


def says_in(claim: str, email: str = "email") -> Trust:
    """The provider says so in a claim that the library does not read."""

    def trust(raw: Mapping[str, Any], address: Address) -> bool:
        value, own = raw.get(claim), raw.get(email)
        is_yes = value is True or (isinstance(value, str) and value == "true")
        return is_yes and isinstance(own, str) and own.lower() == address.email

    return trust


def confirmed_at_gitlab(raw: Mapping[str, Any], address: Address) -> bool:
    """gitlab.com confirms addresses by mail before it says when; the library does not read that."""
    own = raw.get("email")
    return bool(raw.get("confirmed_at")) and isinstance(own, str) and own.lower() == address.email


def pick(raw: Mapping[str, Any], addresses: Sequence[Address], trust: Trust) -> tuple[str | None, bool]:
    """Return the address of a person and whether it is verified: a trusted one first, the primary one first of these."""
    ranked = sorted(
        ((trust(raw, address), address.is_primary, address.email) for address in addresses),
        key=lambda ranked: (not ranked[0], not ranked[1]),
    )
    return (ranked[0][2], ranked[0][0]) if ranked else (None, False)
