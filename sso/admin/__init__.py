from sso.admin import connections, profiles, social_providers, test_idp, trail

__all__ = ["connections", "profiles", "social_providers", "test_idp", "trail"]
