"""Actions on one row (or on a list) that ask first: what they are, and the page that asks."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.template.response import TemplateResponse

from environments.models import Environment
from foundation.errors import DomainError

MethodT = TypeVar("MethodT", bound=Callable[..., Any])


class ToolForm(forms.Form):
    """What a tool asks for before it runs; most ask for nothing but a yes."""

    def __init__(
        self,
        data: Any = None,
        files: Any = None,
        *,
        environment: Environment,
        row: Any = None,
        request: HttpRequest | None = None,
    ) -> None:
        super().__init__(data, files)
        self.environment = environment
        self.row = row
        self.request = request


@dataclass(frozen=True, slots=True)
class Tool:
    """An action of a ModelAdmin, as its decorator describes it."""

    name: str
    label: str
    explanation: str = ""
    form_class: type[ToolForm] = ToolForm
    is_dangerous: bool = False
    is_for_list: bool = False
    applies: Callable[[Any], bool] = bool


def tool(
    label: str,
    *,
    explanation: str = "",
    form_class: type[ToolForm] = ToolForm,
    is_dangerous: bool = False,
    is_for_list: bool = False,
    applies: Callable[[Any], bool] | None = None,
) -> Callable[[MethodT], MethodT]:
    """Make a method of a ModelAdmin a tool: ``method(request, row, data)`` returns a notice or a response.

    It is offered to operators who may change the row, runs only by POST from its own page, in a transaction, and
    may raise a DomainError, which that page then shows. ``applies`` says for which rows it makes sense. What has to
    call out over the network belongs into the form's ``clean``, which runs before the transaction.
    """

    def mark(method: MethodT) -> MethodT:
        name = method.__name__.replace("_", "-")
        suits = applies or (lambda _row: True)
        method.tool = Tool(name, label, explanation, form_class, is_dangerous, is_for_list, suits)  # type: ignore[attr-defined]  # read back by tools_of
        return method

    return mark


def tools_of(admin_class: type) -> dict[str, Tool]:
    """Return the tools of a ModelAdmin class by name, in the order in which they are written."""
    found: dict[str, Tool] = {}
    for owner in reversed(admin_class.__mro__):
        for attribute in vars(owner).values():
            marked = getattr(attribute, "tool", None)
            if isinstance(marked, Tool):
                found[marked.name] = marked
    return found


def add_refusal(form: forms.BaseForm, refusal: DomainError | ValidationError) -> None:
    """Put a service's refusal where it belongs: beside its field, or above the form."""
    if isinstance(refusal, ValidationError):
        known = refusal.message_dict if hasattr(refusal, "error_dict") else {"": refusal.messages}
        pairs = [(field, text) for field, texts in known.items() for text in texts]
    else:
        errors = refusal.details.get("errors") or [{}]
        pairs = [(str(error.get("field", "")), str(error.get("message") or refusal)) for error in errors]
    for field, text in pairs:
        form.add_error(field if field in form.fields else None, text)


def confirmation_page(request: HttpRequest, context: dict[str, Any]) -> TemplateResponse:
    """Ask: what will be done to what, with a form, a button and a way back."""
    return TemplateResponse(request, "admin/confirm.html", context)


def secret_page(request: HttpRequest, context: dict[str, Any]) -> TemplateResponse:
    """Show a secret once, in the answer to the POST that made it: it stands in no session, cookie or notice."""
    return TemplateResponse(request, "admin/secret.html", context)
