"""Rows by a list of keys, in a statement that is made once; on PostgreSQL as one parameter.

SQLAlchemy's ``column.in_(keys)`` makes a parameter of each key. For a page of 100 rows psycopg then
reads the text of the statement anew and casts each key: a quarter of the processor time of a page
of devices. SQLite has no arrays; there each key stays a parameter.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ARRAY, Boolean, Text, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

#: Name of the parameter.
KEYS = "keys"


class _Among(FunctionElement[bool]):
    type = Boolean()
    inherit_cache = True

    def self_group(self, against: Any = None) -> Any:
        """As it is: SQLAlchemy would write ``= 1`` behind it for SQLite, which then reads the whole
        table rather than the index."""
        return self


@compiles(_Among, "postgresql")
def _any(element: _Among, compiler: SQLCompiler, **options: Any) -> str:
    column, keys = (compiler.process(each, **options) for each in element.clauses)
    return f"({column} = ANY ({keys}))"


@compiles(_Among, "sqlite")
def _in(element: _Among, compiler: SQLCompiler, **options: Any) -> str:
    column, _ = element.clauses
    several = bindparam(KEYS, type_=Text, expanding=True)
    return f"({compiler.process(column.in_(several), **options)})"


def among(column: Any) -> _Among:
    """The condition that a column of texts has one of the keys which ``execute`` is given as
    ``{"keys": …}``. Keys that no row has find nothing; an empty list finds nothing."""
    return _Among(column, bindparam(KEYS, type_=ARRAY(Text)))
