"""What users are at OAuth providers."""

from django.db import IntegrityError, transaction

from accounts.errors import IdentityAlreadyLinked
from accounts.models import Identity, User


@transaction.atomic
def ensure_identity(*, user: User, provider: str, idp_id: str, email: str = "") -> Identity:
    """Link a provider's subject to a user, safely twice; ``email`` is the normalized address it vouched for.

    Raises IdentityAlreadyLinked where the subject is another user's.
    """
    rows = Identity.objects.in_environment(user.environment_id)
    try:
        with transaction.atomic():
            return Identity.objects.create(
                environment_id=user.environment_id, user=user, provider=provider, idp_id=idp_id, email=email
            )
    except IntegrityError as error:
        identity = rows.get(provider=provider, idp_id=idp_id)
        if identity.user_id != user.id:
            raise IdentityAlreadyLinked from error
    if identity.email != email:
        identity.email = email
        identity.save(update_fields=["email"])
    return identity
