"""Staff pages of social providers: the environment's own client at each of them."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from environments.staff.model_admin import EnvironmentModelAdmin, ServiceForm, copyable
from environments.staff.scope import actor_of, environment_of
from sso import conf, services
from sso.admin.connections import state_badge
from sso.connection_types import ConnectionType
from sso.models import Connection, OAuthProvider
from sso.oauth.catalogue import PROVIDERS, SocialProvider, find_social_provider
from sso.services.settings import OAuthChanges

_TEXT = {"size": 60, "spellcheck": "false", "autocomplete": "off"}

# Settings of single providers, as the form asks for them.
_SETTINGS = {
    "tenant": (
        "Tenant",
        "A tenant's id, or “organizations” or “consumers”. Empty: anybody with a Microsoft account.",
    ),
    "team_id": ("Team id", "Ten characters, at the top right of Apple's developer pages."),
    "key_id": ("Key id", "Of the key for “Sign in with Apple”."),
    "gitlab_url": ("GitLab server", "The address of a server of your own. Empty: gitlab.com."),
    "salesforce_url": (
        "Salesforce domain",
        "https://your-domain.my.salesforce.com. Empty: login.salesforce.com.",
    ),
}


def _written_only(label: str, help_text: str) -> forms.CharField:
    return forms.CharField(
        label=label,
        required=False,
        max_length=20_000,
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "size": 60}),
        help_text=help_text,
    )


class NewSocialProviderForm(ServiceForm):
    """Which provider; what it wants follows on its own page."""

    connection_type = forms.ChoiceField(label="Provider", choices=[])

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        rows = Connection.objects.in_environment(self.environment) if self.environment else []
        taken = {row.connection_type for row in rows if row.organization_id is None}
        self.fields["connection_type"].choices = [  # type: ignore[attr-defined]
            (kind.value, provider.label) for kind, provider in PROVIDERS.items() if kind.value not in taken
        ]


class SocialProviderForm(ServiceForm):
    """The client that the environment has registered."""

    client_id = forms.CharField(label="Client id", max_length=500, widget=forms.TextInput(attrs=_TEXT))
    new_client_credential = _written_only("Client secret", "Written, never shown. Empty leaves it as it is.")
    new_private_key = forms.CharField(
        label="Private key",
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 6, "class": "code", "spellcheck": "false"}),
        help_text="The text of the file that Apple lets you download once. Written, never shown. Empty leaves it as it is.",
    )
    scopes = forms.CharField(
        label="Scopes",
        max_length=1000,
        required=False,
        widget=forms.TextInput(attrs=_TEXT),
        help_text="Separated by spaces. Empty for what signing in needs.",
    )
    tenant, team_id, key_id, gitlab_url, salesforce_url = (
        forms.CharField(
            label=label, help_text=words, required=False, max_length=500, widget=forms.TextInput(attrs=_TEXT)
        )
        for label, words in _SETTINGS.values()
    )
    is_enabled = forms.BooleanField(
        label="People may sign in with it", required=False, help_text="Off: its button disappears."
    )

    def __init__(self, *arguments: Any, **options: Any) -> None:
        row: OAuthProvider = options["instance"]
        initial = {name: row.provider_settings.get(name, "") for name in _SETTINGS}
        initial["is_enabled"] = row.connection.state != "inactive"
        options["initial"] = {**initial, **(options.get("initial") or {})}
        super().__init__(*arguments, **options)


@admin.register(OAuthProvider)
class SocialProviderAdmin(EnvironmentModelAdmin):
    """Google, GitHub and their like."""

    section = "Single sign-on"
    icon = "identity"
    order = 20
    label = "Social providers"
    summary = "Providers that anybody may have an account at: Google, Microsoft, GitHub, Apple and others."
    add_form = NewSocialProviderForm
    form = SocialProviderForm
    add_fieldsets = ((None, {"fields": ("connection_type",)}),)
    list_display = ("provider_name", "state_shown", "client_id", "updated_at")
    list_select_related = ("connection",)
    readonly_fields = ("provider_name", "state_shown", "our_redirect_uri", "updated_at")
    delete_explanation = (
        "Nobody can sign in with it any more; its trail goes with it. The users stay, with whatever else they sign in "
        "with. This cannot be undone."
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("connection__environment")

    def get_fieldsets(self, request: HttpRequest, obj: OAuthProvider | None = None) -> Any:
        if obj is None or not obj.connection_id:
            return self.add_fieldsets
        provider = _provider_of(obj)
        is_apple = obj.connection.connection_type == ConnectionType.APPLE_OAUTH
        credential = "new_private_key" if is_apple else "new_client_credential"
        return (
            (None, {"fields": ("provider_name", "state_shown", "is_enabled")}),
            (
                "For the provider",
                {
                    "fields": ("our_redirect_uri",),
                    "description": "Register an application there, and copy this address to it, character by character.",
                },
            ),
            (
                "From the provider",
                {"fields": ("client_id", credential, *provider.needs, *provider.choices, "scopes")},
            ),
            ("Facts", {"fields": ("updated_at",)}),
        )

    def create(self, request: HttpRequest, data: dict[str, Any]) -> OAuthProvider:
        connection = services.create_connection(
            environment=environment_of(request),
            actor=actor_of(request),
            connection_type=data["connection_type"],
            organization=None,
            changes={"oauth": {"client_id": ""}},
        )
        return connection.oauth_provider

    def change(self, request: HttpRequest, row: OAuthProvider, changes: dict[str, Any]) -> None:
        oauth: OAuthChanges = {}
        for name, column in (
            ("client_id", "client_id"),
            ("scopes", "scopes"),
            ("new_client_credential", "client_secret"),
            ("new_private_key", "key"),
        ):
            if name in changes and (changes[name] or not name.startswith("new_")):
                oauth[column] = changes[name].strip()  # type: ignore[literal-required]  # keys of OAuthChanges
        chosen = {name: changes[name].strip() for name in _SETTINGS if name in changes}
        if chosen:
            settings = {**row.provider_settings, **chosen}
            oauth["provider_settings"] = {name: value for name, value in settings.items() if value != ""}
        wanted: services.ConnectionChanges = {"oauth": oauth}
        if "is_enabled" in changes:
            wanted["is_enabled"] = changes["is_enabled"]
        services.update_connection(connection=row.connection, actor=actor_of(request), changes=wanted)

    def remove(self, request: HttpRequest, row: OAuthProvider) -> None:
        services.delete_connection(connection=row.connection, actor=actor_of(request))

    @admin.display(description="provider", ordering="connection__connection_type")
    def provider_name(self, row: OAuthProvider) -> str:
        return _provider_of(row).label

    @admin.display(description="state", ordering="connection__state")
    def state_shown(self, row: OAuthProvider) -> str:
        return state_badge(row.connection.state)

    @admin.display(description="Redirect URI")
    def our_redirect_uri(self, row: OAuthProvider) -> str:
        return copyable(conf.oauth_callback_url(row.connection_id))


def _provider_of(row: OAuthProvider) -> SocialProvider:
    kind = row.connection.connection_type
    # Rows of types that lost their code are still to be seen, and to be deleted.
    return find_social_provider(kind) or SocialProvider(label=ConnectionType(kind).label)
