"""The form of refresh tokens, and what a presented one is worth (docs/decisions/0030).

A token is 25 letters and digits. The first twelve are the family: the same in all tokens of a session, which is
found by their digest. The rest is drawn anew at each rotation.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from authentication.conf import REFRESH_GRACE
from authentication.models import Session
from foundation.encryption import digests_equal, token_digest
from foundation.ids import new_secret

_LENGTH = 25
_FAMILY_LENGTH = 12


class RefreshVerdict(Enum):
    """What a refresh token of a session is worth."""

    PRESENT = auto()
    SPENT_A_MOMENT_AGO = auto()
    REUSED = auto()


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token in clear, as its client has it."""

    text: str

    @property
    def family_digest(self) -> str:
        """What the session is found by."""
        return token_digest(self.text[:_FAMILY_LENGTH])

    @property
    def digest(self) -> str:
        """What tells this token from the others of its session."""
        return token_digest(self.text)

    def successor(self) -> "RefreshToken":
        """Return a fresh token of the same session."""
        return RefreshToken(self.text[:_FAMILY_LENGTH] + new_secret(_LENGTH - _FAMILY_LENGTH))


def new_refresh_token() -> RefreshToken:
    """Return the first token of a session."""
    return RefreshToken(new_secret(_LENGTH))


def judge(session: Session, presented: RefreshToken, moment: datetime) -> RefreshVerdict:
    """Say what a token of this session's family is worth.

    The token before the present one counts for a moment longer, as long as its successor is unused: once that is
    spent, the digest of the one before it is gone. All else was spent long ago, or guessed by somebody who has
    seen a token of the family: RFC 9700 §4.14.2, a stolen token is in play.
    """
    if digests_equal(session.refresh_token_digest, presented.digest):
        return RefreshVerdict.PRESENT
    is_predecessor = digests_equal(session.former_refresh_token_digest, presented.digest)
    if is_predecessor and moment - session.refreshed_at <= REFRESH_GRACE and session.sealed_refresh_token:
        return RefreshVerdict.SPENT_A_MOMENT_AGO
    return RefreshVerdict.REUSED
