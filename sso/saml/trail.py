"""What people who look after a connection may see of a message: all of it but what would let them use it."""

from copy import deepcopy
from typing import Final

from lxml import etree

from sso.saml.documents import Element
from sso.saml.names import DS, XENC, tag

MAXIMUM_SHOWN: Final = 64 * 1024


def shown_document(root: Element) -> str:
    """Return a document as text, without the values of signatures and ciphers: nobody can send it once more."""
    copy = deepcopy(root)
    for masked in (tag(DS, "SignatureValue"), tag(XENC, "CipherValue")):
        for element in copy.iter(masked):
            element.text = "…"
    text = etree.tostring(copy, encoding="unicode", with_tail=False)
    return text if len(text) <= MAXIMUM_SHOWN else f"{text[:MAXIMUM_SHOWN]}…"
