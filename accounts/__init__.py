"""People and what they prove themselves with.

Owns users, their passwords (and the former ones), their identities at providers, and one-time codes.
Leans on ``environments``, ``events`` and ``foundation``.
Never knows sessions, organizations or roles: a use case that touches those lives in a higher app.
"""
