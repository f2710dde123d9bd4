"""The tenant's wall: a table opens one environment at a time, and any other query raises."""

from collections.abc import Iterable
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar

from django.core.exceptions import ObjectDoesNotExist
from django.db import models
from django.db.models.sql import Query

from foundation.errors import NotFound
from foundation.prepared import PreparedQuery

if TYPE_CHECKING:
    from environments.models import Environment

ModelT = TypeVar("ModelT", bound=models.Model)


class UnscopedQueryError(RuntimeError):
    """A query on a tenant's table did not say whose rows it wants: a bug, never an answer."""


class EnvironmentQuerySet(models.QuerySet[ModelT]):
    """Rows of one environment."""

    # The environment of a queryset that says nothing else; what narrows it further is a clone without the mark.
    whole_environment: str | None = None

    def require(self, object_id: str) -> ModelT:
        """Return the object; an absent id and another environment's id are refused alike (NotFound)."""
        if self.whole_environment is not None:
            # Nearly every request looks up an object in this way, and compiling the query would take most of its time.
            found: ModelT | None = _by_id(self.model).find(self.whole_environment, object_id, using=self.db)
            if found is None:
                raise NotFound.of(entity_name(self.model), object_id)
            return found
        try:
            return self.get(pk=object_id)
        except ObjectDoesNotExist:
            raise NotFound.of(entity_name(self.model), object_id) from None

    def find(self, object_id: str) -> ModelT | None:
        """Return the object or None."""
        return self.filter(pk=object_id).first()


class EnvironmentManager(models.Manager[ModelT], Generic[ModelT]):
    """Opens a table for one environment at a time; any other query raises."""

    def in_environment(self, environment: "Environment | str") -> EnvironmentQuerySet[ModelT]:
        """Return the rows of one environment, given as the object or its id."""
        environment_id = environment if isinstance(environment, str) else environment.pk
        query = _whole(self.model, environment_id).clone()
        scoped: EnvironmentQuerySet[ModelT] = EnvironmentQuerySet(self.model, query=query, using=self._db)
        scoped.whole_environment = environment_id
        return scoped

    def create(self, **fields: Any) -> ModelT:
        """Insert a row; ``environment`` must be among the fields."""
        if "environment" not in fields and "environment_id" not in fields:
            message = f"{self.model.__name__}.objects.create: name the environment."
            raise UnscopedQueryError(message)
        return EnvironmentQuerySet(self.model, using=self._db).create(**fields)

    def bulk_create(self, objs: Iterable[ModelT], *args: Any, **options: Any) -> list[ModelT]:
        """Insert rows that each carry their environment."""
        rows: EnvironmentQuerySet[ModelT] = EnvironmentQuerySet(self.model, using=self._db)
        return rows.bulk_create(objs, *args, **options)

    def get_queryset(self) -> models.QuerySet[ModelT]:
        """Refuse: the table does not open without an environment."""
        message = f"{self.model.__name__}.objects: start with in_environment(…)"
        raise UnscopedQueryError(message)


class EnvironmentModel(models.Model):
    """A row that belongs to exactly one environment."""

    environment = models.ForeignKey("environments.Environment", models.CASCADE, related_name="+")

    unscoped: ClassVar[models.Manager[Self]] = (
        models.Manager()
    )  # Declared first: Django's own machinery takes the first manager.
    objects: ClassVar[EnvironmentManager[Self]] = EnvironmentManager()

    class Meta:
        abstract = True


@lru_cache(maxsize=1024)
def _whole(model: type[models.Model], environment_id: str) -> Query:
    """Return the query for all rows of an environment: it begins every other one, and is cheaper cloned than made."""
    return EnvironmentQuerySet(model).filter(environment_id=environment_id).query


@cache
def _by_id(model: type[ModelT]) -> PreparedQuery[ModelT]:
    return PreparedQuery(
        lambda environment_id, object_id: EnvironmentQuerySet(model).filter(
            environment_id=environment_id, pk=object_id
        ),
        arguments=2,
    )


def entity_name(model: type[models.Model]) -> str:
    """Return the name that refusals use for a model: ``Organization Domain``, ``MagicAuth`` (workos-behaviour (a))."""
    return str(getattr(model, "entity_name", None) or str(model._meta.verbose_name).title())
