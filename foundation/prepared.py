"""Queries whose SQL is compiled once.

Django compiles a query anew each time it runs, which on SQLite costs ten times what the database needs to answer it. For
the few queries that run with every request that is most of the request. A prepared query is described by an ordinary
queryset, compiled at its first use, and from then on only executed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db import connections, models
from django.db.models.query import get_related_populators

ModelT = TypeVar("ModelT", bound=models.Model)


@dataclass(frozen=True, slots=True)
class _Plan:
    sql: str
    # What stands at each place of the statement: a text that stays, or the number of an argument.
    places: tuple[Any, ...]
    converters: Any
    compiler: Any
    model: type[models.Model]
    columns: slice
    names: list[str]
    related: list[Any]


class _Argument(str):
    """Stands in the compiled query for an argument that is given at each use."""

    __slots__ = ("number",)
    number: int


class PreparedQuery(Generic[ModelT]):
    """A query for at most one row by texts: ``build`` gets placeholders and returns the queryset that it describes.

    The queryset may filter by its arguments for equality and join by ``select_related``; prefetches are not followed.
    """

    def __init__(self, build: Callable[..., models.QuerySet[ModelT]], arguments: int) -> None:
        self._build = build
        self._arguments = arguments
        self._plans: dict[str, _Plan] = {}

    def find(self, *arguments: str, using: str = "default") -> ModelT | None:
        """Return the row, or None where there is none."""
        connection = connections[using]
        plan = self._plans.get(using)
        if plan is None or plan.compiler.connection.vendor != connection.vendor:
            plan = self._plans[using] = self._compile(using)
        parameters = [
            arguments[place.number] if isinstance(place, _Argument) else place for place in plan.places
        ]
        with connection.cursor() as cursor:
            cursor.execute(plan.sql, parameters)
            row = cursor.fetchone()
        if row is None:
            return None
        if plan.converters:
            # The converters look at nothing of the connection but its settings.
            (row,) = plan.compiler.apply_converters([row], plan.converters)
        found: Any = plan.model.from_db(using, plan.names, row[plan.columns])
        for populator in plan.related:
            populator.populate(row, found)
        return found  # type: ignore[no-any-return]  # the model of the queryset

    def _compile(self, using: str) -> _Plan:
        placeholders = []
        for number in range(self._arguments):
            placeholder = _Argument(f"argument {number}")
            placeholder.number = number
            placeholders.append(placeholder)
        queryset = self._build(*placeholders).using(using).order_by()
        query = queryset.query.clone()
        query.set_limits(high=1)
        compiler = query.get_compiler(using)
        sql, parameters = compiler.as_sql()
        by_text = {str(placeholder): placeholder for placeholder in placeholders}
        places = tuple(by_text.get(parameter, parameter) for parameter in parameters)
        found = [place for place in places if isinstance(place, _Argument)]
        if len(found) != self._arguments:
            message = f"The prepared query takes {self._arguments} arguments and uses {len(found)}."
            raise ValueError(message)
        selected, info = compiler.select, compiler.klass_info
        # What Django's own ModelIterable uses; the stubs describe a later Django.
        related_populators: Any = get_related_populators
        fields = info["select_fields"]
        columns = slice(fields[0], fields[-1] + 1)
        return _Plan(
            sql=sql,
            places=places,
            converters=compiler.get_converters([column[0] for column in selected]),
            compiler=compiler,
            model=queryset.model,
            columns=columns,
            names=[column[0].target.attname for column in selected[columns]],
            related=related_populators(info, selected, using),
        )
