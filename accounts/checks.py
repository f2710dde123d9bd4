"""Start-up refusals of accounts: a setting that cannot work is found before the first sign-in."""

from collections.abc import Callable
from typing import Any

from django.core.checks import Error, register
from django.core.exceptions import ImproperlyConfigured

from accounts import conf


@register
def settings_can_work(app_configs: Any, **_options: Any) -> list[Error]:
    """The cost of a password hash is possible, the file of breached passwords and the SMS gateway are there."""
    del app_configs
    readers: tuple[Callable[[], object], ...] = (
        conf.argon2_cost,
        conf.breached_passwords_file,
        conf.sms_gateway,
    )
    errors = []
    for reader in readers:
        try:
            reader()
        except ImproperlyConfigured as error:
            errors.append(Error(str(error), id="accounts.E001"))
    return errors
