"""Ending what people hold everywhere, in one transaction: sessions and keys first, then the rows themselves."""

from django.db import transaction

from accounts.models import User
from accounts.services import remove_user
from accounts.services.rows import lock_user
from authentication.models import Session, SignInAttempt
from foundation.actors import Actor
from organizations.models import CustomerAPIKey, Organization
from organizations.services import remove_organization


@transaction.atomic
def delete_user(*, user: User, actor: Actor) -> None:
    """Delete a user with everything that belongs to it.

    Of all that goes only ``user.deleted`` tells (workos-behaviour (i)). Raises NotFound.
    """
    # Locked before what belongs to it, as everywhere: a step of a sign-in holds the user and then wants its attempt.
    user = lock_user(user)
    Session.objects.in_environment(user.environment_id).filter(user=user).delete()
    SignInAttempt.objects.in_environment(user.environment_id).filter(user=user).delete()
    CustomerAPIKey.objects.in_environment(user.environment_id).filter(user=user).delete()
    remove_user(user=user, actor=actor)


@transaction.atomic
def delete_organization(*, organization: Organization, actor: Actor) -> None:
    """Delete an organization with everything that belongs to it; its users stay.

    Of all that goes only ``organization.deleted`` tells (workos-behaviour (i)). Raises NotFound.
    """
    environment_id = organization.environment_id
    Session.objects.in_environment(environment_id).filter(organization=organization).delete()
    SignInAttempt.objects.in_environment(environment_id).filter(organization=organization).delete()
    CustomerAPIKey.objects.in_environment(environment_id).filter(organization=organization).delete()
    remove_organization(organization=organization, actor=actor)
