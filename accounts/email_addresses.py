"""E-mail addresses: what is one, and the form in which it is stored and compared.

The whole address is lower-cased: RFC 5321 section 2.4 lets a mailbox tell cases apart, none that matters does,
and ``Ada@example.com`` beside ``ada@example.com`` would be two accounts for one person (the reference holds
e-mail unique without regard to case). The domain becomes ASCII (IDNA). Dots and ``+tags`` stay, because only
the mailbox's owner knows whether they mean anything.

Refused although RFC 5322 knows them: quoted local parts, comments, address literals, single-label domains. No
mail provider gives them out, and they are how addresses smuggle headers and confuse parsers.
"""

import unicodedata

from idna.idnadata import codepoint_classes
from idna.intranges import intranges_contain

from accounts.errors import InvalidEmail
from foundation.dns_names import to_ascii_domain

# RFC 5321 section 4.5.3.1: 64 octets before the @, 256 for a path with its angle brackets (RFC 3696 erratum 1690).
LONGEST_EMAIL = 254
LONGEST_LOCAL_PART = 64

# RFC 5322 section 3.2.3, "dot-atom".
_ASCII_ATOM = frozenset("abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-/=?^_`{|}~")
_OUTER_SPACE = " \t\r\n"


def normalize_email(text: str) -> str:
    """Return the stored form of an e-mail address; raises InvalidEmail."""
    trimmed = text.strip(_OUTER_SPACE)
    if len(trimmed) > LONGEST_EMAIL:
        raise InvalidEmail
    local_part, _, domain = trimmed.partition("@")
    try:
        email = f"{_normalize_local_part(local_part)}@{_normalize_domain(domain)}"
    except ValueError as error:
        raise InvalidEmail from error
    if len(email.encode()) > LONGEST_EMAIL:
        raise InvalidEmail
    return email


def is_valid_email(text: str) -> bool:
    """True when :func:`normalize_email` would return a stored form."""
    try:
        normalize_email(text)
    except InvalidEmail:
        return False
    return True


def email_domain(email: str) -> str:
    """Return the domain of a stored form."""
    return email.rpartition("@")[2]


def _normalize_local_part(text: str) -> str:
    lowered = text.lower()
    if not all(atom and all(map(_is_allowed, atom)) for atom in lowered.split(".")):
        raise ValueError("The local part is not a dot-atom.")
    # Full-width letters, ligatures, the Kelvin sign, a dotted capital I: characters that become others, and
    # with them another person's address, when somebody normalizes or lower-cases. Only what stays is taken.
    stays = unicodedata.normalize("NFKC", text) == text and len(lowered) == len(text)
    if not stays or len(lowered.encode()) > LONGEST_LOCAL_PART:
        raise ValueError("The local part has characters that normalize to others, or too many.")
    return lowered


def _is_allowed(letter: str) -> bool:
    # RFC 6531 allows everything beyond ASCII. What IDNA 2008 allows in domains leaves out the invisible and the
    # ambiguous: joiners, variation selectors, symbols, other widths.
    return letter in _ASCII_ATOM or (
        not letter.isascii() and intranges_contain(ord(letter), codepoint_classes["PVALID"])
    )


def _normalize_domain(text: str) -> str:
    # RFC 5321 has no place for a final dot, and with it one mailbox would have two addresses.
    if text.endswith("."):
        raise ValueError("The domain of an e-mail address does not end in a dot.")
    return to_ascii_domain(text)
