"""What an event says about what was there before."""

from collections.abc import Mapping
from typing import Any


def previous_attributes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return the former values of what differs between two representations; ``updated_at`` differs by itself."""
    return {
        name: before.get(name)
        for name in (*before, *(after.keys() - before.keys()))
        if name != "updated_at" and after.get(name) != before.get(name)
    }
