"""What the tests have cached, forgotten without touching what another process counts on."""

from django.core.cache import caches
from django.core.cache.backends.redis import RedisCache


def forget_what_is_cached() -> None:
    """Empty the cache of this process; ``cache.clear()`` would empty all of Redis, with the limits that others count there."""
    cache = caches["default"]
    if not isinstance(cache, RedisCache):
        cache.clear()
        return
    client = cache._cache.get_client(None, write=True)
    # conftest gives each process a prefix of its own.
    keys = list(client.scan_iter(match=cache.make_key("*")))
    if keys:
        client.delete(*keys)
