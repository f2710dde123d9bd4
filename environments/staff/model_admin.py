"""The rows of one environment in Django's admin: reads are scoped, writes go through services."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.admin.options import get_content_type_for_model
from django.contrib.admin.utils import flatten_fieldsets, unquote
from django.contrib.admin.views.main import ChangeList
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html

from environments.staff.paginator import BoundedPaginator
from environments.staff.panels import Panel, address_part, change_url
from environments.staff.scope import environment_of, find_environment, operator_of
from environments.staff.tools import (
    Tool,
    ToolForm,
    add_refusal,
    confirmation_page,
    secret_page,
    tools_of,
)
from events.models import Event
from foundation.errors import DomainError
from foundation.scoping import EnvironmentModel

_HISTORY_ROWS = 50


class ServiceForm(forms.ModelForm):  # type: ignore[type-arg]  # Django's forms take no arguments at run time
    """Reads fields and leaves the row alone: the service that writes compares with what it was."""

    environment: Any = None
    refusal: DomainError | ValidationError | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})

    def _post_clean(self) -> None:
        # In place of ModelForm's, which would write the values onto the row and ask for uniqueness in all
        # environments at once. Bounds and uniqueness are the service's to refuse.
        if self.refusal is not None:
            add_refusal(self, self.refusal)


class StaffChangeList(ChangeList):
    """Links to rows by their plain id."""

    def url_for_result(self, result: Any) -> str:
        return change_url(result)


class StaffModelAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # Django's admin takes no arguments at run time
    """What every page of the admin has in common, whether its rows belong to an environment or to the installation.

    A subclass says what can be done by overriding ``create``, ``change`` and ``remove``, each of which calls one
    service, and by methods marked with ``@tool``. What it does not override is not offered.
    """

    form = ServiceForm
    add_form: type[ServiceForm] | None = None
    add_fieldsets: Any = None
    section = "Installation"
    icon = "dot"
    order = 50
    in_navigation = True
    summary = ""
    # What the navigation and the list are called; the plural of the model where it is empty.
    label = ""
    # Relations by which other pages link into this list.
    linked_by: Sequence[str] = ()
    delete_explanation = "This cannot be undone."

    actions = None
    list_per_page = 50
    list_max_show_all = 0
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = BoundedPaginator
    ordering = ("-pk",)
    view_on_site = False
    save_on_top = False
    formfield_overrides = {
        models.DateTimeField: {
            "form_class": forms.DateTimeField,
            "widget": forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        },
        models.URLField: {"assume_scheme": "https"},
        models.JSONField: {
            "widget": forms.Textarea(attrs={"rows": 6, "class": "code", "spellcheck": "false"})
        },
    }

    # --- What a subclass writes -------------------------------------------------------------------------------

    def create(self, request: HttpRequest, data: dict[str, Any]) -> Any:
        """Make a row from the cleaned form, by a service."""
        raise PermissionDenied

    def change(self, request: HttpRequest, row: Any, changes: dict[str, Any]) -> None:
        """Change the fields that differ, by a service."""
        raise PermissionDenied

    def remove(self, request: HttpRequest, row: Any) -> None:
        """Delete the row, by a service."""
        raise PermissionDenied

    def panels(self, request: HttpRequest, row: Any) -> Sequence[Panel]:
        """Return lists of related rows for the page of a row."""
        return ()

    def heading(self, row: Any) -> str:
        """Return what the page of a row is called. The columns of its list are loaded with it."""
        return str(row)

    # --- Who may ----------------------------------------------------------------------------------------------

    def _offers(self, use_case: str) -> bool:
        return getattr(type(self), use_case) is not getattr(StaffModelAdmin, use_case)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._offers("create") and super().has_add_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._offers("change") and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._offers("remove") and super().has_delete_permission(request, obj)

    def has_tool_permission(self, request: HttpRequest, row: Any = None) -> bool:
        """Tools write, so they ask for the right to change rows, also where no form changes them."""
        return super().has_change_permission(request, row)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Let the address filter by what the page filters by, and by nothing else.

        Django would let anybody who may see a list ask for ``?digest__startswith=a`` and read a secret column by
        guessing.
        """
        filters: Any = self.list_filter if request is None else self.get_list_filter(request)
        fields = {
            getattr(entry, "parameter_name", "")
            if isinstance(entry, type)
            else entry
            if isinstance(entry, str)
            else entry[0]
            for entry in filters
        }
        allowed = {name.removesuffix("__exact").removesuffix("__id") for name in (*fields, *self.linked_by)}
        asked = lookup
        for suffix in ("__exact", "__isnull", "__gte", "__lt"):
            asked = asked.removesuffix(suffix)
        return asked in allowed or asked.removesuffix("__id") in allowed

    # --- Reading ----------------------------------------------------------------------------------------------

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Return the row, or None. PostgreSQL takes no NUL in a text, so such an id is not even asked for."""
        return None if "\x00" in object_id else super().get_object(request, object_id)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return StaffChangeList

    def _get_obj_does_not_exist_redirect(
        self, request: HttpRequest, opts: Any, object_id: str
    ) -> HttpResponse:
        raise Http404

    def require_row(self, request: HttpRequest, object_id: str) -> Any:
        """Return the row of an address; absent, foreign and malformed ids are all not found."""
        row = self.get_object(request, unquote(object_id))
        if row is None or not self.has_view_permission(request, row):
            raise Http404
        return row

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None and self.add_fieldsets is not None:
            return self.add_fieldsets
        return super().get_fieldsets(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        declared = super().get_readonly_fields(request, obj)
        if obj is None:
            # What the database or a service fills in has nothing to show yet.
            return ()
        return declared

    @property
    def media(self) -> forms.Media:
        """Nothing but what the widgets of a form ask for."""
        return forms.Media()

    # --- Forms ------------------------------------------------------------------------------------------------

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is None and self.add_form is not None:
            kwargs["form"] = self.add_form
        form_class: Any = super().get_form(request, obj, change, **kwargs)
        # Django makes a new class for every call, so these belong to this request.
        form_class.environment = find_environment(request)
        form_class.refusal = getattr(request, "staff_refusal", None)
        return form_class

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and isinstance(field.widget, RelatedFieldWidgetWrapper):
            # No pop-up windows: related rows have pages of their own.
            field.widget = field.widget.widget
        return field

    def formfield_for_foreignkey(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        kwargs.setdefault("queryset", self._choices_for(db_field.related_model, request))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_manytomany(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        kwargs.setdefault("queryset", self._choices_for(db_field.related_model, request))
        kwargs.setdefault("widget", forms.CheckboxSelectMultiple())
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def _choices_for(self, related: Any, request: HttpRequest) -> Any:
        if issubclass(related, EnvironmentModel):
            return related.objects.in_environment(environment_of(request))
        return operator_of(request).visible_environments()

    # --- Writing ----------------------------------------------------------------------------------------------

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> Any:
        """Show or take the form; what a service refuses is shown in the form again."""
        if object_id is not None and request.method == "POST":
            # Before any question of rights: a foreign id and an absent one are answered alike.
            self.require_row(request, object_id)
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except (DomainError, ValidationError) as refusal:
            # The transaction is rolled back. The second pass finds the refusal among the form's errors, and so
            # shows the form instead of saving.
            request.staff_refusal = refusal  # type: ignore[attr-defined]  # read back by get_form
            return super().changeform_view(request, object_id, form_url, extra_context)

    def save_form(self, request: Any, form: Any, change: bool) -> Any:
        """Hand the cleaned form to a service and return the row."""
        if not change:
            return self.create(request, form.cleaned_data)
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        if changes:
            self.change(request, form.instance, changes)
        return form.instance

    def save_model(self, request: Any, obj: Any, form: Any, change: bool) -> None:
        """Nothing: the service has saved."""

    def save_related(self, request: Any, form: Any, formsets: Any, change: bool) -> None:
        """Nothing: the service has saved."""

    def response_post_save_add(self, request: Any, obj: Any) -> HttpResponseRedirect:
        return HttpResponseRedirect(change_url(obj))

    def response_post_save_change(self, request: Any, obj: Any) -> HttpResponseRedirect:
        return HttpResponseRedirect(change_url(obj))

    def log_addition(self, request: Any, obj: Any, message: Any) -> LogEntry:
        return self.note(request, obj, ADDITION, message)

    def log_change(self, request: Any, obj: Any, message: Any) -> LogEntry:
        return self.note(request, obj, CHANGE, message)

    def note(self, request: HttpRequest, row: Any, action: int, message: Any) -> LogEntry:
        """Write the staff log: who did what to which row, also where no event tells of it."""
        return LogEntry.objects.create(
            user_id=operator_of(request).pk,
            content_type_id=get_content_type_for_model(row).pk,
            object_id=row.pk,
            object_repr=self.heading(row)[:200],
            action_flag=action,
            change_message=message if isinstance(message, str) else _sentence(message),
        )

    # --- Pages ------------------------------------------------------------------------------------------------

    def page_context(self, request: HttpRequest, row: Any = None, **more: Any) -> dict[str, Any]:
        """Return what the templates of a page of this model need."""
        request.current_app = self.admin_site.name
        return {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": row,
            "heading": "" if row is None else self.heading(row),
            **more,
        }

    def list_url(self) -> str:
        """Return the address of this model's list."""
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")

    def get_urls(self) -> list[Any]:
        def wrap(view: Any) -> Any:
            return self.admin_site.admin_view(view)

        name = f"{self.opts.app_label}_{self.opts.model_name}"
        return [
            path("tool/<slug:tool_name>/", wrap(self.tool_view), name=f"{name}_list_tool"),
            path("<path:object_id>/tool/<slug:tool_name>/", wrap(self.tool_view), name=f"{name}_tool"),
            *super().get_urls(),
        ]

    def offered_tools(self, request: HttpRequest, row: Any = None) -> list[dict[str, Any]]:
        """Return label, address and danger of each tool that makes sense here."""
        if not self.has_tool_permission(request, row):
            return []
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}"
        return [
            {
                "label": tool.label,
                "is_dangerous": tool.is_dangerous,
                "url": reverse(f"{name}_list_tool", args=[tool.name])
                if row is None
                else reverse(f"{name}_tool", args=[address_part(row.pk), tool.name]),
            }
            for tool in tools_of(type(self)).values()
            if tool.is_for_list == (row is None) and (row is None or tool.applies(row))
        ]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        extra = {
            "list_tools": self.offered_tools(request),
            "summary": self.summary,
            "label": self.label,
            "list_icon": self.icon,
            **(extra_context or {}),
        }
        return super().changelist_view(request, extra)

    def render_change_form(self, request: Any, context: Any, *args: Any, **kwargs: Any) -> Any:
        row = context.get("original")
        context["show_save_and_add_another"] = context["show_save_and_continue"] = False
        if row is not None:
            context["heading"] = self.heading(row)
            context["panels"] = self.panels(request, row)
            context["row_tools"] = self.offered_tools(request, row)
        return super().render_change_form(request, context, *args, **kwargs)

    def tool_view(
        self, request: HttpRequest, tool_name: str, object_id: str | None = None
    ) -> HttpResponseBase:
        """GET asks, POST does."""
        found = tools_of(type(self)).get(tool_name)
        if found is None or found.is_for_list != (object_id is None):
            raise Http404
        row = None if object_id is None else self.require_row(request, object_id)
        if not self.has_tool_permission(request, row):
            raise PermissionDenied
        if row is not None and not found.applies(row):
            raise Http404
        posted = request.POST if request.method == "POST" else None
        files = request.FILES if posted is not None else None
        form = found.form_class(
            posted,
            files=files,
            environment=find_environment(request),  # type: ignore[arg-type]  # tools of the installation ignore it
            row=row,
            request=request,
        )
        if posted is not None and form.is_valid():
            response = self._run(request, found, row, form)
            if response is not None:
                return response
        back = self.list_url() if row is None else change_url(row)
        return confirmation_page(
            request, self.page_context(request, row, title=found.label, tool=found, form=form, back=back)
        )

    def _run(self, request: HttpRequest, found: Tool, row: Any, form: ToolForm) -> HttpResponseBase | None:
        try:
            with transaction.atomic():
                outcome = getattr(self, found.name.replace("-", "_"))(request, row, form.cleaned_data)
                if row is not None:
                    self.note(request, row, CHANGE, f"{found.label}.")
        except (DomainError, ValidationError) as refusal:
            add_refusal(form, refusal)
            return None
        if isinstance(outcome, HttpResponseBase):
            return outcome
        messages.success(request, outcome)
        return HttpResponseRedirect(self.list_url() if row is None else change_url(row))

    def delete_view(self, request: Any, object_id: str, extra_context: Any = None) -> Any:
        """GET asks, POST deletes by the service."""
        row = self.require_row(request, object_id)
        if not self.has_delete_permission(request, row):
            raise PermissionDenied
        question = Tool(
            "delete", f"Delete {self.opts.verbose_name}", self.delete_explanation, is_dangerous=True
        )
        posted = request.POST if request.method == "POST" else None
        form = ToolForm(posted, environment=find_environment(request), row=row)  # type: ignore[arg-type]  # unused by a form without fields
        if posted is not None and form.is_valid():
            try:
                with transaction.atomic():
                    self.note(request, row, DELETION, "Deleted.")
                    self.remove(request, row)
            except DomainError as refusal:
                add_refusal(form, refusal)
            else:
                messages.success(request, f"The {self.opts.verbose_name} was deleted.")
                return HttpResponseRedirect(self.list_url())
        context = self.page_context(
            request, row, title=question.label, tool=question, form=form, back=change_url(row)
        )
        return confirmation_page(request, context)

    def history_view(self, request: Any, object_id: str, extra_context: Any = None) -> HttpResponse:
        """The events about a row, and what staff did to it."""
        row = self.require_row(request, object_id)
        entries = LogEntry.objects.filter(object_id=row.pk, content_type=get_content_type_for_model(row))
        context = self.page_context(
            request,
            row,
            title="History",
            events=self._events_about(request, row),
            entries=entries.select_related("user").order_by("-id")[:_HISTORY_ROWS],
        )
        return TemplateResponse(request, "admin/object_history.html", context)

    def _events_about(self, request: HttpRequest, row: Any) -> Sequence[Event]:
        del request, row
        return ()

    def show_secret(self, request: HttpRequest, row: Any, secret: str, explanation: str) -> HttpResponse:
        """Show a fresh secret once, with the way on to its row."""
        context = self.page_context(
            request,
            row,
            title=self.heading(row),
            secret=secret,
            explanation=explanation,
            back=change_url(row),
        )
        return secret_page(request, context)


class EnvironmentModelAdmin(StaffModelAdmin):
    """Rows of the environment that is open, and of no other one."""

    section = "Environment"

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = self.model.objects.in_environment(environment_of(request))
        return rows.order_by(*self.get_ordering(request))

    def _events_about(self, request: HttpRequest, row: Any) -> Sequence[Event]:
        events = Event.objects.in_environment(environment_of(request)).filter(object_id=row.pk)
        return list(events.order_by("-id")[:_HISTORY_ROWS])


def _sentence(message: Any) -> str:
    """Say in words what Django's structured change message says."""
    fields = [str(name) for part in message for name in part.get("changed", {}).get("fields", [])]
    return f"Changed {', '.join(fields)}." if fields else "Added."


def fields_of(admin_class: StaffModelAdmin, request: HttpRequest, row: Any) -> list[str]:
    """Return the names of all fields that the page of a row shows; a test looks for secrets among them."""
    return [str(name) for name in flatten_fieldsets(admin_class.get_fieldsets(request, row))]


def copyable(text: object) -> str:
    """Return machine text in a box that selects as a whole."""
    return format_html('<code class="id copyable">{}</code>', text)
