"""Tables of roles and permissions."""

from typing import Literal

from django.core.validators import RegexValidator
from django.db import models

from foundation import clock
from foundation.fields import PrefixedIDField
from foundation.scoping import EnvironmentModel

# The resource type whose roles memberships carry; other types belong to fine-grained authorization.
ORGANIZATION_RESOURCE_TYPE = "organization"

# The slugs of organizations' own roles all begin so and no other role's slug does: the two kinds cannot collide.
ORGANIZATION_ROLE_PREFIX = "org-"

SLUG_MAXIMUM_LENGTH = 48

valid_permission_slug = RegexValidator(
    r"\A[a-z0-9_:.*-]+\Z",
    "Only lowercase letters, numbers, hyphens, underscores, colons, periods and asterisks are allowed.",
)
valid_role_slug = RegexValidator(
    r"\A[a-z0-9_-]+\Z", "Only lowercase letters, numbers, hyphens and underscores are allowed."
)


class Permission(EnvironmentModel):
    """A thing that may be allowed, by its slug (``reports:read``)."""

    id = PrefixedIDField(prefix="perm")
    slug = models.CharField(max_length=SLUG_MAXIMUM_LENGTH, validators=[valid_permission_slug])
    name = models.CharField(max_length=48)
    description = models.CharField(max_length=150, null=True, blank=True)
    resource_type_slug = models.CharField(max_length=48, default=ORGANIZATION_RESOURCE_TYPE)
    is_system = models.BooleanField(default=False, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    updated_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["environment", "slug"], name="one_permission_per_slug"),
        ]

    def __str__(self) -> str:
        return self.slug


class Role(EnvironmentModel):
    """A bundle of permissions under a slug: of the environment, or of one organization."""

    id = PrefixedIDField(prefix="role")
    organization = models.ForeignKey(
        "organizations.Organization",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="own_roles",
        help_text="Empty for a role of the environment.",
    )
    slug = models.CharField(max_length=SLUG_MAXIMUM_LENGTH, validators=[valid_role_slug])
    name = models.CharField(max_length=48)
    description = models.CharField(max_length=150, null=True, blank=True)
    resource_type_slug = models.CharField(max_length=48, default=ORGANIZATION_RESOURCE_TYPE)
    priority = models.PositiveIntegerField(
        default=0, help_text="The lowest number comes first where one of several roles must be named."
    )
    is_default = models.BooleanField(default=False, help_text="What a membership gets that names no role.")
    permissions = models.ManyToManyField(Permission, blank=True, related_name="roles")
    created_at = models.DateTimeField(default=clock.now, editable=False)
    updated_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["environment", "slug"],
                condition=models.Q(organization__isnull=True),
                name="one_environment_role_per_slug",
            ),
            models.UniqueConstraint(
                fields=["organization", "slug"],
                condition=models.Q(organization__isnull=False),
                name="one_organization_role_per_slug",
            ),
            models.UniqueConstraint(
                fields=["environment"],
                condition=models.Q(is_default=True),
                name="one_default_role_per_environment",
            ),
            models.CheckConstraint(
                condition=models.Q(is_default=False) | models.Q(organization__isnull=True),
                name="only_an_environment_role_is_the_default",
            ),
            models.CheckConstraint(
                condition=(
                    models.Q(organization__isnull=False, slug__startswith=ORGANIZATION_ROLE_PREFIX)
                    | (
                        models.Q(organization__isnull=True)
                        & ~models.Q(slug__startswith=ORGANIZATION_ROLE_PREFIX)
                    )
                ),
                name="the_slug_tells_whose_role_it_is",
            ),
        ]

    def __str__(self) -> str:
        return self.slug

    @property
    def type(self) -> Literal["EnvironmentRole", "OrganizationRole"]:
        """The word for whose role it is."""
        return "EnvironmentRole" if self.organization_id is None else "OrganizationRole"
