"""Connections, the domains of their people, and how far each is set up."""

from django.db import models

from foundation import clock
from foundation.fields import PrefixedIDField
from foundation.ids import new_secret
from foundation.scoping import EnvironmentModel
from organizations.models import Organization
from sso.connection_types import ConnectionType, Protocol, protocol_of
from sso.models.keys import KeyPairUse, SPKeyPair


class ConnectionState(models.TextChoices):
    """How far a connection is set up (workos-behaviour (j)); a new one is validating until its first good sign-in."""

    REQUIRES_TYPE = "requires_type"
    DRAFT = "draft"
    VALIDATING = "validating"
    ACTIVE = "active"
    INACTIVE = "inactive"
    DELETING = "deleting"


class Connection(EnvironmentModel):
    """An organization's way to its identity provider, or an environment's way to a social provider.

    Settings of its protocol stand in a row of their own (SAMLSettings, OIDCSettings, OAuthProvider).
    """

    entity_name = "Connection"

    id = PrefixedIDField(prefix="conn")
    organization = models.ForeignKey(
        Organization,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="connections",
        help_text="Empty for the environment's own social providers.",
    )
    connection_type = models.CharField(max_length=40, choices=ConnectionType.choices)
    name = models.CharField(max_length=255)
    state = models.CharField(
        max_length=20, choices=ConnectionState.choices, default=ConnectionState.VALIDATING
    )
    external_key = models.CharField(
        max_length=80,
        blank=True,
        default=new_secret,
        editable=False,
        help_text="A name of our own that events carry and that means nothing elsewhere.",
    )
    external_id = models.CharField(
        max_length=128, null=True, blank=True, help_text="The product's own id of the connection."
    )
    attribute_map = models.JSONField(
        default=dict,
        blank=True,
        help_text="Which attribute of the provider fills a field: idp_id, email, first_name, last_name, name, groups, "
        "role; empty fields follow the type's preset.",
    )
    role_map = models.JSONField(
        default=dict,
        blank=True,
        help_text="Which role a group, or a value of the role attribute, brings: slug by name.",
    )
    custom_attribute_map = models.JSONField(
        default=dict,
        blank=True,
        help_text="Further attributes of the profile: the provider's attribute by name.",
    )
    single_logout = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Whether whoever signs out here is led on to sign out at the provider too.",
    )
    activated_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    updated_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        indexes = [
            models.Index(fields=["environment", "id"], name="connection_list"),
            models.Index(fields=["organization", "id"], name="connections_of_organization"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["environment", "connection_type"],
                condition=models.Q(organization__isnull=True),
                name="one_social_connection_per_type",
            ),
            models.UniqueConstraint(
                fields=["organization", "external_id"], name="one_connection_per_external_id"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def protocol(self) -> Protocol:
        """How it talks to its provider."""
        return protocol_of(self.connection_type)

    def own_key_pairs(self, use: str) -> list[SPKeyPair]:
        """Return our own key pairs of a SAML connection for a KeyPairUse, oldest first."""
        pairs = sorted(
            (pair for pair in self.sp_key_pairs.all() if pair.use == use), key=lambda pair: pair.id
        )
        former = self.saml_settings.unmoved_key_pair(use)
        if former is None:
            return pairs
        others = [] if use == KeyPairUse.SIGNING else pairs
        return [*others, former]


class ConnectionDomain(EnvironmentModel):
    """A mail domain whose people sign in through a connection."""

    id = PrefixedIDField(prefix="conn_domain")
    connection = models.ForeignKey(Connection, models.CASCADE, related_name="domains")
    domain = models.CharField(max_length=253)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "domain"], name="a_connection_domain_stands_once"),
        ]
        indexes = [models.Index(fields=["environment", "domain"], name="connections_by_domain")]

    def __str__(self) -> str:
        return self.domain
