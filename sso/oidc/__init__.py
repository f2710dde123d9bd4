"""OpenID Connect, the relying party's side: discovery, the code flow, ID tokens."""
