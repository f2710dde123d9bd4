"""Why a SAML message is refused: a stable name for each check, and a sentence for the IT admin who can mend it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from sso.exchanges import ExchangeRefused


class SAMLFailure(StrEnum):
    """The checks by name; docs/security/saml.md says of each what it stops."""

    # The document.
    NOT_BASE64 = "not_base64"
    DOUBLE_BASE64 = "double_base64"
    TOO_LARGE = "too_large"
    TOO_DEEP = "too_deep"
    WRONG_ENCODING = "wrong_encoding"
    NOT_XML = "not_xml"
    DOCUMENT_TYPE = "document_type"
    ENTITY_DECLARED = "entity_declared"
    EXTERNAL_ENTITY = "external_entity"
    COMMENT = "comment"
    PROCESSING_INSTRUCTION = "processing_instruction"
    RELATIVE_NAMESPACE = "relative_namespace"
    SCHEMA_LOCATION = "schema_location"
    DUPLICATE_ID = "duplicate_id"
    PARAMETER_TWICE = "parameter_twice"
    NOT_A_RESPONSE = "not_a_response"
    SCHEMA_VIOLATED = "schema_violated"
    IDP_REPORTED_FAILURE = "idp_reported_failure"
    # Signatures.
    NOTHING_SIGNED = "nothing_signed"
    ASSERTION_NOT_SIGNED = "assertion_not_signed"
    MESSAGE_NOT_SIGNED = "message_not_signed"
    RESPONSE_NOT_SIGNED = "response_not_signed"
    SIGNATURE_MISPLACED = "signature_misplaced"
    SIGNATURE_OF_ANOTHER_ELEMENT = "signature_of_another_element"
    SIGNATURE_CARRIES_OBJECT = "signature_carries_object"
    NOT_ONE_REFERENCE = "not_one_reference"
    TRANSFORM_REFUSED = "transform_refused"
    CANONICALIZATION_REFUSED = "canonicalization_refused"
    DIGEST_REFUSED = "digest_refused"
    SIGNATURE_METHOD_REFUSED = "signature_method_refused"
    SYMMETRIC_SIGNATURE = "symmetric_signature"
    UNKNOWN_CERTIFICATE = "unknown_certificate"
    INVALID_SIGNATURE = "invalid_signature"
    # Encryption.
    NOT_ENCRYPTED = "not_encrypted"
    KEY_TRANSPORT_REFUSED = "key_transport_refused"
    CIPHER_REFUSED = "cipher_refused"
    DECRYPTION_FAILED = "decryption_failed"
    # What the response and its assertion say.
    WRONG_NUMBER_OF_ASSERTIONS = "wrong_number_of_assertions"
    WRONG_ISSUER = "wrong_issuer"
    WRONG_DESTINATION = "wrong_destination"
    IDP_INITIATED_REFUSED = "idp_initiated_refused"
    IN_RESPONSE_TO_MISSING = "in_response_to_missing"
    WRONG_IN_RESPONSE_TO = "wrong_in_response_to"
    CONDITIONS_MISSING = "conditions_missing"
    CONDITION_NOT_UNDERSTOOD = "condition_not_understood"
    AUDIENCE_MISSING = "audience_missing"
    WRONG_AUDIENCE = "wrong_audience"
    BAD_TIME = "bad_time"
    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired"
    NOT_BEARER = "not_bearer"
    RECIPIENT_MISSING = "recipient_missing"
    WRONG_RECIPIENT = "wrong_recipient"
    NO_END_OF_VALIDITY = "no_end_of_validity"
    NO_AUTHENTICATION = "no_authentication"
    AUTHENTICATION_TOO_OLD = "authentication_too_old"
    WRONG_AUTHN_CONTEXT = "wrong_authn_context"
    SUBJECT_MISSING = "subject_missing"
    SUBJECT_OF_ANOTHER_PARTY = "subject_of_another_party"
    SUBJECT_NOT_STABLE = "subject_not_stable"
    ATTRIBUTE_WITHOUT_NAME = "attribute_without_name"
    ATTRIBUTE_DUPLICATED = "attribute_duplicated"
    ATTRIBUTE_ENCRYPTED = "attribute_encrypted"
    TOO_MANY_ATTRIBUTES = "too_many_attributes"
    REFUSED_BY_LIBRARY = "refused_by_library"


SENTENCES: Mapping[SAMLFailure, str] = {
    SAMLFailure.NOT_BASE64: "The message is not base64. Something between your IdP and this server changed it.",
    SAMLFailure.DOUBLE_BASE64: "The message is base64 of base64. It has to be encoded once.",
    SAMLFailure.TOO_LARGE: "The message has {size} bytes; {limit} are read. Send fewer groups or attributes.",
    SAMLFailure.TOO_DEEP: "The message nests its elements more than {limit} deep, or has too many of them.",
    SAMLFailure.WRONG_ENCODING: "The message is not plain UTF-8. Your IdP has to send UTF-8 without a byte order mark.",
    SAMLFailure.NOT_XML: "The message is not well-formed XML: {reason}.",
    SAMLFailure.DOCUMENT_TYPE: "The message carries a document type declaration, which SAML does not use.",
    SAMLFailure.ENTITY_DECLARED: "The message declares XML entities, which SAML does not use.",
    SAMLFailure.EXTERNAL_ENTITY: "The message refers to files or addresses by external XML entities.",
    SAMLFailure.COMMENT: "The message has an XML comment inside, which could hide a part of a name.",
    SAMLFailure.PROCESSING_INSTRUCTION: "The message has an XML processing instruction inside, which could hide a part "
    "of a name.",
    SAMLFailure.RELATIVE_NAMESPACE: "The message uses the namespace {found}, which is no absolute URI and cannot be "
    "signed.",
    SAMLFailure.SCHEMA_LOCATION: "The message names a schema to be loaded, which is never done.",
    SAMLFailure.DUPLICATE_ID: "Two elements of the message have the same ID {found}, so its signature is ambiguous.",
    SAMLFailure.PARAMETER_TWICE: "The parameter {found} stands in the address twice, so its signature is ambiguous.",
    SAMLFailure.NOT_A_RESPONSE: "A SAML 2.0 {expected} was expected; this is {found}.",
    SAMLFailure.SCHEMA_VIOLATED: "The message breaks the SAML 2.0 schema: {reason}.",
    SAMLFailure.IDP_REPORTED_FAILURE: "Your IdP did not sign the person in. It answered {status}{message}. Its own log "
    "says why; often the person is not assigned to the application.",
    SAMLFailure.NOTHING_SIGNED: "Neither the response nor the assertion is signed. Turn on signed assertions at your IdP.",
    SAMLFailure.ASSERTION_NOT_SIGNED: "Only the response is signed. Turn on signed assertions at your IdP.",
    SAMLFailure.MESSAGE_NOT_SIGNED: "The {what} is not signed. Turn on signed logout messages at your IdP.",
    SAMLFailure.RESPONSE_NOT_SIGNED: "This connection asks for signed responses, and only the assertion is signed. Turn "
    "on signed responses at your IdP, or turn the demand off here.",
    SAMLFailure.SIGNATURE_MISPLACED: "The message has a signature at a place where none belongs: inside {found}.",
    SAMLFailure.SIGNATURE_OF_ANOTHER_ELEMENT: "A signature stands on one element and was made over another, {found}.",
    SAMLFailure.SIGNATURE_CARRIES_OBJECT: "A signature carries {found}, behind which content could hide.",
    SAMLFailure.NOT_ONE_REFERENCE: "A signature has {found} references; exactly one is expected.",
    SAMLFailure.TRANSFORM_REFUSED: "A signature asks for the transform {found}. Only the enveloped signature followed by "
    "exclusive canonicalization counts.",
    SAMLFailure.CANONICALIZATION_REFUSED: "A signature is canonicalized by {found}; set your IdP to exclusive "
    "canonicalization.",
    SAMLFailure.DIGEST_REFUSED: "A signature uses the digest {found}; set your IdP to SHA-256.",
    SAMLFailure.SIGNATURE_METHOD_REFUSED: "The message is signed by {found}; set your IdP to RSA-SHA256.",
    SAMLFailure.SYMMETRIC_SIGNATURE: "The message is signed by {found}, a method with a shared secret, and no secret is "
    "shared with an IdP.",
    SAMLFailure.UNKNOWN_CERTIFICATE: "Your IdP signs with {found}; this connection knows {known}. If your IdP changed "
    "its certificate, add the new one here.",
    SAMLFailure.INVALID_SIGNATURE: "The signature of the {what} does not match any certificate of this connection: "
    "{known}. The certificate here is wrong, or the message was changed on its way.",
    SAMLFailure.NOT_ENCRYPTED: "This connection asks for encrypted assertions, and this one is not. Upload our "
    "encryption certificate at your IdP, or turn the demand off here.",
    SAMLFailure.KEY_TRANSPORT_REFUSED: "The encryption key is wrapped by {found}; set your IdP to RSA-OAEP.",
    SAMLFailure.CIPHER_REFUSED: "The {what} is encrypted by {found}; {advice}.",
    SAMLFailure.DECRYPTION_FAILED: "The {what} cannot be decrypted. Your IdP probably has an old encryption certificate "
    "of this connection: take it from our metadata.",
    SAMLFailure.WRONG_NUMBER_OF_ASSERTIONS: "The response has {found} assertions; exactly one is expected.",
    SAMLFailure.WRONG_ISSUER: "The {what} was issued by {found}; this connection knows the IdP as {expected}. Copy the "
    "entity id of your IdP here exactly.",
    SAMLFailure.WRONG_DESTINATION: "The {what} is addressed to {found}; the address of this connection is {expected}. "
    "Copy it to your IdP exactly.",
    SAMLFailure.IDP_INITIATED_REFUSED: "The sign-in began at the IdP's own portal, which this connection does not allow. "
    "Begin at the application, or allow it here.",
    SAMLFailure.IN_RESPONSE_TO_MISSING: "The {what} does not say which request it answers (InResponseTo).",
    SAMLFailure.WRONG_IN_RESPONSE_TO: "The {what} answers another request than the one of this sign-in. The person "
    "should begin again; a bookmark of the IdP's page, or two tabs at once, lead to this.",
    SAMLFailure.CONDITIONS_MISSING: "The assertion has no Conditions, so it does not say for whom it is and for how long.",
    SAMLFailure.CONDITION_NOT_UNDERSTOOD: "The assertion makes the condition {found}, which is not understood here.",
    SAMLFailure.AUDIENCE_MISSING: "The assertion does not say for which application it is. Set the audience at your "
    "IdP to {expected}.",
    SAMLFailure.WRONG_AUDIENCE: "The assertion is for {found}; this connection is {expected}. Correct the audience "
    "(entity id of the service provider) at your IdP.",
    SAMLFailure.BAD_TIME: "The message has a time that cannot be read: {found}.",
    SAMLFailure.NOT_YET_VALID: "The {what} is valid from {found}; it is {now} here. The clock of your IdP is ahead.",
    SAMLFailure.EXPIRED: "The {what} was valid until {found}; it is {now} here. The clock of your IdP is behind, or "
    "the person took too long.",
    SAMLFailure.NOT_BEARER: "The assertion confirms its subject by {found}; a bearer confirmation is expected.",
    SAMLFailure.RECIPIENT_MISSING: "The subject confirmation names no Recipient. Set it at your IdP to {expected}.",
    SAMLFailure.WRONG_RECIPIENT: "The assertion may be delivered to {found}; the address of this connection is "
    "{expected}. Copy it to your IdP exactly (ACS URL).",
    SAMLFailure.NO_END_OF_VALIDITY: "The subject confirmation does not say until when it counts (NotOnOrAfter).",
    SAMLFailure.NO_AUTHENTICATION: "The assertion has {found} authentication statements; exactly one is expected.",
    SAMLFailure.AUTHENTICATION_TOO_OLD: "A fresh sign-in was asked for, by this connection or by the application "
    "(prompt=login), and the person signed in at {found}. Your IdP has to respect ForceAuthn.",
    SAMLFailure.WRONG_AUTHN_CONTEXT: "The person signed in by {found}; this connection asks for {expected}.",
    SAMLFailure.SUBJECT_MISSING: "The assertion names nobody: its NameID is missing or empty. Choose what your IdP "
    "sends as NameID, the user's permanent id, say.",
    SAMLFailure.SUBJECT_OF_ANOTHER_PARTY: "The NameID is meant for {found}; this connection is {expected}.",
    SAMLFailure.SUBJECT_NOT_STABLE: "The NameID is a transient one, new at every sign-in. Send a persistent one, or map "
    "an attribute that stays the same to idp_id.",
    SAMLFailure.ATTRIBUTE_WITHOUT_NAME: "An attribute of the assertion has no name.",
    SAMLFailure.ATTRIBUTE_DUPLICATED: "The attribute {found} stands in the assertion twice. Send it once, with several "
    "values (Keycloak: turn on Single Role Attribute in the role mapper).",
    SAMLFailure.ATTRIBUTE_ENCRYPTED: "An attribute is encrypted on its own, which is not read here. Encrypt the whole "
    "assertion.",
    SAMLFailure.TOO_MANY_ATTRIBUTES: "The assertion has more than {limit}. Send fewer groups or attributes.",
    SAMLFailure.REFUSED_BY_LIBRARY: "The response is not valid: {reason}.",
}


def refused(failure: SAMLFailure, **facts: object) -> ExchangeRefused:
    """Return the refusal of a failed check, to be raised. Facts that came from outside are shortened in its sentence."""
    shown: dict[str, Any] = {name: _shown(fact) for name, fact in facts.items()}
    return ExchangeRefused(failure.value, SENTENCES[failure].format(**shown))


def _shown(fact: object) -> str:
    text = "".join(character if character.isprintable() else " " for character in str(fact))
    return text if len(text) <= 400 else f"{text[:400]}…"
