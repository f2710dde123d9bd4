"""The test identity provider of a sandbox: real SAML and real OIDC about people whom a developer makes up.

Anybody may say here that they are anybody, so that nothing outside of its own sandbox believes it: it has no pages in
production environments, answers no connection of one, and no such connection accepts its word (``trust``).
"""
