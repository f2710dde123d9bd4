"""What a response may not say, though it is signed."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from lxml import etree

from foundation import clock
from sso.saml.failures import SAMLFailure
from sso.saml.names import SAML, XSI, tag
from sso.saml.parties import ServiceProvider
from tests.sso.saml.attacks.corpus import EVIL, Element, Made, attack, changed, drop, edit, write
from tests.sso.saml.identity_provider import Forge, encrypt_element, encryption_certificate, instant, one

OTHER_ACS = "https://auth.example.com/sso/saml/conn_2/acs"


def assertion_issuer(text: str) -> Callable[[Element], None]:
    return lambda root: setattr(one(one(root, "Assertion"), "Issuer"), "text", text)


def suffixed(name: str, key: str, suffix: str) -> Callable[[Element], None]:
    def change(root: Element) -> None:
        element = one(root, name)
        element.set(key, f"{element.get(key)}{suffix}")

    return change


def at(name: str, key: str, **offset: float) -> Callable[[Element], None]:
    return lambda root: one(root, name).set(key, instant(clock.now() + timedelta(**offset)))


changed("another_audience", SAMLFailure.WRONG_AUDIENCE, write("Audience", "https://auth.example.com/other"))
changed("no_audience", SAMLFailure.AUDIENCE_MISSING, drop("AudienceRestriction"))
changed(
    "another_recipient", SAMLFailure.WRONG_RECIPIENT, edit("SubjectConfirmationData", Recipient=OTHER_ACS)
)
changed(
    "recipient_with_more_behind",
    SAMLFailure.WRONG_RECIPIENT,
    suffixed("SubjectConfirmationData", "Recipient", ".eve.example.com"),
)
changed("no_recipient", SAMLFailure.RECIPIENT_MISSING, edit("SubjectConfirmationData", Recipient=None))
changed("another_destination", SAMLFailure.WRONG_DESTINATION, edit("Response", Destination=OTHER_ACS))
changed(
    "destination_with_more_behind",
    SAMLFailure.WRONG_DESTINATION,
    suffixed("Response", "Destination", "/more"),
)
changed("empty_destination", SAMLFailure.WRONG_DESTINATION, edit("Response", Destination=""))
changed(
    "no_destination_on_signed_response", SAMLFailure.WRONG_DESTINATION, edit("Response", Destination=None)
)
changed("another_issuer", SAMLFailure.WRONG_ISSUER, assertion_issuer("https://eve.example.com"))
changed(
    "another_issuer_of_the_response", SAMLFailure.WRONG_ISSUER, write("Issuer", "https://eve.example.com")
)
changed("issuer_of_another_format", SAMLFailure.WRONG_ISSUER, edit("Issuer", Format="urn:x"))
changed("expired_conditions", SAMLFailure.EXPIRED, at("Conditions", "NotOnOrAfter", minutes=-2))
changed(
    "expired_confirmation", SAMLFailure.EXPIRED, at("SubjectConfirmationData", "NotOnOrAfter", minutes=-2)
)
changed("expired_session", SAMLFailure.EXPIRED, at("AuthnStatement", "SessionNotOnOrAfter", minutes=-2))
changed("not_yet_valid_conditions", SAMLFailure.NOT_YET_VALID, at("Conditions", "NotBefore", minutes=2))
changed(
    "not_yet_valid_confirmation",
    SAMLFailure.NOT_YET_VALID,
    at("SubjectConfirmationData", "NotBefore", minutes=2),
)
changed("issued_in_the_future", SAMLFailure.NOT_YET_VALID, at("Assertion", "IssueInstant", minutes=5))
changed(
    "no_end_of_validity", SAMLFailure.NO_END_OF_VALIDITY, edit("SubjectConfirmationData", NotOnOrAfter=None)
)
changed(
    "time_of_another_zone", SAMLFailure.BAD_TIME, edit("Conditions", NotOnOrAfter="2099-01-01T00:00:00+05:00")
)
changed(
    "no_in_response_to_on_the_response",
    SAMLFailure.IN_RESPONSE_TO_MISSING,
    edit("Response", InResponseTo=None),
)
changed(
    "no_in_response_to_in_the_assertion",
    SAMLFailure.IN_RESPONSE_TO_MISSING,
    edit("SubjectConfirmationData", InResponseTo=None),
)
changed(
    "in_response_to_of_another_session",
    SAMLFailure.WRONG_IN_RESPONSE_TO,
    edit("Response", InResponseTo="_other"),
)
changed(
    "in_response_to_of_another_session_in_the_assertion",
    SAMLFailure.WRONG_IN_RESPONSE_TO,
    edit("SubjectConfirmationData", InResponseTo="_other"),
)
changed("no_conditions", SAMLFailure.CONDITIONS_MISSING, drop("Conditions"))


def set_condition(root: Element) -> None:
    condition = etree.SubElement(one(root, "Conditions"), tag(SAML, "Condition"))
    condition.set(tag(XSI, "type"), "saml:ProxyRestrictionType")


changed("condition_that_is_not_understood", SAMLFailure.CONDITION_NOT_UNDERSTOOD, set_condition)
changed(
    "holder_of_key",
    SAMLFailure.NOT_BEARER,
    edit("SubjectConfirmation", Method="urn:oasis:names:tc:SAML:2.0:cm:holder-of-key"),
)
changed("no_confirmation", SAMLFailure.NOT_BEARER, drop("SubjectConfirmation"))
changed("no_authentication_statement", SAMLFailure.NO_AUTHENTICATION, drop("AuthnStatement"))
changed(
    "old_sign_in_where_a_fresh_one_was_asked_for",
    SAMLFailure.AUTHENTICATION_TOO_OLD,
    at("AuthnStatement", "AuthnInstant", hours=-2),
    force_authn=True,
)
changed(
    "weaker_context_than_asked_for",
    SAMLFailure.WRONG_AUTHN_CONTEXT,
    write("AuthnContextClassRef", "urn:example:password"),
    requested_authn_context="urn:example:mfa",
)
changed("empty_name_id", SAMLFailure.SUBJECT_MISSING, write("NameID", "   "))
changed("no_name_id", SAMLFailure.SUBJECT_MISSING, drop("NameID"))
changed(
    "name_id_for_another_service_provider",
    SAMLFailure.SUBJECT_OF_ANOTHER_PARTY,
    edit("NameID", SPNameQualifier="https://other.example.com"),
)


def with_attributes(xml: str) -> Callable[[Element], None]:
    def change(root: Element) -> None:
        statement = one(root, "AttributeStatement")
        frame = etree.fromstring(f'<f xmlns:saml="{SAML}" xmlns:xsi="{XSI}" xmlns:xs="urn:xs">{xml}</f>')
        for element in frame:
            statement.append(element)

    return change


changed(
    "attribute_written_twice_in_the_statement",
    SAMLFailure.ATTRIBUTE_DUPLICATED,
    with_attributes(
        f'<saml:Attribute Name="email"><saml:AttributeValue>{EVIL}</saml:AttributeValue></saml:Attribute>'
    ),
)
changed(
    "attribute_with_an_empty_name",
    SAMLFailure.ATTRIBUTE_WITHOUT_NAME,
    with_attributes('<saml:Attribute Name=" "><saml:AttributeValue>x</saml:AttributeValue></saml:Attribute>'),
)


@attack(SAMLFailure.ATTRIBUTE_ENCRYPTED)
def encrypted_attribute(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    def change(root: Element) -> None:
        encrypt_element(root, encryption_certificate(sp), name="Attribute", wrapper="EncryptedAttribute")

    return idp.response(sp, request_id, change)


@attack(SAMLFailure.TOO_MANY_ATTRIBUTES)
def flood_of_values(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    idp = replace(idp, attributes={"groups": ["g"] * 2_001})
    text = etree.tostring(idp.document(sp, request_id), encoding="unicode").replace(
        ' xsi:type="xs:string"', ""
    )
    root = etree.fromstring(text)
    idp.sign(one(root, "Assertion"))
    return root


@attack(SAMLFailure.TOO_MANY_ATTRIBUTES)
def endless_value(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    return replace(idp, attributes={"email": ["x" * 9_000]}).response(sp, request_id)


@attack(SAMLFailure.WRONG_DESTINATION)
def response_for_another_connection(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    other = replace(sp, acs_url=OTHER_ACS, entity_id="https://auth.example.com/sso/saml/conn_2/metadata")
    return idp.response(other, request_id)


@attack(SAMLFailure.WRONG_ISSUER)
def response_of_the_provider_of_another_environment(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    # The same key at two providers; their entity ids keep them apart.
    return replace(idp, entity_id="https://other-idp.example.com").response(sp, request_id)


@attack(SAMLFailure.WRONG_DESTINATION)
def response_for_the_address_of_another_environment(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    return idp.response(replace(sp, acs_url=f"{sp.acs_url}2"), request_id)


@attack(SAMLFailure.IN_RESPONSE_TO_MISSING)
def unasked_response_in_the_place_of_an_answer(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    return idp.response(sp, None)
