"""Mail to staff about an environment: in the admin's language and looks, whoever sends the mail to its users."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.db.models.enums import TextChoices

from environments.branding import Look, button_colors
from environments.models import Environment, Operator, OperatorRole
from events.models import Mail
from events.rendering import render_mail
from events.services import queue_mail

_LOOK = Look(product_name="Gatehouse")


class StaffMailKind(TextChoices):
    """Which message to staff a mail is: the name of its templates."""

    CERTIFICATES = "staff_certificates", "Notice to staff: certificates of connections end"


def send_staff_mail(
    *, environment: Environment, kind: StaffMailKind, context: Mapping[str, Any]
) -> list[Mail]:
    """Put a message to each operator who looks after an environment into the outbox, inside the transaction of its cause.

    These are the owners, and the admins of the environment, unless they are switched off or want no notices.
    """
    accent, accent_ink = button_colors(_LOOK)
    rendered = render_mail(
        kind,
        {
            **context,
            "environment_name": environment.name,
            "product_name": _LOOK.product_name,
            "look": _LOOK,
            "logo_url": "",
            "accent": accent,
            "accent_ink": accent_ink,
        },
        # As the admin, to which it leads.
        language="en",
    )
    return [
        queue_mail(
            environment=environment,
            kind=kind,
            recipient=recipient,
            sender=str(settings.MAIL_FROM),
            subject=rendered.subject,
            text=rendered.text,
            html=rendered.html,
        )
        for recipient in _recipients(environment)
    ]


def _recipients(environment: Environment) -> list[str]:
    looks_after = Q(role=OperatorRole.OWNER) | Q(role=OperatorRole.ADMIN, environments=environment)
    rows = Operator.objects.filter(looks_after, is_active=True, receives_notices=True)
    return list(rows.order_by("email").values_list("email", flat=True).distinct())
