"""Staff pages of people: users, what they are known as at providers, and their passkeys and second factors."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from accounts import services
from accounts.models import AuthenticationFactor, FactorType, Identity, Passkey, User
from accounts.passkeys import authenticator_name
from authentication.models import Session, SessionStatus
from authentication.services import Origin, delete_user, impersonate, sign_out_everywhere
from environments.models import AuthenticationSettings, Environment, RedirectURI, RedirectURIPurpose
from environments.staff.dashboard import Figure, bounded_count
from environments.staff.fields import MetadataForm, PasswordToolForm, metadata_changes
from environments.staff.model_admin import EnvironmentModelAdmin
from environments.staff.panels import Panel, add_url, badge, change_url, code, first_rows, link, list_url
from environments.staff.proofs import ProofForm, whereabouts_of
from environments.staff.scope import actor_of, environment_of, operator_of
from environments.staff.tools import tool
from events.models import Event
from organizations.models import MembershipStatus, Organization, OrganizationMembership


class UserForm(MetadataForm):
    """An address is text here: the service normalizes and judges it."""

    email = forms.EmailField(label="E-mail", max_length=320)


class NewUserForm(UserForm):
    """Somebody who is let in by hand; without a password they sign in by other means."""

    new_password = forms.CharField(
        label="Password",
        max_length=200,
        strip=False,
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="Optional.",
    )


class ImpersonationForm(ProofForm):
    """Where to, and why."""

    reason = forms.CharField(
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="The user and the application see it, and it stays in the events.",
    )
    organization = forms.ChoiceField(required=False)
    redirect_uri = forms.ChoiceField(label="Application")
    field_order = ("reason", "organization", "redirect_uri")

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        memberships = OrganizationMembership.objects.in_environment(self.environment).filter(
            user=self.row, status=MembershipStatus.ACTIVE
        )
        names = memberships.order_by("id").values_list("organization_id", "organization__name")
        uris = RedirectURI.objects.in_environment(self.environment).filter(purpose=RedirectURIPurpose.SIGN_IN)
        organization: Any = self.fields["organization"]
        organization.choices = list(names) or [("", "None: the user belongs to no organization")]
        redirect_uri: Any = self.fields["redirect_uri"]
        redirect_uri.choices = [
            (uri, uri)
            for uri in uris.order_by("-is_default", "id").values_list("uri", flat=True)
            if "*" not in uri
        ]


@admin.register(User)
class UserAdmin(EnvironmentModelAdmin):
    """People who sign in to the product."""

    section = "People"
    icon = "users"
    order = 10
    summary = "The people who sign in to your product."
    form = UserForm
    add_form = NewUserForm
    list_display = ("email", "full_name", "verified", "last_sign_in_at", "created_at")
    list_filter = ("email_verified",)
    search_fields = ("email", "first_name", "last_name", "name", "=id", "=external_id")
    search_help_text = "Part of an e-mail or name, or a whole id or external id."
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "email",
                    "email_verified",
                    "first_name",
                    "last_name",
                    "name",
                    "locale",
                    "profile_picture_url",
                )
            },
        ),
        ("For your product", {"fields": ("external_id", "metadata")}),
        ("Facts", {"fields": ("has_password", "last_sign_in_at", "created_at", "updated_at")}),
    )
    add_fieldsets = (
        (None, {"fields": ("email", "email_verified", "new_password", "first_name", "last_name")}),
        ("For your product", {"fields": ("external_id", "metadata")}),
    )
    readonly_fields = ("has_password", "last_sign_in_at", "created_at", "updated_at")
    delete_explanation = (
        "The user is signed out everywhere and leaves every organization; sessions, identities and API keys go too. "
        "This cannot be undone."
    )

    def create(self, request: HttpRequest, data: dict[str, Any]) -> User:
        password = data.pop("new_password")
        fields = {**data, "password": password} if password else data
        return services.create_user(environment=environment_of(request), actor=actor_of(request), **fields)

    def change(self, request: HttpRequest, row: User, changes: dict[str, Any]) -> None:
        if "metadata" in changes:
            changes["metadata"] = metadata_changes(row.metadata, changes["metadata"])
        services.update_user(user=row, actor=actor_of(request), **changes)

    def remove(self, request: HttpRequest, row: User) -> None:
        delete_user(user=row, actor=actor_of(request))

    @tool(
        "Set password",
        explanation="The password policy of the environment applies. Open sessions stay open.",
        form_class=PasswordToolForm,
    )
    def set_password(self, request: HttpRequest, row: User, data: dict[str, Any]) -> str:
        """For somebody whom the usual way of resetting fails."""
        services.update_user(user=row, actor=actor_of(request), password=data["password"])
        return "The password was set."

    @tool(
        "Mark e-mail verified",
        explanation="Do this only if you are sure that the mailbox is theirs: it decides whom the address signs in.",
        applies=lambda row: not row.email_verified,
    )
    def mark_verified(self, request: HttpRequest, row: User, _data: dict[str, Any]) -> str:
        """Take somebody's word for an address."""
        services.mark_email_verified(row, actor_of(request))
        return "The e-mail counts as verified."

    @tool(
        "Sign out everywhere",
        explanation=(
            "Every session and every browser of this person ends, and so does a sign-in that is under way. Access tokens "
            "that are out stay good until they expire, which is a matter of minutes."
        ),
        is_dangerous=True,
    )
    def sign_out_everywhere(self, request: HttpRequest, row: User, _data: dict[str, Any]) -> str:
        """End all sessions of a user."""
        sign_out_everywhere(row, actor_of(request))
        return "The person is signed out everywhere."

    @tool(
        "Sign in as this user",
        explanation=(
            "You act in this person's place for at most an hour. The application, the access token and the person's "
            "account page show your address and the reason; their password and their other credentials stay shut to you."
        ),
        form_class=ImpersonationForm,
        is_dangerous=True,
    )
    def impersonate(self, request: HttpRequest, row: User, data: dict[str, Any]) -> HttpResponse:
        """Get a code in a user's place, and show the way to the application with it."""
        environment = environment_of(request)
        organizations = Organization.objects.in_environment(environment)
        url = impersonate(
            environment=environment,
            operator=operator_of(request),
            user=row,
            organization=organizations.find(data["organization"]) if data["organization"] else None,
            reason=data["reason"],
            redirect_uri=data["redirect_uri"],
            origin=Origin.told(*whereabouts_of(request)),
        )
        # A link and not a redirect: the policy's form-action holds for every redirect that follows a form.
        context = self.page_context(
            request, row, title="Sign in as this user", target=url, back=change_url(row)
        )
        return TemplateResponse(request, "admin/impersonation.html", context)

    def offered_tools(self, request: HttpRequest, row: Any = None) -> list[dict[str, Any]]:
        """Leave out what the operator may not do, or the environment does not allow."""
        offered = super().offered_tools(request, row)
        if row is not None and self._may_impersonate(request):
            return offered
        return [offer for offer in offered if "/tool/impersonate/" not in offer["url"]]

    def _may_impersonate(self, request: HttpRequest) -> bool:
        settings = AuthenticationSettings.objects.in_environment(environment_of(request)).get()
        return settings.impersonation_enabled and operator_of(request).can_impersonate

    def panels(self, request: HttpRequest, row: User) -> Sequence[Panel]:
        environment = environment_of(request)
        writes = self.has_tool_permission(request)
        memberships = OrganizationMembership.objects.in_environment(environment).filter(user=row)
        sessions = Session.objects.in_environment(environment).filter(user=row)
        identities = Identity.objects.in_environment(environment).filter(user=row)
        passkeys = Passkey.objects.in_environment(environment).filter(user=row)
        factors = AuthenticationFactor.objects.in_environment(environment).filter(user=row)
        events = Event.objects.in_environment(environment).filter(object_id=row.pk)
        return (
            Panel(
                "Organizations",
                ("Organization", "Roles", "Status"),
                [
                    (
                        link(member, member.organization.name),
                        ", ".join(role.slug for role in member.roles.all()),
                        badge(member.status, "good" if member.status == "active" else ""),
                    )
                    for member in first_rows(
                        memberships.select_related("organization").prefetch_related("roles")
                    )
                ],
                more=list_url(OrganizationMembership, user=row.pk),
                add=add_url(OrganizationMembership, user=row.pk) if writes else "",
            ),
            Panel(
                "Sessions",
                ("Session", "Status", "Address", "Last refreshed"),
                [
                    (
                        link(session, session.pk),
                        session_badge(session),
                        session.ip_address or "—",
                        session.refreshed_at,
                    )
                    for session in first_rows(sessions)
                ],
                more=list_url(Session, user=row.pk),
            ),
            Panel(
                "Identities",
                ("Provider", "Subject", "Since"),
                [
                    (link(identity, identity.provider), code(identity.idp_id), identity.created_at)
                    for identity in first_rows(identities)
                ],
            ),
            Panel(
                "Passkeys",
                ("Passkey", "State", "Last used", "Since"),
                [
                    (
                        link(passkey, passkey.name),
                        passkey_badge(passkey),
                        passkey.last_used_at or "—",
                        passkey.created_at,
                    )
                    for passkey in first_rows(passkeys)
                ],
            ),
            Panel(
                "Second factors",
                ("Factor", "Known as", "Since"),
                [
                    (link(factor, factor.get_type_display()), known_as(factor), factor.created_at)
                    for factor in first_rows(factors)
                ],
            ),
            Panel(
                "Latest events",
                ("Event", "Actor", "When"),
                [
                    (link(event, event.name), event.actor_name or event.actor_id, event.created_at)
                    for event in first_rows(events)
                ],
                more=list_url(Event, object_id=row.pk),
            ),
        )

    def dashboard_figures(self, environment: Environment, request: HttpRequest) -> Sequence[Figure]:
        """How many users there are."""
        rows = User.objects.in_environment(environment)
        return [Figure("Users", bounded_count(rows), list_url(User))]

    @admin.display(description="name")
    def full_name(self, row: User) -> str:
        return row.name or " ".join(part for part in (row.first_name, row.last_name) if part)

    @admin.display(description="e-mail", ordering="email_verified")
    def verified(self, row: User) -> str:
        return badge("verified", "good") if row.email_verified else badge("unverified", "warn")

    @admin.display(description="password")
    def has_password(self, row: User) -> str:
        if not row.password:
            return badge("none")
        since = f"since {row.password_changed_at:%d %B %Y}" if row.password_changed_at else "set"
        return badge(since, "good")


