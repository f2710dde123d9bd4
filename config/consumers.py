"""Who hears of which events: tasks that run after commit and may run twice."""

from events.conf import Consumer

CONSUMERS: tuple[Consumer, ...] = ()
