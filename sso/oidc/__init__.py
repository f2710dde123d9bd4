"""OpenID Connect, the relying party's side: discovery, the code flow, ID tokens, logout.

Owns the protocol and nothing else: no tables, no views. Calls the provider by ``foundation.outbound`` alone, so nothing
here may run inside a transaction. What has to be remembered is handed back to the caller (``sso.exchanges``).
"""
