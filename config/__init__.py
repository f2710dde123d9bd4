"""The roof: settings, root URLs, the Celery app, WSGI, commands, and the list of the outbox's consumers.

Owns no domain code.
Leans on every app; nothing leans on it.
Never holds a rule of the product.
"""
