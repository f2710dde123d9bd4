"""Typed settings of the tenant."""

from datetime import timedelta

# How long the answer to an idempotent request is given again (workos-behaviour (c)).
IDEMPOTENCY_LIFETIME = timedelta(hours=24)
