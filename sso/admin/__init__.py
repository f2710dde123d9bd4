from sso.admin import connections, profiles, test_idp, trail

__all__ = ["connections", "profiles", "test_idp", "trail"]
