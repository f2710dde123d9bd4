"""Tables of organizations and who belongs to them."""

from collections.abc import Iterable
from datetime import datetime

from django.db import models

from accounts.email_addresses import email_domain
from authorization.models import Role
from environments.appearance import BrandingFields
from environments.models import Environment
from foundation import clock
from foundation.fields import EncryptedTextField, PrefixedIDField
from foundation.prepared import PreparedQuery
from foundation.scoping import EnvironmentModel, EnvironmentQuerySet
from organizations.domain_names import is_public_mail_domain
from organizations.policy_fields import POLICY_CONSTRAINTS, PolicyFields


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
            models.UniqueConstraint(
                fields=["environment", "stripe_customer_id"], name="one_organization_per_stripe_customer"
            ),
        ]
        indexes = [models.Index(fields=["environment", "id"], name="organization_list")]

    def __str__(self) -> str:
        return self.name


class OrganizationBranding(BrandingFields, EnvironmentModel):
    """What pages and mail about one organization show in place of the environment's; an empty field is no change."""

    organization = models.OneToOneField(
        Organization, models.CASCADE, primary_key=True, related_name="branding"
    )

    class Meta:
        verbose_name = "organization branding"
        verbose_name_plural = "organization branding"

    def __str__(self) -> str:
        return f"Branding of {self.organization_id}"


def organizations_with_domains(environment: Environment) -> EnvironmentQuerySet[Organization]:
    """Return the organizations with what their public JSON embeds: two queries, however many they are."""
    return Organization.objects.in_environment(environment).prefetch_related("domains")


class DomainState(models.TextChoices):
    """How far the proof of a domain has come."""

    PENDING = "pending"
    VERIFIED = "verified"
    FAILED = "failed"
    LEGACY_VERIFIED = "legacy_verified"
    UNVERIFIED = "unverified"


# The states in which a domain counts as its organization's.
VERIFIED_STATES = (DomainState.VERIFIED, DomainState.LEGACY_VERIFIED)


class OrganizationPolicy(PolicyFields, EnvironmentModel):
    """What an organization asks of a sign-in beyond what its environment asks: it narrows, and opens nothing.

    It counts for whoever signs in to the organization and, where it governs its domains, for everybody with a mailbox
    at one of its verified domains, whatever they sign in to. An organization without a row asks nothing more.
    """

    organization = models.OneToOneField(Organization, models.CASCADE, primary_key=True, related_name="policy")

    class Meta:
        verbose_name = "organization policy"
        verbose_name_plural = "organization policies"
        constraints = (*POLICY_CONSTRAINTS,)
        indexes = [
            models.Index(
                fields=["environment"],
                condition=models.Q(governs_domains=True) | models.Q(joins_by_domain=True),
                name="domain_policies",
            )
        ]

    def __str__(self) -> str:
        return f"Policy of {self.organization_id}"


def find_domain_policy(environment_id: str, email: str) -> OrganizationPolicy | None:
    """Return the policy of the organization whose verified domain a mailbox is at, organization loaded, or None.

    A verified domain has one holder in its environment, so there is at most one.
    """
    return _policy_by_domain.find(environment_id, email_domain(email))


