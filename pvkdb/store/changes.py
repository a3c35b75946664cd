"""How often the data of a store have changed; what the queue of calculations does is left out.

A busy queue commits many times a second. Counts and rankings, which do not depend on it, are kept
while this number stays the same.
"""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.orm import Session

#: Tables that no count of data and no ranking is made from.
_APART = frozenset(
    {
        *("calculations", "calculation_dependencies", "calculation_events", "calculation_files"),
        *("api_keys", "audit_log", "remembered_answers", "screening_schedules"),
        *("alembic_version", "data_changes", "kept_results", "drafts", "draft_decisions"),
    }
)
#: Kinds of calculations whose results are read from the calculation; others add rows of data.
EVIDENCE = frozenset({"examine"})
_WRITTEN = re.compile(r'\s*(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM)\s+"?(\w+)', re.IGNORECASE)
_CHANGED = "pvkdb_changed"
_NUMBER = text("SELECT number FROM data_changes")
#: Where the ``info`` of a session that lives for one read has their number, once it is known.
SEEN = "pvkdb_changes_seen"
COUNT_CHANGE = text("UPDATE data_changes SET number = number + 1")


def data_changes(session: Session) -> int:
    """Return how many transactions have changed the data so far.

    It is the same for two sessions only if both see the same data. What is written past pvkdb,
    with ``sqlite3`` or ``psql``, is not counted.
    """
    seen: int | None = session.info.get(SEEN)
    return (session.scalar(_NUMBER) or 0) if seen is None else seen


def note_change(session: Session) -> None:
    """Let the transaction of a session count as one that changes the data."""
    session.connection().info[_CHANGED] = True


def count_changes(engine: Engine) -> None:
    """Let each transaction of an engine that changes the data add 1 to their number."""
    event.listen(engine, "before_cursor_execute", _note)
    event.listen(engine, "commit", _count)
    event.listen(engine, "rollback", _forget)


def _count(connection: Connection) -> None:
    """Add 1 if the transaction has changed the data, just before it ends.

    On PostgreSQL the row is locked from here to the commit, so that nobody waits for long.
    """
    if connection.info.pop(_CHANGED, False):
        connection.execute(COUNT_CHANGE)


def _forget(connection: Connection) -> None:
    if not connection.invalidated:  # a connection that was lost has forgotten
        connection.info.pop(_CHANGED, None)


def _note(connection: Connection, cursor: Any, statement: str, *rest: Any) -> None:
    migrating = connection.get_execution_options().get("pvkdb_migrating", False)
    written = None if migrating else _WRITTEN.match(statement)
    if written and written[1] not in _APART:
        connection.info[_CHANGED] = True
