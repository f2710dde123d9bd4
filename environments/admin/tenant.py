"""Staff pages of the tenant: the installation's environments, and what belongs to one of them."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from authorization.services import provision_environment
from environments import services
from environments.models import (
    APIKey,
    AuthenticationSettings,
    CORSOrigin,
    Environment,
    RedirectURI,
    SigningKey,
)
from environments.staff.model_admin import EnvironmentModelAdmin, ServiceForm, StaffModelAdmin, copyable
from environments.staff.panels import badge, change_url, code
from environments.staff.scope import choose_environment, environment_of, operator_of
from environments.staff.tools import ToolForm, tool
from foundation import clock


@admin.register(Environment)
class EnvironmentAdmin(StaffModelAdmin):
    """Environments: an owner makes and renames them; the others see those that they are given."""

    icon = "layers"
    order = 10
    summary = (
        "Each environment is a world of its own: users, organizations, keys and settings are never shared."
    )
    list_display = ("name", "kind_badge", "client", "created_at")
    list_filter = ("kind",)
    search_fields = ("name", "=id", "=client_id")
    fields = ("name", "kind", "client", "environment_id", "created_at", "updated_at")
    readonly_fields = ("kind", "client", "environment_id", "created_at", "updated_at")
    add_fieldsets = ((None, {"fields": ("name", "kind")}),)

    def get_queryset(self, request: HttpRequest) -> Any:
        return operator_of(request).visible_environments().order_by("-pk")

    def create(self, request: HttpRequest, data: dict[str, Any]) -> Environment:
        return provision_environment(name=data["name"], kind=data["kind"])

    def change(self, request: HttpRequest, row: Environment, changes: dict[str, Any]) -> None:
        services.update_environment(row, name=changes["name"])

    @tool(
        "Open", explanation="The admin then shows the users, organizations and settings of this environment."
    )
    def open(self, request: HttpRequest, row: Environment, _data: dict[str, Any]) -> HttpResponse:
        """Switch to an environment from its page."""
        choose_environment(request, row.pk)
        return HttpResponseRedirect(self.list_url())

    @admin.display(description="kind", ordering="kind")
    def kind_badge(self, row: Environment) -> str:
        return badge(row.kind, "warn" if row.is_sandbox else "good")

    @admin.display(description="client id")
    def client(self, row: Environment) -> str:
        return copyable(row.client_id)

    @admin.display(description="id")
    def environment_id(self, row: Environment) -> str:
        return copyable(row.pk)


class AuthenticationSettingsForm(ServiceForm):
    """Words for people who have not read the code."""

    class Meta:
        labels = {
            "password_enabled": "Sign-in with a password",
            "magic_auth_enabled": "Sign-in with a code by e-mail",
            "passkey_enabled": "Sign-in with a passkey",
            "social_enabled": "Sign-in through social providers",
            "sso_enabled": "Sign-in through companies' identity providers",
            "impersonation_enabled": "Staff may sign in in a user's place",
            "impersonation_mail_enabled": "The user hears of it by mail",
            "turnstile_site_key": "Site key",
            "sign_up_enabled": "Anybody may sign up",
            "email_verification_required": "E-mail must be verified",
            "mfa_policy": "Second factor is asked of",
            "access_token_seconds": "Access token lifetime",
            "session_maximum_seconds": "Longest session",
            "session_inactivity_seconds": "Session ends when idle for",
            "password_minimum_length": "Minimum length",
            "password_minimum_strength": "Minimum strength",
            "password_breached_rejected": "Refuse breached passwords",
            "password_history_depth": "Remember former passwords",
            "homepage_url": "Homepage",
            "invitation_url": "Invitation page",
            "password_reset_url": "Password reset page",
        }
        help_texts = {
            "passkey_enabled": "A key in the person's phone, computer or security key. On the hosted pages alone; it "
            "counts as both factors, and is offered after a sign-in with a password.",
            "access_token_seconds": "60 to 86,400. An access token is good until then, whatever happens meanwhile.",
            "session_maximum_seconds": "At least 300. After that, the person signs in again.",
            "homepage_url": "Where pages send people who have nowhere else to go.",
            "invitation_url": "The application's page that links in invitations lead to; ?invitation_token=… is added. "
            "Empty: the hosted page.",
            "password_reset_url": "The application's page that links in password resets lead to; ?token=… is added. "
            "Empty: the hosted page.",
        }


class TurnstileForm(ToolForm):
    """Both keys, or none."""

    site_key = forms.CharField(max_length=100, required=False)
    secret = forms.CharField(
        max_length=200, required=False, widget=forms.PasswordInput(attrs={"autocomplete": "off"})
    )

    def clean(self) -> dict[str, Any]:
        """Half of them would refuse everybody, or nobody."""
        data = super().clean() or {}
        if bool(data.get("site_key")) != bool(data.get("secret")):
            raise ValidationError("Give both keys, or leave both empty to turn the check off.")
        return data


@admin.register(AuthenticationSettings)
class AuthenticationSettingsAdmin(EnvironmentModelAdmin):
    """How people sign in: one form per environment."""

    icon = "sliders"
    order = 60
    form = AuthenticationSettingsForm
    fieldsets = (
        (
            "Methods",
            {
                "fields": (
                    "password_enabled",
                    "magic_auth_enabled",
                    "passkey_enabled",
                    "social_enabled",
                    "sso_enabled",
                    "sign_up_enabled",
                    "email_verification_required",
                    "mfa_policy",
                )
            },
        ),
        (
            "Sessions",
            {
                "fields": ("access_token_seconds", "session_maximum_seconds", "session_inactivity_seconds"),
                "description": "All lifetimes are in seconds.",
            },
        ),
        (
            "Passwords",
            {
                "fields": (
                    "password_minimum_length",
                    "password_minimum_strength",
                    "password_breached_rejected",
                    "password_history_depth",
                )
            },
        ),
        ("Impersonation", {"fields": ("impersonation_enabled", "impersonation_mail_enabled")}),
        (
            "Bot check",
            {
                "fields": ("turnstile_site_key",),
                "description": "Cloudflare Turnstile on the pages where somebody types an address. "
                "Set it up with the button above.",
            },
        ),
        ("Pages", {"fields": ("homepage_url", "invitation_url", "password_reset_url")}),
    )
    readonly_fields = ("turnstile_site_key",)

    def change(self, request: HttpRequest, row: AuthenticationSettings, changes: dict[str, Any]) -> None:
        services.update_authentication_settings(environment=environment_of(request), changes=changes)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """There is one row: go to it."""
        return HttpResponseRedirect(change_url(self.get_queryset(request).get()))

    @tool(
        "Set up the bot check",
        explanation="Both keys come from the Turnstile page of Cloudflare's dashboard. Without them, nobody is checked.",
        form_class=TurnstileForm,
    )
    def set_up_bot_check(
        self, request: HttpRequest, row: AuthenticationSettings, data: dict[str, Any]
    ) -> str:
        """Set or remove both keys."""
        services.update_authentication_settings(
            environment=row.environment,
            changes={"turnstile_site_key": data["site_key"], "turnstile_secret": data["secret"] or None},
        )
        return "The bot check is on." if data["site_key"] else "The bot check is off."


@admin.register(APIKey)
class APIKeyAdmin(EnvironmentModelAdmin):
    """Keys with which a product's server calls the API."""

    icon = "key"
    order = 10
    summary = "A server calls the API with one of these. The value is shown once, when the key is created."
    list_display = ("name", "shown_prefix", "state", "last_used_at", "created_at")
    list_filter = (("revoked_at", admin.EmptyFieldListFilter),)
    search_fields = ("name", "prefix", "=id")
    fields = ("name", "shown_prefix", "state", "last_used_at", "created_at", "revoked_at")
    readonly_fields = fields
    add_fieldsets = ((None, {"fields": ("name",)}),)

    def create(self, request: HttpRequest, data: dict[str, Any]) -> APIKey:
        issued = services.create_api_key(environment=environment_of(request), name=data["name"])
        # Carried to the answer of this very request, see response_add.
        request.issued_secret = issued.secret  # type: ignore[attr-defined]  # of this module's own making
        return issued.api_key

    def response_add(self, request: Any, obj: APIKey, post_url_continue: str | None = None) -> HttpResponse:
        """Show the value, this once."""
        return self.show_secret(
            request,
            obj,
            request.issued_secret,
            "This is the only time the key is shown: only its digest is kept.",
        )

    @tool(
        "Revoke",
        explanation="Requests with this key are refused from now on. A revoked key cannot be brought back.",
        is_dangerous=True,
        applies=lambda row: row.revoked_at is None,
    )
    def revoke(self, request: HttpRequest, row: APIKey, _data: dict[str, Any]) -> str:
        """End a key."""
        services.revoke_api_key(row)
        return f"{row.name} was revoked."

    @admin.display(description="key")
    def shown_prefix(self, row: APIKey) -> str:
        return code(f"{row.prefix}…")

    @admin.display(description="state")
    def state(self, row: APIKey) -> str:
        return badge("revoked", "bad") if row.revoked_at else badge("live", "good")


