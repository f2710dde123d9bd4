"""Signing in: the one engine, and what comes out of it.

Owns sign-in attempts, the grants, sessions, refresh and access tokens, the JWT template, and the use cases that end
what people hold everywhere (deleting a user, deleting an organization).
Leans on every app below it.
Never lets a grant or a page decide what comes next: the engine does.
"""
