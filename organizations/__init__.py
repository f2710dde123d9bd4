"""The customers of a product, and who belongs to them.

Owns organizations, their domains, memberships with roles, groups, and the API keys that customers issue.
Leans on ``accounts``, ``authorization``, ``environments``, ``events`` and ``foundation``.
Never knows how anybody signs in.
"""
