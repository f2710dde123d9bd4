"""Metadata (SAML metadata 2.0): reading an identity provider's, writing our own."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from lxml import etree

from foundation import clock
from sso.exchanges import ExchangeRefused
from sso.saml import documents, keys
from sso.saml.assertions import moment as moment_of
from sso.saml.documents import Element, child, children, text_of
from sso.saml.names import (
    CIPHERS,
    DS,
    FORMAT_UNSPECIFIED,
    KEY_TRANSPORTS,
    MD,
    POST_BINDING,
    PREFIXES,
    REDIRECT_BINDING,
    SAMLP,
    tag,
)
from sso.saml.parties import IdentityProvider, SAMLOptions, ServiceProvider
from sso.saml.writing import add

MAXIMUM_ENTITIES: Final = 50
_LONGEST: Final = {"entity_id": 1024, "url": 2000}


class MetadataRefused(Exception):
    """What was given as metadata cannot be used; the text says why, for an IT admin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IdPMetadata:
    """What an identity provider's metadata says. ``valid_until`` is the end that it sets itself, if any."""

    entity_id: str
    sso_url: str
    sso_binding: str
    slo_url: str
    slo_binding: str
    slo_response_url: str
    certificates: tuple[keys.Certificate, ...]
    wants_signed_requests: bool
    valid_until: datetime | None

    @property
    def party(self) -> IdentityProvider:
        """The provider as a sign-in needs it."""
        return IdentityProvider(
            entity_id=self.entity_id,
            sso_url=self.sso_url,
            sso_binding=self.sso_binding,
            slo_url=self.slo_url,
            slo_binding=self.slo_binding,
            slo_response_url=self.slo_response_url,
            certificates_pem=tuple(certificate.pem for certificate in self.certificates),
        )


def read_idp_metadata(octets: bytes, entity_id: str = "") -> IdPMetadata:
    """Read the metadata of one identity provider, uploaded, pasted or fetched; raises MetadataRefused.

    ``entity_id`` chooses among several providers in one file. A signature is not looked at: the document counts
    because of who brought it, or of where it was fetched.
    """
    try:
        root = documents.parse_metadata(octets)
    except ExchangeRefused as refusal:
        raise MetadataRefused(f"This is not metadata that can be read. {refusal.sentence}") from refusal
    entity = _entity_in(root, entity_id)
    descriptor = child(entity, MD, "IDPSSODescriptor")
    if descriptor is None:
        raise MetadataRefused(_without_descriptor(entity))
    found_id = str(entity.get("entityID", "")).strip()
    if not found_id or len(found_id) > _LONGEST["entity_id"]:
        raise MetadataRefused("The metadata names no entity id, or a very long one.")
    sso = _service(descriptor, "SingleSignOnService")
    if sso is None:
        raise MetadataRefused(
            "The metadata names no sign-in address for the bindings HTTP-Redirect and HTTP-POST."
        )
    slo = _service(descriptor, "SingleLogoutService")
    return IdPMetadata(
        entity_id=found_id,
        sso_url=sso.url,
        sso_binding=sso.binding,
        slo_url=slo.url if slo else "",
        slo_binding=slo.binding if slo else "redirect",
        slo_response_url=slo.response_url if slo else "",
        certificates=_certificates_in(descriptor),
        wants_signed_requests=descriptor.get("WantAuthnRequestsSigned") in {"true", "1"},
        valid_until=_valid_until(entity),
    )


def _entity_in(root: Element, entity_id: str) -> Element:
    if root.tag == tag(MD, "EntityDescriptor"):
        return root
    if root.tag != tag(MD, "EntitiesDescriptor"):
        raise MetadataRefused(
            f"This is no SAML metadata: it begins with {etree.QName(root).localname}, not with EntityDescriptor."
        )
    entities = list(root.iter(tag(MD, "EntityDescriptor")))
    if len(entities) > MAXIMUM_ENTITIES:
        raise MetadataRefused(
            "This is the metadata of a whole federation. Bring that of one identity provider."
        )
    providers = [entity for entity in entities if child(entity, MD, "IDPSSODescriptor") is not None]
    chosen = [entity for entity in providers if entity_id and entity.get("entityID") == entity_id]
    if len(chosen or providers) == 1:
        return (chosen or providers)[0]
    named = ", ".join(str(entity.get("entityID"))[:200] for entity in providers[:5]) or "none"
    raise MetadataRefused(f"One identity provider is expected in the metadata; these are in it: {named}.")


def _without_descriptor(entity: Element) -> str:
    if child(entity, MD, "SPSSODescriptor") is not None:
        return "This is the metadata of a service provider. Bring that of your identity provider."
    return "The metadata describes no SAML 2.0 identity provider (IDPSSODescriptor)."


