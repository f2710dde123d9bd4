"""Single logout in both directions (SAML profiles 4.4): asking the provider, and being asked by it.

Every message must be signed, by either binding; the checks are those of a sign-in as far as they apply.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from lxml import etree

from foundation import clock
from sso.exchanges import Departure, ExchangeRefused
from sso.saml import assertions, signatures, writing
from sso.saml.assertions import Expectations
from sso.saml.carriers import Carried, carried_by_form, carried_by_query
from sso.saml.documents import Element, check_schema, child, children, text_of
from sso.saml.encryption import decrypt
from sso.saml.failures import SAMLFailure, refused
from sso.saml.names import (
    FORMAT_UNSPECIFIED,
    SAML,
    SAMLP,
    STATUS_PARTIAL_LOGOUT,
    STATUS_REQUESTER,
    STATUS_SUCCESS,
    tag,
)
from sso.saml.parties import IdentityProvider, SAMLOptions, ServiceProvider
from sso.saml.trail import shown_document

# A logout is read when it arrives; one that is sent again later is a replay.
FRESH: Final = timedelta(minutes=10)
_MAXIMUM_SESSION_INDEXES: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class LogoutRequest:
    """Whose sessions an identity provider ends. Without ``session_indexes`` it means all of that person's."""

    request_id: str
    name_id: str
    name_id_format: str
    session_indexes: tuple[str, ...]
    relay_state: str
    received: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogoutAnswer:
    """What an identity provider says of a logout that began here. ``status`` has its codes in words."""

    is_complete: bool
    status: str
    received: Mapping[str, Any] = field(default_factory=dict)


def begin_logout(
    sp: ServiceProvider, idp: IdentityProvider, logout_memory: Mapping[str, str], relay_state: str
) -> Departure:
    """Return the way to the provider's logout, for whom a SAMLAnswer's ``logout_memory`` remembers.

    The departure's memory holds ``request_id``, which the answer has to name. Raises ValueError for a provider
    without a logout address, or a memory without a NameID.
    """
    if not idp.slo_url or not logout_memory.get("name_id"):
        raise ValueError("A logout needs the address of the provider's logout and the NameID of the person.")
    message = writing.new_message("LogoutRequest", sp, idp.slo_url)
    qualifiers = {
        attribute: logout_memory[name]
        for attribute, name in (
            ("Format", "name_id_format"),
            ("NameQualifier", "name_qualifier"),
            ("SPNameQualifier", "sp_name_qualifier"),
        )
        if logout_memory.get(name)
    }
    writing.add(message, SAML, "NameID", logout_memory["name_id"], **qualifiers)
    if logout_memory.get("session_index"):
        writing.add(message, SAMLP, "SessionIndex", logout_memory["session_index"])
    return _departure(sp, idp, idp.slo_url, parameter="SAMLRequest", message=message, relay_state=relay_state)


def answer_logout(
    sp: ServiceProvider, idp: IdentityProvider, request: LogoutRequest, *, has_ended: bool
) -> Departure:
    """Return the way back to a provider that asked for a logout; ``has_ended`` is False for an unknown session."""
    destination = idp.slo_response_url or idp.slo_url
    message = writing.new_message("LogoutResponse", sp, destination)
    message.set("InResponseTo", request.request_id)
    status = writing.add(message, SAMLP, "Status")
    writing.add(status, SAMLP, "StatusCode", Value=STATUS_SUCCESS if has_ended else STATUS_REQUESTER)
    return _departure(
        sp, idp, destination, parameter="SAMLResponse", message=message, relay_state=request.relay_state
    )


def _departure(
    sp: ServiceProvider,
    idp: IdentityProvider,
    url: str,
    *,
    parameter: str,
    message: Element,
    relay_state: str,
) -> Departure:
    sent = {
        "message_id": message.get("ID"),
        "binding": idp.slo_binding,
        "destination": url,
        "document": etree.tostring(message, encoding="unicode", pretty_print=True),
    }
    form = None
    # A connection whose signing key was deleted says what it has to say unsigned.
    is_signed = bool(sp.private_key_pem)
    if idp.slo_binding == "post":
        form = writing.post_form(parameter, message, relay_state, sp, sign=is_signed)
    else:
        url = writing.redirect_url(url, parameter, message, relay_state, sp, sign=is_signed)
    return Departure(url=url, form=form, memory={"request_id": str(message.get("ID"))}, sent=sent)


# --- reading --------------------------------------------------------------------------------------------


