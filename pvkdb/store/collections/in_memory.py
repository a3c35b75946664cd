"""Tables of at most some hundred rows, searched in memory like collections.

An entry of :data:`SMALL_TABLES` names the columns to filter and to count by; everything else
follows from the declarations of the columns (:mod:`pvkdb.schemas.tables.columns`). Rows keep the
order of the source unless they are sorted.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import dropwhile
from operator import ge, le
from typing import Any, ClassVar, Generic, TypeAlias, TypeVar

from sqlalchemy.orm import Session

from pvkdb.errors import InputError, NotFoundError, unknown_name
from pvkdb.schemas.tables import ApplicationsRow, IonsRow, Row
from pvkdb.schemas.tables.columns import Column
from pvkdb.schemas.tables.reviewed import (
    ArrayChallengesRow,
    BenchmarkDatasetsRow,
    ConductionRow,
    ProcessingRow,
    TestProtocolsRow,
)
from pvkdb.store.collections import COLLECTIONS
from pvkdb.store.collections.collection import FACET_VALUES, Collection, SearchPage
from pvkdb.store.collections.declarations import Filter, accepted_value
from pvkdb.store.collections.export import table_rows
from pvkdb.store.collections.keyset import CursorPosition, Sorting, named_levels

RowT = TypeVar("RowT", bound=Row)

_TYPES: dict[str, type[str] | type[float] | type[int] | type[bool]] = {
    "string": str,
    "number": float,
    "integer": int,
    "boolean": bool,
}


#: Whether a row matches a filter with its value.
RowCondition: TypeAlias = Callable[[Any], bool]


@dataclass(frozen=True, eq=False)
class SmallTable(Generic[RowT]):
    """A small table with the methods of a
    :class:`~pvkdb.store.collections.collection.Collection`.

    Args:
        name: Its public name.
        row: The model of a row.
        values: Columns that filter by their value, each with an example.
        ranges: Columns of numbers that filter by bounds, each with an example.
        words: Columns in which ``q`` looks, and an example.
        facets: Columns whose values can be counted.
    """

    name: str
    row: type[RowT]
    values: Mapping[str, Any]
    words: tuple[str, str]
    facets: tuple[str, ...]
    ranges: tuple[tuple[str, float], ...] = ()
    most_counted: ClassVar[None] = None
    counts: ClassVar[None] = None

    @property
    def key_name(self) -> str | None:
        """Name of the key column; None where the key takes several columns."""
        return self.row.primary_key[0] if len(self.row.primary_key) == 1 else None

    @property
    def sortable(self) -> Sequence[str]:
        """Columns that rows can be sorted by: every column."""
        return self.row.columns()

    @cached_property
    def filters(self) -> dict[str, Filter[RowCondition]]:
        """Filters by name."""
        columns = self.row.dictionary()
        found = {
            name: _value_filter(columns[name], example) for name, example in self.values.items()
        }
        for name, example in self.ranges:
            unit = "" if columns[name].unit in (None, "1") else f", in {columns[name].unit}"
            for end, bound, meets in (("min", "Smallest", ge), ("max", "Largest", le)):
                found[f"{name}_{end}"] = Filter(
                    f"{bound} value of {name}{unit}.", float, _bound(name, meets), example=example
                )
        named, words = self.words
        found["q"] = Filter(
            f"Words in {', '.join(named.split())}.", str, _words(named.split()), example=words
        )
        return found

    def rows(self, session: Session) -> list[Any]:
        """Return every row, in the order of the source."""
        return list(table_rows(session, self.name))

    def condition(self, name: str, value: Any) -> RowCondition:
        """Return the condition of one filter with a value.

        Raises:
            InputError: the filter is unknown (names the nearest one) or its value cannot be used.
        """
        accepted = accepted_value(self.name, self.filters, name, value)
        return self.filters[name].condition(accepted)

    def count(self, session: Session, search: Any, most: int | None = None) -> int:
        """Return the number of rows that match."""
        return len(self._matching(session, search))

    def facet(
        self, session: Session, search: Any, name: str, most: int | None = None
    ) -> dict[Any, int]:
        """Return the most frequent values of a facet among the rows that match, with their counts.

        Raises:
            InputError: the facet is unknown; names the nearest one.
        """
        if name not in self.facets:
            raise InputError(unknown_name(f"facet of {self.name}", name, self.facets))
        counted = Counter(getattr(row, name) for _, row in self._matching(session, search))
        ordered = sorted(counted.items(), key=lambda item: (-item[1], str(item[0])))
        return dict(ordered[:FACET_VALUES])

    def sorting(self, text: str | None) -> tuple[Sorting, ...]:
        """Return the order written as ``metric,-value``; empty for the order of the source.

        Raises:
            InputError: a column is unknown; names the nearest one.
        """
        return named_levels(self.name, self.sortable, text)

    def find(
        self,
        session: Session,
        search: Any,
        limit: int,
        sorting: Sequence[Sorting] = (),
        after: Sequence[Any] | None = None,
        total: int | None = None,
    ) -> SearchPage[RowT]:
        """Return at most ``limit`` rows behind a cursor position; the total is not needed.

        Raises:
            ValueError: the position does not fit the order.
        """
        found = self._matching(session, search)
        for name, descending in reversed(sorting):
            known = [each for each in found if getattr(each[1], name) is not None]
            known.sort(key=lambda each: getattr(each[1], name), reverse=descending)
            found = [*known, *(each for each in found if getattr(each[1], name) is None)]
        if after is not None:
            last = self.place(sorting, after)[-1]
            found = [*dropwhile(lambda each: each[0] != last, found)][1:]
        place = None
        if 0 < limit < len(found):
            number, row = found[limit - 1]
            place = [*(getattr(row, name) for name, _ in sorting), number]
        return SearchPage(rows=[row for _, row in found[:limit]], place=place)

    def place(self, sorting: Sequence[Sorting], values: Sequence[Any]) -> CursorPosition:
        """Return the checked values of a cursor position: the sort values and the row's number.

        Raises:
            ValueError: the values do not fit the columns.
        """
        columns = self.row.dictionary()
        if len(values) != len(sorting) + 1 or type(values[-1]) is not int:
            raise ValueError("the position does not fit the order of the table")
        for (name, _), value in zip(sorting, values[:-1], strict=True):
            text = columns[name].type == "string"
            fits = isinstance(value, str) if text else isinstance(value, int | float)
            if value is not None and not (fits and (text or math.isfinite(value))):
                raise ValueError(f"{value!r} is not a value of {name}")
        return [*values]

    def iterate(
        self, session: Session, search: Any, sorting: Sequence[Sorting] | None = None
    ) -> Iterator[RowT]:
        """Yield every row that matches, in order."""
        yield from self.find(session, search, len(self.rows(session)), sorting or ()).rows

    def get(self, session: Session, key: str) -> RowT:
        """Return one row by its key.

        Raises:
            NotFoundError: the table holds no such row, or its key takes several columns.
        """
        for row in self.rows(session) if self.key_name else ():
            if getattr(row, str(self.key_name)) == key:
                found: RowT = row
                return found
        raise NotFoundError(f"{self.name} holds no {key!r}")

    def _matching(self, session: Session, search: Mapping[str, Any]) -> list[tuple[int, Any]]:
        wanted = [self.condition(*each) for each in search.items() if each[1] is not None]
        return [
            (number, row)
            for number, row in enumerate(self.rows(session))
            if all(matches(row) for matches in wanted)
        ]


def _value_filter(column: Column, example: Any) -> Filter[RowCondition]:
    """Filter by the value of a column; text columns take several values."""
    name, many = column.name, column.type == "string"

    def condition(value: Any) -> RowCondition:
        return lambda row: (
            getattr(row, name) in value if many else bool(getattr(row, name) == value)
        )

    return Filter(
        column.meaning,
        _TYPES[column.type],
        condition,
        choices=column.values if many else (),
        many=many,
        example=example,
    )


def _bound(name: str, meets: Callable[[float, float], bool]) -> Callable[[float], RowCondition]:
    def condition(value: float) -> RowCondition:
        return lambda row: (held := getattr(row, name)) is not None and meets(held, value)

    return condition


def _words(names: Sequence[str]) -> Callable[[str], RowCondition]:
    def matches(text: str, row: Any) -> bool:
        held = [str(getattr(row, name) or "").casefold() for name in names]
        return all(any(word in each for each in held) for word in text.casefold().split())

    return lambda text: partial(matches, text)


#: Small tables of the service by public name.
SMALL_TABLES: dict[str, SmallTable[Any]] = {
    table.name: table
    for table in (
        SmallTable(
            name="ions",
            row=IonsRow,
            values={
                "ion": "Cs",
                "charge": 1,
                "kind": "effective ionic",
                "coordination": 12,
                "spin": "HS",
                "geometry": "square planar",
            },
            ranges=(("radius_ang", 1.5),),
            words=("ion name formula smiles", "methylammonium"),
            facets=("charge", "kind", "coordination", "spin", "geometry", "source"),
        ),
        SmallTable(
            name="conduction",
            row=ConductionRow,
            values={"mechanism": "Schottky emission", "temperature_dependence": "Weak"},
            words=("mechanism origin iv_relationship", "tunneling"),
            facets=("temperature_dependence",),
        ),
        SmallTable(
            name="applications",
            row=ApplicationsRow,
            values={
                "application": "selector",
                "metric": "retention_s",
                "comparator": "<",
                "basis": "printed",
            },
            words=("application metric as_printed", "synaptic retention"),
            facets=("application", "metric", "comparator", "unit", "basis"),
        ),
        SmallTable(
            name="processing",
            row=ProcessingRow,
            values={"technique": "Spin-coating", "route": "solution"},
            words=("technique advantages challenges", "spin"),
            facets=("route", "film_quality", "scalability", "process"),
        ),
        SmallTable(
            name="array_challenges",
            row=ArrayChallengesRow,
            values={"challenge": "sneak-path", "aspect": "mitigation"},
            words=("statement", "selector"),
            facets=("challenge", "aspect"),
        ),
        SmallTable(
            name="test_protocols",
            row=TestProtocolsRow,
            values={"table": 7, "function": "STP", "memristor_type": "Volatile"},
            words=("function device_requirement pulse_protocol measured application", "pulse"),
            facets=("table", "function", "memristor_type"),
        ),
        SmallTable(
            name="benchmark_datasets",
            row=BenchmarkDatasetsRow,
            values={"dataset": "MNIST", "network": "CNN", "material": "MAPbI3"},
            words=("dataset description material structure conditions", "digits"),
            facets=("dataset", "network", "material", "color"),
        ),
    )
}

#: Everything that can be listed: from the database, or in memory.
Listed = Collection[Any] | SmallTable[Any]
LISTED: dict[str, Listed] = {**COLLECTIONS, **SMALL_TABLES}
