"""The Celery app: tasks are found in each app's ``tasks.py``, and beat sweeps the outbox."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("gatehouse")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
# The embedded mode runs worker and beat as threads. A thread that has no app of its own would fall back to
# Celery's default app, whose broker is AMQP on localhost, and silently lose every retry.
app.set_default()
