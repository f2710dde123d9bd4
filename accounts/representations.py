"""The public JSON of users and their proofs."""

from typing import Literal, NotRequired, TypedDict, cast
from urllib.parse import urlencode, urlsplit

from accounts.models import (
    AuthenticationChallenge,
    AuthenticationFactor,
    EmailChange,
    EmailVerification,
    FactorType,
    Identity,
    MagicAuth,
    PasswordReset,
    User,
)
from accounts.totp import provisioning_uri, qr_code_data_uri
from foundation import clock


class UserObject(TypedDict):
    """A person who signs in (spec ``UserlandUser``)."""

    object: Literal["user"]
    id: str
    email: str
    email_verified: bool
    first_name: str | None
    last_name: str | None
    name: str | None
    profile_picture_url: str | None
    locale: str | None
    external_id: str | None
    metadata: dict[str, str]
    last_sign_in_at: str | None
    created_at: str
    updated_at: str


class UserEnvelope(TypedDict):
    """A user, under a key of its own."""

    user: UserObject


class IdentityObject(TypedDict):
    """What a user is at an OAuth provider."""

    idp_id: str
    type: Literal["OAuth"]
    provider: str


class EmailVerificationObject(TypedDict):
    """A code that proves a mailbox; events carry it without the code."""

    object: Literal["email_verification"]
    id: str
    user_id: str
    email: str
    expires_at: str
    code: NotRequired[str]
    created_at: str
    updated_at: str


class MagicAuthObject(TypedDict):
    """A code that signs a user in; events carry it without the code."""

    object: Literal["magic_auth"]
    id: str
    user_id: str
    email: str
    expires_at: str
    code: NotRequired[str]
    created_at: str
    updated_at: str


class PasswordResetObject(TypedDict):
    """A link that sets a password; events carry it without the token and the link."""

    object: Literal["password_reset"]
    id: str
    user_id: str
    email: str
    password_reset_token: NotRequired[str]
    password_reset_url: NotRequired[str]
    expires_at: str
    created_at: str


class EmailChangeObject(TypedDict):
    """A change of address that waits for its code."""

    object: Literal["email_change"]
    user: UserObject
    new_email: str
    expires_at: str
    created_at: str


class EmailChangeConfirmationObject(TypedDict):
    """A change of address that is done."""

    object: Literal["email_change_confirmation"]
    user: UserObject


FactorTypeName = Literal["generic_otp", "sms", "totp"]


class TOTPObject(TypedDict):
    """An authenticator app's account; what opens it is told to the holder of an API key alone, by factor."""

    issuer: str
    user: str
    qr_code: NotRequired[str]
    secret: NotRequired[str]
    uri: NotRequired[str]


class SMSObject(TypedDict):
    """A phone."""

    phone_number: str


class AuthenticationFactorObject(TypedDict):
    """Something that a person has (workos-legacy 5); ``totp`` and ``sms`` stand in factors of that type alone."""

    object: Literal["authentication_factor"]
    id: str
    type: FactorTypeName
    user_id: NotRequired[str]
    totp: NotRequired[TOTPObject]
    sms: NotRequired[SMSObject]
    created_at: str
    updated_at: str


class AuthenticationChallengeObject(TypedDict):
    """A question for a code of a factor; ``code`` is told where the product delivers it."""

    object: Literal["authentication_challenge"]
    id: str
    authentication_factor_id: str
    expires_at: str
    code: NotRequired[str]
    created_at: str
    updated_at: str


class AuthenticationChallengeVerificationObject(TypedDict):
    """What a code was worth."""

    challenge: AuthenticationChallengeObject
    valid: bool


class FactorEnrollmentObject(TypedDict):
    """A user's new factor, a challenge to try it, and the user's recovery codes where these are the first."""

    authentication_factor: AuthenticationFactorObject
    authentication_challenge: AuthenticationChallengeObject
    recovery_codes: NotRequired[list[str]]


class RecoveryCodesObject(TypedDict):
    """A user's recovery codes, shown this once."""

    object: Literal["recovery_codes"]
    user_id: str
    codes: list[str]


def represent_user(user: User) -> UserObject:
    """Return the public JSON of a user."""
    return {
        "object": "user",
        "id": user.id,
        "email": user.email,
        "email_verified": user.email_verified,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "name": user.name,
        "profile_picture_url": user.profile_picture_url,
        "locale": user.locale,
        "external_id": user.external_id,
        "metadata": user.metadata,
        "last_sign_in_at": clock.iso_or_none(user.last_sign_in_at),
        "created_at": clock.iso(user.created_at),
        "updated_at": clock.iso(user.updated_at),
    }


def represent_identity(identity: Identity) -> IdentityObject:
    """Return the public JSON of an identity (workos-legacy 9: a bare item without an ``object``)."""
    return {"idp_id": identity.idp_id, "type": "OAuth", "provider": identity.provider}


