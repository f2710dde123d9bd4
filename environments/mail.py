"""Mail of an environment: in its looks, in the reader's language, from its address, or left to the application."""

from collections.abc import Mapping
from email.headerregistry import Address
from email.utils import parseaddr
from typing import Any

from django.conf import settings

from environments import branding
from environments.branding import Look, button_colors
from environments.models import Environment, MailKind, MailSettings
from events.models import Mail
from events.rendering import render_mail
from events.services import queue_mail
from foundation.languages import first_supported, language_of_reader


def send_mail(
    *,
    environment: Environment,
    kind: MailKind,
    recipient: str,
    context: Mapping[str, Any],
    locale: str | None = None,
    look: Look | None = None,
) -> Mail | None:
    """Put a message into the outbox, inside the transaction of its cause; None where the application sends it itself.

    It is written in ``locale``, the recipient's own language, else in that of the page where the mail was asked
    for, else in the environment's. ``look`` is given where the mail is about an organization. Put nothing into
    ``context`` that a stranger could word freely: the message bears the product's name.
    """
    mail_settings = mail_settings_of(environment)
    if mail_settings.leaves_to_application(kind):
        return None
    look = look or branding.look_of(environment)
    language = first_supported([locale, language_of_reader(), mail_settings.default_language])
    accent, accent_ink = button_colors(look)
    rendered = render_mail(
        kind,
        {
            **context,
            "product_name": look.product_name,
            "look": look,
            # A mail is read far away from here: the configured address, whatever host the request named.
            "logo_url": f"{settings.BASE_URL}{look.logo_url}" if look.logo_url else "",
            "accent": accent,
            "accent_ink": accent_ink,
        },
        language=language,
    )
    return queue_mail(
        environment=environment,
        kind=kind,
        recipient=recipient,
        sender=sender_of(mail_settings, look),
        subject=rendered.subject,
        text=rendered.text,
        html=rendered.html,
    )


def mail_settings_of(environment: Environment) -> MailSettings:
    """Return an environment's mail settings, the defaults where it has none of its own."""
    found = MailSettings.objects.in_environment(environment).first()
    return found or MailSettings(environment=environment)


def sender_of(mail_settings: MailSettings, look: Look) -> str:
    """Return the From header: the environment's name and address, the installation's for what it leaves open."""
    if not mail_settings.sender_name and not mail_settings.sender_address:
        return str(settings.MAIL_FROM)
    installation_address = parseaddr(settings.MAIL_FROM)[1]
    name = mail_settings.sender_name or look.product_name
    return str(Address(name, addr_spec=mail_settings.sender_address or installation_address))
