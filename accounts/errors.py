"""The refusals of this app; codes from workos-behaviour (a), "Frequent resource codes", and from the spec."""

from foundation.errors import BadRequest, Conflict, Invalid, NotFound, RateLimited


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


class PasswordOvertaken(Conflict):
    """It was changed elsewhere since it was checked."""

    code = "password_overtaken"
    message = "The password was changed meanwhile."


class PasswordResetError(BadRequest):
    """The same fact as PasswordStrengthError; a password reset answers it under this code (spec)."""

    code = "password_reset_error"
    message = PasswordStrengthError.message


class PasswordResetTokenNotFound(NotFound):
    """Unknown, used, expired, overtaken by another password, or another environment's: all in the same words."""

    code = "password_reset_token_not_found"

    @classmethod
    def of(cls, token: str) -> "PasswordResetTokenNotFound":  # type: ignore[override]  # named by its token alone
        """Name the token: it opens nothing any more."""
        return cls(f"Could not locate user with provided token: '{token}'.")


class PasswordAndPasswordHashProvided(BadRequest):
    code = "password_and_password_hash_provided"
    message = "Give either a password or a password hash, not both."


class PasswordAndPasswordHashTypeProvided(BadRequest):
    code = "password_and_password_hash_type_provided"
    message = "A password hash type goes with a password hash, not with a password."


class PasswordSaltPositionRequiresPasswordHash(BadRequest):
    code = "password_salt_position_requires_password_hash"
    message = "A password salt position goes with a password hash."


class UserCreationError(BadRequest):
    """A new user is refused; ``errors`` says why: ``{code, message}`` (the spec's shape of POST /users)."""

    code = "user_creation_error"
    message = "Could not create user."
    reason: type[BadRequest]

    def __init__(self) -> None:
        super().__init__(errors=[{"code": self.reason.code, "message": self.reason.message}])


class EmailNotAvailable(BadRequest):
    """Another user of the environment has the address, in whatever case it was written."""

    code = "email_not_available"
    message = "This email is not available."


class NewUserEmailNotAvailable(UserCreationError):
    """The address of a new user is taken."""

    reason = EmailNotAvailable


class NewUserEmailInvalid(UserCreationError):
    """The address of a new user is none."""

    reason = InvalidEmail


class ExternalIdAlreadyUsed(BadRequest):
    code = "external_id_already_used"
    message = "This external ID is already used by another user."


class InvalidLocale(BadRequest):
    """Not a language tag (RFC 5646)."""

    code = "invalid_locale"
    message = "Locale is invalid."


class IdentityAlreadyLinked(Conflict):
    """The provider's subject belongs to another user already."""

    code = "identity_already_linked"
    message = "This identity is linked to another user."


class EmailAlreadyVerified(BadRequest):
    """There is nothing to send a code for."""

    code = "email_already_verified"
    message = "Email is already verified."


class EmailPreviouslyVerified(BadRequest):
    """There is nothing to confirm."""

    code = "email_previously_verified"
    message = "Email has already been verified."


class EmailVerificationCodeIncorrect(BadRequest):
    code = "email_verification_code_incorrect"
    message = "Email verification code is incorrect."


class EmailVerificationCodeExpired(BadRequest):
    code = "email_verification_code_expired"
    message = "Email verification code has expired."


class EmailVerificationCodeLocked(EmailVerificationCodeExpired):
    """Guessed at too often. The contract knows no code of its own for it; what helps is the same: a new code."""

    message = "Too many wrong codes were tried. Request a new code."


class EmailVerificationCodePreviouslyUsed(BadRequest):
    code = "email_verification_code_previously_used"
    message = "Email verification code has already been used."


class EmailChangeNotNeeded(Conflict):
    code = "email_change_not_needed"
    message = "The new email is the user's email already."


class EmailChangeNotAvailable(Conflict):
    """The same fact as EmailNotAvailable; these endpoints answer it with 409."""

    code = EmailNotAvailable.code
    message = EmailNotAvailable.message


