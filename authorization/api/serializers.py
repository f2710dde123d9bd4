"""What the endpoints of roles and permissions take."""

from typing import Any

from rest_framework import serializers

from authorization.models import ORGANIZATION_RESOURCE_TYPE, SLUG_MAXIMUM_LENGTH
from environments.api.validation import TextField

# More slugs than any role should carry; a longer list is a mistake.
_MAXIMUM_PERMISSIONS = 1000


class PermissionInput(serializers.Serializer[Any]):
    """A permission to create."""

    slug = TextField(max_length=SLUG_MAXIMUM_LENGTH)
    name = TextField(max_length=48)
    description = TextField(max_length=150, required=False, allow_null=True, allow_blank=True, default=None)
    resource_type_slug = TextField(
        max_length=SLUG_MAXIMUM_LENGTH, required=False, default=ORGANIZATION_RESOURCE_TYPE
    )


class OrganizationRoleInput(PermissionInput):
    """A role of an organization to create; without a slug one is made from the name."""

    slug = TextField(max_length=SLUG_MAXIMUM_LENGTH, required=False, default="")


class RoleInput(PermissionInput):
    """A role of the environment to create."""


class NameAndDescriptionInput(serializers.Serializer[Any]):
    """What may change about a role or a permission; null clears the description."""

    name = TextField(max_length=48, required=False)
    description = TextField(max_length=150, required=False, allow_null=True, allow_blank=True)


class PermissionSlugInput(serializers.Serializer[Any]):
    """A permission to add to a role."""

    slug = TextField()


class PermissionSlugsInput(serializers.Serializer[Any]):
    """All permissions that a role is to grant."""

    permissions = serializers.ListField(child=TextField(), max_length=_MAXIMUM_PERMISSIONS)
