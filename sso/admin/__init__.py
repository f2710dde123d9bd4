from sso.admin import connections, expiry, profiles, social_providers, test_idp, trail

__all__ = ["connections", "expiry", "profiles", "social_providers", "test_idp", "trail"]
