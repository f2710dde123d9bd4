"""The hosted pages: what a person sees who signs in here. They ask the services and show what these answer."""
