"""Telling people when somebody signs in as them from a browser or device that was not seen before.

A browser on our pages is known by a long-lived cookie. A program that signs people in over the API tells of their
device at most a user agent and an address, so these stand for it, without what changes by itself: the versions, and
the last part of the address (docs/decisions/0050).
"""

import ipaddress
import re
from datetime import timedelta
from functools import partial

from authentication import conf
from authentication.models import KnownDevice, SignInAttempt
from authentication.services.looks import look_of_attempt
from authentication.services.outcomes import Origin
from environments.mail import send_mail
from environments.models import MailKind
from foundation import clock
from foundation.encryption import lookup_digest
from foundation.places import place_of
from foundation.user_agents import describe_user_agent

# Of one user: beyond them the one that was unseen for longest is forgotten.
MOST_KNOWN_DEVICES = 20

# Seen more often than this, a device costs no write.
_NOTED_AGAIN_AFTER = timedelta(days=1)

_VERSIONS = re.compile(r"[0-9][0-9._]*")


def device_digest(user_id: str, origin: Origin) -> str:
    """Return what stands for a user's device; an empty text where nothing is known of it.

    The user is part of it: nobody can tell by the table that two users share a computer.
    """
    if origin.browser_secret:
        return lookup_digest("known_device", f"{user_id}:browser:{origin.browser_secret}")
    if origin.is_hosted or not (origin.user_agent or origin.ip_address):
        return ""
    program = _VERSIONS.sub("", origin.user_agent or "")
    return lookup_digest("known_device", f"{user_id}:program:{program}:{_network(origin.ip_address)}")


def notice_device(attempt: SignInAttempt) -> None:
    """Note the device of a complete sign-in, and write to its user where it is a new one.

    It runs in the transaction that completes the sign-in and holds the lock of its user, before the user's last
    sign-in is set to this one. The first device of all is no news.
    """
    if not attempt.device_digest:
        return
    user = attempt.user
    moment = clock.now()
    devices = KnownDevice.objects.in_environment(attempt.environment_id).filter(user=user)
    known = devices.filter(digest=attempt.device_digest).first()
    if known is not None:
        if moment - known.last_seen_at >= _NOTED_AGAIN_AFTER:
            devices.filter(pk=known.pk).update(last_seen_at=moment)
        return
    is_first = user.last_sign_in_at is None and not devices.exists()
    KnownDevice.objects.create(
        environment=attempt.environment,
        user=user,
        digest=attempt.device_digest,
        created_at=moment,
        last_seen_at=moment,
    )
    forgotten = devices.order_by("-last_seen_at", "-id").values_list("pk", flat=True)[MOST_KNOWN_DEVICES:]
    devices.filter(pk__in=list(forgotten)).delete()
    # An address that nobody proved may be a stranger's, who must not read where somebody else is.
    if not is_first and user.email_verified:
        _write_to(attempt)


def _write_to(attempt: SignInAttempt) -> None:
    user = attempt.user
    address = attempt.ip_address or ""
    send_mail(
        environment=attempt.environment,
        kind=MailKind.NEW_DEVICE,
        recipient=user.email,
        context={
            "email": user.email,
            "signed_in_at": clock.now(),
            "user_agent": describe_user_agent(attempt.user_agent or ""),
            "ip_address": address,
            # Called where the mail is written: places have names in several languages.
            "place": partial(place_of, address),
            "account_url": conf.account_page(attempt.environment.client_id),
        },
        locale=user.locale,
        look=look_of_attempt(attempt),
    )


def _network(ip_address: str | None) -> str:
    """Return the part of an address that stays while its owner's provider does."""
    if not ip_address:
        return ""
    address = ipaddress.ip_address(ip_address)
    length = 16 if address.version == 4 else 32
    return str(ipaddress.ip_network((address, length), strict=False))
