from environments.admin import operators, presentation, tenant

__all__ = ["operators", "presentation", "tenant"]
