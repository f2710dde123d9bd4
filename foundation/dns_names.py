"""Domain names in the one form in which they are compared and stored: lower case, ASCII, no dot at the end.

International names become A-labels by UTS #46 without the transitional mapping and by IDNA 2008 (RFC 5891),
which refuses what does not survive: control characters, spaces, symbols, unassigned and mixed-direction
labels. Two names that look alike stay two names.
"""

import re

import idna

# RFC 1035 section 2.3.4 without the root; a label has at most 63.
LONGEST_NAME = 253

_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")


def to_ascii_domain(text: str) -> str:
    """Return the stored form of a domain name of at least two labels; raises ValueError for anything else.

    Addresses (``192.0.2.1``, ``[::1]``) are no names; neither is anything else whose last label begins with a
    digit, which some programs read as an address.
    """
    if not text or len(text) > 4 * LONGEST_NAME:
        raise ValueError("A domain name has 1 to 253 characters.")
    name = text.removesuffix(".")
    ascii_name = name.lower() if name.isascii() else _to_a_labels(name)
    labels = ascii_name.split(".")
    if len(labels) < 2 or len(ascii_name) > LONGEST_NAME:
        raise ValueError("A domain name has at least two labels, and at most 253 characters.")
    if not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError("A label of the domain name is not one of letters, digits and inner hyphens.")
    if not labels[-1][0].isalpha():  # "192.0.2.1", "1.2.3.0x4"
        raise ValueError("An address is not a domain name.")
    for label in labels:
        if label.startswith("xn--"):
            _check_a_label(label)
    return ascii_name


def _to_a_labels(name: str) -> str:
    try:
        return idna.encode(name, uts46=True, std3_rules=True, transitional=False).decode()
    except (idna.IDNAError, UnicodeError) as error:
        raise ValueError("The domain name is not valid under IDNA 2008.") from error


def _check_a_label(label: str) -> None:
    # What decodes to nothing, or to something that encodes otherwise, would be a second spelling of another name.
    try:
        if idna.alabel(idna.ulabel(label)) != label.encode():
            raise ValueError("The domain name has a label that encodes another way.")
    except (idna.IDNAError, UnicodeError) as error:
        raise ValueError("The domain name has a label that is not valid under IDNA 2008.") from error
