"""What counts for one sign-in: the environment's settings, narrowed by the policies of organizations.

Two organizations may have a say: the one that is signed in to, and the one whose verified domain the person's mailbox
is at, if its policy governs that domain. Each can only narrow, so the order in which they are asked means nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from authentication.models import AuthenticationMethod
from environments.models import AuthenticationSettings, MFAPolicy
from organizations.models import Organization, OrganizationPolicy


class MethodFamily(StrEnum):
    """What policies allow or not; the value begins the names of their fields (``password_allowed``)."""

    PASSWORD = "password"
    MAGIC_AUTH = "magic_auth"
    PASSKEY = "passkey"
    SOCIAL = "social"
    SSO = "sso"


# Every other method is one of the social providers.
_FAMILIES = {
    "Password": MethodFamily.PASSWORD,
    "MagicAuth": MethodFamily.MAGIC_AUTH,
    "Passkey": MethodFamily.PASSKEY,
    "SSO": MethodFamily.SSO,
}

# From lenient to strict.
_MFA_STRICTNESS = (MFAPolicy.OFF, MFAPolicy.OPTIONAL, MFAPolicy.REQUIRED)


def family_of(method: str) -> MethodFamily | None:
    """Return the family of a method; None where no policy has a say, because staff answer for it."""
    if method == AuthenticationMethod.IMPERSONATION:
        return None
    return _FAMILIES.get(method, MethodFamily.SOCIAL)


class Lifetimes(Protocol):
    """How long sessions live, in seconds."""

    @property
    def session_maximum_seconds(self) -> int:
        """From their beginning."""

    @property
    def session_inactivity_seconds(self) -> int | None:
        """From their last refresh; None for no limit."""


def policy_of_organization(organization: Organization | None) -> OrganizationPolicy | None:
    """Return the policy of an organization, or None where it has none; no query if it was loaded with it."""
    return getattr(organization, "policy", None)


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings of an environment, narrowed by those organizations' policies that count."""

    settings: AuthenticationSettings
    policies: tuple[OrganizationPolicy, ...] = ()

    @classmethod
    def of(
        cls,
        settings: AuthenticationSettings,
        *,
        entered: OrganizationPolicy | None = None,
        domain: OrganizationPolicy | None = None,
    ) -> "Rules":
        """Return what counts for somebody who signs in to an organization, with a mailbox at a domain of another."""
        governing = domain if domain is not None and domain.governs_domains else None
        named = {policy.pk: policy for policy in (governing, entered) if policy is not None}
        return cls(settings, tuple(named.values()))

    def is_narrowed(self, family: MethodFamily) -> bool:
        """Tell whether an organization does not allow a family of methods."""
        return not all(getattr(policy, f"{family}_allowed") for policy in self.policies)

    def allows(self, family: MethodFamily) -> bool:
        """Tell whether environment and organizations allow a family of methods."""
        enabled: bool = getattr(self.settings, f"{family}_enabled")
        unwanted = self.requires_sso and family is not MethodFamily.SSO
        return enabled and not unwanted and not self.is_narrowed(family)

    @property
    def requires_sso(self) -> bool:
        """Whether an organization wants its people to come through its identity provider."""
        return any(policy.sso_required for policy in self.policies)

    @property
    def mfa_policy(self) -> MFAPolicy:
        """The strictest of all."""
        wanted = [policy.mfa_policy for policy in self.policies if policy.mfa_policy]
        return MFAPolicy(max([self.settings.mfa_policy, *wanted], key=_strictness))

    @property
    def session_maximum_seconds(self) -> int:
        """The shortest of all."""
        limits = [policy.session_maximum_seconds for policy in self.policies]
        return _shortest([self.settings.session_maximum_seconds, *limits]) or 0

    @property
    def session_inactivity_seconds(self) -> int | None:
        """The shortest of all that are set."""
        limits = [policy.session_inactivity_seconds for policy in self.policies]
        return _shortest([self.settings.session_inactivity_seconds, *limits])


def _strictness(policy: str) -> int:
    return _MFA_STRICTNESS.index(MFAPolicy(policy))


def _shortest(limits: Iterable[int | None]) -> int | None:
    return min((limit for limit in limits if limit is not None), default=None)
