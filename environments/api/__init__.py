"""The API plumbing that every door uses: authentication, bodies, errors, lists, idempotency, limits, schema.

The one ``api`` package that other apps import (design, section 4).
"""
