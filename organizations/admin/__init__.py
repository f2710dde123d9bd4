from organizations.admin import api_keys, invitations, memberships, organizations

__all__ = ["api_keys", "invitations", "memberships", "organizations"]
