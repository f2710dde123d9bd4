"""The outbox: what happened, and what has to be sent because of it.

Owns events with their actor, and mail. A row is written in the transaction of what caused it; delivery comes after
commit, by Celery, and a periodic sweep finds what a crash left behind.
Leans on ``foundation``.
Never decides what an event means: consumers are listed in ``config/consumers.py``.
"""
