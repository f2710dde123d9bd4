"""What the tenant's endpoints take."""

from typing import Any

from rest_framework import serializers

from environments.api.validation import FlagField, TextField


class RedirectURIInput(serializers.Serializer[Any]):
    """A URI to allow."""

    uri = TextField(max_length=2000)
    default = FlagField(required=False, default=False)


class CORSOriginInput(serializers.Serializer[Any]):
    """An origin to allow."""

    origin = TextField(max_length=300)