class NoPendingEmailChange(Conflict):
    code = "no_pending_email_change"
    message = "The user has no pending email change."


class EmailChangeCodeIncorrect(BadRequest):
    code = "email_change_code_incorrect"
    message = "Email change code is incorrect."


class EmailChangeCodeExpired(BadRequest):
    code = "email_change_code_expired"
    message = "Email change code has expired."


class EmailChangeCodePreviouslyUsed(Conflict):
    code = "email_change_code_previously_used"
    message = "Email change code has already been used."


class EmailChangeTooManyAttempts(RateLimited):
    code = "email_change_too_many_attempts"
    message = "Too many wrong codes were tried. Request a new code."


class NewEmailInvalid(Invalid):
    """The same fact as InvalidEmail; the change of an address answers it with 422."""

    code = InvalidEmail.code
    message = InvalidEmail.message


class PasskeyInvalid(BadRequest):
    """What the browser sent is no proof: malformed, for another site, without user verification, or badly signed."""

    code = "passkey_invalid"
    message = "The passkey could not be verified."


class PasskeyNotFound(PasskeyInvalid):
    """Nobody in this environment has this passkey, or no longer."""

    code = "passkey_not_found"
    message = "The passkey is not known here."


class PasskeyChallengeInvalid(PasskeyInvalid):
    """The challenge was never given to this browser, was used before, or is too old."""

    code = "passkey_challenge_invalid"
    message = "The passkey request has expired or was used before."


class PasskeyCopied(PasskeyInvalid):
    """Its counter went back: two authenticators hold it (WebAuthn §6.1.1). It opens nothing from now on."""

    code = "passkey_copied"
    message = "The passkey seems to have been copied, and cannot be used any more."


class PasskeyAlreadyRegistered(Conflict):
    code = "passkey_already_registered"
    message = "This passkey is registered already."


class TooManyPasskeys(Conflict):
    code = "too_many_passkeys"
    message = "This account has as many passkeys as it can have."


class InvalidPhoneNumber(Invalid):
    """Not a number in the form of E.164."""

    code = "invalid_phone_number"
    message = "Phone number is invalid: it must have a country code, such as +15005550006."


class InvalidTOTPSecret(Invalid):
    """Not Base32, or of a length that no authenticator application makes."""

    code = "invalid_totp_secret"
    message = "TOTP secret is invalid: it must be Base32 text of 80 to 512 bits."


class InvalidSMSTemplate(Invalid):
    code = "invalid_sms_template"
    message = (
        "SMS template is invalid: it must hold {{code}}, no link or domain name, and at most 300 characters."
    )


class SMSSenderNotConfigured(Invalid):
    """Nobody would carry the codes of this environment."""

    code = "sms_sender_not_configured"
    message = "This environment cannot send text messages, so a phone number cannot be a factor."


class TOTPCodeIncorrect(Invalid):
    """The authenticator that is being enrolled does not show this code."""

    code = "invalid_one_time_code"
    message = "The code is incorrect."


class AuthenticationChallengeExpired(Invalid):
    code = "authentication_challenge_expired"

    @classmethod
    def of(cls, challenge_id: str) -> "AuthenticationChallengeExpired":
        """Name the challenge."""
        return cls(f"The authentication challenge '{challenge_id}' has expired.")


class AuthenticationChallengePreviouslyVerified(Invalid):
    code = "authentication_challenge_previously_verified"

    @classmethod
    def of(cls, challenge_id: str) -> "AuthenticationChallengePreviouslyVerified":
        """Name the challenge."""
        return cls(f"The authentication challenge '{challenge_id}' has already been verified.")


class AuthenticationChallengeLocked(BadRequest):
    """Guessed at too often."""

    code = "one_time_code_too_many_attempts"
    message = "Too many wrong codes were tried. Create a new challenge."
