from environments.admin import presentation, tenant

__all__ = ["presentation", "tenant"]
