"""Which indexes a search reads: those that return rows in their order, not all that match."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Boolean, Column, ColumnElement, Text, literal, text
from sqlalchemy.orm import Session
from sqlalchemy.sql.visitors import replacement_traverse

#: Without plans of PostgreSQL that read whole tables before the first row, which no page needs.
_WITHOUT_SLOW_PLANS = text(
    "SELECT set_config('jit', 'off', true), set_config('enable_seqscan', 'off', true), "
    "set_config('enable_bitmapscan', 'off', true), set_config('enable_hashjoin', 'off', true), "
    "set_config('enable_mergejoin', 'off', true)"
)


def without_indexes(
    condition: ColumnElement[bool], of: Any, kept: Mapping[str, Any]
) -> ColumnElement[bool]:
    """Return a condition that reads no index of a table, but for those on the columns kept.

    A column kept as another one is replaced by it. Both databases would otherwise read all that a
    condition finds, and sort it.
    """
    table = of.property.columns[0].table.name

    def computed(element: Any, **_: Any) -> ColumnElement[Any] | None:
        if not isinstance(element, Column) or element.table.name != table:
            return None
        if element.key in kept:
            return kept[element.key] if isinstance(kept[element.key], ColumnElement) else None
        if isinstance(element.type, Boolean):
            return None
        return element + literal("", Text) if element.type.python_type is str else element + 0

    changed: ColumnElement[bool] = replacement_traverse(condition, {}, computed)
    return changed


def read_indexes(session: Session) -> None:
    """Let PostgreSQL, which cannot know how soon a page is full, read indexes in their order."""
    begun = session.get_transaction()
    if begun is not None and session.info.get("pvkdb_reads_indexes") is begun:
        return
    if session.get_bind().dialect.name == "postgresql":
        session.execute(_WITHOUT_SLOW_PLANS)
        session.info["pvkdb_reads_indexes"] = session.get_transaction()
