"""Properties of entries: one object yields condition, order, and the value in a response."""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
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
    literal,
    not_,
    null,
    true,
)

from pvkdb.store.base import UtcDateTime
from pvkdb_api.optimade.entries.text import by_code_point, contains, ends_with, starts_with
from pvkdb_api.optimade.errors import RefusedError, UnsupportedError

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
MATCHES: dict[str, Callable[[ColumnElement[Any], str], ColumnElement[bool]]] = {
    "CONTAINS": contains,
    "STARTS": starts_with,
    "ENDS": ends_with,
}
#: What is neither true nor false: a comparison with a property that has no value.
UNKNOWN: ColumnElement[bool] = cast(null(), Boolean)

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, eq=False)
class Property(ABC):
    """A property. ``description`` and ``unit`` are what ``/info`` says of it; a property of the
    specification is described there.
    """

    name: str
    kind: Kind
    description: str = ""
    unit: str | None = None
    sortable: bool = False

    @property
    def has_values(self) -> bool:
        """Whether any entry has a value."""
        return True

    @property
    def columns(self) -> Mapping[str, ColumnElement[Any]]:
        """What has to be selected for the value, by name."""
        return {}

    @abstractmethod
    def value(self, row: Any) -> Any:
        """The value in a response, from a row that holds the columns."""

    def known(self) -> ColumnElement[bool]:
        """Whether there is a value."""
        return true()

    def compare(self, operator: Operator, value: Any) -> ColumnElement[bool]:
        """``property OPERATOR value``"""
        raise RefusedError(
            f"{self.name!r} is a {self.kind}, which {operator!r} cannot compare; "
            "lists are searched by HAS, HAS ALL, HAS ANY, HAS ONLY and LENGTH",
            "filter",
        )

    def match(self, how: str, part: Any) -> ColumnElement[bool]:
        """``property CONTAINS "part"`` and its like."""
        raise RefusedError(f"{self.name!r} is a {self.kind}; {how} is for strings", "filter")

    def has(self, operator: Operator, value: Any) -> ColumnElement[bool]:
        """``property HAS OPERATOR value``: an item fulfils it."""
        raise self._no_list("HAS")

    def has_only(self, wanted: Sequence[tuple[Operator, Any]]) -> ColumnElement[bool]:
        """``property HAS ONLY …``: every item fulfils one of the conditions, and there is one."""
        raise self._no_list("HAS ONLY")

    def length(self, operator: Operator, value: int) -> ColumnElement[bool]:
        """``property LENGTH OPERATOR value``"""
        raise self._no_list("LENGTH")

    def _no_list(self, word: str) -> RefusedError:
        if self.kind == "list":
            return UnsupportedError(
                f"{self.name!r} cannot be searched by {word} on this service", "filter"
            )
        return RefusedError(f"{self.name!r} is a {self.kind}; {word} is for lists", "filter")


@dataclass(frozen=True, eq=False)
class Scalar(Property):
    """A property with one value, which SQL works out."""

    expression: ColumnElement[Any] = field(kw_only=True)
    nullable: bool = True
    shown: Callable[[Any], Any] = field(default=lambda value: value, kw_only=True)

    @property
    def columns(self) -> Mapping[str, ColumnElement[Any]]:
        """The value itself."""
        return {self.name: self.expression}

    def value(self, row: Any) -> Any:
        """The value in the form of JSON."""
        found = getattr(row, self.name)
        if isinstance(found, datetime):
            return f"{found:%Y-%m-%dT%H:%M:%SZ}"
        return None if found is None else self.shown(found)

    def known(self) -> ColumnElement[bool]:
        """Whether there is a value."""
        return self.expression.is_not(None) if self.nullable else true()

    def compare(self, operator: Operator, value: Any) -> ColumnElement[bool]:
        """By the kind of the property; a value of another kind is refused."""
        if isinstance(value, Property):
            return self._compare_property(operator, value)
        if self.kind == "timestamp":
            return _compare_seconds(self.expression, operator, self._time(value))
        compared: ColumnElement[bool] = OPERATORS[operator](*self._operands(operator, value))
        return compared

    def match(self, how: str, part: Any) -> ColumnElement[bool]:
        """Part of a text, upper and lower case apart."""
        if self.kind != "string":
            return super().match(how, part)
        if not isinstance(part, str):
            raise self._wrong(part)
        return MATCHES[how](self.expression, part)

    def one_of(self, values: Sequence[str]) -> ColumnElement[bool]:
        """``property = "a" OR property = "b" …`` at once."""
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
                raise RefusedError(
                    f"{self.name!r} is TRUE or FALSE; {operator!r} cannot order them", "filter"
                )
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
            raise RefusedError(
                f"{self.name!r} ({self.kind}) and {other.name!r} ({other.kind}) cannot be compared",
                "filter",
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
        raise RefusedError(
            f"{self.name!r} cannot be compared with {shown(value)}; write a time as in RFC 3339, "
            'for example "2026-05-01T12:00:00Z"',
            "filter",
        )

    def _wrong(self, value: Any) -> RefusedError:
        return RefusedError(
            f"{self.name!r} is of type {self.kind} and cannot be compared with {shown(value)}",
            "filter",
        )


@dataclass(frozen=True, eq=False)
class Nothing(Property):
    """A property that no entry has a value of: it never matches but ``IS UNKNOWN``."""

    @property
    def has_values(self) -> bool:
        """None has."""
        return False

    def value(self, row: Any) -> None:
        """No value."""
        return

    def known(self) -> ColumnElement[bool]:
        """Never."""
        return false()

    def compare(self, operator: Operator, value: Any) -> ColumnElement[bool]:
        """Neither true nor false."""
        return UNKNOWN

    def match(self, how: str, part: Any) -> ColumnElement[bool]:
        """Neither true nor false."""
        return UNKNOWN

    def has(self, operator: Operator, value: Any) -> ColumnElement[bool]:
        """Neither true nor false."""
        return UNKNOWN

    def has_only(self, wanted: Sequence[tuple[Operator, Any]]) -> ColumnElement[bool]:
        """Neither true nor false."""
        return UNKNOWN

    def length(self, operator: Operator, value: int) -> ColumnElement[bool]:
        """Neither true nor false."""
        return UNKNOWN


def number(value: float) -> ColumnElement[Any]:
    """A number of a filter as a parameter: what is no small integer travels as a double, since a
    driver would round it or refuse it."""
    if isinstance(value, int) and abs(value) < 2**31:
        return literal(value, Integer)
    try:
        return literal(float(value), Double)
    except OverflowError:
        return literal(float("inf") if value > 0 else float("-inf"), Double)


def _compare_seconds(
    expression: ColumnElement[Any], operator: Operator, time: datetime
) -> ColumnElement[bool]:
    """Compare with what a response shows: the time without the fraction of its second."""
    low = literal(time.replace(microsecond=0), UtcDateTime)
    high = literal(time.replace(microsecond=0) + _SECOND, UtcDateTime)
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
    """A value as a filter writes it, cut where it is long."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, Property):
        return f"the property {value.name!r}"
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