class RedirectURIForm(ServiceForm):
    """An address, where it may be used, and whether it is the one used when a request names none."""

    uri = forms.CharField(label="URI", max_length=2000, widget=forms.TextInput(attrs={"inputmode": "url"}))


@admin.register(RedirectURI)
class RedirectURIAdmin(EnvironmentModelAdmin):
    """Where browsers may be sent back to."""

    icon = "arrow"
    order = 20
    summary = "After sign-in or logout a browser is sent to one of these addresses, and to no other."
    add_form = RedirectURIForm
    list_display = ("uri", "purpose", "default_badge", "created_at")
    list_filter = ("purpose",)
    search_fields = ("uri", "=id")
    fields = ("uri", "purpose", "is_default", "created_at", "updated_at")
    readonly_fields = fields
    add_fieldsets = ((None, {"fields": ("uri", "purpose", "is_default")}),)

    def create(self, request: HttpRequest, data: dict[str, Any]) -> RedirectURI:
        return services.add_redirect_uri(environment=environment_of(request), **data)

    def remove(self, request: HttpRequest, row: RedirectURI) -> None:
        services.delete_redirect_uri(row)

    @tool(
        "Make default",
        explanation="Requests that name no redirect URI are sent here.",
        applies=lambda row: not row.is_default and "*" not in row.uri,
    )
    def make_default(self, request: HttpRequest, row: RedirectURI, _data: dict[str, Any]) -> str:
        """Put this one in the default's place."""
        services.make_default_redirect_uri(row)
        return "This is the default redirect URI now."

    @admin.display(description="default")
    def default_badge(self, row: RedirectURI) -> str:
        return badge("default", "info") if row.is_default else "—"


