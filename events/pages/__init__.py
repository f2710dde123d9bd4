"""Pages of the outbox: the mail that is kept instead of sent."""
