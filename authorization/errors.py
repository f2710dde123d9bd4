"""Refusals of roles and permissions."""

from foundation.errors import BadRequest


class InvalidRole(BadRequest):
    """No role of that slug can be held in this organization."""

    code = "invalid_role"

    @classmethod
    def of(cls, slug: str) -> "InvalidRole":
        """Name the slug that was asked for."""
        return cls(f"Could not find a role with the slug, {slug}.")
