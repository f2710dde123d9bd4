#!/usr/bin/env python
"""Gatehouse's command line: ``python manage.py help`` lists the commands."""

import os
import sys

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        # Settings are read at the first access; a refusal is a sentence for the operator, not a stack trace.
        _ = settings.INSTALLED_APPS
    except ImproperlyConfigured as refusal:
        sys.exit(f"gatehouse: {refusal}")
    execute_from_command_line(sys.argv)
