"""Reading a SAML response: from what a browser posted to who signed in, or to the name of the check that failed.

Every check is made here, on the octets that were signed; python3-saml then judges the same response once more.
"""

from datetime import datetime
from typing import Any

from lxml import etree

from foundation import clock
from sso.exchanges import ExchangeRefused
from sso.saml import assertions, library, signatures
from sso.saml.assertions import Expectations
from sso.saml.documents import (
    Element,
    check_schema,
    child,
    children,
    decode_base64,
    ids_of,
    parse,
    text_of,
)
from sso.saml.encryption import decrypt
from sso.saml.failures import SAMLFailure, refused
from sso.saml.names import DS, SAML, SAMLP, STATUS_SUCCESS, tag
from sso.saml.parties import IdentityProvider, Peek, SAMLAnswer, SAMLOptions, ServiceProvider
from sso.saml.trail import shown_document


def peek(saml_response: str) -> Peek:
    """Return what a response says of its request and issuer, before anything is verified: for routing alone."""
    root = parse(decode_base64(saml_response))
    return Peek(in_response_to=root.get("InResponseTo"), issuer=text_of(child(root, SAML, "Issuer")) or None)


def read_response(
    sp: ServiceProvider,
    idp: IdentityProvider,
    options: SAMLOptions,
    saml_response: str,
    request_id: str | None,
    *,
    fresh_since: datetime | None = None,
) -> SAMLAnswer:
    """Return what a response that was posted to ``sp.acs_url`` says, after every check.

    ``request_id`` is the one of the request that this browser was sent with, None for a sign-in that began at the
    provider, which has to be allowed by the options. ``fresh_since`` is the moment after which the person has to have
    signed in there, where the request asked for that. The caller sees to it that ``response_id`` and ``assertion_id``
    of the answer count once. Raises ExchangeRefused, with the document as far as it could be read.
    """
    received: dict[str, Any] = {}
    try:
        return _read(
            Expectations(sp, idp, options, request_id, clock.now(), fresh_since), saml_response, received
        )
    except ExchangeRefused as refusal:
        refusal.received = received
        raise


def _read(expected: Expectations, saml_response: str, received: dict[str, Any]) -> SAMLAnswer:
    root = parse(decode_base64(saml_response))
    received |= _facts_of(root)
    _check_envelope(root)
    places = [root, *children(root, SAML, "Assertion")]
    signed = signatures.check_signatures(root, places)
    _count_assertions(root)
    check_schema(root)
    certificates = expected.idp.certificates_pem
    verified: Element | None = None
    if root in signed:
        verified, _ = signatures.verify(root, certificates, "response")
    elif expected.options.require_signed_responses:
        raise refused(SAMLFailure.RESPONSE_NOT_SIGNED)
    opened = _open_assertion(root, verified, expected, received)
    assertion = opened if opened is not None else children(root, SAML, "Assertion")[0]
    if child(assertion, DS, "Signature") is None:
        raise refused(SAMLFailure.ASSERTION_NOT_SIGNED if root in signed else SAMLFailure.NOTHING_SIGNED)
    content, fingerprint = signatures.verify(assertion, certificates, "assertion")
    _check_response(root, expected, is_signed=root in signed)
    facts = assertions.read_assertion(content, expected)
    library.judge(expected.sp, expected.idp, expected.options, saml_response, expected.request_id, opened)
    return SAMLAnswer(
        response_id=str(root.get("ID")),
        in_response_to=expected.request_id,
        certificate_fingerprint=fingerprint,
        received=received,
        **facts,
    )


