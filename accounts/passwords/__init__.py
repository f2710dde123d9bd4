"""Password hashes: made, checked, imported.

New hashes are Argon2id. Hashes that another system made are checked in their own scheme and reported as in
need of an upgrade, so that the next sign-in replaces them.

Which characters are hashed: a new hash is made of the NFKC form of the password in UTF-8, as NIST SP 800-63B
section 5.1.1.2 recommends, so that a letter typed as one code point here and as two there is the same letter.
Other systems mostly hash what they were sent. A check therefore tries the password exactly as given first,
and its NFKC form second where that differs, which for nearly every password it does not.
"""

from accounts.passwords.hashing import PasswordCheck, burn_a_hash, hash_password, verify_password
from accounts.passwords.imports import HASH_TYPES, import_password_hash

__all__ = [
    "HASH_TYPES",
    "PasswordCheck",
    "burn_a_hash",
    "hash_password",
    "import_password_hash",
    "verify_password",
]
