from organizations.admin import api_keys, memberships, organizations

__all__ = ["api_keys", "memberships", "organizations"]
