"""What Gatehouse does per second, beside a bare Django view of the same server: ``make bench``.

Owns a server with one more path, a client, and the table that is printed.
Leans on the whole house.
Never part of the product: its URL is served by ``bench.wsgi`` alone.
"""
