"""Conversion of a filter into a condition in SQL, with the grammar of optimade-python-tools.

Values of a filter reach the database as parameters only. A comparison with an unknown value is
neither true nor false, as with NULL in SQL: neither ``tau < 4`` nor ``NOT tau < 4`` finds an entry
without tau, as the specification requires.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import accumulate
from typing import Any, cast

from lark import Lark, Token, Transformer, Tree
from lark.exceptions import LarkError, UnexpectedInput, VisitError
from sqlalchemy import ColumnElement, and_, not_, or_

from pvkdb.errors import unknown_name
from pvkdb_api.optimade import foreign
from pvkdb_api.optimade.entries.lists import Items, opposite
from pvkdb_api.optimade.entries.properties import Nothing, Operator, Property, Scalar
from pvkdb_api.optimade.entries.search import ALL
from pvkdb_api.optimade.errors import FilterError, UnsupportedError

#: Longest filter; a request line of an HTTP server is limited to 64 kB.
MAX_LENGTH = 60_000
#: Deepest nesting of parentheses and NOT: databases limit the depth of an expression.
MAX_DEPTH = 50
GRAMMAR = "v1.2.0.lark"

#: This rule drops its only token, so that TRUE and FALSE would look the same.
_BOOL = 'bool: ( "TRUE" | "FALSE" )'

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
        FilterError: it cannot be parsed, or compares unlike values.
        UnsupportedError: it asks for an optional part that is not supported.
    """
    if not text.strip():
        return ALL
    try:
        made: SqlCondition = _Filter(properties, warn).transform(_parse(text))
    except VisitError as error:
        raise error.orig_exc from error
    if made.size > MAX_CONDITIONS:
        raise FilterError(f"the filter has {made.size} conditions; {MAX_CONDITIONS} are allowed")
    return made.sql


@cache
def _parser() -> Lark:
    file = resources.files("optimade").joinpath("grammar", GRAMMAR)
    grammar = file.read_text(encoding="utf-8")
    assert _BOOL in grammar
    # LALR parses this grammar in linear time; the default, Earley, does not.
    return Lark(grammar.replace(_BOOL, f"!{_BOOL}"), parser="lalr", maybe_placeholders=False)


def _parse(text: str) -> Tree[Token]:
    """Return the syntax tree of a filter.

    Raises:
        FilterError: the text is not a filter; names the position.
    """
    if len(text) > MAX_LENGTH:
        raise FilterError(f"the filter has {len(text)} characters; {MAX_LENGTH} are allowed")
    if "\0" in text:
        raise FilterError("the filter holds a NUL character; no text in the store does")
    _refuse_deep(text)
    try:
        return _parser().parse(text)
    except UnexpectedInput as error:
        place = error.pos_in_stream if error.pos_in_stream is not None else len(text)
        place = len(text) if place < 0 else place
        shown = ascii(text[max(0, place - 20) : place + 20])
        raise FilterError(
            f"the filter cannot be read at character {place + 1}, in {shown}; a filter reads like "
            "'nelements = 3 AND elements HAS \"Cs\"'"
        ) from error
    except LarkError as error:
        raise FilterError("the filter cannot be read") from error


def _refuse_deep(text: str) -> None:
    outside_strings = re.sub(r'"(\\.|[^"\\])*"?', "", text, flags=re.DOTALL)
    steps = ((sign == "(") - (sign == ")") for sign in outside_strings)
    if max(accumulate(steps), default=0) > MAX_DEPTH:
        raise FilterError(
            f"the filter nests more than {MAX_DEPTH} parentheses; leave out those that are not "
            "needed"
        )


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
        return self.signed_int(parts) if parts[0].type == "SIGNED_INT" else float(parts[0])

    def signed_int(self, parts: list[Token]) -> float:
        # Python reads no integer of thousands of digits; as a double, 400 digits are infinite.
        return int(parts[0]) if len(parts[0]) < 400 else float(parts[0])

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
            raise UnsupportedError(f"{name!r}: nothing inside {first!r} can be searched")
        if foreign(first):
            self.warn(f"{name} belongs to another provider; its value is unknown here")
            return Nothing(name, "string")
        raise FilterError(unknown_name("property", name, self.properties))

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
        if word in ("ALL", "ANY"):
            by = and_ if word == "ALL" else or_
            return lambda of: _join(by, [of.has(*wanted) for wanted in parts[-1]])
        if word == "ONLY":
            return lambda of: SqlCondition(of.has_only(parts[-1]), size=len(parts[-1]))
        operator = _operator(parts[1]) if word == "OPERATOR" else "="
        return lambda of: SqlCondition(of.has(operator, parts[-1]))

    def value_list(self, parts: list[Any]) -> list[Wanted]:
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

    value_zip = value_list

    def value_zip_list(self, parts: list[Any]) -> list[Any]:
        return parts

    property_zip_addon = value_zip_list

    def set_zip_op_rhs(self, parts: list[Any]) -> RightHandSide:
        others: list[Property] = parts[0]
        word = parts[2].type if isinstance(parts[2], Token) else ""
        tuples: list[list[Wanted]] = parts[-1] if word else [parts[-1]]

        def zipped(of: Property) -> SqlCondition:
            lists = _alike([of, *others])
            if any(len(wanted) != len(lists) for wanted in tuples):
                raise FilterError(
                    f"{len(lists)} lists are zipped; give {len(lists)} values, joined by ':'"
                )
            rows = [
                and_(*(each.fulfils(*pair) for each, pair in zip(lists, wanted, strict=True)))
                for wanted in tuples
            ]
            if word == "ONLY":
                no_others = opposite(lists[0].any_row(not_(or_(*rows))))
                return SqlCondition(and_(lists[0].not_empty(), no_others), size=len(rows))
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
            raise UnsupportedError("two constants are compared; name a property")
        return self.value_op_rhs([_REVERSED[_operator(operator)], value])(of)

    def expression_phrase(self, parts: list[Any]) -> SqlCondition:
        made: SqlCondition = parts[-1]
        return made if len(parts) == 1 else SqlCondition(opposite(made.sql), size=made.size)

    def expression_clause(self, parts: list[SqlCondition]) -> SqlCondition:
        return _all(and_, parts)

    def expression(self, parts: list[SqlCondition]) -> SqlCondition:
        return _all(or_, _gathered(parts))

    def filter(self, parts: list[SqlCondition]) -> SqlCondition:
        if len(parts) != 1:
            raise FilterError("join the conditions of the filter by AND or OR")
        return parts[0]


def _operator(text: str) -> Operator:
    return cast("Operator", str(text))


def _alike(lists: list[Property]) -> list[Items]:
    """Return the list properties; raise an error if their items come from different rows."""
    found = [each for each in lists if isinstance(each, Items)]
    if len(found) != len(lists) or any(each.rows is not found[0].rows for each in found):
        names = ":".join(each.name for each in lists)
        raise UnsupportedError(f"{names} cannot be searched together")
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
