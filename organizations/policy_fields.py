"""What an organization's policy can say."""

from django.db import models

from environments.models import MFAPolicy
from foundation import clock


class GuestPolicy(models.TextChoices):
    """Whether people may belong to an organization whose mailbox is at none of its verified domains."""

    ANYONE = "anyone", "However they come"
    INVITED = "invited", "By invitation alone"
    NOBODY = "nobody", "Not at all"


class PolicyFields(models.Model):
    """The columns of a policy; as it comes, it narrows nothing."""

    password_allowed = models.BooleanField(default=True)
    magic_auth_allowed = models.BooleanField(default=True)
    passkey_allowed = models.BooleanField(default=True)
    social_allowed = models.BooleanField(default=True)
    sso_allowed = models.BooleanField(default=True)
    sso_required = models.BooleanField(
        default=False,
        help_text="People come through one of the organization's own connections, or not at all.",
    )
    mfa_policy = models.CharField(
        "multi-factor authentication",
        max_length=10,
        choices=MFAPolicy.choices,
        blank=True,
        default="",
        help_text="Empty for the environment's; of the two the stricter one counts.",
    )
    session_maximum_seconds = models.PositiveIntegerField(
        null=True, blank=True, help_text="Empty for the environment's; of the two the shorter one counts."
    )
    session_inactivity_seconds = models.PositiveIntegerField(
        null=True, blank=True, help_text="Empty for the environment's; of the two the shorter one counts."
    )
    governs_domains = models.BooleanField(
        default=False,
        help_text="Whether the policy also counts for everybody with a mailbox at a verified domain.",
    )
    joins_by_domain = models.BooleanField(
        default=False,
        help_text="Whether whoever has proven a mailbox at a verified domain becomes a member by signing in.",
    )
    guests = models.CharField(
        max_length=10,
        choices=GuestPolicy.choices,
        default=GuestPolicy.ANYONE,
        help_text="Whether people of other domains may become members.",
    )
    updated_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        abstract = True


POLICY_CONSTRAINTS = [
    models.CheckConstraint(
        condition=models.Q(sso_required=False) | models.Q(sso_allowed=True),
        name="required_sso_is_allowed",
    ),
    models.CheckConstraint(
        condition=models.Q(mfa_policy__in=["", *MFAPolicy.values]),
        name="mfa_policy_of_organization_is_known",
    ),
    models.CheckConstraint(
        condition=models.Q(session_maximum_seconds__isnull=True) | models.Q(session_maximum_seconds__gte=300),
        name="sessions_of_organization_live_five_minutes",
    ),
    models.CheckConstraint(
        condition=models.Q(session_inactivity_seconds__isnull=True)
        | models.Q(session_inactivity_seconds__gte=60),
        name="sessions_of_organization_idle_a_minute",
    ),
    models.CheckConstraint(condition=models.Q(guests__in=GuestPolicy.values), name="guest_policy_is_known"),
]
