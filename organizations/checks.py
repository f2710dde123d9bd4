"""Start-up refusals of organizations."""

from typing import Any

from django.core.checks import Error, register
from django.core.exceptions import ImproperlyConfigured

from organizations import conf


@register
def resolver_is_an_address(app_configs: Any, **_options: Any) -> list[Error]:
    """A resolver that is configured can be asked."""
    del app_configs
    try:
        conf.dns_server()
    except ImproperlyConfigured as error:
        return [Error(str(error), id="organizations.E001")]
    return []
