"""Rows for tests, made through the services that make them in life."""
