"""Where in the world an IP address is, by a file in MaxMind's DB format that the operator supplies.

None is shipped: the licences of such files do not allow it. City databases of MaxMind and of DB-IP name places by
language; those of IPinfo hold one text each. Both are read.
"""

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import maxminddb
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils import translation

from foundation.ip_addresses import normalize_ip_address


@dataclass(frozen=True, slots=True)
class _OpenFile:
    path: str
    # Updaters put a new file in the old one's place: another inode, or another time.
    version: tuple[int, int]
    reader: maxminddb.Reader


class _Latest:
    """The file that is open now; readers of the one before finish with it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: _OpenFile | None = None

    def reader(self, path: str) -> maxminddb.Reader:
        """Return a reader of the file as it is; raises OSError, InvalidDatabaseError."""
        status = Path(path).stat()
        version = (status.st_ino, status.st_mtime_ns)
        found = self._open
        if found is None or (found.path, found.version) != (path, version):
            with self._lock:
                found = self._open = _OpenFile(path, version, maxminddb.open_database(path))
        return found.reader


_latest = _Latest()


def place_of(ip_address: str) -> str | None:
    """Return city and country of an address in the reader's language, or what is known of them; None for nothing.

    None too where no file is configured, or where it cannot be read just now: a place is a convenience.
    """
    path = settings.GEOIP_FILE
    address = normalize_ip_address(ip_address)
    if not path or address is None:
        return None
    try:
        record = _latest.reader(path).get(address)
    except (OSError, ValueError, maxminddb.InvalidDatabaseError):
        # ValueError: an IPv6 address, and a file that knows IPv4 alone.
        return None
    if not isinstance(record, dict):
        return None
    country = _name(record.get("country")) or _name(record.get("country_name"))
    parts = [part for part in (_name(record.get("city")), country) if part]
    return ", ".join(parts) or None


def check_places_file() -> None:
    """Refuse a configured file that cannot be read (ImproperlyConfigured)."""
    path = settings.GEOIP_FILE
    if not path:
        return
    try:
        _latest.reader(path)
    except (OSError, maxminddb.InvalidDatabaseError) as error:
        message = f"GATEHOUSE_GEOIP_FILE names {path}, which is no readable file in MaxMind's DB format."
        raise ImproperlyConfigured(message) from error


def _name(value: Any) -> str:
    if isinstance(value, str):
        return value
    names = value.get("names") if isinstance(value, dict) else None
    if not isinstance(names, dict):
        return ""
    language = translation.get_language() or "en"
    found = names.get(language) or names.get(language.partition("-")[0]) or names.get("en")
    return found if isinstance(found, str) else ""
