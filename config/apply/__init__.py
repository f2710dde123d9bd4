"""``manage.py apply``: a setup as a file instead of clicks; running it again changes what the file changed."""