def represent_email_verification(verification: EmailVerification) -> EmailVerificationObject:
    """Return the public JSON of an e-mail verification, code included: for the holder of an API key alone."""
    return {
        **represent_email_verification_event(verification),
        "code": verification.code,
    }


def represent_email_verification_event(verification: EmailVerification) -> EmailVerificationObject:
    """Return an e-mail verification as events show it: without its code."""
    return {
        "object": "email_verification",
        "id": verification.id,
        "user_id": verification.user_id,
        "email": verification.email,
        "expires_at": clock.iso(verification.expires_at),
        "created_at": clock.iso(verification.created_at),
        "updated_at": clock.iso(verification.updated_at),
    }


def represent_magic_auth(magic_auth: MagicAuth) -> MagicAuthObject:
    """Return the public JSON of a Magic Auth code, code included: for the holder of an API key alone."""
    return {**represent_magic_auth_event(magic_auth), "code": magic_auth.code}


def represent_magic_auth_event(magic_auth: MagicAuth) -> MagicAuthObject:
    """Return a Magic Auth code as events show it: without the code."""
    return {
        "object": "magic_auth",
        "id": magic_auth.id,
        "user_id": magic_auth.user_id,
        "email": magic_auth.email,
        "expires_at": clock.iso(magic_auth.expires_at),
        "created_at": clock.iso(magic_auth.created_at),
        "updated_at": clock.iso(magic_auth.updated_at),
    }


def represent_password_reset(reset: PasswordReset) -> PasswordResetObject:
    """Return the public JSON of a password reset, token included: for the holder of an API key alone."""
    return {
        **represent_password_reset_event(reset),
        "password_reset_token": reset.token,
        "password_reset_url": password_reset_url(reset),
    }


def represent_password_reset_event(reset: PasswordReset) -> PasswordResetObject:
    """Return a password reset as events show it: without what sets the password."""
    return {
        "object": "password_reset",
        "id": reset.id,
        "user_id": reset.user_id,
        "email": reset.email,
        "expires_at": clock.iso(reset.expires_at),
        "created_at": clock.iso(reset.created_at),
    }


def password_reset_url(reset: PasswordReset) -> str:
    """Return the link: the page with the token in its query, before a fragment if there is one."""
    parts = urlsplit(reset.page_url)
    token = urlencode({"token": reset.token})
    return parts._replace(query=f"{parts.query}&{token}" if parts.query else token).geturl()


def represent_email_change(change: EmailChange, user: User) -> EmailChangeObject:
    """Return the public JSON of a change of address; the code is for the new mailbox alone."""
    return {
        "object": "email_change",
        "user": represent_user(user),
        "new_email": change.new_email,
        "expires_at": clock.iso(change.expires_at),
        "created_at": clock.iso(change.created_at),
    }


def represent_factor(factor: AuthenticationFactor) -> AuthenticationFactorObject:
    """Return the public JSON of a factor, without any secret."""
    represented: AuthenticationFactorObject = {
        "object": "authentication_factor",
        "id": factor.id,
        "type": cast("FactorTypeName", factor.type),
        "created_at": clock.iso(factor.created_at),
        "updated_at": clock.iso(factor.updated_at),
    }
    # Absent, not null: the spec's shapes are not nullable, and an SDK tells the types apart by these keys.
    if factor.user_id is not None:
        represented["user_id"] = factor.user_id
    if factor.type == FactorType.TOTP:
        represented["totp"] = {"issuer": factor.totp_issuer, "user": factor.totp_user}
    if factor.type == FactorType.SMS:
        represented["sms"] = {"phone_number": factor.phone_number}
    return represented


def represent_factor_with_secret(factor: AuthenticationFactor) -> AuthenticationFactorObject:
    """Return the public JSON of a factor with what an authenticator app needs: for the holder of an API key alone."""
    represented = represent_factor(factor)
    if factor.type == FactorType.TOTP:
        secret = factor.totp_secret
        uri = provisioning_uri(secret=secret, issuer=factor.totp_issuer, account_name=factor.totp_user)
        represented["totp"] = {
            "issuer": factor.totp_issuer,
            "user": factor.totp_user,
            "qr_code": qr_code_data_uri(uri),
            "secret": secret,
            "uri": uri,
        }
    return represented


def represent_challenge(
    challenge: AuthenticationChallenge, factor: AuthenticationFactor
) -> AuthenticationChallengeObject:
    """Return the public JSON of a challenge; the code only where the product is who delivers it."""
    represented: AuthenticationChallengeObject = {
        "object": "authentication_challenge",
        "id": challenge.id,
        "authentication_factor_id": factor.id,
        "expires_at": clock.iso(challenge.expires_at),
        "created_at": clock.iso(challenge.created_at),
        "updated_at": clock.iso(challenge.updated_at),
    }
    if factor.type == FactorType.GENERIC_OTP:
        represented["code"] = challenge.code
    return represented
