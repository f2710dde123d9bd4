"""What the event stream takes."""

from typing import Any

from rest_framework import serializers

from environments.api.pagination import ListParameters
from environments.api.validation import MomentField
from events.names import NAMES


class EventParameters(ListParameters):
    """Filters of the event stream (workos-behaviour (b))."""

    # Callers resume with ``after=<last handled>`` and no order: that must give newer events.
    order = serializers.ChoiceField(choices=["asc", "desc", "normal"], default="asc")
    events = serializers.ListField(
        child=serializers.ChoiceField(choices=sorted(NAMES)), required=False, help_text="Event names."
    )
    range_start = MomentField(required=False, help_text="Not before this moment; excludes after.")
    range_end = MomentField(required=False, help_text="Before this moment.")
    organization_id = serializers.CharField(required=False, max_length=80)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """A cursor already says where the range begins."""
        attrs = super().validate(attrs)
        if attrs.get("range_start") and attrs.get("after"):
            raise serializers.ValidationError(
                {"range_start": "Give either range_start or after."},
                code="range_start_and_after_are_exclusive",
            )
        return attrs
