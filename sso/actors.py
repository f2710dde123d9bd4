"""Who acts when somebody signs in through a connection and is nobody's user yet."""

from foundation.actors import Actor, ActorKind
from sso.models import Connection


def connection_actor(connection: Connection) -> Actor:
    """Return the actor that an identity provider's word stands for."""
    return Actor(ActorKind.SYSTEM, connection.id, connection.name)
