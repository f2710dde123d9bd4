"""WebAuthn: what a browser is asked, and what its answer is worth. Nothing here touches a row.

Every demand is spelled out: discoverable credentials, user verification, three algorithms, our host as the relying
party and our address as the only origin, no answers from frames of other sites. No attestation is asked for: which
make of authenticator people use is their own choice.
"""

import hashlib
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import (
    base64url_to_bytes,
    bytes_to_base64url,
    decode_credential_public_key,
    decoded_public_key_to_cryptography,
    options_to_json_dict,
    parse_authentication_credential_json,
    parse_client_data_json,
    parse_registration_credential_json,
)
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AuthenticationCredential,
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    CredentialDeviceType,
    PublicKeyCredentialDescriptor,
    RegistrationCredential,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from accounts.errors import PasskeyInvalid
from foundation.encryption import digests_equal

# Which of them an authenticator makes is its choice; RSA is for older Windows Hello.
_ALGORITHMS = [
    COSEAlgorithmIdentifier.EDDSA,
    COSEAlgorithmIdentifier.ECDSA_SHA_256,
    COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256,
]
_PATIENCE_MILLISECONDS = 5 * 60 * 1000
# Real answers are of some kilobytes.
_LONGEST_ANSWER = 64 * 1024
# WebAuthn §7.1: longer ones are refused.
_LONGEST_CREDENTIAL_ID = 1023
_LONGEST_NAME = 200

# Beside its own errors, the library lets those of parsing hostile bytes through.
_UNREADABLE = (WebAuthnException, ValueError, TypeError, KeyError, AttributeError, RecursionError)

# Common authenticators by AAGUID, as their makers publish them: a name that people recognize.
_AUTHENTICATORS = {
    "08987058-cadc-4b81-b6e1-30de50dcbe96": "Windows Hello",
    "0ea242b4-43c4-4a1b-8b17-dd6d0b6baec6": "Keeper",
    "50726f74-6f6e-5061-7373-50726f746f6e": "Proton Pass",
    "531126d6-e717-415c-9320-3d9aa6981239": "Dashlane",
    "53414d53-554e-4700-0000-000000000000": "Samsung Pass",
    "6028b017-b1d4-4c02-b4b3-afcdafc96bb2": "Windows Hello",
    "9ddd1817-af5a-4672-a2b9-3e3dd95000a9": "Windows Hello",
    "adce0002-35bc-c60a-648b-0b25f1f05503": "Chrome on Mac",
    "b84e4048-15dc-4dd0-8640-f4f60813c8af": "NordPass",
    "bada5566-a7aa-401f-bd96-45619a55120d": "1Password",
    "d548826e-79b4-db40-a3d8-11116f7e8349": "Bitwarden",
    "dd4ec289-e01d-41c9-bb89-70fa845d4bf2": "iCloud Keychain",
    "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4": "Google Password Manager",
    "f3809540-7f14-49c1-a8b3-8f813b225541": "Enpass",
    "fbfc3007-154e-4ecc-8c0b-6e020557d7bd": "iCloud Keychain",
    "fdb141b2-5d84-443e-8a35-4698c205a502": "KeePassXC",
}


@dataclass(frozen=True, slots=True)
class KnownCredential:
    """A passkey that a user has, as far as a browser is told of it, or an answer is checked against it."""

    credential_id: str
    public_key: str
    transports: list[str]
    is_backup_eligible: bool


@dataclass(frozen=True, slots=True)
class NewCredential:
    """A passkey that an authenticator has just made, proven to be for us."""

    credential_id: str
    public_key: str
    sign_count: int
    aaguid: str
    transports: list[str]
    is_backup_eligible: bool
    is_backed_up: bool


@dataclass(frozen=True, slots=True)
class Attestation:
    """An answer to the question for a new passkey, read and not yet believed."""

    challenge: str
    credential: RegistrationCredential


@dataclass(frozen=True, slots=True)
class Assertion:
    """An answer to the question who signs in, read and not yet believed."""

    challenge: str
    credential_id: str
    user_handle: bytes | None
    credential: AuthenticationCredential


@dataclass(frozen=True, slots=True)
class VerifiedAssertion:
    """What a proven answer says of the passkey now."""

    sign_count: int
    is_backed_up: bool


def relying_party_id() -> str:
    """Return the host that passkeys are bound to: that of ``GATEHOUSE_BASE_URL``."""
    return urlsplit(settings.BASE_URL).hostname or ""


def relying_party_origin() -> str:
    """Return the one origin that answers may come from."""
    parts = urlsplit(settings.BASE_URL)
    return f"{parts.scheme}://{parts.netloc}".lower()


def are_possible() -> bool:
    """Tell whether browsers make passkeys for our address: not for a bare IP address, and not over plain HTTP."""
    host = relying_party_id()
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return settings.BASE_URL.startswith("https://") or host == "localhost" or host.endswith(".localhost")
    return False


def user_handle(user_id: str) -> bytes:
    """Return what an authenticator keeps to tell its user by: opaque, and the same for all passkeys of one user.

    WebAuthn §14.6.1: nothing personal, since it is shown to whoever holds an authenticator.
    """
    return hashlib.sha256(f"passkey user handle:{user_id}".encode()).digest()


def authenticator_name(aaguid: str) -> str:
    """Return what a model of authenticator is called, or an empty text."""
    return _AUTHENTICATORS.get(aaguid, "")


