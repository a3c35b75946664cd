"""Comparing texts in the same way on both databases: by code point, upper and lower case apart.

SQLite's LIKE does not tell the cases of ASCII letters apart, PostgreSQL sorts by the rules of a
language; both functions have other names.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Integer, Text, and_, func, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class position(FunctionElement[int]):  # noqa: N801, named like the function of SQL
    """Place of a text in another one, from 1; 0 where it is not in it."""

    type = Integer()
    inherit_cache = True


@compiles(position, "sqlite")
def _position_sqlite(element: position, compiler: SQLCompiler, **options: Any) -> str:
    return f"instr({compiler.process(element.clauses, **options)})"


@compiles(position, "postgresql")
def _position_postgresql(element: position, compiler: SQLCompiler, **options: Any) -> str:
    return f"strpos({compiler.process(element.clauses, **options)})"


class by_code_point(FunctionElement[str]):  # noqa: N801
    """A text that is sorted and compared by its code points."""

    type = Text()
    inherit_cache = True


@compiles(by_code_point, "sqlite")
def _plain(element: by_code_point, compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(element.clauses, **options)


@compiles(by_code_point, "postgresql")
def _collated(element: by_code_point, compiler: SQLCompiler, **options: Any) -> str:
    return f'({compiler.process(element.clauses, **options)}) COLLATE "C"'


def contains(text: ColumnElement[Any], part: str) -> ColumnElement[bool]:
    """Whether a text holds a part anywhere."""
    return position(text, literal(part, Text)) > 0


def starts_with(text: ColumnElement[Any], part: str) -> ColumnElement[bool]:
    """Whether a text begins with a part."""
    return func.substr(text, 1, len(part)) == literal(part, Text)


def ends_with(text: ColumnElement[Any], part: str) -> ColumnElement[bool]:
    """Whether a text ends with a part. SQLite counts from the end where a place is negative."""
    length = func.length(text, type_=Integer)
    tail = func.substr(text, length - len(part) + 1) == literal(part, Text)
    return and_(length >= len(part), tail)