@dataclass(frozen=True, slots=True)
class _Service:
    url: str
    binding: str
    response_url: str


def _service(descriptor: Element, name: str) -> _Service | None:
    """Return where a service is, and by which binding; a redirect is the lighter of the two."""
    for binding, word in ((REDIRECT_BINDING, "redirect"), (POST_BINDING, "post")):
        for service in children(descriptor, MD, name):
            if service.get("Binding") == binding:
                location, response = service.get("Location"), service.get("ResponseLocation")
                return _Service(_url(location, name), word, "" if response is None else _url(response, name))
    return None


def _url(location: str | None, name: str) -> str:
    url = (location or "").strip()
    if len(url) > _LONGEST["url"] or not url.startswith(("https://", "http://")):
        raise MetadataRefused(f"The address of {name} in the metadata is no https URL.")
    return url


def _certificates_in(descriptor: Element) -> tuple[keys.Certificate, ...]:
    """Return the certificates that sign; one without a use signs too (SAML metadata 2.4.1.1)."""
    found: dict[str, keys.Certificate] = {}
    reasons = []
    for body in _signing_bodies(descriptor):
        try:
            certificate = keys.read_certificate(body)
        except keys.CertificateRefused as error:
            reasons.append(str(error))
        else:
            found[certificate.fingerprint] = certificate
    if not found:
        reason = reasons[0] if reasons else "There is none in it."
        raise MetadataRefused(f"The metadata has no certificate to verify signatures with. {reason}")
    if len(found) > keys.MAXIMUM_CERTIFICATES:
        raise MetadataRefused(f"The metadata has more than {keys.MAXIMUM_CERTIFICATES} certificates.")
    return tuple(found.values())


def _signing_bodies(descriptor: Element) -> Iterator[str]:
    for key in children(descriptor, MD, "KeyDescriptor"):
        if key.get("use", "signing") != "signing":
            continue
        for x509_data in key.iter(tag(DS, "X509Data")):
            # Behind the first one stand its issuers, whose signatures do not count here.
            certificate = child(x509_data, DS, "X509Certificate")
            if certificate is not None:
                yield text_of(certificate)


def _valid_until(entity: Element) -> datetime | None:
    moments = [moment for element in (entity, *entity.iterancestors()) if (moment := _end_of(element))]
    ends_at = min(moments, default=None)
    if ends_at is not None and ends_at <= clock.now():
        raise MetadataRefused(f"The metadata ended on {ends_at:%Y-%m-%d} (validUntil). Bring a current one.")
    return ends_at


def _end_of(element: Element) -> datetime | None:
    try:
        return moment_of(element.get("validUntil"))
    except ExchangeRefused as refusal:
        raise MetadataRefused(refusal.sentence) from refusal


# --- ours -----------------------------------------------------------------------------------------------


def write_sp_metadata(sp: ServiceProvider, options: SAMLOptions) -> bytes:
    """Return the metadata of a connection's own side, for its identity provider to read."""
    root = etree.Element(tag(MD, "EntityDescriptor"), nsmap={name: PREFIXES[name] for name in ("md", "ds")})
    root.set("entityID", sp.entity_id)
    descriptor = add(
        root,
        MD,
        "SPSSODescriptor",
        AuthnRequestsSigned="true" if options.sign_requests and sp.certificate_pem else "false",
        WantAssertionsSigned="true",
        protocolSupportEnumeration=SAMLP,
    )
    if sp.certificate_pem:
        _add_key(descriptor, "signing", sp.certificate_pem)
    # Many providers read one alone, and the first that they meet: the newest.
    for pair in reversed(sp.encryption_pairs):
        key = _add_key(descriptor, "encryption", pair.certificate_pem)
        # The best first; a provider that reads this needs no advice about its ciphers.
        for algorithm in (*reversed(CIPHERS), *sorted(KEY_TRANSPORTS)):
            add(key, MD, "EncryptionMethod", Algorithm=algorithm)
    if sp.slo_url:
        for binding in (REDIRECT_BINDING, POST_BINDING):
            add(descriptor, MD, "SingleLogoutService", Binding=binding, Location=sp.slo_url)
    add(descriptor, MD, "NameIDFormat", FORMAT_UNSPECIFIED)
    service = add(
        descriptor, MD, "AssertionConsumerService", Binding=POST_BINDING, Location=sp.acs_url, index="0"
    )
    service.set("isDefault", "true")
    return etree.tostring(root, encoding="utf-8", xml_declaration=True, pretty_print=True)


def _add_key(descriptor: Element, use: str, certificate_pem: str) -> Element:
    key = add(descriptor, MD, "KeyDescriptor", use=use)
    x509_data = add(add(key, DS, "KeyInfo"), DS, "X509Data")
    add(x509_data, DS, "X509Certificate", keys.bare_base64(certificate_pem))
    return key
