"""Names that people chose for themselves, in mail that bears the product's name.

Whoever may name an organization or a user would otherwise word a message of ours: a link, a line of their own, a
text that runs backwards. What is left of a name here is one short line in which no reader finds an address to click.
"""

import re
import unicodedata

LONGEST_NAME = 64

# A scheme, "www.", a path after a host, a mailbox: what mail readers turn into links by themselves.
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*:/|www\.|\w\.\w[^\s]*[/?#]|\S@\w", re.IGNORECASE)

# "monday.com" is a name as well as a host. A word joiner (U+2060) after the dot cannot be seen, and such a host is in
# no reader's list.
_DOT_WITHIN_A_WORD = re.compile(r"\.(?=\w)")


def name_for_mail(name: str | None) -> str:
    """Return a name that may stand in a mail; "" for one that carries an address, or for none."""
    printable = "".join(
        " " if character.isspace() else character
        for character in unicodedata.normalize("NFKC", name or "")
        # Controls, invisible formats such as text direction, private use, unassigned.
        if character.isspace() or not unicodedata.category(character).startswith("C")
    )
    line = " ".join(printable.split())
    if _ADDRESS.search(line):
        return ""
    if len(line) > LONGEST_NAME:
        line = f"{line[: LONGEST_NAME - 1].rstrip()}…"
    return _DOT_WITHIN_A_WORD.sub(".\N{WORD JOINER}", line)