def _check_envelope(root: Element) -> None:
    if root.tag != tag(SAMLP, "Response") or root.get("Version") != "2.0" or not root.get("ID"):
        found = etree.QName(root)
        raise refused(
            SAMLFailure.NOT_A_RESPONSE,
            expected="response",
            found=f"{found.localname} of {found.namespace}, version {root.get('Version')}",
        )
    codes, message = _status_of(root)
    if not codes or codes[0] != STATUS_SUCCESS:
        names = " / ".join(code.rpartition(":")[2] for code in codes) or "no status at all"
        raise refused(
            SAMLFailure.IDP_REPORTED_FAILURE, status=names, message=f" (“{message[:200]}”)" if message else ""
        )


def _status_of(root: Element) -> tuple[list[str], str]:
    """Return the status codes, outer first, and the message."""
    status = child(root, SAMLP, "Status")
    if status is None:
        return [], ""
    codes = [str(code.get("Value", "")) for code in status.iter(tag(SAMLP, "StatusCode"))]
    return codes, text_of(child(status, SAMLP, "StatusMessage"))


def _count_assertions(root: Element) -> None:
    """Exactly one assertion, directly in the response: what stands deeper could be read in the place of another."""
    direct = [*children(root, SAML, "Assertion"), *children(root, SAML, "EncryptedAssertion")]
    everywhere = [
        element for name in ("Assertion", "EncryptedAssertion") for element in root.iter(tag(SAML, name))
    ]
    if len(direct) != 1 or len(everywhere) != 1:
        raise refused(SAMLFailure.WRONG_NUMBER_OF_ASSERTIONS, found=len(everywhere))


def _open_assertion(
    root: Element, verified: Element | None, expected: Expectations, received: dict[str, Any]
) -> Element | None:
    """Return the decrypted assertion, None for one in clear; ``verified`` is the response as it was signed, if it was."""
    encrypted = child(root, SAML, "EncryptedAssertion")
    if encrypted is None:
        if expected.options.require_encrypted_assertions:
            raise refused(SAMLFailure.NOT_ENCRYPTED)
        return None
    name = tag(SAML, "Assertion")
    opened = decrypt(
        encrypted,
        expected.sp.encryption_pairs,
        name,
        "assertion",
        verified=None if verified is None else child(verified, SAML, "EncryptedAssertion"),
    )
    received["decrypted"] = shown_document(opened)
    signatures.check_signatures(opened, [opened])
    inner = [*opened.iter(name), *opened.iter(tag(SAML, "EncryptedAssertion"))]
    if len(inner) != 1:
        raise refused(SAMLFailure.WRONG_NUMBER_OF_ASSERTIONS, found=len(inner))
    for repeated in ids_of(root) & ids_of(opened):
        raise refused(SAMLFailure.DUPLICATE_ID, found=repeated)
    return opened


def _check_response(root: Element, expected: Expectations, *, is_signed: bool) -> None:
    """Check what stands on the response itself. Unsigned, it can only make a good assertion fail."""
    issuers = children(root, SAML, "Issuer")
    for issuer in issuers:
        assertions.check_issuer(issuer, expected, "response")
    # SAML bindings 3.5.5.2: a signed message that is posted names its destination.
    destination = root.get("Destination")
    if destination != expected.sp.acs_url and (is_signed or destination is not None):
        raise refused(
            SAMLFailure.WRONG_DESTINATION,
            what="response",
            found=destination or "nobody",
            expected=expected.sp.acs_url,
        )
    assertions.check_in_response_to(root.get("InResponseTo"), expected, "response")
    assertions.check_not_in_future(root.get("IssueInstant"), expected, "response")


def _facts_of(root: Element) -> dict[str, Any]:
    """Return what the trail shows of a response, whatever becomes of it."""
    codes, message = _status_of(root)
    facts = {
        "response_id": root.get("ID"),
        "in_response_to": root.get("InResponseTo"),
        "destination": root.get("Destination"),
        "issued_at": root.get("IssueInstant"),
        "issuer": text_of(child(root, SAML, "Issuer")) or None,
        "status": codes,
        "status_message": message or None,
    }
    return {name: value for name, value in facts.items() if value} | {"document": shown_document(root)}
