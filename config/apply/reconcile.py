"""Making what a setup file describes: what is missing is created, what differs is changed, the rest is left alone.

Everything goes through the services that the API uses, in one transaction.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

from django.db import models, transaction

from accounts.models import User
from accounts.services import create_user, update_user
from authorization.models import Permission, Role
from authorization.services import (
    create_permission,
    create_role,
    provision_environment,
    reorder_roles,
    set_role_permissions,
    update_permission,
    update_role,
)
from config.apply.connections import apply_connection
from config.apply.strict import SetupFileError
from environments import services as environments
from environments.appearance import BrandingFields
from environments.mail import mail_settings_of
from environments.models import (
    APIKey,
    AuthenticationSettings,
    Branding,
    CORSOrigin,
    Environment,
    EnvironmentKind,
    RedirectURI,
    RedirectURIPurpose,
)
from foundation.actors import Actor, ActorKind
from foundation.encryption import token_digest
from foundation.errors import DomainError
from organizations.models import (
    Organization,
    OrganizationBranding,
    OrganizationMembership,
    OrganizationPolicy,
)
from organizations.services import (
    DomainClaim,
    create_membership,
    create_organization,
    update_membership,
    update_organization,
    update_organization_branding,
    update_organization_policy,
)
from sso import services as sso
from sso.models import Connection, ConnectionState

ACTOR = Actor(ActorKind.OPERATOR, "apply", "manage.py apply")


def apply_document(
    document: Mapping[str, Any], *, environment: Environment | None = None, check: bool = False
) -> list[str]:
    """Make what the document describes; return one line for each thing that was created or changed.

    Raises SetupFileError, and the refusals of the services; either changes nothing.
    """
    with transaction.atomic():
        report = _Setup(environment or _environment(document.get("environment") or {})).apply(document)
        transaction.set_rollback(check)
    return report


class _Setup:
    """One run over one environment."""

    def __init__(self, found: tuple[Environment, bool] | Environment) -> None:
        self.environment, created = found if isinstance(found, tuple) else (found, False)
        self.report: list[str] = []
        if created:
            self.note("created", "environment", self.environment.name)

    def note(self, deed: str, kind: str, name: str) -> None:
        self.report.append(f"{deed} {kind} {name}")

    def apply(self, document: Mapping[str, Any]) -> list[str]:
        self.api_key((document.get("environment") or {}).get("api_key", ""))
        self.settings(document.get("settings") or {})
        self.branding(document.get("branding") or {})
        self.mail(document.get("mail") or {})
        self.uris(document.get("redirect_uris", ()), RedirectURIPurpose.SIGN_IN)
        self.uris(document.get("logout_uris", ()), RedirectURIPurpose.LOGOUT)
        self.cors_origins(document.get("cors_origins", ()))
        for index, section in enumerate(document.get("social_providers", ())):
            with _said_to_be_at(f"social_providers[{index}]"):
                self.social_provider(section)
        self.permissions(document.get("permissions", ()))
        self.roles(document.get("roles", ()), None)
        for index, section in enumerate(document.get("organizations", ())):
            self.organization(section, f"organizations[{index}]")
        for section in document.get("users", ()):
            self.user(section)
        return self.report

    def api_key(self, secret: str) -> None:
        keys = APIKey.objects.in_environment(self.environment).filter(revoked_at__isnull=True)
        if secret and not keys.filter(digest=token_digest(secret)).exists():
            environments.create_api_key(environment=self.environment, name="Setup file", secret=secret)
            self.note("created", "API key", f"{secret[:12]}…")

    def settings(self, wanted: Mapping[str, Any]) -> None:
        row = AuthenticationSettings.objects.in_environment(self.environment).get()
        changes = _differences(row, wanted)
        if changes:
            environments.update_authentication_settings(environment=self.environment, changes=changes)
            self.note("changed", "settings", ", ".join(sorted(changes)))

    def branding(self, wanted: Mapping[str, Any]) -> None:
        row = Branding.objects.in_environment(self.environment).first() or Branding()
        changes = _look_differences(row, wanted)
        if changes:
            environments.update_branding(environment=self.environment, changes=changes)
            self.note("changed", "branding", ", ".join(sorted(changes)))

    def mail(self, wanted: Mapping[str, Any]) -> None:
        changes = _differences(mail_settings_of(self.environment), wanted)
        if changes:
            environments.update_mail_settings(environment=self.environment, changes=changes)
            self.note("changed", "mail", ", ".join(sorted(changes)))

    def uris(self, sections: Iterable[Mapping[str, Any]], purpose: RedirectURIPurpose) -> None:
        rows = RedirectURI.objects.in_environment(self.environment).filter(purpose=purpose)
        for section in sections:
            row = rows.filter(uri=section["uri"]).first()
            if row is None:
                environments.add_redirect_uri(
                    environment=self.environment,
                    uri=section["uri"],
                    purpose=purpose,
                    is_default=section["default"],
                    redirect_uri_id=section.get("id", ""),
                )
                self.note("created", purpose.label.lower() + " URI", section["uri"])
            elif section["default"] and not row.is_default:
                environments.make_default_redirect_uri(row)
                self.note("changed", purpose.label.lower() + " URI", section["uri"])

    def cors_origins(self, origins: Iterable[str]) -> None:
        known = set(CORSOrigin.objects.in_environment(self.environment).values_list("origin", flat=True))
        for origin in origins:
            if origin not in known:
                environments.add_cors_origin(environment=self.environment, origin=origin)
                self.note("created", "CORS origin", origin)

    def social_provider(self, section: Mapping[str, Any]) -> None:
        kind = section["type"]
        columns = ("client_id", "client_secret", "key", "scopes", "provider_settings")
        oauth = {name: section[name] for name in columns if name in section}
        rows = Connection.objects.in_environment(self.environment).select_related(
            "environment", "oauth_provider"
        )
        row = rows.filter(connection_type=kind, organization=None).first()
        # Named as the section names them: what is left out stays as it is.
        changes: dict[str, Any] = {"oauth": oauth}
        if "enabled" in section:
            changes["is_enabled"] = section["enabled"]
        if row is None:
            sso.create_connection(
                environment=self.environment,
                actor=ACTOR,
                connection_type=kind,
                organization=None,
                changes=cast("sso.ConnectionChanges", changes),
                connection_id=section.get("id", ""),
            )
            self.note("created", "social provider", kind)
            return
        is_off = row.state == ConnectionState.INACTIVE
        differs = any(getattr(row.oauth_provider, name) != value for name, value in oauth.items())
        if differs or section.get("enabled", not is_off) is is_off:
            sso.update_connection(connection=row, actor=ACTOR, changes=cast("sso.ConnectionChanges", changes))
            self.note("changed", "social provider", kind)

    def permissions(self, sections: Iterable[Mapping[str, Any]]) -> None:
        for section in sections:
            rows = Permission.objects.in_environment(self.environment)
            row = rows.filter(slug=section["slug"]).first()
            if row is None:
                create_permission(environment=self.environment, actor=ACTOR, **section)
                self.note("created", "permission", section["slug"])
            elif changes := _differences(row, section):
                update_permission(permission=row, actor=ACTOR, changes=changes)
                self.note("changed", "permission", section["slug"])

    def roles(self, sections: Iterable[Mapping[str, Any]], organization: Organization | None) -> None:
        slugs = [self.role(section, organization) for section in sections]
        siblings = Role.objects.in_environment(self.environment).filter(organization=organization)
        present = list(siblings.order_by("priority", "id").values_list("slug", flat=True))
        # Roles that the file does not name keep their order, behind those that it does.
        wanted = slugs + [slug for slug in present if slug not in slugs]
        if slugs and wanted != present:
            reorder_roles(environment=self.environment, actor=ACTOR, slugs=wanted, organization=organization)
            self.note("changed", "the order of roles", ", ".join(wanted))

    def role(self, section: Mapping[str, Any], organization: Organization | None) -> str:
        slug, fields = section["slug"], {k: v for k, v in section.items() if k != "permissions"}
        siblings = Role.objects.in_environment(self.environment).filter(organization=organization)
        row = siblings.filter(slug=slug).first()
        if row is None:
            row = create_role(environment=self.environment, actor=ACTOR, organization=organization, **fields)
            self.note("created", "role", slug)
        elif changes := _differences(row, fields):
            update_role(role=row, actor=ACTOR, changes=changes)
            self.note("changed", "role", slug)
        granted = set(row.permissions.values_list("slug", flat=True))
        if "permissions" in section and granted != set(section["permissions"]):
            set_role_permissions(role=row, actor=ACTOR, slugs=section["permissions"])
            self.note("changed", "the permissions of role", slug)
        return str(slug)

    def organization(self, section: Mapping[str, Any], place: str) -> None:
        own = {key: section[key] for key in _ORGANIZATION_FIELDS if key in section}
        claims = [DomainClaim(item["domain"], item["state"]) for item in section.get("domains", ())]
        row = self.find_organization(section.get("id"), section.get("external_id"), section["name"])
        if row is None:
            row = create_organization(
                environment=self.environment,
                actor=ACTOR,
                domains=claims,
                organization_id=section.get("id", ""),
                **own,
            )
            self.note("created", "organization", row.name)
        else:
            changes = _differences(row, own)
            present = set(row.domains.values_list("domain", "state"))
            if "domains" in section and present != {(claim.domain, claim.state) for claim in claims}:
                changes["domains"] = claims
            if changes:
                row = update_organization(organization=row, actor=ACTOR, changes=changes)  # type: ignore[arg-type]  # built from the keys of its TypedDict
                self.note("changed", "organization", row.name)
        self.roles(section.get("roles", ()), row)
        self.policy(section.get("policy") or {}, row)
        self.organization_branding(row, section.get("branding") or {})
        for index, connection in enumerate(section.get("connections", ())):
            with _said_to_be_at(f"{place}.connections[{index}]"):
                if deed := apply_connection(row, connection, ACTOR):
                    self.note(deed, "connection", f"{connection['type']} of {row.name}")

    def policy(self, wanted: Mapping[str, Any], organization: Organization) -> None:
        rows = OrganizationPolicy.objects.in_environment(self.environment)
        present = rows.filter(organization=organization).first() or OrganizationPolicy()
        changes = _differences(present, wanted)
        if changes:
            update_organization_policy(organization=organization, changes=changes)
            self.note("changed", "policy of", organization.name)

    def organization_branding(self, organization: Organization, wanted: Mapping[str, Any]) -> None:
        rows = OrganizationBranding.objects.in_environment(self.environment)
        row = rows.filter(organization=organization).first() or OrganizationBranding()
        changes = _look_differences(row, wanted)
        if changes:
            update_organization_branding(organization=organization, changes=changes)
            self.note("changed", f"branding of {organization.name}:", ", ".join(sorted(changes)))

    def find_organization(
        self, object_id: str | None, external_id: str | None, name: str
    ) -> Organization | None:
        rows = Organization.objects.in_environment(self.environment)
        if object_id:
            return rows.find(object_id)
        if external_id:
            return rows.filter(external_id=external_id).first()
        same_name = list(rows.filter(name=name)[:2])
        if len(same_name) > 1:
            raise SetupFileError(
                f"organizations: more than one is called {name!r}; name it by id or external_id."
            )
        return same_name[0] if same_name else None

    def require_organization(self, reference: str) -> Organization:
        rows = Organization.objects.in_environment(self.environment)
        found = rows.find(reference) or rows.filter(external_id=reference).first()
        found = found or self.find_organization(None, None, reference)
        if found is None:
            raise SetupFileError(f"users: there is no organization {reference!r}.")
        return found

    def user(self, section: Mapping[str, Any]) -> None:
        fields = {key: section[key] for key in _USER_FIELDS if key in section}
        rows = User.objects.in_environment(self.environment)
        object_id = section.get("id", "")
        row = (
            rows.find(object_id) if object_id else rows.filter(email=section["email"].strip().lower()).first()
        )
        if row is None:
            password = {"password": section["password"]} if "password" in section else {}
            row = create_user(
                environment=self.environment, actor=ACTOR, user_id=object_id, **fields, **password
            )
            self.note("created", "user", row.email)
        elif changes := _differences(row, fields):
            update_user(user=row, actor=ACTOR, **changes)
            self.note("changed", "user", row.email)
        for membership in section.get("memberships", ()):
            self.membership(row, membership)

    def membership(self, user: User, section: Mapping[str, Any]) -> None:
        organization = self.require_organization(section["organization"])
        rows = OrganizationMembership.objects.in_environment(self.environment)
        row = rows.filter(user=user, organization=organization).first()
        name = f"of {user.email} in {organization.name}"
        if row is None:
            create_membership(
                environment=self.environment,
                actor=ACTOR,
                user=user,
                organization=organization,
                role_slugs=section["roles"],
            )
            self.note("created", "membership", name)
        elif section["roles"] and set(row.roles.values_list("slug", flat=True)) != set(section["roles"]):
            update_membership(membership=row, actor=ACTOR, role_slugs=section["roles"])
            self.note("changed", "membership", name)


_ORGANIZATION_FIELDS = ("name", "external_id", "metadata", "allow_profiles_outside_organization")
_USER_FIELDS = (
    "email", "email_verified", "first_name", "last_name", "external_id", "metadata", "locale",
)  # fmt: skip


def _environment(section: Mapping[str, Any]) -> tuple[Environment, bool]:
    rows = Environment.objects.all()
    if section.get("id"):
        found = rows.filter(pk=section["id"]).first()
    elif section.get("client_id"):
        found = rows.filter(client_id=section["client_id"]).first()
    elif section.get("name"):
        found = rows.filter(name=section["name"]).order_by("id").first()
    else:
        found = rows.order_by("id").first()
    if found is not None:
        return found, False
    environment = provision_environment(
        name=section.get("name") or "Sandbox",
        kind=section.get("kind", EnvironmentKind.SANDBOX),
        client_id=section.get("client_id", ""),
        environment_id=section.get("id", ""),
    )
    return environment, True


@contextmanager
def _said_to_be_at(place: str) -> Iterator[None]:
    """Add to a refusal the place in the file that it is about."""
    try:
        yield
    except SetupFileError as error:
        raise SetupFileError(f"{place}: {error}") from error
    except DomainError as error:
        problems = [f"{item['field']}: {item['message']}" for item in error.details.get("errors", ())]
        raise SetupFileError(f"{place}: {'; '.join(problems) or error.message}") from error


def _look_differences(row: BrandingFields, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return the wanted looks that the row does not have yet; a logo counts by its bytes."""
    changes = _differences(row, {name: value for name, value in wanted.items() if name != "logo"})
    if "logo" in wanted and wanted["logo"] != (None if row.logo is None else bytes(row.logo)):
        changes["logo"] = wanted["logo"]
    return changes


def _differences(row: models.Model, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return the wanted values that the row does not have yet; metadata counts by the keys that are named."""
    changes = {}
    for name, value in wanted.items():
        present = getattr(row, name)
        if isinstance(value, Mapping):
            if any(present.get(key) != item for key, item in value.items()):
                changes[name] = value
        elif present != value:
            changes[name] = value
    return changes