def creation_options(
    *,
    challenge: str,
    user_id: str,
    email: str,
    display_name: str,
    product: str,
    known: Iterable[KnownCredential],
) -> dict[str, Any]:
    """Return the options of ``navigator.credentials.create()`` as JSON, bytes in base64url.

    ``known`` are the user's passkeys: an authenticator that holds one of them makes no second one.
    """
    options = generate_registration_options(
        rp_id=relying_party_id(),
        rp_name=product,
        user_id=user_handle(user_id),
        user_name=email,
        user_display_name=display_name[:_LONGEST_NAME] or email,
        challenge=base64url_to_bytes(challenge),
        timeout=_PATIENCE_MILLISECONDS,
        attestation=AttestationConveyancePreference.NONE,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[_descriptor(credential) for credential in known],
        supported_pub_key_algs=_ALGORITHMS,
    )
    return options_to_json_dict(options)


def request_options(*, challenge: str) -> dict[str, Any]:
    """Return the options of ``navigator.credentials.get()`` as JSON: any passkey for us that the browser has."""
    options = generate_authentication_options(
        rp_id=relying_party_id(),
        challenge=base64url_to_bytes(challenge),
        timeout=_PATIENCE_MILLISECONDS,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json_dict(options)


def read_attestation(answer: str) -> Attestation:
    """Read the answer to :func:`creation_options`; raises PasskeyInvalid."""
    try:
        credential = parse_registration_credential_json(_bounded(answer))
        challenge = _read_client_data(credential.response.client_data_json)
    except _UNREADABLE as error:
        raise PasskeyInvalid from error
    return Attestation(challenge, credential)


def verify_attestation(attestation: Attestation) -> NewCredential:
    """Check a new passkey whose challenge was ours, and has been spent; raises PasskeyInvalid."""
    try:
        verified = verify_registration_response(
            credential=attestation.credential,
            expected_challenge=base64url_to_bytes(attestation.challenge),
            expected_rp_id=relying_party_id(),
            expected_origin=relying_party_origin(),
            require_user_presence=True,
            require_user_verification=True,
            supported_pub_key_algs=_ALGORITHMS,
        )
        # A key that no signature can be checked against would lock its user out later.
        decoded_public_key_to_cryptography(decode_credential_public_key(verified.credential_public_key))
    except _UNREADABLE as error:
        raise PasskeyInvalid from error
    if len(verified.credential_id) > _LONGEST_CREDENTIAL_ID:
        raise PasskeyInvalid
    return NewCredential(
        credential_id=bytes_to_base64url(verified.credential_id),
        public_key=bytes_to_base64url(verified.credential_public_key),
        sign_count=verified.sign_count,
        aaguid=verified.aaguid,
        transports=sorted(
            {transport.value for transport in attestation.credential.response.transports or ()}
        ),
        is_backup_eligible=verified.credential_device_type is CredentialDeviceType.MULTI_DEVICE,
        is_backed_up=verified.credential_backed_up,
    )


def read_assertion(answer: str) -> Assertion:
    """Read the answer to :func:`request_options`; raises PasskeyInvalid."""
    try:
        credential = parse_authentication_credential_json(_bounded(answer))
        challenge = _read_client_data(credential.response.client_data_json)
    except _UNREADABLE as error:
        raise PasskeyInvalid from error
    credential_id = bytes_to_base64url(credential.raw_id)
    return Assertion(challenge, credential_id, credential.response.user_handle, credential)


def verify_assertion(assertion: Assertion, known: KnownCredential, *, user_id: str) -> VerifiedAssertion:
    """Check the answer of a passkey whose challenge was ours, and has been spent; raises PasskeyInvalid.

    What its counter is worth is for the caller to say, who knows what it was: only a signature that is good tells
    anything about it.
    """
    handle = assertion.user_handle
    if handle is None or not digests_equal(handle.hex(), user_handle(user_id).hex()):
        raise PasskeyInvalid
    try:
        verified = verify_authentication_response(
            credential=assertion.credential,
            expected_challenge=base64url_to_bytes(assertion.challenge),
            expected_rp_id=relying_party_id(),
            expected_origin=relying_party_origin(),
            credential_public_key=base64url_to_bytes(known.public_key),
            # The library looks at the counter before the signature: with zero it lets every counter pass.
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except _UNREADABLE as error:
        raise PasskeyInvalid from error
    # WebAuthn §7.2: whether a key may be copied is decided when it is made.
    if (verified.credential_device_type is CredentialDeviceType.MULTI_DEVICE) != known.is_backup_eligible:
        raise PasskeyInvalid
    return VerifiedAssertion(verified.new_sign_count, verified.credential_backed_up)


def _read_client_data(raw: bytes) -> str:
    """Return the challenge that was signed, in base64url; raises PasskeyInvalid for an answer from a foreign frame."""
    client_data = parse_client_data_json(raw)
    if client_data.cross_origin:
        raise PasskeyInvalid
    return bytes_to_base64url(client_data.challenge)


def _bounded(answer: str) -> str:
    if len(answer) > _LONGEST_ANSWER:
        raise PasskeyInvalid
    return answer


def _descriptor(credential: KnownCredential) -> PublicKeyCredentialDescriptor:
    transports = [AuthenticatorTransport(transport) for transport in credential.transports]
    return PublicKeyCredentialDescriptor(
        id=base64url_to_bytes(credential.credential_id), transports=transports
    )
