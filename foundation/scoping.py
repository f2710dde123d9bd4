"""The tenant's wall: a table opens one environment at a time, and any other query raises."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar

from django.core.exceptions import ObjectDoesNotExist
from django.db import models

from foundation.errors import NotFound

if TYPE_CHECKING:
    from environments.models import Environment

ModelT = TypeVar("ModelT", bound=models.Model)


class UnscopedQueryError(RuntimeError):
    """A query on a tenant's table did not say whose rows it wants: a bug, never an answer."""


class EnvironmentQuerySet(models.QuerySet[ModelT]):
    """Rows of one environment."""

    def require(self, object_id: str) -> ModelT:
        """Return the object; an absent id and another environment's id are refused alike (NotFound)."""
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
        queryset: EnvironmentQuerySet[ModelT] = EnvironmentQuerySet(self.model, using=self._db)
        environment_id = environment if isinstance(environment, str) else environment.pk
        return queryset.filter(environment_id=environment_id)

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


def entity_name(model: type[models.Model]) -> str:
    """Return the name that refusals use for a model: ``Organization Domain``, ``MagicAuth`` (workos-behaviour (a))."""
    return str(getattr(model, "entity_name", None) or str(model._meta.verbose_name).title())
