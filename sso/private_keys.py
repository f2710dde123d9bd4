"""Private keys that somebody brings along, whatever they are to sign or open."""

from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_private_key

# A larger one keeps a processor busy at each sign-in and is no safer for it.
MOST_RSA_BITS: Final = 4096


class PrivateKeyRefused(Exception):
    """What was given as a private key cannot serve as one; the text says why, and shows nothing of it."""


def read_private_key(pem: str, *, most_rsa_bits: int | None = MOST_RSA_BITS) -> PrivateKeyTypes:
    """Read an unencrypted PEM key of whatever kind; None takes any size. Raises PrivateKeyRefused."""
    octets = pem.strip().encode()
    try:
        # Its size first: to tell whether the numbers of a huge one are primes takes minutes.
        key = load_pem_private_key(octets, password=None, unsafe_skip_rsa_key_validation=True)
        if not isinstance(key, rsa.RSAPrivateKey):
            return key
        if most_rsa_bits is not None and key.key_size > most_rsa_bits:
            raise PrivateKeyRefused(f"The key has more than {most_rsa_bits} bits.")
        return load_pem_private_key(octets, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise PrivateKeyRefused("The private key is not an unencrypted PEM key.") from error
