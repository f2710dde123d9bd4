"""python3-saml, hardened: a second judge beside the checks of this room, in strict mode with every check named.

The library is frozen since 2023. Whatever it does with a signature goes through the guarded context, and its schemas
are compiled once. It knows no clock skew and no exact comparison of addresses: times and addresses are judged by
``responses`` alone, and it is shown values that agree.
"""

import secrets
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import xmlsec
from lxml import etree
from onelogin.saml2 import utils, xml_utils
from onelogin.saml2.errors import OneLogin_Saml2_Error, OneLogin_Saml2_ValidationError
from onelogin.saml2.response import OneLogin_Saml2_Response
from onelogin.saml2.settings import OneLogin_Saml2_Settings

from sso.saml import documents, names
from sso.saml.documents import Element
from sso.saml.failures import SAMLFailure, refused
from sso.saml.parties import IdentityProvider, KeyPair, SAMLOptions, ServiceProvider
from sso.saml.signatures import GuardedSignatureContext


class _GuardedModule:
    """Stands where the library looks for the module xmlsec; all is the same but the context of signatures."""

    SignatureContext = GuardedSignatureContext

    def __getattr__(self, name: str) -> Any:
        return getattr(xmlsec, name)


def _validate(xml: Any, schema: str, _debug: bool = False) -> Any:  # The library's own signature.
    """As the library does, but by a schema that is compiled once instead of at every call."""
    return "invalid_xml" if documents.schema_violation(xml, schema) else xml


# For the whole process: nothing may reach the library around the guards.
utils.xmlsec = _GuardedModule()
xml_utils.OneLogin_Saml2_XML.validate_xml = staticmethod(_validate)


class _Response(OneLogin_Saml2_Response):  # type: ignore[misc]  # The library has no types.
    """A response whose encrypted assertion was opened by this room, and whose times were judged by it."""

    def __init__(self, settings: OneLogin_Saml2_Settings, response: str, opened: Element | None) -> None:
        self._opened = opened
        super().__init__(settings, response)

    def _decrypt_assertion(self, xml: Element) -> Element:
        if self._opened is None:
            raise ValueError("The assertion was not opened.")
        # By text: an element that moves to another tree takes over its prefixes, and those are signed.
        place = f"opened-{secrets.token_hex(16)}"
        encrypted = next(xml.iterchildren(names.tag(names.SAML, "EncryptedAssertion")))
        xml.replace(encrypted, etree.Element(place))
        inside = etree.tostring(self._opened, with_tail=False)
        whole: Element = xml_utils.OneLogin_Saml2_XML.to_etree(
            etree.tostring(xml).replace(f"<{place}/>".encode(), inside)
        )
        return whole

    def validate_timestamps(self, **_options: object) -> bool:
        return True

    def get_session_not_on_or_after(self) -> None:
        return None

    def _query_assertion(self, xpath_expr: str) -> list[Element]:
        found: list[Element] = super()._query_assertion(xpath_expr)
        if xpath_expr != "/saml:Subject/saml:SubjectConfirmation":
            return found
        return [_without_times(confirmation) for confirmation in found]


def _without_times(confirmation: Element) -> Element:
    shown = etree.fromstring(etree.tostring(confirmation))
    for element in shown:
        for name in ("NotBefore", "NotOnOrAfter"):
            if name in element.attrib:
                del element.attrib[name]
    return shown


def settings_of(sp: ServiceProvider, idp: IdentityProvider, options: SAMLOptions) -> dict[str, Any]:
    """Return the settings of the library for one connection, with every check that it has by name."""
    # It neither signs nor decrypts here, and still insists on a key wherever it could.
    signing = KeyPair(private_key_pem=sp.private_key_pem, certificate_pem=sp.certificate_pem)
    own = next((pair for pair in (signing, *sp.encryption_pairs) if pair.private_key_pem), None)
    return {
        "strict": True,
        "debug": False,
        "sp": {
            "entityId": sp.entity_id,
            "assertionConsumerService": {"url": sp.acs_url, "binding": names.POST_BINDING},
            "NameIDFormat": names.FORMAT_UNSPECIFIED,
            "x509cert": own.certificate_pem if own else "",
            "privateKey": own.private_key_pem if own else "",
        },
        "idp": {
            "entityId": idp.entity_id,
            # Only requests go there, and those are written by this room; the library insists on an address.
            "singleSignOnService": {"url": sp.acs_url, "binding": names.REDIRECT_BINDING},
            # The first one stands here too, or the library looks for a file.
            "x509cert": next(iter(idp.certificates_pem), ""),
            "x509certMulti": {"signing": list(idp.certificates_pem)},
        },
        "security": {
            "authnRequestsSigned": options.sign_requests,
            "logoutRequestSigned": own is not None,
            "logoutResponseSigned": own is not None,
            "signMetadata": False,
            "nameIdEncrypted": False,
            "wantAssertionsSigned": True,
            "wantMessagesSigned": options.require_signed_responses,
            "wantAssertionsEncrypted": options.require_encrypted_assertions,
            "wantNameId": True,
            "wantNameIdEncrypted": False,
            "wantAttributeStatement": False,
            "allowRepeatAttributeName": False,
            "rejectDeprecatedAlgorithm": True,
            "signatureAlgorithm": names.RSA_SHA256,
            "digestAlgorithm": f"{names.XENC}sha256",
            "requestedAuthnContext": [options.requested_authn_context]
            if options.requested_authn_context
            else False,
            "requestedAuthnContextComparison": "exact",
            "failOnAuthnContextMismatch": True,
            "allowSingleLabelDomains": True,
            "metadataValidUntil": None,
            "metadataCacheDuration": None,
        },
    }


@lru_cache(maxsize=64)
def _settings_for(
    sp: ServiceProvider, idp: IdentityProvider, options: SAMLOptions
) -> OneLogin_Saml2_Settings:
    # It reads its settings and wraps their keys anew each time, which takes longer than the judgement.
    return OneLogin_Saml2_Settings(settings_of(sp, idp, options))


def judge(  # noqa: PLR0917  # The parties come in the same order everywhere.
    sp: ServiceProvider,
    idp: IdentityProvider,
    options: SAMLOptions,
    saml_response: str,
    request_id: str | None,
    opened: Element | None,
) -> None:
    """Let the library decide on a response that passed every check of ours; raises ExchangeRefused.

    ``opened`` is the decrypted assertion, if it came encrypted.
    """
    address = urlsplit(sp.acs_url)
    request_data = {
        "https": "on" if address.scheme == "https" else "off",
        "http_host": address.netloc,
        "script_name": address.path,
    }
    try:
        response = _Response(_settings_for(sp, idp, options), saml_response, opened)
        response.is_valid(request_data, request_id, raise_exceptions=True)
    except (OneLogin_Saml2_Error, OneLogin_Saml2_ValidationError, ValueError) as error:
        raise refused(SAMLFailure.REFUSED_BY_LIBRARY, reason=error) from error
