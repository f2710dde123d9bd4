"""Writing what the test identity provider says in SAML: metadata, responses, logout messages; signed by xmlsec."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import xmlsec
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from lxml import etree

from foundation import clock
from foundation.ids import new_secret
from sso.test_idp.identity import Identity
from sso.test_idp.people import Misbehaviour, Person
from sso.test_idp.saml_messages import (
    BINDING_POST,
    BINDING_REDIRECT,
    FORMAT_EMAIL,
    FORMAT_PERSISTENT,
    NAMESPACES,
    AskedLogout,
    AskedSignIn,
    deflated,
)

_STATUS = "urn:oasis:names:tc:SAML:2.0:status:"
_PASSWORD_CONTEXT = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
_BASIC_NAMES = "urn:oasis:names:tc:SAML:2.0:attrname-format:basic"
_LIFETIME = timedelta(minutes=5)
_BACKDATED = timedelta(minutes=1)
_LONG_AGO = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedResponse:
    """A response on its way: what the browser posts to ``acs_url``, and what a later logout has to name."""

    acs_url: str
    saml_response: str
    relay_state: str
    name_id: str
    session_index: str

    @property
    def form(self) -> dict[str, str]:
        """Return the fields of the form that carries it (SAML bindings 3.5.4)."""
        fields = {"SAMLResponse": self.saml_response}
        return {**fields, "RelayState": self.relay_state} if self.relay_state else fields


def write_metadata(idp: Identity) -> bytes:
    """Return the metadata (SAML metadata 2.4.3), unsigned: it is fetched from the place that it names."""
    certificate = _made("ds:X509Certificate", {}, idp.public_jwk["x5c"][0])
    key = _made("ds:KeyInfo", {}, [_made("ds:X509Data", {}, [certificate])])
    services = [
        *(
            _made("md:SingleLogoutService", {"Binding": binding, "Location": idp.slo_url})
            for binding in (BINDING_REDIRECT, BINDING_POST)
        ),
        _made("md:NameIDFormat", {}, FORMAT_PERSISTENT),
        _made("md:NameIDFormat", {}, FORMAT_EMAIL),
        *(
            _made("md:SingleSignOnService", {"Binding": binding, "Location": idp.sso_url})
            for binding in (BINDING_REDIRECT, BINDING_POST)
        ),
    ]
    role = _made(
        "md:IDPSSODescriptor",
        {"protocolSupportEnumeration": NAMESPACES["samlp"], "WantAuthnRequestsSigned": "false"},
        [_made("md:KeyDescriptor", {"use": "signing"}, [key]), *services],
    )
    return _serialized(_made("md:EntityDescriptor", {"entityID": idp.entity_id}, [role]))


def issue_response(
    idp: Identity,
    asked: AskedSignIn,
    person: Person,
    misbehaviour: Misbehaviour | None = None,
    *,
    encryption_certificate_pem: str = "",
) -> IssuedResponse:
    """Answer a sign-in: response and assertion signed, the assertion encrypted where a certificate is given."""
    moment = clock.now() - (_LONG_AGO if misbehaviour is Misbehaviour.EXPIRED else timedelta())
    name_id = person.email if asked.name_id_format == FORMAT_EMAIL else person.subject
    session_index = f"_{new_secret()}"
    signer = _signer_of(idp, misbehaviour)
    if misbehaviour is Misbehaviour.CANCELLED:
        response = _failure(idp, asked, "AuthnFailed", "The person cancelled.")
    else:
        response = _response(idp, asked, moment, [_status("Success")])
        assertion = _assertion(
            idp=idp,
            asked=asked,
            person=person,
            moment=moment,
            misbehaviour=misbehaviour,
            name_id=name_id,
            session_index=session_index,
        )
        response.append(assertion)
        if signer is not None:
            _sign(assertion, signer)
        if encryption_certificate_pem:
            _encrypt(response, assertion, encryption_certificate_pem)
    if signer is not None:
        _sign(response, signer)
    return IssuedResponse(
        acs_url=asked.acs_url,
        saml_response=base64.b64encode(_serialized(response)).decode(),
        relay_state=asked.relay_state,
        name_id=name_id,
        session_index=session_index,
    )


def refuse_passive(idp: Identity, asked: AskedSignIn) -> IssuedResponse:
    """Answer a request that must not show a page: nobody is ever signed in here (SAML core 3.4.1, IsPassive)."""
    response = _failure(idp, asked, "NoPassive", "Somebody has to be asked who signs in.")
    _sign(response, _Signer(idp.private_key_der, idp.certificate_der))
    document = base64.b64encode(_serialized(response)).decode()
    return IssuedResponse(
        acs_url=asked.acs_url,
        saml_response=document,
        relay_state=asked.relay_state,
        name_id="",
        session_index="",
    )


def logout_response_url(idp: Identity, asked: AskedLogout, destination: str) -> str:
    """Return where the browser goes with the answer to a logout (SAML core 3.7.2), signed in the query."""
    attributes = _head(clock.now()) | {"Destination": destination, "InResponseTo": asked.request_id}
    response = _made("samlp:LogoutResponse", attributes, [_issuer(idp), _status("Success")])
    return _redirect(idp, destination, "SAMLResponse", response, asked.relay_state)


def logout_request_url(idp: Identity, destination: str, name_id: str, session_index: str) -> str:
    """Return where the browser goes to end a session at a service provider (SAML core 3.7.1)."""
    moment = clock.now()
    attributes = _head(moment) | {
        "Destination": destination,
        "NotOnOrAfter": _written(moment + _LIFETIME),
    }
    children = [
        _issuer(idp),
        _made("saml:NameID", {"Format": _format_of(name_id)}, name_id),
        _made("samlp:SessionIndex", {}, session_index),
    ]
    return _redirect(idp, destination, "SAMLRequest", _made("samlp:LogoutRequest", attributes, children), "")


def _redirect(idp: Identity, destination: str, parameter: str, root: Any, relay_state: str) -> str:
    """Carry a message in a query, signed as SAML bindings 3.4.4.1 says: over the query itself, in this order."""
    fields = {parameter: deflated(_serialized(root))}
    if relay_state:
        fields["RelayState"] = relay_state
    query = urlencode({**fields, "SigAlg": xmlsec.constants.TransformRsaSha256.href})
    signature = idp.private_key.sign(query.encode(), padding.PKCS1v15(), hashes.SHA256())
    signed = f"{query}&{urlencode({'Signature': base64.b64encode(signature).decode()})}"
    return f"{destination}{'&' if '?' in destination else '?'}{signed}"


def _response(idp: Identity, asked: AskedSignIn, moment: datetime, children: list[Any]) -> Any:
    attributes = _head(moment) | {"Destination": asked.acs_url} | _in_response_to(asked)
    return _made("samlp:Response", attributes, [_issuer(idp), *children])


def _failure(idp: Identity, asked: AskedSignIn, reason: str, words: str) -> Any:
    status = _made(
        "samlp:Status",
        {},
        [
            _made(
                "samlp:StatusCode",
                {"Value": f"{_STATUS}Responder"},
                [_made("samlp:StatusCode", {"Value": f"{_STATUS}{reason}"})],
            ),
            _made("samlp:StatusMessage", {}, words),
        ],
    )
    return _response(idp, asked, clock.now(), [status])


def _assertion(
    *,
    idp: Identity,
    asked: AskedSignIn,
    person: Person,
    moment: datetime,
    misbehaviour: Misbehaviour | None,
    name_id: str,
    session_index: str,
) -> Any:
    end = _written(moment + _LIFETIME)
    signed_in_at = moment - _LONG_AGO if misbehaviour is Misbehaviour.STALE else moment
    audience = asked.sp_entity_id
    if misbehaviour is Misbehaviour.WRONG_AUDIENCE:
        audience = "https://another-service-provider.example/metadata"
    confirmation = {"Recipient": asked.acs_url, "NotOnOrAfter": end} | _in_response_to(asked)
    context = asked.authn_context or _PASSWORD_CONTEXT
    return _made(
        "saml:Assertion",
        _head(moment),
        [
            _issuer(idp),
            _made(
                "saml:Subject",
                {},
                [
                    _made("saml:NameID", {"Format": asked.name_id_format}, name_id),
                    _made(
                        "saml:SubjectConfirmation",
                        {"Method": "urn:oasis:names:tc:SAML:2.0:cm:bearer"},
                        [_made("saml:SubjectConfirmationData", confirmation)],
                    ),
                ],
            ),
            _made(
                "saml:Conditions",
                {"NotBefore": _written(moment - _BACKDATED), "NotOnOrAfter": end},
                [_made("saml:AudienceRestriction", {}, [_made("saml:Audience", {}, audience)])],
            ),
            _made(
                "saml:AuthnStatement",
                {"AuthnInstant": _written(signed_in_at), "SessionIndex": session_index},
                [_made("saml:AuthnContext", {}, [_made("saml:AuthnContextClassRef", {}, context)])],
            ),
            _made(
                "saml:AttributeStatement",
                {},
                [_attribute(name, values) for name, values in person.saml_attributes(misbehaviour).items()],
            ),
        ],
    )


def _attribute(name: str, values: tuple[str, ...]) -> Any:
    children = [_made("saml:AttributeValue", {}, value) for value in values]
    return _made("saml:Attribute", {"Name": name, "NameFormat": _BASIC_NAMES}, children)


def _status(word: str) -> Any:
    return _made("samlp:Status", {}, [_made("samlp:StatusCode", {"Value": f"{_STATUS}{word}"})])


def _issuer(idp: Identity) -> Any:
    return _made("saml:Issuer", {}, idp.entity_id)


def _head(moment: datetime) -> dict[str, str]:
    # SAML core 1.3.4: an ID begins with a letter or an underscore.
    return {"ID": f"_{new_secret(32)}", "Version": "2.0", "IssueInstant": _written(moment)}


def _in_response_to(asked: AskedSignIn) -> dict[str, str]:
    return {"InResponseTo": asked.request_id} if asked.request_id else {}


def _format_of(name_id: str) -> str:
    return FORMAT_EMAIL if "@" in name_id else FORMAT_PERSISTENT


def _written(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _made(name: str, attributes: Mapping[str, str], content: "str | list[Any] | None" = None) -> Any:
    prefix, _, local = name.partition(":")
    element: Any = etree.Element(
        f"{{{NAMESPACES[prefix]}}}{local}", dict(attributes), nsmap={prefix: NAMESPACES[prefix]}
    )
    if isinstance(content, str):
        element.text = _without_controls(content)
    elif content is not None:
        element.extend(content)
    return element


def _without_controls(text: str) -> str:
    # XML 1.0 2.2 has no way to write these; a form field may hold them.
    return "".join(character for character in text if character.isprintable() or character in "\t\n\r")


def _serialized(root: Any) -> bytes:
    document: bytes = etree.tostring(root, xml_declaration=False, encoding="UTF-8")
    return document


# --- Signing and encrypting ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Signer:
    private_key_der: bytes
    certificate_der: bytes


def _signer_of(idp: Identity, misbehaviour: Misbehaviour | None) -> _Signer | None:
    match misbehaviour:
        case Misbehaviour.UNSIGNED:
            return None
        case Misbehaviour.FOREIGN_KEY:
            stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            der = stranger.private_bytes(
                serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            # With its own certificate beside, as from an attacker who hopes that nobody looks whose key it was.
            return _Signer(der, idp.certificate_der)
        case _:
            return _Signer(idp.private_key_der, idp.certificate_der)


def _sign(element: Any, signer: _Signer) -> None:
    """Put an enveloped signature behind the issuer, where the schema wants it (SAML core 5.4)."""
    signature = xmlsec.template.create(
        element, xmlsec.constants.TransformExclC14N, xmlsec.constants.TransformRsaSha256, ns="ds"
    )
    element.insert(1, signature)
    xmlsec.tree.add_ids(element, ["ID"])
    reference = xmlsec.template.add_reference(
        signature, xmlsec.constants.TransformSha256, uri=f"#{element.get('ID')}"
    )
    xmlsec.template.add_transform(reference, xmlsec.constants.TransformEnveloped)
    xmlsec.template.add_transform(reference, xmlsec.constants.TransformExclC14N)
    xmlsec.template.add_x509_data(xmlsec.template.ensure_key_info(signature))
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory(signer.private_key_der, xmlsec.constants.KeyDataFormatDer)
    context.key.load_cert_from_memory(signer.certificate_der, xmlsec.constants.KeyDataFormatCertDer)
    context.sign(signature)


def _encrypt(response: Any, assertion: Any, certificate_pem: str) -> None:
    """Replace an assertion by its ciphertext (SAML core 2.3.4): AES-256-GCM, its key by RSA-OAEP."""
    wrapper = _made("saml:EncryptedAssertion", {})
    response.replace(assertion, wrapper)
    wrapper.append(assertion)
    keys = xmlsec.KeysManager()
    keys.add_key(xmlsec.Key.from_memory(certificate_pem.encode(), xmlsec.constants.KeyDataFormatCertPem))
    template = xmlsec.template.encrypted_data_create(
        wrapper, xmlsec.constants.TransformAes256Gcm, type=xmlsec.constants.TypeEncElement, ns="xenc"
    )
    xmlsec.template.encrypted_data_ensure_cipher_value(template)
    key_info = xmlsec.template.encrypted_data_ensure_key_info(template, ns="ds")
    encrypted_key = xmlsec.template.add_encrypted_key(key_info, xmlsec.constants.TransformRsaOaep)
    xmlsec.template.encrypted_data_ensure_cipher_value(encrypted_key)
    context = xmlsec.EncryptionContext(keys)
    context.key = xmlsec.Key.generate(xmlsec.constants.KeyDataAes, 256, xmlsec.constants.KeyDataTypeSession)
    context.encrypt_xml(template, assertion)
