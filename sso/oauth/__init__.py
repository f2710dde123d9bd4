"""Social providers: OAuth 2.0 by the provider catalogue of django-allauth, used as a library."""
