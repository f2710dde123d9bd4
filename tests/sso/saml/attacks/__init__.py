"""The attack corpus: each attack makes a bad response out of a good one, by a key of its own or with the provider's.

``ATTACKS`` has them by name. docs/security/saml.md lists them, and a test holds the two together.
"""

from tests.sso.saml.attacks import documents, encryption, signatures, statements
from tests.sso.saml.attacks.corpus import ATTACKS, Attack

__all__ = ["ATTACKS", "Attack", "documents", "encryption", "signatures", "statements"]
