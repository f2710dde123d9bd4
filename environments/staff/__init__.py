"""The plumbing of the admin pages, which every app's ``admin.py`` stands on.

``site`` is the admin itself: who gets in, which environment is open, the navigation, the first page. ``model_admin``
shows the rows of one environment and hands writes to the services; ``tools`` are the actions on one row that ask
first; ``sign_in`` and ``two_step`` are the doors for operators.
"""
