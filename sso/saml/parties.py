"""The two parties of a SAML exchange, what their operators chose, and what an answer says."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """A private key of ours and its certificate, both PEM."""

    private_key_pem: str = field(repr=False)
    certificate_pem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceProvider:
    """One connection's own side. Every URL is absolute and compared exactly.

    The private key signs, and is empty where nothing is signed. Each of ``encryption_pairs`` opens what was encrypted
    to it, so that a provider can change over in its own time; the newest is the last.
    """

    entity_id: str
    acs_url: str
    slo_url: str = ""
    private_key_pem: str = field(default="", repr=False)
    certificate_pem: str = ""
    encryption_pairs: tuple[KeyPair, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityProvider:
    """The other side, as its operator described it. The bindings are ``redirect`` or ``post``.

    The certificates are PEM; each of them counts, so that the provider can change its key without a gap.
    """

    entity_id: str
    sso_url: str
    sso_binding: str = "redirect"
    slo_url: str = ""
    slo_binding: str = "redirect"
    slo_response_url: str = ""
    certificates_pem: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SAMLOptions:
    """What a connection chose beyond the checks that always hold."""

    sign_requests: bool = True
    require_signed_responses: bool = False
    require_encrypted_assertions: bool = False
    allow_idp_initiated: bool = False
    force_authn: bool = False
    requested_authn_context: str = ""
    clock_skew_seconds: int = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class SAMLAnswer:
    """What a response says of a person, read from the signed octets alone.

    ``attributes`` has the values by attribute name, in the order of the document, without empty ones.
    ``response_id`` and ``assertion_id`` are remembered until ``expires_at``, so that each counts once.
    ``received`` is the document as the trail shows it: decoded, decrypted, without the values of its signatures.
    """

    name_id: str
    name_id_format: str
    name_qualifier: str = ""
    sp_name_qualifier: str = ""
    attributes: Mapping[str, tuple[str, ...]]
    session_index: str
    session_expires_at: datetime | None
    authn_context: str
    response_id: str
    assertion_id: str
    in_response_to: str | None
    expires_at: datetime
    certificate_fingerprint: str
    received: Mapping[str, Any] = field(default_factory=dict)

    @property
    def logout_memory(self) -> dict[str, str]:
        """What a later logout of this person needs (SAML profiles 4.4.4.1); kept sealed."""
        memory = {
            "name_id": self.name_id,
            "name_id_format": self.name_id_format,
            "name_qualifier": self.name_qualifier,
            "sp_name_qualifier": self.sp_name_qualifier,
            "session_index": self.session_index,
        }
        return {name: value for name, value in memory.items() if value}


@dataclass(frozen=True, slots=True)
class Peek:
    """What an unverified answer says of itself; good for finding its exchange, for nothing else."""

    in_response_to: str | None
    issuer: str | None
