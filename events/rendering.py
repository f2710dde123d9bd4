"""Mail from templates: one kind of message is three files under ``templates/mail/``.

``<kind>.subject.txt``, ``<kind>.txt`` and ``<kind>.html``; the last two extend ``base.txt`` and ``base.html``.
The HTML is escaped, the texts are not: they have no markup that an attacker could write.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.template import Context, Template, engines
from django.template.backends.django import DjangoTemplates
from django.utils import translation


@dataclass(frozen=True, slots=True)
class RenderedMail:
    """A message that is ready to be queued."""

    subject: str
    text: str
    html: str


def render_mail(kind: str, context: Mapping[str, Any], *, language: str) -> RenderedMail:
    """Render a kind of message in one of our languages.

    The templates show whatever ``context`` holds; put nothing into it that a stranger could word freely, because
    the message bears the product's name. Raises TemplateDoesNotExist for an unknown kind.
    """
    with translation.override(language):
        # One line, whatever the values hold: a line break would begin a header of the attacker's choice.
        subject = " ".join(_render(f"mail/{kind}.subject.txt", context, autoescape=False).split())
        return RenderedMail(
            subject=subject,
            text=_render(f"mail/{kind}.txt", context, autoescape=False).strip() + "\n",
            html=_render(f"mail/{kind}.html", {**context, "subject": subject}, autoescape=True),
        )


def _render(name: str, context: Mapping[str, Any], *, autoescape: bool) -> str:
    return _template(name).render(Context(dict(context), autoescape=autoescape))


@cache
def _template(name: str) -> Template:
    backend = engines["django"]
    if not isinstance(backend, DjangoTemplates):
        raise TypeError("The template engine named django is not Django's.")
    return backend.engine.get_template(name)
