from organizations.admin import api_keys, invitations, looks, memberships, organizations, policies

__all__ = ["api_keys", "invitations", "looks", "memberships", "organizations", "policies"]
