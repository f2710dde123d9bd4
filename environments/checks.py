"""Start-up refusals of the tenant."""

from typing import Any

from django.conf import settings
from django.core.checks import Error, register
from django.core.exceptions import ImproperlyConfigured

from foundation.places import check_places_file


@register
def pinned_api_key_is_a_key(app_configs: Any, **_options: Any) -> list[Error]:
    """A pinned API key must look like one: SDKs and the log filter know keys by their prefix."""
    del app_configs
    key = settings.FIRST_API_KEY
    if key and (not key.startswith("sk_") or len(key) < 12):
        return [
            Error(
                "GATEHOUSE_API_KEY must begin with sk_ and have at least 12 characters.",
                id="environments.E001",
            )
        ]
    if settings.PRODUCTION and key and len(key) < 32:
        return [
            Error(
                "GATEHOUSE_API_KEY is weak: production needs at least 32 characters.", id="environments.E002"
            )
        ]
    return []


@register
def places_can_be_read(app_configs: Any, **_options: Any) -> list[Error]:
    """A file of places that is named is there: a mistyped path would show no place for ever, and nobody would know."""
    del app_configs
    try:
        check_places_file()
    except ImproperlyConfigured as error:
        return [Error(str(error), id="environments.E003")]
    return []
