"""Tables of organizations and who belongs to them."""

from django.db import models

from foundation import clock
from foundation.fields import PrefixedIDField
from foundation.scoping import EnvironmentModel


class Organization(EnvironmentModel):
    """A customer of the product."""

    id = PrefixedIDField(prefix="org")
    name = models.CharField(max_length=255)
    external_id = models.CharField(max_length=128, null=True, blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    allow_profiles_outside_organization = models.BooleanField(default=False)
    stripe_customer_id = models.CharField(max_length=255, null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    updated_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["environment", "external_id"], name="one_organization_per_external_id"
            ),
        ]
        indexes = [models.Index(fields=["environment", "id"], name="organization_list")]

    def __str__(self) -> str:
        return self.name


class DomainState(models.TextChoices):
    """How far the proof of a domain has come."""

    PENDING = "pending"
    VERIFIED = "verified"
    FAILED = "failed"
    LEGACY_VERIFIED = "legacy_verified"
    UNVERIFIED = "unverified"


class VerificationStrategy(models.TextChoices):
    """How a domain is proven: by a DNS record, or by somebody's word."""

    DNS = "dns"
    MANUAL = "manual"


class OrganizationDomain(EnvironmentModel):
    """A DNS domain claimed by an organization, so that its mailboxes can be routed there."""

    entity_name = "Organization Domain"

    id = PrefixedIDField(prefix="org_domain")
    organization = models.ForeignKey(Organization, models.CASCADE, related_name="domains")
    domain = models.CharField(max_length=253)
    state = models.CharField(max_length=20, choices=DomainState.choices, default=DomainState.PENDING)
    verification_strategy = models.CharField(
        max_length=10, choices=VerificationStrategy.choices, default=VerificationStrategy.DNS
    )
    verification_token = models.CharField(max_length=64, blank=True, default="")
    verification_deadline = models.DateTimeField(
        null=True, blank=True, help_text="When a pending proof counts as failed."
    )
    created_at = models.DateTimeField(default=clock.now, editable=False)
    updated_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "domain"], name="a_domain_stands_once_in_an_organization"
            ),
        ]
        indexes = [models.Index(fields=["environment", "domain"], name="organization_by_domain")]

    def __str__(self) -> str:
        return self.domain


class MembershipStatus(models.TextChoices):
    """Whether a membership counts."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    PENDING = "pending"


class OrganizationMembership(EnvironmentModel):
    """That a user belongs to an organization, with one or several roles."""

    entity_name = "Organization Membership"

    id = PrefixedIDField(prefix="om")
    user = models.ForeignKey("accounts.User", models.CASCADE, related_name="memberships")
    organization = models.ForeignKey(Organization, models.CASCADE, related_name="memberships")
    status = models.CharField(
        max_length=10, choices=MembershipStatus.choices, default=MembershipStatus.ACTIVE
    )
    directory_managed = models.BooleanField(default=False, editable=False)
    custom_attributes = models.JSONField(default=dict, blank=True)
    roles = models.ManyToManyField("authorization.Role", related_name="memberships")
    created_at = models.DateTimeField(default=clock.now, editable=False)
    updated_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "user"], name="one_membership_per_user_and_organization"
            ),
        ]
        indexes = [models.Index(fields=["environment", "id"], name="membership_list")]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.organization_id}"


class Group(EnvironmentModel):
    """A named set of memberships of one organization."""

    id = PrefixedIDField(prefix="group")
    organization = models.ForeignKey(Organization, models.CASCADE, related_name="groups")
    name = models.CharField(max_length=256)
    description = models.CharField(max_length=150, null=True, blank=True)
    memberships = models.ManyToManyField(OrganizationMembership, related_name="groups", blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    updated_at = models.DateTimeField(default=clock.now, editable=False)

    def __str__(self) -> str:
        return self.name


class CustomerAPIKey(EnvironmentModel):
    """An API key that the product issues to its customer: for an organization, or for one of its users."""

    entity_name = "API Key"

    id = PrefixedIDField(prefix="api_key")
    organization = models.ForeignKey(Organization, models.CASCADE, related_name="api_keys")
    user = models.ForeignKey(
        "accounts.User",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="api_keys",
        help_text="Empty for a key of the organization itself.",
    )
    name = models.CharField(max_length=255)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    obfuscated_value = models.CharField(max_length=40, editable=False)
    permissions = models.ManyToManyField("authorization.Permission", related_name="api_keys", blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    updated_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        verbose_name = "customer API key"
        indexes = [models.Index(fields=["environment", "organization", "id"], name="customer_api_key_list")]

    def __str__(self) -> str:
        return f"{self.name} ({self.obfuscated_value})"
