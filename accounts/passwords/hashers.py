"""The same hash for the staff operators, whose passwords Django's own machinery keeps."""

from argon2 import DEFAULT_HASH_LENGTH, DEFAULT_RANDOM_SALT_LENGTH, Parameters, Type
from argon2.low_level import ARGON2_VERSION
from django.contrib.auth.hashers import Argon2PasswordHasher

from accounts import conf


class GatehouseArgon2Hasher(Argon2PasswordHasher):
    """Argon2id at the cost that is configured for users; a change of the cost upgrades at the next sign-in."""

    def params(self) -> Parameters:
        cost = conf.argon2_cost()
        return Parameters(
            type=Type.ID,
            version=ARGON2_VERSION,
            salt_len=DEFAULT_RANDOM_SALT_LENGTH,
            hash_len=DEFAULT_HASH_LENGTH,
            time_cost=cost.passes,
            memory_cost=cost.memory_kib,
            parallelism=cost.lanes,
        )