@admin.register(Identity)
class IdentityAdmin(EnvironmentModelAdmin):
    """What people are at OAuth providers."""

    section = "People"
    icon = "identity"
    order = 20
    summary = (
        "Accounts at OAuth providers that are linked to users. They appear when somebody signs in there."
    )
    list_display = ("provider", "idp_id", "user_link", "created_at")
    list_select_related = ("user",)
    list_filter = ("provider",)
    search_fields = ("=idp_id", "email", "user__email", "=id")
    linked_by = ("user",)
    fields = ("provider", "idp_id", "email", "user_link", "created_at")
    readonly_fields = fields

    @admin.display(description="user")
    def user_link(self, row: Identity) -> str:
        return link(row.user)


@admin.register(Passkey)
class PasskeyAdmin(EnvironmentModelAdmin):
    """Keys with which people sign in without a password."""

    section = "People"
    icon = "key"
    order = 24
    summary = (
        "Keys in people's phones, computers and security keys. Remove one when its owner has lost the device and "
        "cannot do it on the account page; make sure first who is asking."
    )
    list_display = ("name", "user_link", "state", "last_used_at", "created_at")
    list_select_related = ("user",)
    list_filter = (("blocked_at", admin.EmptyFieldListFilter),)
    search_fields = ("user__email", "name", "=credential_id", "=id")
    linked_by = ("user",)
    fields = (
        "name",
        "user_link",
        "state",
        "authenticator",
        "credential",
        "sign_count",
        "is_backed_up",
        "last_used_at",
        "created_at",
        "blocked_at",
    )
    readonly_fields = fields
    delete_explanation = "It does not sign its owner in any more, who is told by mail."

    def remove(self, request: HttpRequest, row: Passkey) -> None:
        services.remove_passkey(passkey=row, actor=actor_of(request))

    @admin.display(description="state")
    def state(self, row: Passkey) -> str:
        return passkey_badge(row)

    @admin.display(description="authenticator")
    def authenticator(self, row: Passkey) -> str:
        return authenticator_name(row.aaguid) or code(row.aaguid)

    @admin.display(description="credential id")
    def credential(self, row: Passkey) -> str:
        return code(row.credential_id)

    @admin.display(description="user")
    def user_link(self, row: Passkey) -> str:
        return link(row.user)


