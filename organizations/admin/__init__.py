from organizations.admin import api_keys, invitations, memberships, organizations, policies

__all__ = ["api_keys", "invitations", "memberships", "organizations", "policies"]
