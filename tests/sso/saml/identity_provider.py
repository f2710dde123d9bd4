"""A throwaway SAML identity provider: it makes good responses, and every part of them can be made bad."""

import base64
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import xmlsec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from lxml import etree

from foundation import clock
from sso.saml import keys
from sso.saml.names import BEARER, SAML, STATUS_SUCCESS, tag
from sso.saml.parties import IdentityProvider, ServiceProvider

TEMPLATE = """\
<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"
  ID="{response_id}" Version="2.0" IssueInstant="{now}" Destination="{acs}" InResponseTo="{request}">
  <saml:Issuer>{idp}</saml:Issuer>
  <samlp:Status><samlp:StatusCode Value="{success}"/></samlp:Status>
  <saml:Assertion xmlns:xs="http://www.w3.org/2001/XMLSchema"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ID="{assertion_id}" Version="2.0" IssueInstant="{now}">
    <saml:Issuer>{idp}</saml:Issuer>
    <saml:Subject>
      <saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">{name_id}</saml:NameID>
      <saml:SubjectConfirmation Method="{bearer}">
        <saml:SubjectConfirmationData InResponseTo="{request}" Recipient="{acs}" NotOnOrAfter="{until}"/>
      </saml:SubjectConfirmation>
    </saml:Subject>
    <saml:Conditions NotBefore="{since}" NotOnOrAfter="{until}">
      <saml:AudienceRestriction><saml:Audience>{sp}</saml:Audience></saml:AudienceRestriction>
    </saml:Conditions>
    <saml:AuthnStatement AuthnInstant="{now}" SessionIndex="_session1" SessionNotOnOrAfter="{session_until}">
      <saml:AuthnContext><saml:AuthnContextClassRef>{context}</saml:AuthnContextClassRef></saml:AuthnContext>
    </saml:AuthnStatement>
    <saml:AttributeStatement>{attributes}</saml:AttributeStatement>
  </saml:Assertion>
</samlp:Response>"""

PASSWORD = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"

Change = Callable[[etree._Element], object]


@cache
def key_pair(name: str, *, curve: bool = False) -> tuple[str, str]:
    """Return a key and a certificate that live as long as the tests."""
    return _curve_key_pair(name) if curve else keys.make_key_pair(name)


def _curve_key_pair(name: str) -> tuple[str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(clock.now() - timedelta(days=1))
        .not_valid_after(clock.now() + timedelta(days=365))
        .sign(key, hashes.SHA256())
    )
    private_pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private_pem.decode(), certificate.public_bytes(serialization.Encoding.PEM).decode()


