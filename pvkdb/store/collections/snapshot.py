"""Telling whether two sessions see the same data, without looking at it."""

from __future__ import annotations

import uuid

from sqlalchemy import func, select
from sqlalchemy.orm import Session


def snapshot(session: Session) -> str:
    """A text that is the same for two sessions only if both see the same rows.

    It may differ where nothing changed. PostgreSQL says which transactions a snapshot sees. SQLite
    says of a connection whether others have committed (``data_version``) and how much it has
    written itself; its texts can be compared within one connection.
    """
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        return str(session.scalar(select(func.pg_current_snapshot())))
    name = connection.info.setdefault("pvkdb_name", uuid.uuid4().hex)
    version = connection.exec_driver_sql("PRAGMA data_version").scalar()
    written = getattr(connection.connection.dbapi_connection, "total_changes", 0)
    return f"{name}:{version}:{written}"
