"""Who does something: stored beside each event, and the trail that staff read."""

from dataclasses import dataclass
from enum import StrEnum


class ActorKind(StrEnum):
    """The kinds of actors."""

    API_KEY = "api_key"
    USER = "user"
    OPERATOR = "operator"
    DIRECTORY = "directory"
    SYSTEM = "system"


# The ``source`` that the event's public context shows (workos-behaviour (i)).
_SOURCES = {
    ActorKind.API_KEY: "api",
    ActorKind.USER: "api",
    ActorKind.OPERATOR: "dashboard",
    ActorKind.DIRECTORY: "system",
    ActorKind.SYSTEM: "system",
}


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: the kind, the id of the row that stands for it, and a name that a person recognizes."""

    kind: ActorKind
    id: str
    name: str = ""

    @property
    def source(self) -> str:
        """The word that the public event context uses for this kind of actor."""
        return _SOURCES[self.kind]


SYSTEM = Actor(ActorKind.SYSTEM, "system", "Gatehouse")
