"""Properties of entries: each gives its condition in SQL, its order and its value in a response.

Texts are compared in the same way on both databases: by code point and case-sensitively. SQLite's
LIKE ignores the case of ASCII letters, and PostgreSQL sorts by the rules of a language, so both
get functions of their own.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Double,
    Integer,
    Text,
    and_,
    cast,
    false,
    func,
    literal,
    not_,
    null,
    true,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from pvkdb.store.base import UtcDateTime
from pvkdb_api.optimade.errors import FilterError, UnsupportedError

Kind = Literal["string", "integer", "float", "boolean", "timestamp", "list", "dictionary"]
Operator = Literal["=", "!=", "<", "<=", ">", ">="]

OPERATORS: dict[Operator, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
#: The result of comparing a property that has no value: neither true nor false.
UNKNOWN: ColumnElement[bool] = cast(null(), Boolean)


class position(FunctionElement[int]):  # noqa: N801, named like the function of SQL
    """Position of a text in another one, from 1; 0 where it is absent."""

    type = Integer()
    inherit_cache = True


class by_code_point(FunctionElement[str]):  # noqa: N801
    """SQL expression of a text that is sorted and compared by code point."""

    type = Text()
    inherit_cache = True


class latest(FunctionElement[datetime]):  # noqa: N801
    """The latest of some times, of which none is unknown."""

    type = UtcDateTime()
    inherit_cache = True


def _render(template: str) -> Callable[..., str]:
    """Return a compiler that writes an SQL function's call for one database dialect."""

    def render(element: FunctionElement[Any], compiler: SQLCompiler, **options: Any) -> str:
        return template.format(compiler.process(element.clauses, **options))

    return render


compiles(position, "sqlite")(_render("instr({})"))
compiles(position, "postgresql")(_render("strpos({})"))
compiles(latest, "sqlite")(_render("max({})"))
compiles(latest, "postgresql")(_render("greatest({})"))
compiles(by_code_point, "sqlite")(_render("{}"))
compiles(by_code_point, "postgresql")(_render('({}) COLLATE "C"'))


def _ends_with(text: ColumnElement[Any], part: str) -> ColumnElement[bool]:
    """Return the condition that a text ends with a part (in SQLite, by a negative position)."""
    length = func.length(text, type_=Integer)
    tail = func.substr(text, length - len(part) + 1) == literal(part, Text)
    return and_(length >= len(part), tail)


MATCHES: dict[str, Callable[[ColumnElement[Any], str], ColumnElement[bool]]] = {
    "CONTAINS": lambda text, part: position(text, literal(part, Text)) > 0,
    "STARTS": lambda text, part: func.substr(text, 1, len(part)) == literal(part, Text),
    "ENDS": _ends_with,
}


@dataclass(frozen=True, eq=False)
class Property:
    """A property of an entry type.

    ``/info`` shows ``description`` and ``unit``; properties of the specification are described
    there.
    """

    name: str
    kind: Kind
    description: str = ""
    unit: str | None = None
    sortable: bool = False

    @property
    def columns(self) -> Mapping[str, ColumnElement[Any]]:
        """Return the SQL columns from which the value is computed, by name."""
        return {}

    def value(self, row: Any) -> Any:
        """Return the value for a response, computed from a row that has ``columns``; here None."""
        return

    def known(self) -> ColumnElement[bool]:
        """Return the condition that there is a value."""
        return true()

    def compare(self, operator: Operator, value: Any) -> ColumnElement[bool]:
        """Return the condition ``property OPERATOR value``."""
        raise FilterError(
            f"{self.name!r} is a {self.kind}, which {operator!r} cannot compare; "
            "lists are searched by HAS, HAS ALL, HAS ANY, HAS ONLY and LENGTH"
        )

    def match(self, how: str, part: Any) -> ColumnElement[bool]:
        """Return the condition ``property CONTAINS part``, or with STARTS or ENDS as ``how``."""
        raise FilterError(f"{self.name!r} is a {self.kind}; {how} is for strings")

    def has(self, operator: Operator, value: Any) -> ColumnElement[bool]:
        """Return the condition ``property HAS OPERATOR value``: an item fulfils it."""
        raise self._no_list("HAS")

    def has_only(self, wanted: Sequence[tuple[Operator, Any]]) -> ColumnElement[bool]:
        """Return the condition ``property HAS ONLY …``.

        There are items, and each one fulfils one of the wanted conditions.
        """
        raise self._no_list("HAS ONLY")

    def length(self, operator: Operator, value: int) -> ColumnElement[bool]:
        """Return the condition ``property LENGTH OPERATOR value``."""
        raise self._no_list("LENGTH")

    def _no_list(self, word: str) -> FilterError:
        if self.kind == "list":
            return UnsupportedError(f"{self.name!r} cannot be searched by {word} on this service")
        return FilterError(f"{self.name!r} is a {self.kind}; {word} is for lists")


