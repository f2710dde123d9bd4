"""The public JSON of users and their proofs."""

from typing import Literal, NotRequired, TypedDict

from accounts.models import EmailChange, EmailVerification, Identity, User
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


def represent_email_change(change: EmailChange, user: User) -> EmailChangeObject:
    """Return the public JSON of a change of address; the code is for the new mailbox alone."""
    return {
        "object": "email_change",
        "user": represent_user(user),
        "new_email": change.new_email,
        "expires_at": clock.iso(change.expires_at),
        "created_at": clock.iso(change.created_at),
    }
