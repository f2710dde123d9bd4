"""Creating, changing and removing users."""

import re
from collections.abc import Mapping
from typing import Any, TypedDict, Unpack

from django.db import transaction

from accounts.email_addresses import normalize_email
from accounts.errors import (
    EmailNotAvailable,
    InvalidEmail,
    InvalidLocale,
    NewUserEmailInvalid,
    NewUserEmailNotAvailable,
)
from accounts.models import User
from accounts.representations import represent_user
from accounts.services.passwords import PASSWORD_FIELDS, encode_new_password, remember_former_password
from accounts.services.rows import (
    drop_proofs_of_other_mailboxes,
    emit_created,
    lock_user,
    save_changes,
    save_unique,
)
from environments.models import Environment
from events.services import emit
from foundation import clock
from foundation.actors import Actor
from foundation.metadata import merge_metadata

# RFC 5646 §2.1 in outline: a language, then subtags of up to eight letters and digits.
_LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
_LONGEST_LOCALE = 35

# Texts of a user that are stored as they come; an empty one counts as none.
_TEXTS = ("first_name", "last_name", "name", "profile_picture_url", "external_id")


class UserChanges(TypedDict, total=False):
    """What may be written on a user. A key that is missing leaves its attribute as it is."""

    email: str
    email_verified: bool
    first_name: str | None
    last_name: str | None
    name: str | None
    profile_picture_url: str | None
    locale: str | None
    external_id: str | None
    metadata: Mapping[str, Any] | None
    password: str
    password_hash: str
    password_hash_type: str
    password_salt_position: str


def create_user(
    *, environment: Environment, actor: Actor, user_id: str = "", **fields: Unpack[UserChanges]
) -> User:
    """Create a user; ``email`` must be among the fields, and is verified only if ``email_verified`` says so.

    ``user_id`` pins the id, for setup files alone: an id is never taken from a request. Raises NewUserEmailInvalid, NewUserEmailNotAvailable, ExternalIdAlreadyUsed, InvalidMetadata, InvalidLocale,
    and what :func:`encode_new_password` raises.
    """
    try:
        columns = _columns(fields)
    except InvalidEmail as error:
        raise NewUserEmailInvalid from error
    columns["metadata"] = merge_metadata({}, fields.get("metadata"))
    user = User(environment=environment, **columns)
    if user_id:
        user.id = user_id
    encoded = encode_new_password(environment, fields, user=None, guessable=guessable_words(user))
    if encoded is not None:
        user.password, user.password_changed_at = encoded, clock.now()
    user.updated_at = user.created_at
    with transaction.atomic():
        try:
            save_unique(user)
        except EmailNotAvailable as error:
            raise NewUserEmailNotAvailable from error
        emit_created(user, environment, actor)
    return user


def update_user(*, user: User, actor: Actor, **changes: Unpack[UserChanges]) -> User:
    """Change a user and return it; ``user.updated`` is emitted only if something became different.

    A new address is unverified unless ``email_verified`` is given with it, and takes with it the identities and
    codes that stood for the former one. Metadata merges. A new password counts as a change although no
    attribute shows it. Raises InvalidEmail, EmailNotAvailable, ExternalIdAlreadyUsed, InvalidMetadata,
    InvalidLocale, NotFound, and what :func:`encode_new_password` raises.
    """
    columns = _columns(changes)
    encoded = _encode_changed_password(user, changes, columns)
    with transaction.atomic():
        row = lock_user(user)
        if "metadata" in changes:
            columns["metadata"] = merge_metadata(row.metadata, changes["metadata"])
        if columns.get("email", row.email) != row.email:
            columns.setdefault("email_verified", False)
            drop_proofs_of_other_mailboxes(row, columns["email"])
        if encoded is not None:
            remember_former_password(row, row.password)
            columns |= {"password": encoded, "password_changed_at": clock.now()}
        save_changes(row, columns, actor)
    return row


@transaction.atomic
def remove_user(user: User, actor: Actor) -> None:
    """Delete a user with all that belongs to it; ``user.deleted`` carries it as it was. Raises NotFound.

    Sessions and what else lies above this app are not ended here: a door calls the use case of the highest app.
    """
    row = lock_user(user)
    data = represent_user(row)
    environment = row.environment
    row.delete()
    emit("user.deleted", environment=environment, actor=actor, data=data)


def record_sign_in(user: User) -> None:
    """Note that the user signed in now. Signing in alone is no change of the user: no event (workos-behaviour (i))."""
    user.last_sign_in_at = clock.now()
    user.save(update_fields=["last_sign_in_at"])


def find_user_by_email(environment: Environment, email: str) -> User | None:
    """Return the user with this address in whatever case, or None, also for what is no address."""
    try:
        normalized = normalize_email(email)
    except InvalidEmail:
        return None
    return User.objects.in_environment(environment).filter(email=normalized).first()


def _columns(fields: UserChanges) -> dict[str, Any]:
    """Return the columns that ``fields`` set, in the form in which they are stored.

    Only the names listed here reach a row, so that no caller can write an id, an environment or a hash.
    """
    unknown = fields.keys() - UserChanges.__annotations__.keys()
    if unknown:
        message = f"A user has no such fields: {sorted(unknown)}."
        raise TypeError(message)
    given: Mapping[str, Any] = fields
    columns: dict[str, Any] = {name: given[name] or None for name in _TEXTS if name in given}
    if "email" in given:
        columns["email"] = normalize_email(given["email"])
    if "email_verified" in given:
        columns["email_verified"] = given["email_verified"]
    if "locale" in given:
        columns["locale"] = _checked_locale(given["locale"])
    return columns


def _checked_locale(locale: str | None) -> str | None:
    if not locale:
        return None
    if len(locale) > _LONGEST_LOCALE or not _LANGUAGE_TAG.fullmatch(locale):
        raise InvalidLocale
    return locale


def _encode_changed_password(user: User, changes: UserChanges, columns: dict[str, Any]) -> str | None:
    if not any(name in changes for name in PASSWORD_FIELDS):
        return None
    # Read again, not taken from the caller's copy: the history must hold the password of now.
    present = User.objects.in_environment(user.environment_id).select_related("environment").require(user.id)
    guessable = guessable_words(present)
    for name, value in columns.items():
        setattr(present, name, value)
    return encode_new_password(
        present.environment, changes, user=present, guessable=[*guessable, *guessable_words(present)]
    )


def guessable_words(user: User) -> list[str]:
    """Return what is tried first against this user: the names, alone and in one word, and the address."""
    names = [user.first_name or "", user.last_name or ""]
    words = [user.email, user.email.partition("@")[0], *names, "".join(names), user.name or ""]
    return [word for word in dict.fromkeys([*words, (user.name or "").replace(" ", "")]) if word]
