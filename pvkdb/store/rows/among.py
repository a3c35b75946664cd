"""Rows by a list of keys, in a statement that is compiled once; on PostgreSQL with one parameter.

SQLAlchemy's ``column.in_(keys)`` makes a parameter of each key. For a page of 100 rows psycopg then
parses the statement again and casts each key: a quarter of the processor time of a page of devices.
SQLite has no arrays; there each key stays a parameter.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ARRAY, Boolean, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

#: Name of the parameter that holds the keys.
KEYS = "keys"


class _Among(FunctionElement[bool]):
    type = Boolean()
    inherit_cache = True

    def self_group(self, against: Any = None) -> Any:
        """Return the condition unchanged: it needs no brackets.

        SQLAlchemy would append ``= 1`` for SQLite, which then scans the table.
        """
        return self


@compiles(_Among, "postgresql")
def _any(element: _Among, compiler: SQLCompiler, **options: Any) -> str:
    column, keys = (compiler.process(each, **options) for each in element.clauses)
    return f"({column} = ANY ({keys}))"


@compiles(_Among, "sqlite")
def _in(element: _Among, compiler: SQLCompiler, **options: Any) -> str:
    column, _ = element.clauses
    several = bindparam(KEYS, type_=column.type, expanding=True)
    return f"({compiler.process(column.in_(several), **options)})"


def among(column: Any) -> _Among:
    """Condition that a column holds one of the keys given to ``execute`` as ``{"keys": …}``.

    Unknown keys are ignored; an empty list finds nothing.
    """
    return _Among(column, bindparam(KEYS, type_=ARRAY(column.type)))
