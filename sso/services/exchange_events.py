"""The events of exchanges: that somebody left for an identity provider, came back, was refused, or never came.

An exchange that was opened for a sign-in of ours ends in the sign-in engine's own words, because only that knows whose
account it is; the events of its beginning, and of an answer that never came, are told here like all others.
"""

from collections.abc import Mapping
from typing import Any, Literal

from events.services import emit
from foundation.actors import SYSTEM, Actor
from foundation.errors import DomainError
from sso.actors import connection_actor
from sso.connection_types import Protocol
from sso.models import ExchangeKind, Profile, SSOSession
from sso.representations import AuthenticationEventObject, represent_sso_facts

# What an exchange is opened with whose end is an application's, by ``/sso/token``.
PURPOSE = "sso"

_SIGN_INS = (ExchangeKind.SIGN_IN, ExchangeKind.IDP_INITIATED)
_LONGEST_EMAIL = 320


def tell_started(sso_session: SSOSession, login_hint: str) -> None:
    """Tell that a browser left for a company's identity provider. A hint is told if it can be an address."""
    if sso_session.kind == ExchangeKind.SIGN_IN:
        email = login_hint[:_LONGEST_EMAIL] if "@" in login_hint else None
        _tell(sso_session, "started", SYSTEM, email=email)


def tell_timed_out(sso_session: SSOSession) -> None:
    """Tell that no answer came while it would have counted."""
    if sso_session.kind == ExchangeKind.SIGN_IN:
        _tell(sso_session, "timed_out", SYSTEM)


def tell_succeeded(sso_session: SSOSession, profile: Profile, purpose: Mapping[str, Any]) -> None:
    """Tell that a provider named somebody to an application that decides itself who that is.

    Of a sign-in that began at the provider, this is not known before its code is exchanged at one door or the other.
    """
    if purpose.get("for") == PURPOSE and sso_session.kind == ExchangeKind.SIGN_IN:
        _tell_named(sso_session, profile)


def tell_unasked_succeeded(sso_session: SSOSession, profile: Profile) -> None:
    """Tell the same of a sign-in that began at the provider, now that such an application has fetched its profile."""
    _tell_named(sso_session, profile)


def _tell_named(sso_session: SSOSession, profile: Profile) -> None:
    actor = connection_actor(profile.connection)
    _tell(sso_session, "succeeded", actor, email=profile.email or None, user_id=profile.user_id)


def tell_failed(sso_session: SSOSession, purpose: Mapping[str, Any], refusal: DomainError) -> None:
    """Tell that an answer was refused, in the words that the application gets."""
    if purpose.get("for") == PURPOSE and sso_session.kind in _SIGN_INS:
        _tell(sso_session, "failed", SYSTEM, refusal=refusal)


def _tell(
    sso_session: SSOSession,
    status: Literal["started", "succeeded", "failed", "timed_out"],
    actor: Actor,
    *,
    email: str | None = None,
    user_id: str | None = None,
    refusal: DomainError | None = None,
) -> None:
    is_social = sso_session.connection.protocol is Protocol.OAUTH
    if is_social and status in {"started", "timed_out"}:
        return  # The catalogue has no such events for social providers.
    kind = "oauth" if is_social else "sso"
    data: AuthenticationEventObject = {
        "type": kind,
        "status": status,
        "ip_address": sso_session.ip_address,
        "user_agent": sso_session.user_agent,
        "user_id": user_id,
        "email": email,
    }
    if not is_social:
        data["sso"] = represent_sso_facts(sso_session)
    if refusal is not None:
        data["error"] = {"code": refusal.code, "message": refusal.message}
    emit(f"authentication.{kind}_{status}", environment=sso_session.environment, actor=actor, data=data)