@dataclass
class Forge:
    """An identity provider with its key. ``party`` is how a connection knows it."""

    entity_id: str = "https://idp.example.com/metadata"
    sso_url: str = "https://idp.example.com/sso"
    slo_url: str = "https://idp.example.com/slo"
    name: str = "idp.example.com"
    curve: bool = False
    attributes: Mapping[str, Sequence[str]] = field(
        default_factory=lambda: {
            "email": ["ada@example.com"],
            "firstName": ["Ada"],
            "lastName": ["Lovelace"],
            "groups": ["engineers", "admins"],
        }
    )

    @property
    def private_key_pem(self) -> str:
        return key_pair(self.name, curve=self.curve)[0]

    @property
    def certificate_pem(self) -> str:
        return key_pair(self.name, curve=self.curve)[1]

    @property
    def party(self) -> IdentityProvider:
        return IdentityProvider(
            entity_id=self.entity_id,
            sso_url=self.sso_url,
            slo_url=self.slo_url,
            certificates_pem=(self.certificate_pem,),
        )

    # --- documents --------------------------------------------------------------------------------------

    def document(self, sp: ServiceProvider, request_id: str | None, name_id: str = "ada-1") -> etree._Element:
        """Return a good response without signatures."""
        now = clock.now()
        text = TEMPLATE.format(
            response_id=f"_{secrets.token_hex(16)}",
            assertion_id=f"_{secrets.token_hex(16)}",
            now=instant(now),
            since=instant(now - timedelta(minutes=1)),
            until=instant(now + timedelta(minutes=5)),
            session_until=instant(now + timedelta(hours=8)),
            acs=sp.acs_url,
            sp=sp.entity_id,
            idp=self.entity_id,
            request=request_id,
            success=STATUS_SUCCESS,
            bearer=BEARER,
            context=PASSWORD,
            name_id=name_id,
            attributes="".join(attribute(name, values) for name, values in self.attributes.items()),
        )
        root = etree.fromstring(text.encode())
        if request_id is None:
            for element in root.iter():
                if "InResponseTo" in element.attrib:
                    del element.attrib["InResponseTo"]
        return root

    def response(
        self,
        sp: ServiceProvider,
        request_id: str | None,
        change: Change | None = None,
        *,
        sign: Sequence[str] = ("Assertion",),
        encrypt: bool = False,
        cipher: Any = xmlsec.constants.TransformAes256Gcm,
        **options: Any,
    ) -> etree._Element:
        """Return a response, changed before it is signed; ``sign`` names what is, inside out."""
        root = self.document(sp, request_id)
        if change is not None:
            change(root)
        certificate = encryption_certificate(sp) if encrypt else ""
        for name in sign:
            if name == "Response" and encrypt:
                root = encrypt_element(root, certificate, cipher=cipher)
                encrypt = False
            self.sign(one(root, name) if name != "Response" else root, **options)
        return encrypt_element(root, certificate, cipher=cipher) if encrypt else root

    def sign(
        self,
        element: etree._Element,
        *,
        method: Any = xmlsec.constants.TransformRsaSha256,
        digest: Any = xmlsec.constants.TransformSha256,
        canonicalization: Any = xmlsec.constants.TransformExclC14N,
        transforms: Sequence[Any] = (
            xmlsec.constants.TransformEnveloped,
            xmlsec.constants.TransformExclC14N,
        ),
        uri: str | None = None,
        key: xmlsec.Key | None = None,
        with_certificate: bool = True,
    ) -> etree._Element:
        """Put an enveloped signature behind the issuer of an element; return the signature."""
        signature = xmlsec.template.create(element, canonicalization, method, ns="ds")
        issuer = element.find(tag(SAML, "Issuer"))
        if issuer is None:
            element.insert(0, signature)
        else:
            issuer.addnext(signature)
        # As an indenting provider leaves it; it is part of what is signed.
        signature.tail = "\n    "
        reference = xmlsec.template.add_reference(
            signature, digest, uri=f"#{element.get('ID')}" if uri is None else uri
        )
        for transform in transforms:
            xmlsec.template.add_transform(reference, transform)
        if with_certificate:
            xmlsec.template.add_x509_data(xmlsec.template.ensure_key_info(signature))
        context = xmlsec.SignatureContext()
        if key is None:
            key = xmlsec.Key.from_memory(self.private_key_pem, xmlsec.constants.KeyDataFormatPem)
            key.load_cert_from_memory(self.certificate_pem, xmlsec.constants.KeyDataFormatCertPem)
        context.key = key
        context.register_id(element, "ID")
        context.sign(signature)
        return signature


def attribute(name: str, values: Sequence[str]) -> str:
    """Return an attribute as XML, its values typed as most providers do."""
    inside = "".join(
        f'<saml:AttributeValue xsi:type="xs:string">{value}</saml:AttributeValue>' for value in values
    )
    return f'<saml:Attribute Name="{name}">{inside}</saml:Attribute>'


def instant(moment: datetime) -> str:
    """Write a time as SAML does."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def one(root: etree._Element, name: str) -> etree._Element:
    """Return the first element of a local name."""
    return next(element for element in root.iter() if etree.QName(element).localname == name)


def encryption_certificate(sp: ServiceProvider) -> str:
    """Return the certificate that a provider finds first in our metadata, to encrypt to."""
    return sp.encryption_pairs[-1].certificate_pem


def post(root: etree._Element | bytes) -> str:
    """Return a document as it is posted."""
    octets = root if isinstance(root, bytes) else etree.tostring(root)
    return base64.b64encode(octets).decode()


def encrypt_element(
    root: etree._Element,
    certificate_pem: str,
    *,
    cipher: Any = xmlsec.constants.TransformAes256Gcm,
    transport: Any = xmlsec.constants.TransformRsaOaep,
    name: str = "Assertion",
    wrapper: str = "EncryptedAssertion",
) -> etree._Element:
    """Replace an element by its encrypted form, for the holder of a certificate."""
    element = one(root, name)
    parent = element.getparent()
    assert parent is not None
    outer = etree.Element(tag(SAML, wrapper), nsmap={"saml": SAML})
    parent.replace(element, outer)
    outer.append(element)
    template = xmlsec.template.encrypted_data_create(
        outer, cipher, type=xmlsec.constants.TypeEncElement, ns="xenc"
    )
    xmlsec.template.encrypted_data_ensure_cipher_value(template)
    key_info = xmlsec.template.encrypted_data_ensure_key_info(template, ns="ds")
    wrapped = xmlsec.template.add_encrypted_key(key_info, transport)
    xmlsec.template.encrypted_data_ensure_cipher_value(wrapped)
    manager = xmlsec.KeysManager()
    manager.add_key(xmlsec.Key.from_memory(certificate_pem, xmlsec.constants.KeyDataFormatCertPem))
    context = xmlsec.EncryptionContext(manager)
    bits = 128 if "128" in cipher.name else 256
    context.key = xmlsec.Key.generate(xmlsec.constants.KeyDataAes, bits, xmlsec.constants.KeyDataTypeSession)
    context.encrypt_xml(template, element)
    return root