@dataclass(frozen=True, eq=False)
class Scalar(Property):
    """A property with one value, computed by SQL."""

    expression: ColumnElement[Any] = field(kw_only=True)
    nullable: bool = True

    @property
    def columns(self) -> Mapping[str, ColumnElement[Any]]:
        return {self.name: self.expression}

    def value(self, row: Any) -> Any:
        found = getattr(row, self.name)
        return f"{found:%Y-%m-%dT%H:%M:%SZ}" if isinstance(found, datetime) else found

    def known(self) -> ColumnElement[bool]:
        return self.expression.is_not(None) if self.nullable else true()

    def compare(self, operator: Operator, value: Any) -> ColumnElement[bool]:
        if isinstance(value, Property):
            return self._compare_property(operator, value)
        if self.kind == "timestamp":
            return _compare_seconds(self.expression, operator, self._time(value))
        compared: ColumnElement[bool] = OPERATORS[operator](*self._operands(operator, value))
        return compared

    def match(self, how: str, part: Any) -> ColumnElement[bool]:
        if self.kind != "string":
            return super().match(how, part)
        if not isinstance(part, str):
            raise self._wrong(part)
        return MATCHES[how](self.expression, part)

    def one_of(self, values: Sequence[str]) -> ColumnElement[bool]:
        """Return the condition ``property = "a" OR property = "b" …``."""
        return self.expression.in_([literal(value, Text) for value in values])

    def _operands(self, operator: Operator, value: Any) -> tuple[Any, Any]:
        if self.kind == "string":
            if not isinstance(value, str):
                raise self._wrong(value)
            wanted = literal(value, Text)
            if operator in ("=", "!="):
                return self.expression, wanted
            return by_code_point(self.expression), wanted
        if self.kind == "boolean":
            if not isinstance(value, bool):
                raise self._wrong(value)
            if operator not in ("=", "!="):
                raise FilterError(f"{self.name!r} is TRUE or FALSE; {operator!r} cannot order them")
            return self.expression, literal(value, Boolean)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._wrong(value)
        return self.expression, number(value)

    def _compare_property(self, operator: Operator, other: Property) -> ColumnElement[bool]:
        numbers = ("integer", "float")
        same = other.kind == self.kind or (other.kind in numbers and self.kind in numbers)
        if isinstance(other, Nothing):
            return UNKNOWN
        if not isinstance(other, Scalar) or not same:
            raise FilterError(
                f"{self.name!r} ({self.kind}) and {other.name!r} ({other.kind}) cannot be compared"
            )
        mine, theirs = self.expression, other.expression
        if self.kind == "string" and operator not in ("=", "!="):
            mine, theirs = by_code_point(mine), by_code_point(theirs)
        compared: ColumnElement[bool] = OPERATORS[operator](mine, theirs)
        return compared

    def _time(self, value: Any) -> datetime:
        if isinstance(value, str):
            try:
                time = datetime.fromisoformat(value)
            except ValueError:
                time = None
            if time is not None and time.tzinfo is not None and 1 < time.year < 9999:
                return time.astimezone(UTC)
        raise FilterError(
            f"{self.name!r} cannot be compared with {shown(value)}; write a time as in RFC 3339, "
            'for example "2026-05-01T12:00:00Z"'
        )

    def _wrong(self, value: Any) -> FilterError:
        return FilterError(
            f"{self.name!r} is of type {self.kind} and cannot be compared with {shown(value)}"
        )


@dataclass(frozen=True, eq=False)
class Nothing(Property):
    """A property without a value in any entry: it matches ``IS UNKNOWN`` only."""

    def known(self) -> ColumnElement[bool]:
        return false()

    def _unknown(self, *_: Any, **__: Any) -> ColumnElement[bool]:
        return UNKNOWN

    compare = match = has = has_only = length = _unknown


@dataclass(frozen=True, eq=False)
class PerFrame(Property):
    """A list with one value a frame of a trajectory, from the frames; it cannot be searched."""


def number(value: float) -> ColumnElement[Any]:
    """Return a number in a filter as a parameter of the SQL statement.

    Everything but small integers is sent as a double, since a driver would round or refuse it.
    """
    if isinstance(value, int) and abs(value) < 2**31:
        return literal(value, Integer)
    try:
        return literal(float(value), Double)
    except OverflowError:
        return literal(float("inf") if value > 0 else float("-inf"), Double)


def _compare_seconds(
    expression: ColumnElement[Any], operator: Operator, time: datetime
) -> ColumnElement[bool]:
    """Return the comparison of a time, cut to whole seconds as in responses, with another time."""
    low = literal(time.replace(microsecond=0), UtcDateTime)
    high = literal(time.replace(microsecond=0) + timedelta(seconds=1), UtcDateTime)
    whole = time.microsecond == 0
    if operator in ("=", "!="):
        # No response shows a fraction of a second; a condition that nothing meets keeps NULL NULL.
        first, end = (low, high) if whole else (high, low)
        inside = and_(expression >= first, expression < end)
        return inside if operator == "=" else not_(inside)
    if operator in ("<", ">="):
        edge = low if whole else high
        return expression < edge if operator == "<" else expression >= edge
    return expression < high if operator == "<=" else expression >= high


def shown(value: Any) -> str:
    """Return a value as a filter writes it, shortened if it is long."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, Property):
        return f"the property {value.name!r}"
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
