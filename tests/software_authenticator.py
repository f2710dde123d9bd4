"""An authenticator for tests: makes passkeys and signs with them by the letter of WebAuthn, and lies when told to.

It shares no code with the server: CBOR is written here by hand.
"""

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

USER_PRESENT, USER_VERIFIED, BACKUP_ELIGIBLE, BACKED_UP, ATTESTED = 0x01, 0x04, 0x08, 0x10, 0x40
PRESENT_AND_VERIFIED = USER_PRESENT | USER_VERIFIED


def to_text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def to_bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def cbor(value: Any) -> bytes:
    """Encode what WebAuthn needs of CBOR (RFC 8949): whole numbers, bytes, texts, maps."""
    if isinstance(value, int):
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    if isinstance(value, bytes):
        return _head(2, len(value)) + value
    if isinstance(value, str):
        return _head(3, len(value.encode())) + value.encode()
    return _head(5, len(value)) + b"".join(cbor(key) + cbor(inner) for key, inner in value.items())


def _head(kind: int, number: int) -> bytes:
    for size, mark in ((0, 0), (1, 24), (2, 25), (4, 26)):
        if size == 0 and number < 24:
            return bytes([kind << 5 | number])
        if size and number < 256**size:
            return bytes([kind << 5 | mark]) + number.to_bytes(size, "big")
    raise ValueError(number)


@dataclass
class SoftwareAuthenticator:
    """Holds one key pair for one site; each field is what an honest one would do, and may be changed to lie."""

    origin: str = "http://localhost:8000"
    rp_id: str = "localhost"
    flags: int = PRESENT_AND_VERIFIED
    sign_count: int = 0
    counts: bool = True
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    user_handle: bytes | None = b""
    aaguid: bytes = bytes(16)
    cross_origin: bool = False

    def create(self, options: dict[str, Any], **lies: Any) -> str:
        """Answer ``navigator.credentials.create()``; remembers whose passkey it is."""
        self.user_handle = to_bytes(options["user"]["id"])
        client_data = self._client_data("webauthn.create", lies.get("challenge", options["challenge"]))
        numbers = self.key.public_key().public_numbers()
        public_key = {
            1: 2,
            3: lies.get("algorithm", -7),
            -1: 1,
            -2: numbers.x.to_bytes(32, "big"),
            -3: numbers.y.to_bytes(32, "big"),
        }
        attested = (
            self.aaguid + len(self.credential_id).to_bytes(2, "big") + self.credential_id + cbor(public_key)
        )
        authenticator_data = self._authenticator_data(ATTESTED) + attested
        attestation = cbor({"fmt": "none", "attStmt": {}, "authData": authenticator_data})
        return self._answer(
            {
                "clientDataJSON": to_text(client_data),
                "attestationObject": to_text(attestation),
                "transports": ["internal", "hybrid", "from-the-future"],
            }
        )

    def get(self, options: dict[str, Any], **lies: Any) -> str:
        """Answer ``navigator.credentials.get()``."""
        if self.counts:
            self.sign_count += 1
        client_data = self._client_data(lies.get("type", "webauthn.get"), options["challenge"])
        authenticator_data = self._authenticator_data(0)
        signed = authenticator_data + hashlib.sha256(client_data).digest()
        signature = lies.get("key", self.key).sign(signed, ec.ECDSA(hashes.SHA256()))
        response = {
            "clientDataJSON": to_text(client_data),
            "authenticatorData": to_text(authenticator_data),
            "signature": to_text(signature),
        }
        if self.user_handle is not None:
            response["userHandle"] = to_text(self.user_handle)
        return self._answer(response)

    def _client_data(self, kind: str, challenge: str) -> bytes:
        content = {
            "type": kind,
            "challenge": challenge,
            "origin": self.origin,
            "crossOrigin": self.cross_origin,
        }
        return json.dumps(content).encode()

    def _authenticator_data(self, extra_flags: int) -> bytes:
        rp_id_hash = hashlib.sha256(self.rp_id.encode()).digest()
        return rp_id_hash + bytes([self.flags | extra_flags]) + self.sign_count.to_bytes(4, "big")

    def _answer(self, response: dict[str, Any]) -> str:
        credential_id = to_text(self.credential_id)
        return json.dumps(
            {"id": credential_id, "rawId": credential_id, "type": "public-key", "response": response}
        )
