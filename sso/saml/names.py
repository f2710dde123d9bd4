"""The names that SAML, XML Signature and XML Encryption give to things, and the algorithms that count here."""

from typing import Final

SAML: Final = "urn:oasis:names:tc:SAML:2.0:assertion"
SAMLP: Final = "urn:oasis:names:tc:SAML:2.0:protocol"
MD: Final = "urn:oasis:names:tc:SAML:2.0:metadata"
DS: Final = "http://www.w3.org/2000/09/xmldsig#"
XENC: Final = "http://www.w3.org/2001/04/xmlenc#"
XENC11: Final = "http://www.w3.org/2009/xmlenc11#"
XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"

PREFIXES: Final = {"saml": SAML, "samlp": SAMLP, "md": MD, "ds": DS, "xenc": XENC}

REDIRECT_BINDING: Final = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
POST_BINDING: Final = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"

STATUS_SUCCESS: Final = "urn:oasis:names:tc:SAML:2.0:status:Success"
STATUS_REQUESTER: Final = "urn:oasis:names:tc:SAML:2.0:status:Requester"
STATUS_PARTIAL_LOGOUT: Final = "urn:oasis:names:tc:SAML:2.0:status:PartialLogout"
BEARER: Final = "urn:oasis:names:tc:SAML:2.0:cm:bearer"

FORMAT_ENTITY: Final = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity"
FORMAT_EMAIL: Final = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
FORMAT_TRANSIENT: Final = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
FORMAT_UNSPECIFIED: Final = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"

# Each list is complete: whatever is not in it is refused.
ENVELOPED: Final = f"{DS}enveloped-signature"
EXCLUSIVE_C14N: Final = "http://www.w3.org/2001/10/xml-exc-c14n#"
DIGESTS: Final = {
    f"{XENC}sha256": "sha256",
    "http://www.w3.org/2001/04/xmldsig-more#sha384": "sha384",
    f"{XENC}sha512": "sha512",
}
RSA_SHA256: Final = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
SIGNATURES: Final = {
    f"http://www.w3.org/2001/04/xmldsig-more#{family}-{digest}": (family, digest)
    for family in ("rsa", "ecdsa")
    for digest in ("sha256", "sha384", "sha512")
}
KEY_TRANSPORTS: Final = frozenset({f"{XENC}rsa-oaep-mgf1p", f"{XENC11}rsa-oaep"})
CIPHERS: Final = {f"{XENC11}aes128-gcm": 16, f"{XENC11}aes192-gcm": 24, f"{XENC11}aes256-gcm": 32}
# Without a seal of their own: only where a signature over the ciphertext was verified before.
UNSEALED_CIPHERS: Final = {f"{XENC}aes128-cbc": 16, f"{XENC}aes256-cbc": 32}


def tag(namespace: str, name: str) -> str:
    """Return a name in Clark's notation, as lxml spells it."""
    return f"{{{namespace}}}{name}"
