"""What users are at OAuth providers."""

from django.db import IntegrityError, transaction

from accounts.errors import IdentityAlreadyLinked
from accounts.models import AuthenticationFactor, Identity, Passkey, User
from accounts.services.recovery_codes import drop_recovery_codes
from accounts.services.rows import lock_user, note_change
from accounts.services.security_mail import tell_of_change
from foundation import clock
from foundation.actors import Actor


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


@transaction.atomic
def unlink_identity(*, identity: Identity, actor: Actor) -> None:
    """Forget what a user is at a provider, and tell the user. Raises NotFound."""
    user = lock_user(identity.user)
    Identity.objects.in_environment(identity.environment_id).require(identity.pk).delete()
    note_change(user, actor)
    tell_of_change(user, "identity_unlinked")


@transaction.atomic
def forget_unproven_credentials(*, user: User) -> None:
    """Take from an account whose mailbox nobody had proven everything that opens it, for its mailbox's owner has come.

    A new owner knows nothing of them, so nobody is told; the attempts that a former password began are void with it.
    Sessions lie above this app and are ended there.
    """
    row = lock_user(user)
    for model in (Identity, Passkey, AuthenticationFactor):
        model.objects.in_environment(row.environment_id).filter(user=row).delete()
    drop_recovery_codes(row)
    row.password, row.password_changed_at = "", clock.now()
    row.save(update_fields=["password", "password_changed_at"])
