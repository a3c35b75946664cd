"""What a collection is: a query with named filters, a unique order, and pages of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, func, literal, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from pvkdb.errors import InputError, NotFoundError, unknown_name
from pvkdb.schemas.tables import Row

RowT = TypeVar("RowT", bound=Row)

#: Rows fetched at a time when a whole collection is read.
BATCH = 500


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter: what it means, the type of its value, the condition it makes."""

    description: str
    type: type[str] | type[float] | type[int] | type[bool]
    condition: Callable[[Any], ColumnElement[bool]]
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Collection(Generic[RowT]):
    """A collection: ``statement`` selects the current rows, ``order`` sorts them uniquely."""

    name: str
    row: type[RowT]
    statement: Select[Any]
    key: InstrumentedAttribute[str]
    order: tuple[ColumnElement[Any] | InstrumentedAttribute[Any], ...]
    filters: Mapping[str, Filter]
    to_row: Callable[..., RowT]

    def select(self, filters: Mapping[str, Any]) -> Select[Any]:
        """The statement with conditions.

        Raises:
            InputError: a filter is unknown (names the nearest one) or its value cannot be used.
        """
        statement = self.statement
        for name, value in filters.items():
            if value is None:
                continue
            if name not in self.filters:
                raise InputError(unknown_name(f"filter of {self.name}", name, self.filters))
            wanted = self.filters[name]
            if wanted.choices and value not in wanted.choices:
                raise InputError(unknown_name(f"{name} among {self.name}", value, wanted.choices))
            statement = statement.where(wanted.condition(value))
        return statement

    def count(self, session: Session, filters: Mapping[str, Any]) -> int:
        """How many rows match."""
        matching = self.select(filters).order_by(None).subquery()
        return session.scalar(select(func.count()).select_from(matching)) or 0

    def page(
        self, session: Session, filters: Mapping[str, Any], limit: int, after: str | None
    ) -> list[RowT]:
        """At most ``limit`` rows behind the row with key ``after``.

        Raises:
            NotFoundError: ``after`` names no row.
        """
        statement = self.select(filters).order_by(*self.order).limit(limit)
        if after is not None:
            place = session.execute(select(*self.order).where(self.key == after)).first()
            if place is None:
                raise NotFoundError(f"the cursor's row {after!r} no longer exists; start again")
            statement = statement.where(tuple_(*self.order) > tuple_(*map(literal, place)))
        return [self.to_row(*row) for row in session.execute(statement)]

    def iterate(self, session: Session, filters: Mapping[str, Any]) -> Iterator[RowT]:
        """Every row that matches, in order, fetched in batches."""
        after = None
        while True:
            rows = self.page(session, filters, BATCH, after)
            yield from rows
            if len(rows) < BATCH:
                return
            after = str(getattr(rows[-1], self.key.key))

    def get(self, session: Session, key: str) -> RowT:
        """One row by its key.

        Raises:
            NotFoundError: there is none.
        """
        row = session.execute(self.statement.where(self.key == key)).first()
        if row is None:
            raise NotFoundError(f"{self.name} holds no {key!r}")
        return self.to_row(*row)
