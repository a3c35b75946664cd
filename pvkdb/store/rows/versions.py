"""New content for a row; the former content is kept: ``e-t1-r01-ea`` and ``e-t1-r01-ea~1``.

A cited id always names the current row; :func:`pvkdb.store.curation.history.history` shows its
former versions.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, inspect, select
from sqlalchemy.orm import Mapper, Session

from pvkdb.store.base import Base

#: Columns that differ between versions of the same content.
_VERSION_COLUMNS = frozenset({"id", "supersedes_id", "recorded_in"})


def replace_row(session: Session, known: Any, stated: Any, version: str) -> None:
    """Give ``known`` the content of ``stated``; its former content becomes a superseded row.

    Bibliography entries are corrected in place, without a superseded row.
    """
    mapper: Mapper[Any] = inspect(type(known))
    if "supersedes_id" in mapper.columns:
        archive = _archive(session, mapper, known)
        known.supersedes_id = archive.id
    # Relations set their foreign keys; rows outside the session have none to copy.
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
    """Copy the row and its children under a new id; the children of the row are removed."""
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
    session.flush()  # the row supersedes nothing now, and its children are deleted
    archive.supersedes_id = older
    session.add(archive)
    session.flush()
    return archive


def _copy(child: Base, parent: Mapper[Any]) -> Base:
    """Copy a child row without its own key and that of its parent."""
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