@admin.register(CORSOrigin)
class CORSOriginAdmin(EnvironmentModelAdmin):
    """Which browser origins may call the API."""

    icon = "globe"
    order = 30
    summary = "Scripts on these origins may read the answers of the API."
    list_display = ("origin", "created_at")
    search_fields = ("origin", "=id")
    fields = ("origin", "created_at", "updated_at")
    readonly_fields = fields
    add_fieldsets = ((None, {"fields": ("origin",)}),)

    def create(self, request: HttpRequest, data: dict[str, Any]) -> CORSOrigin:
        return services.add_cors_origin(environment=environment_of(request), origin=data["origin"])

    def remove(self, request: HttpRequest, row: CORSOrigin) -> None:
        services.delete_cors_origin(row)


@admin.register(SigningKey)
class SigningKeyAdmin(EnvironmentModelAdmin):
    """What the JWK set publishes. The private half is never read here."""

    icon = "shield"
    order = 40
    summary = "Access tokens are signed with the active key. Its public half is in the JWK set."
    list_display = ("key", "state", "created_at", "retired_at", "published_until")
    search_fields = ("=key_id", "=id")
    fields = ("key", "state", "algorithm", "fingerprint", "created_at", "retired_at", "published_until")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("private_key")

    @tool(
        "Rotate signing key",
        explanation=(
            "New access tokens are signed with a fresh key at once. The old key stays in the JWK set until its last "
            "token has expired, so nobody is signed out; verifiers that cache the JWK set must be able to refresh it."
        ),
        is_dangerous=True,
        is_for_list=True,
    )
    def rotate(self, request: HttpRequest, _row: None, _data: dict[str, Any]) -> str:
        """Sign with a fresh key."""
        fresh = services.rotate_signing_key(environment_of(request))
        self.log_addition(request, fresh, "Rotated the signing key.")
        return "Tokens are signed with a fresh key from now on."

    @admin.display(description="kid")
    def key(self, row: SigningKey) -> str:
        return code(row.key_id)

    @admin.display(description="state")
    def state(self, row: SigningKey) -> str:
        if row.retired_at is None:
            return badge("active", "good")
        if row.published_until and row.published_until > clock.now():
            return badge("published", "info")
        return badge("retired")

    @admin.display(description="algorithm")
    def algorithm(self, row: SigningKey) -> str:
        return f"{row.public_jwk['alg']} ({row.public_jwk['kty']})"

    @admin.display(description="certificate SHA-256")
    def fingerprint(self, row: SigningKey) -> str:
        return copyable(row.public_jwk["x5t#S256"])
