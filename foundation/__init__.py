"""The ground floor: what every app stands on, and no tables of its own.

Owns ids, the clock, the families of refusals, actors, tenant scoping, encryption at rest, rate limits
and the handing of work to Celery.
Leans on Django and on libraries alone.
Never knows what a user, an organization or an HTTP status is.
"""
