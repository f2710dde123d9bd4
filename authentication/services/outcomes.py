"""What a sign-in comes to: values, because what was recorded on the way must outlive a refusal."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from accounts.models import User
from authentication.engine import Step
from authentication.models import AuthorizationRequest, Session, SignInAttempt
from foundation.ip_addresses import normalize_ip_address
from sso.models import Profile, ProviderSession, SSOSession
from sso.representations import SSOFactsObject, represent_sso_facts

_LONGEST_USER_AGENT = 500


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a person signs in from, as far as the product says, or as our own pages see.

    ``is_hosted`` is for our pages alone: what is begun there ends in :class:`Authenticated`. ``organization_id``
    is the organization that the application asked the person to sign in to; a sign-in for a page of ours that is
    about the person alone needs none. ``invitation_token`` is the invitation that they came with: whatever method
    proves them, the attempt takes it along. ``browser_secret`` is what a browser on our pages is known by.
    """

    ip_address: str | None = None
    user_agent: str | None = None
    is_hosted: bool = False
    browser_secret: str = ""
    organization_id: str | None = None
    needs_organization: bool = True
    invitation_token: str | None = None

    @classmethod
    def told(cls, ip_address: str | None, user_agent: str | None) -> "Origin":
        """Return the origin that a product tells of; an address that is none counts as not told."""
        address = normalize_ip_address(ip_address) if ip_address else None
        return cls(address, user_agent[:_LONGEST_USER_AGENT] if user_agent else None)

    @classmethod
    def of_page(
        cls,
        ip_address: str,
        user_agent: str,
        request: AuthorizationRequest | None = None,
        *,
        browser_secret: str = "",
    ) -> "Origin":
        """Return the origin of somebody on our pages, who came by an authorization request or unasked."""
        told = cls.told(ip_address, user_agent)
        return cls(
            told.ip_address,
            told.user_agent,
            is_hosted=True,
            browser_secret=browser_secret,
            organization_id=None if request is None else request.organization_id,
            needs_organization=request is None or request.needs_organization,
            invitation_token=None if request is None else request.invitation_token or None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """How a person came through a connection: as whom it described, and in which exchange.

    ``mailbox_unproven`` says that the connection named an address that is not its own to vouch for.
    """

    profile: Profile
    sso_session: SSOSession
    provider_session: ProviderSession | None = None
    mailbox_unproven: bool = False

    @property
    def facts(self) -> SSOFactsObject:
        """What events tell of it."""
        return represent_sso_facts(self.sso_session)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The person is signed in; the tokens are shown this once. ``oauth_tokens`` are the social provider's own."""

    session: Session
    user: User
    access_token: str
    refresh_token: str
    oauth_tokens: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class StepRequired:
    """The sign-in waits for a step, under this token; ``details`` are what the step needs."""

    step: Step
    pending_authentication_token: str
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Authenticated:
    """Nothing is missing from a sign-in on our own pages; the page says what it is for.

    The token opens the attempt for that: an authorization code (``issue_authorization_code``) or a waiting device
    (``approve_device``).
    """

    attempt: SignInAttempt
    pending_authentication_token: str


Outcome = SignedIn | StepRequired | Authenticated
