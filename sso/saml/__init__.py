"""SAML 2.0, the service provider's side: documents in, facts out. No tables, no HTTP."""
