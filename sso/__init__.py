"""Signing in with somebody else's identity provider.

Owns connections (SAML, OIDC, OAuth), the profiles that they yield, the codes and tokens of ``/sso``, and the trail of
every exchange. Leans on ``organizations`` and what is below. Turns an answer into a ``Profile`` and returns it; whether
that becomes a user and a session is decided above, in ``authentication``.
"""
