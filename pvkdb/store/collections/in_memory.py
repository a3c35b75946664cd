"""Tables of some hundred rows at most, listed like collections: all of it is looked through.

An entry of :data:`SMALL_TABLES` says which columns filter and count; the columns' declarations say
the rest (:mod:`pvkdb.schemas.tables.columns`). Rows keep their order, that of the source, unless
sorted.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, cmp_to_key
from typing import Any, Generic, TypeVar

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
from pvkdb.store.collections.collection import FACET_VALUES, Collection, Found, Place, Sorting
from pvkdb.store.collections.export import table_rows

RowT = TypeVar("RowT", bound=Row)

_TYPES: dict[str, type[str] | type[float] | type[int] | type[bool]] = {
    "string": str,
    "number": float,
    "integer": int,
    "boolean": bool,
}


@dataclass(frozen=True, slots=True)
class RowFilter:
    """A filter: what it means, the type of its value, whether a row fits a value.

    A filter of ``many`` takes a sequence of values.
    """

    description: str
    type: type[str] | type[float] | type[int] | type[bool]
    fits: Callable[[Any, Any], bool]
    choices: tuple[str, ...] = ()
    many: bool = False
    example: Any = None


@dataclass(frozen=True, eq=False)
class SmallTable(Generic[RowT]):
    """A small table; it is asked like a :class:`~pvkdb.store.collections.collection.Collection`.

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

    @property
    def key_name(self) -> str | None:
        """The column by which one row is named; None where it takes several."""
        return self.row.primary_key[0] if len(self.row.primary_key) == 1 else None

    @property
    def sortable(self) -> Sequence[str]:
        """What rows can be sorted by: every column."""
        return self.row.columns()

    @cached_property
    def filters(self) -> dict[str, RowFilter]:
        """The filters by their names."""
        columns = self.row.dictionary()
        found = {
            name: _value_filter(columns[name], example) for name, example in self.values.items()
        }
        for name, example in self.ranges:
            unit = "" if columns[name].unit in (None, "1") else f", in {columns[name].unit}"
            for end in ("min", "max"):
                bound = "Smallest" if end == "min" else "Largest"
                found[f"{name}_{end}"] = RowFilter(
                    f"{bound} value of {name}{unit}.", float, _bound(name, end), example=example
                )
        named, words = self.words
        found["q"] = RowFilter(
            f"Words in {', '.join(named.split())}.", str, _words(named.split()), example=words
        )
        return found

    def rows(self, session: Session) -> list[Any]:
        """Every row, in the order of the source."""
        return list(table_rows(session, self.name))

    def current(self) -> Mapping[str, Any]:
        """The search that finds every row."""
        return {}

    def narrow(self, search: Any, name: str, value: Any) -> Mapping[str, Any]:
        """A search that asks for a filter too.

        Raises:
            InputError: the filter is unknown (names the nearest one) or has no such value.
        """
        if name not in self.filters:
            raise InputError(unknown_name(f"filter of {self.name}", name, self.filters))
        wanted = self.filters[name]
        values = value if isinstance(value, list | tuple) else (value,)
        for each in values if wanted.choices else ():
            if each not in wanted.choices:
                raise InputError(unknown_name(f"{name} among {self.name}", each, wanted.choices))
        return {**search, name: tuple(values) if wanted.many else value}

    def count(self, session: Session, search: Any) -> int:
        """How many rows match."""
        return len(self._matching(session, search))

    def facet(self, session: Session, search: Any, name: str) -> dict[Any, int]:
        """The most frequent values of a facet among the rows that match.

        Raises:
            InputError: there is no such facet; names the nearest one.
        """
        if name not in self.facets:
            raise InputError(unknown_name(f"facet of {self.name}", name, self.facets))
        counted = Counter(getattr(row, name) for _, row in self._matching(session, search))
        ordered = sorted(counted.items(), key=lambda item: (-item[1], str(item[0])))
        return dict(ordered[:FACET_VALUES])

    def sorting(self, text: str | None) -> tuple[Sorting, ...]:
        """The order that a text like ``metric,-value`` names; none is that of the source.

        Raises:
            InputError: there is no such column; names the nearest one.
        """
        named: dict[str, bool] = {}
        for part in filter(None, (part.strip() for part in (text or "").split(","))):
            name = part.removeprefix("-")
            if name not in self.sortable:
                raise InputError(
                    unknown_name(f"field of {self.name} to sort by", name, self.sortable)
                )
            named.setdefault(name, part.startswith("-"))
        return tuple(named.items())

    def find(
        self,
        session: Session,
        search: Any,
        limit: int,
        sorting: Sequence[Sorting] = (),
        after: Sequence[Any] | None = None,
    ) -> Found[RowT]:
        """At most ``limit`` rows behind a place.

        Raises:
            ValueError: the place does not fit the order.
        """
        compare = _comparing([descending for _, descending in sorting])
        placed: list[tuple[Place, Any]] = [
            ([*(getattr(row, name) for name, _ in sorting), number], row)
            for number, row in self._matching(session, search)
        ]
        key = cmp_to_key(compare)
        placed.sort(key=lambda entry: key(entry[0]))
        if after is not None:
            place = self.place(sorting, after)
            placed = [entry for entry in placed if compare(entry[0], place) > 0]
        shown = placed[:limit]
        return Found(
            rows=[row for _, row in shown],
            place=shown[-1][0] if shown and len(placed) > limit else None,
        )

    def place(self, sorting: Sequence[Sorting], values: Sequence[Any]) -> Place:
        """Values of a place: those sorted by, and the number of the row.

        Raises:
            ValueError: they cannot be the values of a row.
        """
        columns = self.row.dictionary()
        if len(values) != len(sorting) + 1 or type(values[-1]) is not int:
            raise ValueError("this is no place in the order of the table")
        for (name, _), value in zip(sorting, values[:-1], strict=True):
            text = columns[name].type == "string"
            fits = isinstance(value, str) if text else isinstance(value, int | float)
            if value is not None and not (fits and (text or math.isfinite(value))):
                raise ValueError(f"{value!r} is no value of {name}")
        return [*values]

    def iterate(
        self, session: Session, search: Any, sorting: Sequence[Sorting] | None = None
    ) -> Iterator[RowT]:
        """Every row that matches, in order."""
        yield from self.find(session, search, len(self.rows(session)), sorting or ()).rows

    def get(self, session: Session, key: str) -> RowT:
        """One row by its key.

        Raises:
            NotFoundError: there is none, or it takes more than one column to name one.
        """
        for row in self.rows(session) if self.key_name else ():
            if getattr(row, str(self.key_name)) == key:
                found: RowT = row
                return found
        raise NotFoundError(f"{self.name} holds no {key!r}")

    def _matching(self, session: Session, search: Mapping[str, Any]) -> list[tuple[int, Any]]:
        wanted = [
            (self.filters[name].fits, value) for name, value in search.items() if value is not None
        ]
        return [
            (number, row)
            for number, row in enumerate(self.rows(session))
            if all(fits(row, value) for fits, value in wanted)
        ]


