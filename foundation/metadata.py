"""Metadata: the small dictionary of texts that a product keeps on a user or an organization.

Limits and the rules of a merge: workos-behaviour (l), and the spec's ``metadata`` properties.
"""

from collections.abc import Mapping
from typing import Any

from foundation.errors import BadRequest

MAXIMUM_KEYS = 50
LONGEST_KEY = 40
LONGEST_VALUE = 600


class InvalidMetadata(BadRequest):
    """The metadata is not a small dictionary of texts; the message says why, and repeats nothing that was sent."""

    code = "invalid_metadata"
    message = "Metadata is invalid."


def merge_metadata(current: Mapping[str, str], changes: Mapping[str, Any] | None) -> dict[str, str]:
    """Return ``current`` with ``changes`` laid over it, as a new dict.

    A key that is ``None`` goes, any other replaces; ``{}`` or ``None`` as a whole clears everything. What is not
    named stays. On creation ``current`` is ``{}``. Raises InvalidMetadata, also when the result has too many keys.
    """
    if not changes:
        return {}
    merged = {**current, **changes}
    kept = {key: value for key, value in merged.items() if value is not None}
    validate_metadata(kept)
    return kept


def validate_metadata(metadata: Mapping[Any, Any]) -> None:
    """Raise InvalidMetadata unless this is a dictionary of at most 50 texts with keys of 1 to 40 characters."""
    if len(metadata) > MAXIMUM_KEYS:
        raise InvalidMetadata(f"Metadata can have at most {MAXIMUM_KEYS} keys.")
    for key, value in metadata.items():
        if not isinstance(key, str) or not 1 <= len(key) <= LONGEST_KEY:
            raise InvalidMetadata(f"Metadata keys must have 1 to {LONGEST_KEY} characters.")
        if not isinstance(value, str):
            raise InvalidMetadata("Metadata values must be strings.")
        if len(value) > LONGEST_VALUE:
            raise InvalidMetadata(f"Metadata values can have at most {LONGEST_VALUE} characters.")
