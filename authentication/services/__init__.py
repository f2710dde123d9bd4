from authentication.services.removals import delete_organization

__all__ = ["delete_organization"]