def _value_filter(column: Column, example: Any) -> RowFilter:
    """A filter by the value of a column; texts take several values."""
    name, many = column.name, column.type == "string"

    def fits(row: Any, value: Any) -> bool:
        held = getattr(row, name)
        return held in value if many else bool(held == value)

    return RowFilter(
        column.meaning,
        _TYPES[column.type],
        fits,
        choices=column.values if many else (),
        many=many,
        example=example,
    )


def _bound(name: str, end: str) -> Callable[[Any, Any], bool]:
    def fits(row: Any, value: float) -> bool:
        held = getattr(row, name)
        return held is not None and (held >= value if end == "min" else held <= value)

    return fits


def _words(names: Sequence[str]) -> Callable[[Any, Any], bool]:
    def fits(row: Any, text: str) -> bool:
        held = [str(getattr(row, name) or "").casefold() for name in names]
        return all(any(word in each for each in held) for word in text.casefold().split())

    return fits


def _comparing(descending: Sequence[bool]) -> Callable[[Sequence[Any], Sequence[Any]], int]:
    """The order of places: level by level, what has no value last, in the end by number."""
    levels = [*descending, False]

    def compare(a: Sequence[Any], b: Sequence[Any]) -> int:
        for one, other, largest_first in zip(a, b, levels, strict=True):
            if one == other:
                continue
            if one is None or other is None:
                return 1 if one is None else -1
            return -1 if (one < other) is not largest_first else 1
        return 0

    return compare


#: The small tables that the service lists, by their public names.
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

#: What can be listed: by the database, or row by row.
Listed = Collection[Any] | SmallTable[Any]
LISTED: dict[str, Listed] = {**COLLECTIONS, **SMALL_TABLES}