# Every sign-in and every refresh asks.
_policy_by_domain: PreparedQuery[OrganizationPolicy] = PreparedQuery(
    lambda environment_id, domain: (
        EnvironmentQuerySet(OrganizationPolicy)
        .filter(
            models.Q(governs_domains=True) | models.Q(joins_by_domain=True),
            environment_id=environment_id,
            organization__domains__domain=domain,
            organization__domains__state__in=VERIFIED_STATES,
        )
        .select_related("organization")
    ),
    arguments=2,
)


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
    former_verification_tokens = models.JSONField(
        default=list,
        editable=False,
        help_text="Tokens shown earlier: a customer may have published one of them.",
    )
    verification_deadline = models.DateTimeField(
        null=True, blank=True, help_text="When a pending proof counts as failed."
    )
    next_check_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When the DNS is asked again."
    )
    created_at = models.DateTimeField(default=clock.now, editable=False)
    updated_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "domain"], name="a_domain_stands_once_in_an_organization"
            ),
            models.UniqueConstraint(
                fields=["environment", "domain"],
                condition=models.Q(state__in=VERIFIED_STATES),
                name="one_verified_holder_per_domain",
            ),
        ]
        indexes = [
            models.Index(fields=["environment", "domain"], name="organization_by_domain"),
            models.Index(
                fields=["next_check_at"],
                condition=models.Q(state=DomainState.PENDING),
                name="domains_waiting_for_proof",
            ),
        ]

    def __str__(self) -> str:
        return self.domain

    @property
    def is_verified(self) -> bool:
        """Whether the domain counts as its organization's."""
        return self.state in VERIFIED_STATES

    @property
    def verification_prefix(self) -> str | None:
        """What stands before ``=`` and the token in the TXT record; None where no record is asked for."""
        if not self.verification_token:
            return None
        return f"gatehouse-domain-verification-{self.id[-6:].lower()}"

    def is_proven_by(self, txt_records: Iterable[str]) -> bool:
        """Tell whether a TXT record of the domain carries a token of this claim.

        ``verification_token=`` is the form that the reference documents; the prefix is the spec's.
        """
        tokens = {self.verification_token, *self.former_verification_tokens} - {""}
        prefixes = ("verification_token", self.verification_prefix)
        wanted = {f"{prefix}={token}" for prefix in prefixes for token in tokens}
        return any(record.strip() in wanted for record in txt_records)


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
        indexes = [
            models.Index(fields=["organization", "id"], name="memberships_of_organization"),
            models.Index(fields=["user", "id"], name="memberships_of_user"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.organization_id}"

    def roles_by_priority(self) -> list[Role]:
        """Return the roles, the one that stands for all of them first: the order of ``list_roles``."""
        return sorted(self.roles.all(), key=lambda role: (role.organization_id or "", role.priority, role.id))


def memberships_with_relations(environment: Environment) -> EnvironmentQuerySet[OrganizationMembership]:
    """Return the memberships with what their public JSON embeds: two queries, however many they are."""
    return (
        OrganizationMembership.objects.in_environment(environment)
        .select_related("user", "organization")
        .prefetch_related("roles")
    )


class InvitationState(models.TextChoices):
    """What has become of an invitation."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    EXPIRED = "expired"
    REVOKED = "revoked"


class Invitation(EnvironmentModel):
    """That somebody was asked by e-mail to sign up, or to join an organization.

    Its state is read off the moments it carries: nothing happens to a row when it expires.
    """

    id = PrefixedIDField(prefix="invitation")
    email = models.CharField(max_length=320, help_text="Whom it was sent to; normalized.")
    organization = models.ForeignKey(
        Organization,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="invitations",
        help_text="Empty where somebody is invited to the product alone.",
    )
    role = models.ForeignKey(
        "authorization.Role",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="Empty without an organization, or when the role was deleted: then the default one is given.",
    )
    membership = models.ForeignKey(
        OrganizationMembership,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="invitations",
        help_text="The invitee's, pending until the invitation is accepted.",
    )
    inviter = models.ForeignKey(
        "accounts.User", models.SET_NULL, null=True, blank=True, related_name="sent_invitations"
    )
    accepted_user = models.ForeignKey(
        "accounts.User", models.SET_NULL, null=True, blank=True, related_name="accepted_invitations"
    )
    token = EncryptedTextField(editable=False)
    token_digest = models.CharField(max_length=64, unique=True, editable=False)
    language = models.CharField(max_length=35, blank=True, default="", help_text="Of its mail.")
    is_open = models.BooleanField(
        default=True,
        editable=False,
        help_text="Neither accepted, nor revoked, nor replaced after it expired.",
    )
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    updated_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        constraints = [
            # A moment cannot be part of an index, so the column says which row still counts.
            models.UniqueConstraint(
                fields=["organization", "email"],
                condition=models.Q(is_open=True),
                name="one_open_invitation_per_email_and_organization",
            ),
            models.UniqueConstraint(
                fields=["environment", "email"],
                condition=models.Q(is_open=True, organization__isnull=True),
                name="one_open_invitation_per_email_without_organization",
            ),
            models.CheckConstraint(
                condition=models.Q(accepted_at__isnull=True) | models.Q(revoked_at__isnull=True),
                name="an_invitation_is_accepted_or_revoked",
            ),
        ]
        indexes = [
            models.Index(fields=["environment", "id"], name="invitation_list"),
            models.Index(fields=["environment", "email", "id"], name="invitations_by_email"),
            models.Index(fields=["organization", "id"], name="invitations_of_organization"),
        ]

    def __str__(self) -> str:
        return f"Invitation of {self.email}"

    @property
    def state(self) -> InvitationState:
        """What has become of it by this moment."""
        if self.accepted_at is not None:
            return InvitationState.ACCEPTED
        if self.revoked_at is not None:
            return InvitationState.REVOKED
        return InvitationState.EXPIRED if self.expires_at <= clock.now() else InvitationState.PENDING

    @property
    def role_slug(self) -> str | None:
        """The role of the invitee's membership, or the one that the membership will have."""
        if self.membership is not None:
            roles = self.membership.roles_by_priority()
            return roles[0].slug if roles else None
        return None if self.role is None else self.role.slug

    def is_for(self, email: str) -> bool:
        """Tell whether somebody with this stored address may accept it (workos-behaviour (e)).

        Into an organization: the invitee, or a colleague, which means an address of the same domain where mailboxes
        are not given to anybody. To the product alone: anybody.
        """
        if self.organization_id is None or email == self.email:
            return True
        domain = email_domain(self.email)
        return email_domain(email) == domain and not is_public_mail_domain(domain)


def invitations_with_relations(environment: Environment | str) -> EnvironmentQuerySet[Invitation]:
    """Return the invitations with what their public JSON shows: two queries, however many they are."""
    return (
        Invitation.objects.in_environment(environment)
        .select_related("environment", "organization", "role", "membership")
        .prefetch_related("membership__roles")
    )


class Group(EnvironmentModel):
    """A named set of memberships of one organization."""

    id = PrefixedIDField(prefix="group")
    organization = models.ForeignKey(Organization, models.CASCADE, related_name="groups")
    name = models.CharField(max_length=256)
    description = models.CharField(max_length=150, null=True, blank=True)
    memberships = models.ManyToManyField(OrganizationMembership, related_name="groups", blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    updated_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        indexes = [models.Index(fields=["organization", "id"], name="groups_of_organization")]

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
    membership = models.ForeignKey(
        OrganizationMembership,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="api_keys",
        help_text="What lets the user hold the key: who leaves the organization leaves it behind.",
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
        constraints = [
            models.CheckConstraint(
                condition=models.Q(user__isnull=True, membership__isnull=True)
                | models.Q(user__isnull=False, membership__isnull=False),
                name="a_users_api_key_hangs_on_a_membership",
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "id"], name="api_keys_of_organization"),
            models.Index(fields=["user", "id"], name="api_keys_of_user"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.obfuscated_value})"

    def has_expired(self, moment: datetime) -> bool:
        """Whether the key opens nothing any more."""
        return self.expires_at is not None and self.expires_at <= moment
