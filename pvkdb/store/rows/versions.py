"""Giving a row a new content while its former self stays: ``e-t1-r01-ea`` and ``e-t1-r01-ea~1``.

An id that has been cited keeps naming the current statement;
:func:`pvkdb.store.curation.history.history` shows what it said before.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, inspect, select
from sqlalchemy.orm import Mapper, Session

from pvkdb.store.base import Base

#: Columns that tell versions apart and are no content.
_VERSION_COLUMNS = frozenset({"id", "supersedes_id", "recorded_in"})


def replace_row(session: Session, known: Any, stated: Any, version: str) -> None:
    """Let ``known`` say what ``stated`` says; its former content becomes a superseded row.

    A bibliography entry is only corrected: it is data about a source, not a statement.
    """
    mapper: Mapper[Any] = inspect(type(known))
    if "supersedes_id" in mapper.columns:
        archive = _archive(session, mapper, known)
        known.supersedes_id = archive.id
    # A relation brings its foreign key along; what is not yet in the session has none to copy.
    theirs = {column.key for relation in mapper.relationships for column in relation.local_columns}
    for name, _ in mapper.columns.items():
        if name not in _VERSION_COLUMNS | theirs:
            setattr(known, name, getattr(stated, name))
    for relation in mapper.relationships:
        value = getattr(stated, relation.key)
        setattr(known, relation.key, list(value) if relation.uselist else value)
    known.recorded_in = version
    session.flush()


def _archive(session: Session, mapper: Mapper[Any], known: Any) -> Any:
    """A copy of the row and its children under a name of its own; the row loses its children."""
    model = mapper.class_
    before = select(func.count()).where(model.id.startswith(f"{known.id}~", autoescape=True))
    archive = model(id=f"{known.id}~{(session.scalar(before) or 0) + 1}")
    for name, _ in mapper.columns.items():
        if name not in ("id", "supersedes_id"):
            setattr(archive, name, getattr(known, name))
    older = known.supersedes_id
    known.supersedes_id = None
    for relation in mapper.relationships:
        value = getattr(known, relation.key)
        if relation.uselist:
            setattr(archive, relation.key, [_copy(child, mapper) for child in value])
            value.clear()
        else:
            setattr(archive, relation.key, value)
    session.flush()  # the place in the chain is free, and the children are gone
    archive.supersedes_id = older
    session.add(archive)
    session.flush()
    return archive


def _copy(child: Base, parent: Mapper[Any]) -> Base:
    """A child row without its own key and without its parent's."""
    mapper: Mapper[Any] = inspect(type(child))
    to_parent = {
        pair.parent.name
        for column in mapper.columns
        for pair in column.foreign_keys
        if pair.column.table is parent.local_table
    }
    own = {
        name: getattr(child, name)
        for name, column in mapper.columns.items()
        if name != "id" and column.name not in to_parent
    }
    copied: Base = mapper.class_(**own)
    return copied
