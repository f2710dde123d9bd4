"""The state machine of signing in: what a sign-in still needs, or that it is complete.

An attempt is what has been proven so far: who it is (``user``), how that was shown (``authentication_method``),
which organization was chosen. Grants and pages add to it and then ask :func:`advance`; neither of them decides.

``advance`` walks through :data:`CHECKS` in the order that the contract sets (workos-behaviour (a), "Order of the
checks") and returns the first thing that is missing. A check is a pure question over a :class:`Situation`; it
reads the present policy, e-mail and memberships, so that what changed between two steps counts at once. A new
step is a check in its place of the table.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from accounts.models import AuthenticationFactor, FactorType
from authentication.models import AuthenticationMethod, SignInAttempt
from authentication.policies import Rules, family_of, policy_of_organization
from environments.models import AuthenticationSettings, MFAPolicy
from organizations.models import (
    MembershipStatus,
    Organization,
    OrganizationMembership,
    OrganizationPolicy,
    find_domain_policy,
)


class Step(StrEnum):
    """What a sign-in may be asked for next; the value is the ``code`` on the wire."""

    SSO = "sso_required"
    ALLOWED_METHOD = "organization_authentication_methods_required"
    EMAIL_VERIFICATION = "email_verification_required"
    ORGANIZATION_SELECTION = "organization_selection_required"
    MFA_ENROLLMENT = "mfa_enrollment"
    MFA_CHALLENGE = "mfa_challenge"


# What a person proves with these shows that the mailbox is theirs too, or is answered for by others, so no code is
# mailed afterwards. A password shows nothing of a mailbox, a passkey who holds a key, and a social provider whom it
# knows: where it vouches for the very address, that is noted with the user.
METHODS_THAT_PROVE_THE_MAILBOX = frozenset(
    {AuthenticationMethod.MAGIC_AUTH, AuthenticationMethod.SSO, AuthenticationMethod.IMPERSONATION}
)

# Where these come from, the company's identity provider has asked for what the company wants, or the admin asked the
# operator. A passkey is two factors at once: the authenticator that holds the key, and the finger, face or PIN that it
# is opened by, which is demanded of every use (NIST SP 800-63B-4 §3.1.7, a multi-factor cryptographic authenticator).
METHODS_THAT_BRING_THEIR_OWN_SECOND_FACTOR = frozenset(
    {AuthenticationMethod.SSO, AuthenticationMethod.IMPERSONATION, AuthenticationMethod.PASSKEY}
)

# What can be asked for at a sign-in; what a product delivers by itself, our own pages cannot ask for.
SIGN_IN_FACTOR_TYPES = (FactorType.TOTP, FactorType.SMS)


@dataclass(frozen=True, slots=True)
class Required:
    """The sign-in waits for this step."""

    step: Step


@dataclass(frozen=True, slots=True)
class Completed:
    """Nothing is missing; the session belongs to this membership's organization, or to none."""

    membership: OrganizationMembership | None


