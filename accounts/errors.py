"""The refusals of this app; codes from workos-behaviour (a), "Frequent resource codes"."""

from foundation.errors import BadRequest


class InvalidEmail(BadRequest):
    code = "invalid_email"
    message = "Email is invalid."


class InvalidPasswordHash(BadRequest):
    """The message says what is wrong with the hash, and never repeats it."""

    code = "invalid_password_hash"
    message = "Password hash is invalid."


class PasswordStrengthError(BadRequest):
    """``errors`` lists every rule that the password breaks: ``{code, message}``."""

    code = "password_strength_error"
    message = "Password does not meet strength requirements."
