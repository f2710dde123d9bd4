"""Staff pages of connections and of their certificates."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html

from environments.models import Environment
from environments.staff.dashboard import Figure
from environments.staff.model_admin import EnvironmentModelAdmin, copyable
from environments.staff.origin import origin_of
from environments.staff.panels import Panel, address_part, badge, change_url, code, first_rows, link, list_url
from environments.staff.scope import actor_of, environment_of
from environments.staff.tools import tool
from foundation.errors import DomainError
from sso import conf, services
from sso.admin.connection_forms import (
    FORM_NAMES,
    FORMS,
    MAPPED_FIELDS,
    OIDC_FIELDSETS,
    CertificateForm,
    MetadataForm,
    NewConnectionForm,
    organization_of,
)
from sso.admin.expiry import CertificateFilter, expiry_badge, last_expiry_badge, renewal_figures
from sso.admin.words import EXCHANGE_TONES, STATE_TONES
from sso.connection_types import ConnectionType, Protocol
from sso.models import (
    Connection,
    ConnectionState,
    ExchangeKind,
    ExchangeState,
    IdPCertificate,
    KeyPairUse,
    Profile,
    SSOSession,
)
from sso.representations import LINKED_STATES, oidc_redirect_uri
from sso.services import ConnectionChanges

_GENERAL = (None, {"fields": ("organization_link", "type_shown", "state_explained", "name", "domain_names")})
_ATTRIBUTES = (
    "Attributes",
    {
        "fields": (
            *(FORM_NAMES.get(name, name) for name in MAPPED_FIELDS),
            "custom_attribute_map",
            "role_map",
        ),
        "description": "Which attribute of the provider fills a field of the profile. Empty fields follow the preset "
        "of the provider's type, which knows its usual names.",
    },
)
_FACTS = ("Facts", {"fields": ("activated_at", "created_at", "updated_at")})
_SIGN_OUT = ("How it signs out", {"fields": ("single_logout",)})
_SAML = (
    (
        "For the identity provider",
        {
            "fields": ("our_acs_url", "our_entity_id", "our_metadata_url", "our_slo_url"),
            "description": "Copy these to the customer's identity provider, or give it the metadata address alone.",
        },
    ),
    (
        "From the identity provider",
        {
            "fields": (
                "idp_entity_id",
                "idp_sso_url",
                "idp_sso_binding",
                "idp_slo_url",
                "idp_slo_binding",
                "idp_slo_response_url",
                "metadata_url",
            )
        },
    ),
    (
        "How it signs in",
        {
            "fields": (
                "allow_idp_initiated",
                "force_authn",
                "requested_authn_context",
                "sign_requests",
                "require_signed_responses",
                "require_encrypted_assertions",
                "sp_entity_id",
                "acs_url",
                "clock_skew_seconds",
            )
        },
    ),
)

_STATE_WORDS = {
    ConnectionState.REQUIRES_TYPE: "Its type is not chosen yet.",
    ConnectionState.DRAFT: "Something is missing yet. Load the identity provider's metadata, or fill in its fields below.",
    ConnectionState.VALIDATING: "Set up, and waiting for the first good sign-in. Test it.",
    ConnectionState.ACTIVE: "People sign in through it.",
    ConnectionState.INACTIVE: "Switched off: nobody can sign in through it.",
    ConnectionState.DELETING: "On its way out.",
}


def state_badge(state: str) -> str:
    """Return how far a connection is set up, in colour."""
    return badge(state, STATE_TONES.get(ConnectionState(state), ""))


def exchange_badge(row: SSOSession) -> str:
    """Return how an exchange went, in colour."""
    return badge(row.state, EXCHANGE_TONES[ExchangeState(row.state)])


@admin.register(Connection)
class ConnectionAdmin(EnvironmentModelAdmin):
    """The ways to customers' identity providers."""

    section = "Single sign-on"
    icon = "key"
    order = 10
    summary = "How a customer's people sign in with their own identity provider: SAML or OpenID Connect."
    add_form = NewConnectionForm
    list_display = (
        "name",
        "type_shown",
        "organization_link",
        "state_badge",
        "certificates_shown",
        "domains_shown",
        "created_at",
    )
    list_select_related = ("organization",)
    list_filter = ("state", CertificateFilter, "connection_type")
    search_fields = ("name", "organization__name", "domains__domain", "=id", "=external_id")
    search_help_text = "Part of a name or domain, or a whole id or external id."
    linked_by = ("organization",)
    autocomplete_fields = ("organization",)
    add_fieldsets = ((None, {"fields": ("organization", "connection_type", "name")}),)
    readonly_fields = (
        "organization_link",
        "type_shown",
        "state_explained",
        "our_acs_url",
        "our_entity_id",
        "our_metadata_url",
        "our_slo_url",
        "our_redirect_uri",
        "our_callback_uri",
        "our_client_certificate",
        "our_post_logout_redirect_uri",
        "our_backchannel_logout_uri",
        "our_initiate_login_uri",
        "activated_at",
        "created_at",
        "updated_at",
    )
    delete_explanation = (
        "Nobody can sign in through it any more; its profiles and its trail go with it. The users stay, and so do "
        "their memberships. This cannot be undone."
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request).prefetch_related("domains", "idp_certificates")
        return rows.select_related("organization", "environment", "saml_settings", "oidc_settings")

    def get_fieldsets(self, request: HttpRequest, obj: Connection | None = None) -> Any:
        if obj is None or not obj.connection_type:
            return self.add_fieldsets
        match obj.protocol:
            case Protocol.SAML:
                return (_GENERAL, *_SAML, _SIGN_OUT, _ATTRIBUTES, _FACTS)
            case Protocol.OIDC:
                return (_GENERAL, *OIDC_FIELDSETS, _SIGN_OUT, _ATTRIBUTES, _FACTS)
            case _:
                return (_GENERAL, _ATTRIBUTES, _FACTS)

    def get_form(
        self, request: HttpRequest, obj: Connection | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        if obj is not None:
            kwargs["form"] = FORMS[obj.protocol]
        return super().get_form(request, obj, change, **kwargs)

    def create(self, request: HttpRequest, data: dict[str, Any]) -> Connection:
        return services.create_connection(
            environment=environment_of(request),
            actor=actor_of(request),
            connection_type=data["connection_type"],
            organization=organization_of(data),
            changes={"name": data["name"]},
        )

    def change(self, request: HttpRequest, row: Connection, changes: dict[str, Any]) -> None:
        try:
            services.update_connection(
                connection=row, actor=actor_of(request), changes=connection_changes(row, changes)
            )
        except DomainError as refusal:
            raise _by_form_name(refusal) from refusal

    def remove(self, request: HttpRequest, row: Connection) -> None:
        services.delete_connection(connection=row, actor=actor_of(request))

    @tool(
        "Test this connection",
        explanation="You sign in at the identity provider as one of its people would, and see here what it said. Nobody "
        "is signed in to the product by it. The first good answer activates the connection.",
        applies=lambda row: row.state in LINKED_STATES,
    )
    def try_connection(self, request: HttpRequest, row: Connection, _data: dict[str, Any]) -> HttpResponse:
        """Open an exchange that ends on the page of its trail."""
        came_back = reverse("admin:sso_connection_tested", args=[address_part(row.pk)])
        ip_address, user_agent = origin_of(request)
        handle = services.open_exchange(
            connection=row,
            purpose={"for": "test", "url": f"{settings.BASE_URL}{came_back}"},
            kind=ExchangeKind.TEST,
            ip_address=ip_address,
            user_agent=user_agent,
        )
        # A page and not a redirect: Chromium holds form-action against every redirect that follows a form.
        context = self.page_context(
            request,
            row,
            title="Test this connection",
            text="The identity provider asks who you are. Afterwards you come back here.",
            target=conf.start_page(handle),
            back=change_url(row),
        )
        return TemplateResponse(request, "admin/go_on.html", context)

    def get_urls(self) -> list[Any]:
        tested = path(
            "<path:object_id>/tested/",
            self.admin_site.admin_view(self.tested_view),
            name="sso_connection_tested",
        )
        return [tested, *super().get_urls()]

    def tested_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show the trail of the test that the browser comes back from: the newest one of the connection."""
        row = self.require_row(request, object_id)
        tests = SSOSession.objects.in_environment(environment_of(request)).filter(
            connection=row, kind=ExchangeKind.TEST
        )
        newest = tests.exclude(state=ExchangeState.PENDING).order_by("-completed_at", "-id").first()
        return HttpResponseRedirect(change_url(newest or row))

    @tool(
        "Load metadata",
        explanation="Entity id, addresses and certificates are taken from it; certificates that are not in it go.",
        form_class=MetadataForm,
        applies=lambda row: row.protocol is Protocol.SAML,
    )
    def load_metadata(self, request: HttpRequest, row: Connection, data: dict[str, Any]) -> str:
        """Fill in what the identity provider says of itself."""
        metadata = data["metadata"]
        saml = services.changes_by(metadata)
        if data["url"]:
            saml["metadata_url"] = data["url"].strip()
        services.update_connection(connection=row, actor=actor_of(request), changes={"saml": saml})
        return f"The metadata of {metadata.entity_id} was loaded."

    @tool(
        "Add certificate",
        explanation="It counts beside those that stand, so that the identity provider can change over in its own time.",
        form_class=CertificateForm,
        applies=lambda row: row.protocol is Protocol.SAML,
    )
    def add_certificate(self, request: HttpRequest, row: Connection, data: dict[str, Any]) -> str:
        """Let another certificate count."""
        try:
            services.add_idp_certificate(
                connection=row, actor=actor_of(request), certificate=data["certificate"]
            )
        except DomainError as refusal:
            raise _by_form_name(refusal) from refusal
        return "The certificate counts from now on."

    @tool(
        "New encryption certificate",
        explanation="Another key pair beside those that stand; each of them opens what is encrypted to it. Give the new "
        "certificate, or our metadata, to the identity provider, and delete the former one here when sign-ins come by "
        "the new one.",
        applies=lambda row: row.protocol is Protocol.SAML,
    )
    def add_encryption_pair(self, request: HttpRequest, row: Connection, _data: dict[str, Any]) -> str:
        """Begin to change the key that identity providers encrypt to."""
        services.create_encryption_pair(connection=row, actor=actor_of(request))
        return "There is a new certificate, and it stands first in our metadata. The former ones still count."

    @tool(
        "Renew signing certificate",
        explanation="From this moment a new key signs our requests, and the former one is gone. An identity provider that "
        "verifies our signatures refuses people until it knows the new certificate: have its admin load our metadata "
        "again right afterwards. Most providers do not verify them, and need nothing.",
        is_dangerous=True,
        applies=lambda row: row.protocol is Protocol.SAML,
    )
    def rotate_signing_pair(self, request: HttpRequest, row: Connection, _data: dict[str, Any]) -> str:
        """Sign with another key."""
        services.rotate_signing_pair(connection=row, actor=actor_of(request))
        return "Requests are signed by a new key now. It stands in our metadata."

    @tool(
        "Switch off",
        explanation="Nobody can sign in through it until it is switched on again. Sessions stay open.",
        is_dangerous=True,
        applies=lambda row: row.state in LINKED_STATES,
    )
    def switch_off(self, request: HttpRequest, row: Connection, _data: dict[str, Any]) -> str:
        """Let nobody in."""
        services.update_connection(connection=row, actor=actor_of(request), changes={"is_enabled": False})
        return "The connection is switched off."

    @tool("Switch on", applies=lambda row: row.state == ConnectionState.INACTIVE)
    def switch_on(self, request: HttpRequest, row: Connection, _data: dict[str, Any]) -> str:
        """Let people in again."""
        services.update_connection(connection=row, actor=actor_of(request), changes={"is_enabled": True})
        return "The connection is switched on."

    def panels(self, request: HttpRequest, row: Connection) -> Sequence[Panel]:
        environment = environment_of(request)
        trail = SSOSession.objects.in_environment(environment).filter(connection=row)
        profiles = Profile.objects.in_environment(environment).filter(connection=row)
        sign_ins = Panel(
            "Exchanges with the identity provider",
            ("When", "What", "How it went", "Who", "What to do"),
            [
                (
                    link(exchange, f"{exchange.created_at:%Y-%m-%d %H:%M:%S}"),
                    exchange.get_kind_display(),
                    exchange_badge(exchange),
                    exchange.profile or "—",
                    exchange.sentence or "—",
                )
                for exchange in first_rows(trail.select_related("profile"))
            ],
            more=list_url(SSOSession, connection=row.pk),
            empty="None yet. Test the connection, or have somebody sign in.",
        )
        people = Panel(
            "Profiles",
            ("Email", "Name", "User id at the provider", "Last seen"),
            [
                (link(profile), _name_of(profile), code(profile.idp_id), profile.last_seen_at)
                for profile in first_rows(profiles)
            ],
            more=list_url(Profile, connection=row.pk),
        )
        if row.protocol is not Protocol.SAML:
            return (sign_ins, people)
        own = Panel(
            "Our own certificates",
            ("SHA-256 fingerprint", "What it does", "Counts", "Since"),
            [
                (
                    link(one, f"{one.fingerprint[:16]}…"),
                    one.get_use_display(),
                    expiry_badge(one),
                    one.created_at,
                )
                for use in KeyPairUse.values
                for one in services.list_key_pairs(row, use)
            ],
            empty="None: requests are unsigned, and nothing can be encrypted to us.",
        )
        rows = IdPCertificate.objects.in_environment(environment).filter(connection=row)
        certificates = Panel(
            "Certificates of the identity provider",
            ("SHA-256 fingerprint", "Counts", "Since"),
            [
                (link(one, f"{one.fingerprint[:16]}…"), expiry_badge(one), one.created_at)
                for one in first_rows(rows)
            ],
            empty="None: without one, no answer can be verified. Add one, or load the metadata.",
        )
        return (sign_ins, certificates, own, people)

    def dashboard_figures(self, environment: Environment, request: HttpRequest) -> Sequence[Figure]:
        """How many connections wait for a new certificate."""
        return renewal_figures(environment)

    # --- What is shown ------------------------------------------------------------------------------------------

    @admin.display(description="organization")
    def organization_link(self, row: Connection) -> str:
        return link(row.organization)

    @admin.display(description="identity provider", ordering="connection_type")
    def type_shown(self, row: Connection) -> str:
        return ConnectionType(row.connection_type).label

    @admin.display(description="state", ordering="state")
    def state_badge(self, row: Connection) -> str:
        return state_badge(row.state)

    @admin.display(description="state")
    def state_explained(self, row: Connection) -> str:
        return format_html("{} {}", state_badge(row.state), _STATE_WORDS[ConnectionState(row.state)])

    @admin.display(description="certificates")
    def certificates_shown(self, row: Connection) -> str:
        return last_expiry_badge(row.idp_certificates.all())

    @admin.display(description="domains")
    def domains_shown(self, row: Connection) -> str:
        names = [domain.domain for domain in row.domains.all()]
        rest = f" and {len(names) - 2} more" if len(names) > 2 else ""
        return ", ".join(names[:2]) + rest or "all of the organization's"

    @admin.display(description="ACS URL")
    def our_acs_url(self, row: Connection) -> str:
        standard, override = conf.saml_acs_url(row.pk), row.saml_settings.acs_url
        if not override:
            return copyable(standard)
        return format_html("{} which forwards to {}", copyable(override), copyable(standard))

    @admin.display(description="Entity id (audience)")
    def our_entity_id(self, row: Connection) -> str:
        return copyable(row.saml_settings.sp_entity_id or conf.saml_metadata_url(row.pk))

    @admin.display(description="Metadata address")
    def our_metadata_url(self, row: Connection) -> str:
        address = conf.saml_metadata_url(row.pk)
        return format_html('{} <a href="{}">Open</a>', copyable(address), address)

    @admin.display(description="Single logout URL")
    def our_slo_url(self, row: Connection) -> str:
        return copyable(conf.saml_slo_url(row.pk))

    @admin.display(description="Redirect URI")
    def our_redirect_uri(self, row: Connection) -> str:
        return copyable(oidc_redirect_uri(row))

    @admin.display(description="Callback")
    def our_callback_uri(self, row: Connection) -> str:
        if not row.oidc_settings.redirect_uri:
            return "The redirect URI itself."
        return copyable(conf.oidc_callback_url(row.pk))

    @admin.display(description="Client certificate")
    def our_client_certificate(self, row: Connection) -> str:
        if not row.oidc_settings.jwt_signing_certificate:
            return "None: it authenticates itself by its client secret."
        return format_html('<pre class="pretty labelled">{}</pre>', row.oidc_settings.jwt_signing_certificate)

    @admin.display(description="Post-logout redirect URI")
    def our_post_logout_redirect_uri(self, row: Connection) -> str:
        return copyable(conf.oidc_post_logout_url(row.pk))

    @admin.display(description="Initiate login URI")
    def our_initiate_login_uri(self, row: Connection) -> str:
        return copyable(conf.oidc_initiate_login_url(row.pk))

    @admin.display(description="Back-channel logout URI")
    def our_backchannel_logout_uri(self, row: Connection) -> str:
        return copyable(conf.oidc_backchannel_logout_url(row.pk))


def connection_changes(row: Connection, changes: dict[str, Any]) -> ConnectionChanges:
    """Return what a form changed, in the words of the service."""
    wanted: dict[str, Any] = {
        name: changes[name]
        for name in ("name", "role_map", "custom_attribute_map", "single_logout")
        if name in changes
    }
    if "domain_names" in changes:
        wanted["domains"] = changes["domain_names"]
    mapped = {name: FORM_NAMES.get(name, name) for name in MAPPED_FIELDS}
    if any(field in changes for field in mapped.values()):
        merged = {name: changes.get(field, row.attribute_map.get(name, "")) for name, field in mapped.items()}
        wanted["attribute_map"] = {name: attribute for name, attribute in merged.items() if attribute}
    settings = {name: changes[name] for name in FORMS[row.protocol].settings_fields if name in changes}
    if changes.get("new_client_credential"):
        settings["client_secret"] = changes["new_client_credential"]
    if settings:
        wanted[row.protocol.value] = settings
    return wanted  # type: ignore[return-value]  # the keys of ConnectionChanges, chosen above


# What the services call a field, where the forms call it otherwise.
_FORM_FIELDS = {
    "domains": "domain_names",
    "value": "certificate",
    "idp_metadata_url": "metadata_url",
    "client_secret": "new_client_credential",
    "pkce": "uses_pkce",
    "jwt_signing_key_pair": "token_authentication_method",
}


def _by_form_name(refusal: DomainError) -> DomainError:
    """Return a refusal whose errors stand beside the fields of the form."""
    for error in refusal.details.get("errors", ()):
        error["field"] = _FORM_FIELDS.get(error["field"], error["field"])
    return refusal


def _name_of(profile: Profile) -> str:
    parts = (profile.first_name, profile.last_name)
    return profile.name or " ".join(part for part in parts if part) or "—"
