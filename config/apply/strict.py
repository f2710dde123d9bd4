"""What every part of a setup file has in common."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers


class SetupFileError(Exception):
    """The file cannot be read as a setup; the text says where and why."""


class Strict(serializers.Serializer[Any]):
    """A mapping that refuses keys it does not know."""

    def to_internal_value(self, data: Any) -> Any:
        """Name every unknown key, then read the known ones."""
        if isinstance(data, Mapping):
            unknown = sorted(str(key) for key in data if key not in self.fields)
            if unknown:
                raise serializers.ValidationError(dict.fromkeys(unknown, "There is no such key."))
        return super().to_internal_value(data)
