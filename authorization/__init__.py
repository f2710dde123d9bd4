"""Who may do what.

Owns roles (of the environment and of single organizations), permissions, and which permissions a role grants.
Leans on ``environments``, ``events`` and ``foundation``.
Never writes who holds a role: memberships belong to ``organizations``.
"""
