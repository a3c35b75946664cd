"""Conversion of a filter into a condition in SQL.

Values of a filter reach the database as parameters only. A comparison with an unknown value is
neither true nor false, as with NULL in SQL: neither ``tau < 4`` nor ``NOT tau < 4`` finds an entry
without tau, as the specification requires.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from lark import Token, Transformer
from lark.exceptions import VisitError
from sqlalchemy import ColumnElement, and_, not_, or_

from pvkdb.errors import unknown_name
from pvkdb_api.optimade import PREFIX
from pvkdb_api.optimade.entries.lists import Items
from pvkdb_api.optimade.entries.properties import Nothing, Operator, Property, Scalar
from pvkdb_api.optimade.entries.search import ALL
from pvkdb_api.optimade.errors import OptimadeError, UnsupportedError
from pvkdb_api.optimade.grammar import parse

#: Most conditions in a filter, since SQLite limits the depth of an expression to 1000. Equalities
#: of one property that are joined by OR count once.
MAX_CONDITIONS = 500

_REVERSED: dict[Operator, Operator] = {
    "=": "=", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<=",
}  # fmt: skip

#: The right-hand side of a comparison: makes a condition from a property.
RightHandSide = Callable[[Property], "SqlCondition"]
#: An operator and a value, as in the lists behind HAS ANY.
Wanted = tuple[Operator, Any]


@dataclass(frozen=True)
class SqlCondition:
    """A condition in SQL; for ``property = "text"``, ``equals`` holds both sides."""

    sql: ColumnElement[bool]
    equals: tuple[Scalar, str] | None = None
    size: int = 1


def condition(
    text: str, properties: Mapping[str, Property], warn: Callable[[str], None]
) -> ColumnElement[bool]:
    """Return an OPTIMADE filter as a condition in SQL.

    Args:
        text: The filter; every entry fulfils an empty one.
        properties: Properties of the entry type, by name.
        warn: Called with a sentence about a property that is treated as unknown.

    Raises:
        OptimadeError: it cannot be parsed, or compares unlike values.
        UnsupportedError: it asks for an optional part that is not supported.
    """
    if not text.strip():
        return ALL
    try:
        made: SqlCondition = _Filter(properties, warn).transform(parse(text))
    except VisitError as error:
        raise error.orig_exc from error
    if made.size > MAX_CONDITIONS:
        raise OptimadeError(
            f"the filter has {made.size} conditions; {MAX_CONDITIONS} are allowed", "filter"
        )
    return made.sql


class _Filter(Transformer[Token, SqlCondition]):
    """Converts a syntax tree: a method for each grammar rule, called with its converted parts."""

    def __init__(self, properties: Mapping[str, Property], warn: Callable[[str], None]) -> None:
        super().__init__()
        self.properties = properties
        self.warn = warn

    # Values and names.

    def string(self, parts: list[Token]) -> str:
        return re.sub(r"\\(.)", r"\1", str(parts[0])[1:-1], flags=re.DOTALL)

    def number(self, parts: list[Token]) -> float:
        return int(parts[0]) if parts[0].type == "SIGNED_INT" else float(parts[0])

    def signed_int(self, parts: list[Token]) -> int:
        return int(parts[0])

    def bool(self, parts: list[Token]) -> bool:
        return str(parts[0]) == "TRUE"

    def value(self, parts: list[Any]) -> Any:
        return parts[0]

    constant = non_string_value = not_implemented_string = comparison = value

    def property(self, parts: list[Token]) -> Property:
        name = ".".join(map(str, parts))
        if name in self.properties:
            return self.properties[name]
        first = str(parts[0])
        if first in self.properties:
            raise UnsupportedError(f"{name!r}: nothing inside {first!r} can be searched", "filter")
        if first.startswith("_") and not first.startswith(f"_{PREFIX}_"):
            self.warn(f"{name} belongs to another provider; its value is unknown here")
            return Nothing(name, "string")
        raise OptimadeError(unknown_name("property", name, self.properties), "filter")

    # Right-hand sides.

    def value_op_rhs(self, parts: list[Any]) -> RightHandSide:
        operator, value = _operator(parts[0]), parts[1]

        def compare(of: Property) -> SqlCondition:
            sql = of.compare(operator, value)
            plain = isinstance(of, Scalar) and of.kind == "string" and isinstance(value, str)
            equals = (cast("Scalar", of), value) if plain and operator == "=" else None
            return SqlCondition(sql, equals)

        return compare

    def known_op_rhs(self, parts: list[Token]) -> RightHandSide:
        if parts[1].type == "KNOWN":
            return lambda of: SqlCondition(of.known())
        return lambda of: SqlCondition(not_(of.known()))

    def fuzzy_string_op_rhs(self, parts: list[Any]) -> RightHandSide:
        how, part = str(parts[0]), parts[-1]
        return lambda of: SqlCondition(of.match(how, part))

    def length_op_rhs(self, parts: list[Any]) -> RightHandSide:
        operator = _operator(parts[1]) if len(parts) == 3 else "="
        return lambda of: SqlCondition(of.length(operator, parts[-1]))

    def set_op_rhs(self, parts: list[Any]) -> RightHandSide:
        word = parts[1].type if isinstance(parts[1], Token) else ""
        if word == "ALL":
            return lambda of: _join(and_, [of.has(*wanted) for wanted in parts[-1]])
        if word == "ANY":
            return lambda of: _join(or_, [of.has(*wanted) for wanted in parts[-1]])
        if word == "ONLY":
            return lambda of: SqlCondition(of.has_only(parts[-1]), size=len(parts[-1]))
        operator = _operator(parts[1]) if word == "OPERATOR" else "="
        return lambda of: SqlCondition(of.has(operator, parts[-1]))

    def value_list(self, parts: list[Any]) -> list[Wanted]:
        return _pairs(parts)

    value_zip = value_list

    def value_zip_list(self, parts: list[list[Wanted]]) -> list[list[Wanted]]:
        return parts

    def property_zip_addon(self, parts: list[Property]) -> list[Property]:
        return parts

    def set_zip_op_rhs(self, parts: list[Any]) -> RightHandSide:
        others: list[Property] = parts[0]
        word = parts[2].type if isinstance(parts[2], Token) else ""
        tuples: list[list[Wanted]] = parts[-1] if word else [parts[-1]]

        def zipped(of: Property) -> SqlCondition:
            lists = _alike([of, *others])
            if any(len(wanted) != len(lists) for wanted in tuples):
                raise OptimadeError(
                    f"{len(lists)} lists are zipped; give {len(lists)} values, joined by ':'",
                    "filter",
                )
            rows = [
                and_(*(each.fulfils(*pair) for each, pair in zip(lists, wanted, strict=True)))
                for wanted in tuples
            ]
            if word == "ONLY":
                others_too = lists[0].any_row(not_(or_(*rows)))
                return SqlCondition(and_(lists[0].not_empty(), not_(others_too)), size=len(rows))
            return _join(and_ if word == "ALL" else or_, [lists[0].any_row(row) for row in rows])

        return zipped

    # Comparisons, and what joins them.

    def property_first_comparison(self, parts: list[Any]) -> SqlCondition:
        of, right_hand_side = parts
        made: SqlCondition = right_hand_side(of)
        return made

    def constant_first_comparison(self, parts: list[Any]) -> SqlCondition:
        value, operator, of = parts
        if not isinstance(of, Property):
            raise UnsupportedError("two constants are compared; name a property", "filter")
        return self.value_op_rhs([_REVERSED[_operator(operator)], value])(of)

    def expression_phrase(self, parts: list[Any]) -> SqlCondition:
        made: SqlCondition = parts[-1]
        return made if len(parts) == 1 else SqlCondition(not_(made.sql), size=made.size)

    def expression_clause(self, parts: list[SqlCondition]) -> SqlCondition:
        return _all(and_, parts)

    def expression(self, parts: list[SqlCondition]) -> SqlCondition:
        return _all(or_, _gathered(parts))

    def filter(self, parts: list[SqlCondition]) -> SqlCondition:
        if len(parts) != 1:
            raise OptimadeError("join the conditions of the filter by AND or OR", "filter")
        return parts[0]


def _operator(text: str) -> Operator:
    return cast("Operator", str(text))


def _pairs(parts: list[Any]) -> list[Wanted]:
    """Return the values of a list, each with the operator written before it (default ``=``)."""
    wanted: list[Wanted] = []
    operator: Operator = "="
    for part in parts:
        if isinstance(part, Token):
            operator = _operator(part)
        else:
            wanted.append((operator, part))
            operator = "="
    return wanted


def _alike(lists: list[Property]) -> list[Items]:
    """Return the list properties; raise an error if their items come from different rows."""
    found = [each for each in lists if isinstance(each, Items)]
    if len(found) != len(lists) or any(each.rows is not found[0].rows for each in found):
        names = ":".join(each.name for each in lists)
        raise UnsupportedError(f"{names} cannot be searched together", "filter")
    return found


def _join(by: Callable[..., ColumnElement[bool]], parts: list[ColumnElement[bool]]) -> SqlCondition:
    return SqlCondition(by(*parts), size=len(parts))


def _all(by: Callable[..., ColumnElement[bool]], parts: list[SqlCondition]) -> SqlCondition:
    if len(parts) == 1:
        return parts[0]
    return SqlCondition(by(*(part.sql for part in parts)), size=sum(part.size for part in parts))


def _gathered(parts: list[SqlCondition]) -> list[SqlCondition]:
    """Merge the equalities of each property into one condition, so that long id lists stay fast."""
    values: dict[Scalar, list[str]] = {}
    rest = []
    for part in parts:
        if part.equals is None:
            rest.append(part)
        else:
            values.setdefault(part.equals[0], []).append(part.equals[1])
    for of, wanted in values.items():
        single = SqlCondition(of.compare("=", wanted[0]), (of, wanted[0]))
        rest.append(single if len(wanted) == 1 else SqlCondition(of.one_of(wanted)))
    return rest
