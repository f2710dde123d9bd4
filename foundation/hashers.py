"""The password hasher of operators; Django finds it through ``PASSWORD_HASHERS``."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class OperatorArgon2Hasher(Argon2PasswordHasher):
    """Argon2id at the OWASP minimum: Django's default costs eight times as much and buys no sign-ins."""

    time_cost = 2
    memory_cost = 19_456
    parallelism = 1
