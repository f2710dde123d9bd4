"""How an environment appears to people: its looks and its mail."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator
from django.db import transaction

from environments import branding
from environments.appearance import BrandingFields
from environments.errors import BrandingInvalid, MailSettingsInvalid
from environments.models import Branding, Environment, MailKind, MailSettings
from foundation import clock

_BRANDING_TEXTS = frozenset(
    {"product_name", "accent_color", "background_color", "terms_url", "privacy_url", "support_url"}
)


@transaction.atomic
def update_branding(*, environment: Environment, changes: Mapping[str, Any]) -> Branding:
    """Change how the hosted pages and the mail look; ``logo`` is the bytes of a picture, or None for no logo.

    Raises BrandingInvalid.
    """
    row, _created = (
        Branding.objects.in_environment(environment)
        .select_for_update()
        .get_or_create(environment=environment)
    )
    update_branding_fields(row, changes)
    return row


def update_branding_fields(row: BrandingFields, changes: Mapping[str, Any]) -> None:
    """Change a locked row, an environment's or one that overrides it. Raises BrandingInvalid."""
    changes = dict(changes)
    if "logo" in changes:
        _set_logo(row, changes.pop("logo"))
    for field, value in changes.items():
        if field not in _BRANDING_TEXTS:
            message = f"Branding has no field {field!r}."
            raise TypeError(message)
        setattr(row, field, _branding_text(field, " ".join(str(value or "").split())))
    row.updated_at = clock.now()
    row.save()


@transaction.atomic
def update_mail_settings(*, environment: Environment, changes: Mapping[str, Any]) -> MailSettings:
    """Change from whom mail comes, its default language, and who sends it. Raises MailSettingsInvalid."""
    row, _created = (
        MailSettings.objects.in_environment(environment)
        .select_for_update()
        .get_or_create(environment=environment)
    )
    for field, value in changes.items():
        setattr(row, field, _MAIL_FIELDS[field](value))
    row.updated_at = clock.now()
    row.save(update_fields=[*changes, "updated_at"])
    return row


def _branding_text(field: str, text: str) -> str:
    if not text.isprintable():
        raise BrandingInvalid.field(field, "invalid_text", "This text holds characters that nobody can see.")
    if field.endswith("_color") and text:
        text = text.lower()
        if not branding.is_color(text):
            raise BrandingInvalid.field(field, "invalid_color", "A colour is written as #rrggbb.")
    # What becomes a link must not become a script.
    if field.endswith("_url") and text and not text.startswith(("https://", "http://")):
        raise BrandingInvalid.field(field, "invalid_url", "A link begins with https:// or http://.")
    limit = getattr(Branding._meta.get_field(field), "max_length", None)
    if limit is not None and len(text) > limit:
        raise BrandingInvalid.field(field, "too_long", f"At most {limit} characters.")
    return text


def _set_logo(row: BrandingFields, content: bytes | None) -> None:
    kind = "" if content is None else branding.image_type(content)
    if content is not None and len(content) > branding.LARGEST_LOGO:
        raise BrandingInvalid.field("logo", "too_large", "A logo has at most 256 KiB.")
    if kind is None:
        raise BrandingInvalid.field("logo", "invalid_image", "A logo is a PNG, JPEG, GIF or WebP picture.")
    row.logo, row.logo_content_type = content, kind


def _switch(value: Any) -> bool:
    if not isinstance(value, bool):
        raise MailSettingsInvalid.field("is_sent_by_gatehouse", "invalid_switch", "This is true or false.")
    return value


def _kinds(value: Any) -> list[str]:
    wanted = set(value or ())
    if not wanted <= set(MailKind.values):
        sentence = f"A kind of mail is one of {', '.join(MailKind.values)}."
        raise MailSettingsInvalid.field("kinds_left_to_application", "invalid_kind", sentence)
    return sorted(wanted)


def _sender_name(value: Any) -> str:
    """Return a name for the From header, in one line: a break would begin a header of its writer's choice."""
    name = " ".join(str(value or "").split())
    if not name.isprintable() or len(name) > 100:
        sentence = "A sender's name is one line of at most 100 characters that can be seen."
        raise MailSettingsInvalid.field("sender_name", "invalid_sender_name", sentence)
    return name


def _sender_address(value: Any) -> str:
    """Return an address for the From header; one in plain ASCII, which every mail server takes."""
    address = str(value or "").strip()
    try:
        if address:
            EmailValidator()(address)
        is_address = address.isascii() and address.isprintable() and len(address) <= 254
    except ValidationError:
        is_address = False
    if not is_address:
        sentence = "This is no e-mail address."
        raise MailSettingsInvalid.field("sender_address", "invalid_sender_address", sentence)
    return address


def _language(value: Any) -> str:
    language = str(value or "")
    if language and language not in dict(settings.LANGUAGES):
        sentence = f"There is mail in {', '.join(code for code, _name in settings.LANGUAGES)}."
        raise MailSettingsInvalid.field("default_language", "invalid_language", sentence)
    return language


_MAIL_FIELDS = {
    "is_sent_by_gatehouse": _switch,
    "kinds_left_to_application": _kinds,
    "sender_name": _sender_name,
    "sender_address": _sender_address,
    "default_language": _language,
}
