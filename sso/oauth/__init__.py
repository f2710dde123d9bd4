"""Social providers: OAuth 2.0 by the provider catalogue of django-allauth, used as a library.

Owns which providers there are, what is asked of them, and whose word on a mail address counts. No tables, no views:
``begin_sign_in`` and ``finish_sign_in`` have the shape of those of ``sso.oidc``. Providers that speak OpenID Connect and
have no code of their own in the library are handed to ``sso.oidc``.
"""
