"""The tenant.

Owns environments, their API keys, redirect URIs, CORS origins, signing keys and settings, and the staff
operators; ``environments.api`` is the API plumbing and ``environments.staff`` the admin plumbing that every door uses.
Leans on ``events`` and ``foundation``.
Never knows what lives inside an environment: users, organizations and sessions belong to the apps above.
"""
