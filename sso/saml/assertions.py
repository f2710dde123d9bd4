"""What an assertion must say to count, and what it says of a person (SAML core 2, profiles 4.1.4)."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from lxml import etree

from foundation import clock
from sso.exchanges import ExchangeRefused
from sso.saml.documents import Element, child, children, text_of
from sso.saml.encryption import decrypt
from sso.saml.failures import SAMLFailure, refused
from sso.saml.names import BEARER, FORMAT_ENTITY, FORMAT_UNSPECIFIED, SAML, tag
from sso.saml.parties import IdentityProvider, SAMLOptions, ServiceProvider

MAXIMUM_ATTRIBUTES: Final = 200
MAXIMUM_VALUES: Final = 2_000
MAXIMUM_VALUE_CHARACTERS: Final = 8_192
# How old a sign-in may be where a fresh one was asked for: as long as an exchange may take.
FRESH: Final = timedelta(minutes=15)

# Conditions of SAML core 2.5.1 that are understood: audience is checked, and one use holds for all of them.
_UNDERSTOOD: Final = frozenset(
    tag(SAML, name) for name in ("AudienceRestriction", "OneTimeUse", "ProxyRestriction")
)
_MOMENT = re.compile(r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d+))?(?:Z|\+00:00)?")


@dataclass(frozen=True, slots=True)
class Expectations:
    """Who is asked, by whom, for what, and when: what an answer is held against."""

    sp: ServiceProvider
    idp: IdentityProvider
    options: SAMLOptions
    request_id: str | None
    now: datetime
    fresh_since: datetime | None = None

    @property
    def skew(self) -> timedelta:
        """How far the clocks may differ."""
        return timedelta(seconds=self.options.clock_skew_seconds)


def read_assertion(content: Element, expected: Expectations) -> dict[str, Any]:
    """Check everything that a verified assertion says; return the facts of a SAMLAnswer that come from it."""
    check_issuer(child(content, SAML, "Issuer"), expected, "assertion")
    check_not_in_future(content.get("IssueInstant"), expected, "assertion")
    _check_conditions(content, expected)
    expires_at = _check_subject_confirmation(content, expected)
    return {
        **_subject(content, expected),
        **_authentication(content, expected),
        "attributes": _attributes(content),
        "assertion_id": str(content.get("ID")),
        "expires_at": expires_at,
    }


# --- who, to whom, in answer to what --------------------------------------------------------------------


def check_issuer(issuer: Element | None, expected: Expectations, what: str) -> None:
    """The issuer is the identity provider of this connection, letter for letter (SAML profiles 4.1.4.2)."""
    found = text_of(issuer)
    is_entity = issuer is not None and issuer.get("Format", FORMAT_ENTITY) in {
        FORMAT_ENTITY,
        FORMAT_UNSPECIFIED,
    }
    if not is_entity or not found or found != expected.idp.entity_id:
        raise refused(
            SAMLFailure.WRONG_ISSUER, what=what, found=found or "nobody", expected=expected.idp.entity_id
        )


def check_in_response_to(found: str | None, expected: Expectations, what: str) -> None:
    """An answer names the request of this very exchange; one that nobody asked for names none."""
    if expected.request_id is None and not expected.options.allow_idp_initiated:
        raise refused(SAMLFailure.IDP_INITIATED_REFUSED)
    if expected.request_id is not None and not found:
        raise refused(SAMLFailure.IN_RESPONSE_TO_MISSING, what=what)
    if found != expected.request_id:
        raise refused(SAMLFailure.WRONG_IN_RESPONSE_TO, what=what)


def _check_conditions(content: Element, expected: Expectations) -> None:
    conditions = child(content, SAML, "Conditions")
    if conditions is None:
        raise refused(SAMLFailure.CONDITIONS_MISSING)
    for condition in conditions:
        # SAML core 2.5.1.1: a condition that is not understood makes the assertion unusable.
        if condition.tag not in _UNDERSTOOD:
            raise refused(SAMLFailure.CONDITION_NOT_UNDERSTOOD, found=etree.QName(condition).localname)
    _check_window(conditions, expected, "assertion")
    restrictions = children(conditions, SAML, "AudienceRestriction")
    if not restrictions:
        raise refused(SAMLFailure.AUDIENCE_MISSING, expected=expected.sp.entity_id)
    for restriction in restrictions:
        audiences = [text_of(audience) for audience in children(restriction, SAML, "Audience")]
        if expected.sp.entity_id not in audiences:
            raise refused(
                SAMLFailure.WRONG_AUDIENCE,
                found=", ".join(audiences) or "nobody",
                expected=expected.sp.entity_id,
            )


def _check_subject_confirmation(content: Element, expected: Expectations) -> datetime:
    """One of the confirmations must hold; return the end of its time, the skew included."""
    subject = child(content, SAML, "Subject")
    confirmations = [] if subject is None else children(subject, SAML, "SubjectConfirmation")
    refusals = []
    for confirmation in confirmations:
        try:
            return _check_confirmation(confirmation, expected)
        except ExchangeRefused as refusal:
            refusals.append(refusal)
    if refusals:
        # What is wrong with a bearer confirmation says more than that another one is none.
        raise min(refusals, key=lambda refusal: refusal.failure == SAMLFailure.NOT_BEARER)
    raise refused(SAMLFailure.NOT_BEARER, found="nothing")


def _check_confirmation(confirmation: Element, expected: Expectations) -> datetime:
    if confirmation.get("Method") != BEARER:
        raise refused(SAMLFailure.NOT_BEARER, found=confirmation.get("Method"))
    confirmed = child(confirmation, SAML, "SubjectConfirmationData")
    recipient = None if confirmed is None else confirmed.get("Recipient")
    if confirmed is None or not recipient:
        raise refused(SAMLFailure.RECIPIENT_MISSING, expected=expected.sp.acs_url)
    if recipient != expected.sp.acs_url:
        raise refused(SAMLFailure.WRONG_RECIPIENT, found=recipient, expected=expected.sp.acs_url)
    check_in_response_to(confirmed.get("InResponseTo"), expected, "assertion")
    _, end = _check_window(confirmed, expected, "subject confirmation")
    if end is None:
        raise refused(SAMLFailure.NO_END_OF_VALIDITY)
    return _later(end, expected.skew)


# --- times ----------------------------------------------------------------------------------------------


def moment(text: str | None) -> datetime | None:
    """Read a time of SAML (core 1.3.3: UTC), None where there is none; raises ExchangeRefused."""
    if text is None:
        return None
    found = _MOMENT.fullmatch(text.strip())
    if found is None:
        raise refused(SAMLFailure.BAD_TIME, found=text)
    try:
        whole = datetime.fromisoformat(found[1]).replace(tzinfo=UTC)
    except ValueError as error:
        raise refused(SAMLFailure.BAD_TIME, found=text) from error
    # Providers write up to seven decimals.
    return whole.replace(microsecond=int((found[2] or "0")[:6].ljust(6, "0")))


def check_not_in_future(text: str | None, expected: Expectations, what: str) -> None:
    """What was issued tomorrow is not valid today."""
    issued_at = moment(text)
    if issued_at is not None and issued_at - expected.skew > expected.now:
        raise refused(
            SAMLFailure.NOT_YET_VALID, what=what, found=clock.iso(issued_at), now=clock.iso(expected.now)
        )


def _check_window(
    element: Element, expected: Expectations, what: str
) -> tuple[datetime | None, datetime | None]:
    begin, end = moment(element.get("NotBefore")), moment(element.get("NotOnOrAfter"))
    if begin is not None and begin > _later(expected.now, expected.skew):
        raise refused(
            SAMLFailure.NOT_YET_VALID, what=what, found=clock.iso(begin), now=clock.iso(expected.now)
        )
    if end is not None and expected.now >= _later(end, expected.skew):
        raise refused(SAMLFailure.EXPIRED, what=what, found=clock.iso(end), now=clock.iso(expected.now))
    return begin, end


def _later(when: datetime, by: timedelta) -> datetime:
    """Add, up to the end of the calendar."""
    return when + by if when.year < 9999 else when


# --- what it says ---------------------------------------------------------------------------------------


def _subject(content: Element, expected: Expectations) -> dict[str, str]:
    subject = child(content, SAML, "Subject")
    name_id = None if subject is None else child(subject, SAML, "NameID")
    encrypted = None if subject is None else child(subject, SAML, "EncryptedID")
    if encrypted is not None:
        # It stands in what was verified.
        name_id = decrypt(
            encrypted, expected.sp.encryption_pairs, tag(SAML, "NameID"), "NameID", verified=encrypted
        )
    value = text_of(name_id)
    if name_id is None or not value:
        raise refused(SAMLFailure.SUBJECT_MISSING)
    qualifier = name_id.get("SPNameQualifier", "")
    if qualifier and qualifier != expected.sp.entity_id:
        raise refused(SAMLFailure.SUBJECT_OF_ANOTHER_PARTY, found=qualifier, expected=expected.sp.entity_id)
    return {
        "name_id": value,
        "name_id_format": str(name_id.get("Format", FORMAT_UNSPECIFIED)),
        "name_qualifier": str(name_id.get("NameQualifier", "")),
        "sp_name_qualifier": str(qualifier),
    }


def _authentication(content: Element, expected: Expectations) -> dict[str, Any]:
    statements = children(content, SAML, "AuthnStatement")
    if len(statements) != 1:
        raise refused(SAMLFailure.NO_AUTHENTICATION, found=len(statements))
    statement = statements[0]
    ends_at = moment(statement.get("SessionNotOnOrAfter"))
    if ends_at is not None and expected.now >= _later(ends_at, expected.skew):
        raise refused(
            SAMLFailure.EXPIRED,
            what="session at the IdP",
            found=clock.iso(ends_at),
            now=clock.iso(expected.now),
        )
    signed_in_at = moment(statement.get("AuthnInstant"))
    # An answer that nobody asked for has no departure; it is held to the age that an exchange may have.
    fresh_since = expected.fresh_since
    if fresh_since is None and expected.options.force_authn:
        fresh_since = expected.now - FRESH
    if fresh_since is not None and (signed_in_at is None or signed_in_at < fresh_since - expected.skew):
        raise refused(SAMLFailure.AUTHENTICATION_TOO_OLD, found=statement.get("AuthnInstant"))
    context = child(statement, SAML, "AuthnContext")
    found = text_of(None if context is None else child(context, SAML, "AuthnContextClassRef"))
    wanted = expected.options.requested_authn_context
    if wanted and found != wanted:
        raise refused(
            SAMLFailure.WRONG_AUTHN_CONTEXT, found=found or "a way that it does not name", expected=wanted
        )
    return {
        "session_index": str(statement.get("SessionIndex", "")),
        "session_expires_at": ends_at,
        "authn_context": found,
    }


def _attributes(content: Element) -> dict[str, tuple[str, ...]]:
    """Return the values by name. An attribute without any value that is not empty counts as absent."""
    found: dict[str, tuple[str, ...]] = {}
    number_of_values = 0
    for statement in children(content, SAML, "AttributeStatement"):
        if child(statement, SAML, "EncryptedAttribute") is not None:
            raise refused(SAMLFailure.ATTRIBUTE_ENCRYPTED)
        for attribute in children(statement, SAML, "Attribute"):
            name = str(attribute.get("Name", "")).strip()
            if not name:
                raise refused(SAMLFailure.ATTRIBUTE_WITHOUT_NAME)
            if name in found:
                # Which of the two counts would be a guess, and two programs would guess differently.
                raise refused(SAMLFailure.ATTRIBUTE_DUPLICATED, found=name)
            found[name] = _values(attribute)
            number_of_values += len(found[name])
            if len(found) > MAXIMUM_ATTRIBUTES or number_of_values > MAXIMUM_VALUES:
                raise refused(
                    SAMLFailure.TOO_MANY_ATTRIBUTES,
                    limit=f"{MAXIMUM_ATTRIBUTES} attributes or {MAXIMUM_VALUES} values",
                )
    return {name: values for name, values in found.items() if values}


def _values(attribute: Element) -> tuple[str, ...]:
    values = []
    for value in children(attribute, SAML, "AttributeValue"):
        inside = list(value)
        # eduPersonTargetedID wraps its value into a NameID; other structures are nothing that a profile could hold.
        if inside and [element.tag for element in inside] != [tag(SAML, "NameID")]:
            continue
        text = text_of(value)
        if len(text) > MAXIMUM_VALUE_CHARACTERS:
            raise refused(
                SAMLFailure.TOO_MANY_ATTRIBUTES, limit=f"{MAXIMUM_VALUE_CHARACTERS} characters in one value"
            )
        if text:
            values.append(text)
    return tuple(values)