def read_logout_request(
    sp: ServiceProvider,
    idp: IdentityProvider,
    options: SAMLOptions,
    *,
    query_string: str = "",
    form: Mapping[str, str] | None = None,
) -> LogoutRequest:
    """Return whom a provider logs out, from the raw query or the posted form; raises ExchangeRefused."""
    expected = Expectations(sp, idp, options, None, clock.now())
    carried = _carried(query_string, form, "SAMLRequest")
    received = {"document": shown_document(carried.root)}
    try:
        content = _verified(carried, expected, "LogoutRequest")
        end = assertions.moment(content.get("NotOnOrAfter"))
        if end is not None and expected.now >= end + expected.skew:
            raise _expired("logout request", end.isoformat(), expected)
        name_id = _name_id_of(content, expected)
        indexes = [text_of(index) for index in children(content, SAMLP, "SessionIndex")]
    except ExchangeRefused as refusal:
        refusal.received = received
        raise
    return LogoutRequest(
        request_id=str(content.get("ID")),
        name_id=text_of(name_id),
        name_id_format=str(name_id.get("Format", FORMAT_UNSPECIFIED)),
        session_indexes=tuple(filter(None, indexes))[:_MAXIMUM_SESSION_INDEXES],
        relay_state=carried.relay_state,
        received=received,
    )


def read_logout_response(
    sp: ServiceProvider,
    idp: IdentityProvider,
    options: SAMLOptions,
    request_id: str,
    *,
    query_string: str = "",
    form: Mapping[str, str] | None = None,
) -> LogoutAnswer:
    """Return what a provider answers to our logout request, from the raw query or the form; raises ExchangeRefused."""
    expected = Expectations(sp, idp, options, request_id, clock.now())
    carried = _carried(query_string, form, "SAMLResponse")
    received = {"document": shown_document(carried.root)}
    try:
        content = _verified(carried, expected, "LogoutResponse")
        assertions.check_in_response_to(content.get("InResponseTo"), expected, "logout response")
    except ExchangeRefused as refusal:
        refusal.received = received
        raise
    codes = [str(code.get("Value", "")) for code in content.iter(tag(SAMLP, "StatusCode"))]
    return LogoutAnswer(
        is_complete=codes[:1] == [STATUS_SUCCESS] and STATUS_PARTIAL_LOGOUT not in codes,
        status=" / ".join(code.rpartition(":")[2] for code in codes)[:200],
        received=received,
    )


def _carried(query_string: str, form: Mapping[str, str] | None, parameter: str) -> Carried:
    return carried_by_query(query_string, parameter) if form is None else carried_by_form(form, parameter)


def _verified(carried: Carried, expected: Expectations, name: str) -> Element:
    """Return the content of a logout message after every check that both directions share."""
    what = "logout request" if name == "LogoutRequest" else "logout response"
    root = carried.root
    if root.tag != tag(SAMLP, name) or root.get("Version") != "2.0" or not root.get("ID"):
        raise refused(SAMLFailure.NOT_A_RESPONSE, expected=what, found=etree.QName(root).localname)
    content = _signed_content(carried, expected.idp.certificates_pem, what)
    assertions.check_issuer(child(content, SAML, "Issuer"), expected, what)
    if content.get("Destination") != expected.sp.slo_url:
        raise refused(
            SAMLFailure.WRONG_DESTINATION,
            what=what,
            found=content.get("Destination") or "nobody",
            expected=expected.sp.slo_url,
        )
    assertions.check_not_in_future(content.get("IssueInstant"), expected, what)
    issued_at = assertions.moment(content.get("IssueInstant"))
    if issued_at is None or issued_at + FRESH + expected.skew < expected.now:
        raise _expired(what, str(content.get("IssueInstant")), expected)
    return content


def _signed_content(carried: Carried, certificates_pem: Sequence[str], what: str) -> Element:
    # SAML bindings 3.4.4.1: by redirect the signature is in the query, and none is in the document.
    by_query = carried.signed_query is not None
    signed = signatures.check_signatures(carried.root, [] if by_query else [carried.root])
    check_schema(carried.root)
    if by_query:
        carried.verify_query(certificates_pem, what)
        return carried.root
    if carried.root not in signed:
        raise refused(SAMLFailure.MESSAGE_NOT_SIGNED, what=what)
    content, _ = signatures.verify(carried.root, certificates_pem, what)
    return content


def _name_id_of(content: Element, expected: Expectations) -> Element:
    name_id = child(content, SAML, "NameID")
    encrypted = child(content, SAML, "EncryptedID")
    if encrypted is not None:
        # It stands in what was verified.
        name_id = decrypt(
            encrypted, expected.sp.encryption_pairs, tag(SAML, "NameID"), "NameID", verified=encrypted
        )
    if name_id is None or not text_of(name_id):
        raise refused(SAMLFailure.SUBJECT_MISSING)
    return name_id


def _expired(what: str, found: str, expected: Expectations) -> ExchangeRefused:
    return refused(SAMLFailure.EXPIRED, what=what, found=found, now=clock.iso(expected.now))