@admin.register(AuthenticationFactor)
class AuthenticationFactorAdmin(EnvironmentModelAdmin):
    """What people prove beside their password."""

    section = "People"
    icon = "shield"
    order = 25
    label = "Second factors"
    summary = (
        "Authenticator apps and phones. Remove one when its owner has lost it and has no recovery code left; "
        "make sure first who is asking."
    )
    list_display = ("type", "known", "user_link", "created_at")
    list_select_related = ("user",)
    list_filter = ("type",)
    search_fields = ("user__email", "=phone_number", "=id")
    linked_by = ("user",)
    fields = ("type", "known", "user_link", "created_at")
    readonly_fields = fields
    delete_explanation = (
        "The user is told by mail. Recovery codes go with the last factor; where multi-factor authentication is "
        "required, the user enrolls again at the next sign-in."
    )

    def remove(self, request: HttpRequest, row: AuthenticationFactor) -> None:
        services.remove_factor(row)

    @admin.display(description="known as")
    def known(self, row: AuthenticationFactor) -> str:
        return known_as(row)

    @admin.display(description="user")
    def user_link(self, row: AuthenticationFactor) -> str:
        return link(row.user)


def passkey_badge(passkey: Passkey) -> str:
    """Return whether a passkey opens anything, in colour."""
    return badge("usable", "good") if passkey.blocked_at is None else badge("blocked: copied", "bad")


def known_as(factor: AuthenticationFactor) -> str:
    """Return what tells a factor from others: the account in the app, or the phone number."""
    if factor.type == FactorType.TOTP:
        return f"{factor.totp_issuer}: {factor.totp_user}"
    return factor.phone_number or "—"


def session_badge(session: Session) -> str:
    """Return whether a session counts, in colour."""
    return badge(session.status, "good" if session.status is SessionStatus.ACTIVE else "")
