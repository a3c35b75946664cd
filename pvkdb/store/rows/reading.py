"""Rows of the public tables, read from the store without models: only the columns asked for.

A page of 100 devices would be a thousand objects as models; this takes a fraction of the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Generic, TypeAlias, TypeVar

from pydantic import BaseModel, ValidationError
from sqlalchemy import Executable, Select, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from pvkdb.schemas.tables import Row
from pvkdb.store.rows.among import KEYS, among

RowT = TypeVar("RowT", bound=Row)
DocumentT = TypeVar("DocumentT", bound=BaseModel)

#: Columns of rows by key.
Made: TypeAlias = Mapping[Any, Mapping[str, Any]]


@dataclass(frozen=True, eq=False)
class Derived:
    """Columns that are made from other columns or tables.

    ``statement`` selects the key and what the columns are made from, among the keys of a page;
    ``make`` returns the columns by key. ``empty`` are their values where it returns none.
    """

    statement: Executable
    make: Callable[[Iterable[Any]], Made]
    empty: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class TableRows(Generic[RowT]):
    """Where the columns of a table are in the store.

    Those of the model itself have its names. ``columns`` are SQL expressions of others, over the
    tables that ``loads`` joins; ``derived`` are made in Python.
    """

    row: type[RowT]
    key: InstrumentedAttribute[Any]
    loads: Select[Any]
    columns: Mapping[str, Any] = field(default_factory=dict)
    derived: tuple[Derived, ...] = ()

    def expression(self, name: str) -> Any:
        """Return the SQL expression of a column; None if it is derived."""
        found = self.columns.get(name)
        return self.key.class_.__mapper__.columns.get(name) if found is None else found

    def read(
        self, session: Session, keys: Sequence[Any], fields: Iterable[str] | None = None
    ) -> list[RowT]:
        """Return the rows with these keys in the given order, with all columns or some."""
        model = self.row if fields is None else self.row.only(fields)
        wanted = model.model_fields
        statement, names = _select(self, tuple(wanted))
        found = {
            row[0]: dict(zip(names, row[1:], strict=True))
            for row in session.execute(statement, {KEYS: keys})
        }
        for each in self.derived:
            if each.empty.keys().isdisjoint(wanted):
                continue
            made = each.make(session.execute(each.statement, {KEYS: keys}))
            for key, values in found.items():
                values.update(made.get(key, each.empty))
        rows = []
        for key in keys:
            values = found[key]
            if fields is not None:
                values = {name: values[name] for name in wanted}
            try:
                rows.append(model(**values))
            except ValidationError as error:
                rows.append(without_unreadable(model, values, error))
        return rows


@lru_cache(maxsize=500)
def _select(table: TableRows[Any], names: tuple[str, ...]) -> tuple[Select[Any], tuple[str, ...]]:
    """Return the SELECT of the key and columns, made once, and the names of the columns."""
    found = {name: table.expression(name) for name in names}
    columns = {name: each.label(name) for name, each in found.items() if each is not None}
    statement = table.loads.with_only_columns(
        table.key.label("key_of_row"), *columns.values(), maintain_column_froms=True
    )
    return statement.where(among(table.key)), tuple(columns)


def without_unreadable(
    kind: type[DocumentT], values: Mapping[str, Any], error: ValidationError
) -> DocumentT:
    """Return a document without the values that are none of its fields.

    A person, or another version, has edited them. A number out of bounds is shown as it is where
    none may be missing.
    """
    instead: dict[str, Any] = {}
    shown: dict[str, Any] = {}
    for problem in error.errors():
        name = str(next(iter(problem["loc"]), ""))
        limits = problem.get("ctx", {})
        bound = limits.get("ge", limits.get("le"))
        instead |= {name: None} if name else {}
        if bound is not None and len(problem["loc"]) == 1 and kind.model_fields[name].is_required():
            instead[name], shown[name] = bound, problem["input"]
    return kind.model_validate({**values, **instead}).model_copy(update=shown)


def _references(found: Iterable[Any]) -> Made:
    cited: dict[str, str] = {}
    for key, reference in found:
        cited[key] = f"{cited[key]} {reference}" if key in cited else reference
    return {key: {"references": keys} for key, keys in cited.items()}


def cited_publications(owner: Any, model: Any) -> Derived:
    """The publications of rows, in the order in which the sources print them."""
    named = select(owner, model.reference_key).order_by(owner, model.position)
    return Derived(named.where(among(owner)), _references, {"references": ""})