class Situation:
    """An attempt, and everything that its checks look at. What no check asks for is not read."""

    def __init__(self, attempt: SignInAttempt, settings: AuthenticationSettings) -> None:
        self.attempt = attempt
        self.user = attempt.user
        self.settings = settings
        self.environment = settings.environment

    @cached_property
    def memberships(self) -> list[OrganizationMembership]:
        """The user's active memberships, oldest first, organizations loaded."""
        rows = OrganizationMembership.objects.in_environment(self.attempt.environment_id)
        return list(
            rows.filter(user=self.user, status=MembershipStatus.ACTIVE)
            .select_related("organization__policy")
            .order_by("id")
        )

    @cached_property
    def membership(self) -> OrganizationMembership | None:
        """The membership to sign in with: the chosen one, or the only one there is."""
        chosen = self.attempt.organization_id
        if chosen is not None:
            return next((row for row in self.memberships if row.organization_id == chosen), None)
        return self.memberships[0] if len(self.memberships) == 1 else None

    @cached_property
    def entered(self) -> Organization | None:
        """The organization that the session will belong to, as far as that is known."""
        invitation = self.attempt.invitation
        if invitation is not None and invitation.organization is not None:
            return invitation.organization
        # What is for the person alone, such as the account page, is no organization's business.
        wanted = self.attempt.needs_organization or self.attempt.organization_id is not None
        return self.membership.organization if wanted and self.membership is not None else None

    @cached_property
    def domain_policy(self) -> OrganizationPolicy | None:
        """The policy of the organization whose verified domain the person's mailbox is at."""
        return find_domain_policy(self.attempt.environment_id, self.user.email)

    @cached_property
    def rules(self) -> Rules:
        """What the environment and the organizations ask of this sign-in."""
        entered = policy_of_organization(self.entered)
        return Rules.of(self.settings, entered=entered, domain=self.domain_policy)

    @cached_property
    def unmet_sso_policy(self) -> OrganizationPolicy | None:
        """The policy that wants the person to come through its organization's identity provider, and was not obeyed."""
        wanting = [policy for policy in self.rules.policies if policy.sso_required]
        connection = self.attempt.connection
        came_through = None if connection is None else connection.organization_id
        if family_of(self.attempt.authentication_method) is None or not wanting:
            return None
        # The domain's policy stands first: whoever comes through the provider of their own company, as it demands,
        # may be a guest elsewhere. The reverse does not hold, or a customer could vouch for another one's people.
        return None if wanting[0].organization_id == came_through else wanting[0]

    @cached_property
    def factors(self) -> list[AuthenticationFactor]:
        """The user's factors that a sign-in can ask for, oldest first."""
        rows = AuthenticationFactor.objects.in_environment(self.attempt.environment_id)
        return list(rows.filter(user=self.user, type__in=SIGN_IN_FACTOR_TYPES).order_by("id"))


Check = Callable[[Situation], Step | None]


def organization_step(situation: Situation) -> Step | None:
    """Return the step that an organization's policy asks for, whatever else is missing, or None."""
    family = family_of(situation.attempt.authentication_method)
    if family is None:
        return None
    if situation.unmet_sso_policy is not None:
        return Step.SSO
    return Step.ALLOWED_METHOD if situation.rules.is_narrowed(family) else None


def _email_verification(situation: Situation) -> Step | None:
    if situation.attempt.needs_mailbox_again:
        # Whatever the account's owner proved before: who comes now has only said to be them.
        return Step.EMAIL_VERIFICATION
    needed = (
        situation.settings.email_verification_required
        and not situation.user.email_verified
        and situation.attempt.authentication_method not in METHODS_THAT_PROVE_THE_MAILBOX
    )
    # Whatever the environment asks for: an identity provider that does not own the address could name anybody's.
    return Step.EMAIL_VERIFICATION if needed or situation.attempt.mailbox_unproven else None


def _organization_selection(situation: Situation) -> Step | None:
    # An invitation says itself where to. One membership is taken silently, none means no organization. A chosen organization that the user left
    # meanwhile is asked for again.
    # The account page is the person's own, whatever the organization.
    invitation = situation.attempt.invitation
    names_one = invitation is not None and invitation.organization_id is not None
    if names_one or not situation.attempt.needs_organization:
        return None
    undecided = situation.membership is None and len(situation.memberships) > 0
    return Step.ORGANIZATION_SELECTION if undecided else None


def _second_factor(situation: Situation) -> Step | None:
    policy = situation.rules.mfa_policy
    settled = (
        policy == MFAPolicy.OFF
        or situation.attempt.mfa_verified_at is not None
        or situation.attempt.authentication_method in METHODS_THAT_BRING_THEIR_OWN_SECOND_FACTOR
    )
    if settled:
        return None
    if situation.factors:
        return Step.MFA_CHALLENGE
    return Step.MFA_ENROLLMENT if policy == MFAPolicy.REQUIRED else None


CHECKS: tuple[Check, ...] = (
    organization_step,
    _email_verification,
    _organization_selection,
    _second_factor,
)


def advance(situation: Situation) -> Required | Completed:
    """Say what the sign-in needs next, or that it is complete."""
    for check in CHECKS:
        step = check(situation)
        if step is not None:
            return Required(step)
    return Completed(situation.membership)
