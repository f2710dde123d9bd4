from authentication.services.removals import delete_organization, delete_user

__all__ = ["delete_organization", "delete_user"]
