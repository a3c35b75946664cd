"""Errors of the drivers of SQLite and PostgreSQL as errors of pvkdb, with a remedy."""

from __future__ import annotations

import re
import sqlite3

from sqlalchemy import exc as sql
from sqlalchemy.exc import DBAPIError, OperationalError

from pvkdb.errors import (
    DatabaseError,
    PvkdbError,
    ReadOnlyStoreError,
    StoreAwayError,
    StoreBusyError,
    UnstorableError,
)

#: Codes of temporary errors of PostgreSQL: connections (class 08),
#: shutdown and start, serialization, deadlocks, and locks that were not free in time.
#: https://www.postgresql.org/docs/current/errcodes-appendix.html
_PASSING = ("08", "57P01", "57P02", "57P03", "40001", "40P01", "55P03")

#: What SQLite says about a damaged file; the last one of text that is not UTF-8.
_DAMAGED = ("disk image is malformed", "malformed database schema", "Could not decode to UTF-8")

_RESTORE = (
    "restore the file from a backup or snapshot, or save what can be read with: "
    "sqlite3 DAMAGED .recover | sqlite3 NEW"
)

#: What SQLite and PostgreSQL say of a file without the right to write it, and of a replica.
_READ_ONLY = re.compile("readonly database|in a read-only transaction")

#: Codes of PostgreSQL for a database that accepts no such statement, whatever the values:
#: read-only or in no such transaction, without the right, the table, the column, or the prepared
#: statement, which a pool in front that does not know of them has given to another client.
_UNUSABLE = ("25", "42501", "42P01", "42703", "42P05", "26000")


def own_error(error: Exception, name: str) -> PvkdbError:
    """Return the error of pvkdb for one of a driver, about the database of a name.

    It is a StoreAwayError if the database may be back in a moment, a ReadOnlyStoreError if it takes
    no changes, a DatabaseError if it cannot be used as it is (full, damaged, without tables), and
    an UnstorableError if it works but refuses a value.
    """
    reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
    if not isinstance(error, DBAPIError) or _refuses_a_value(error):
        return UnstorableError(f"the database refuses a value: {reason}")
    if "file is not a database" in reason:
        return DatabaseError(f"{name} is not an SQLite database, or is damaged; {_RESTORE}")
    away = StoreBusyError if _is_locked(error) else StoreAwayError
    lasting = ReadOnlyStoreError if _READ_ONLY.search(reason) else DatabaseError
    kind = away if _may_be_back(error) else lasting
    return kind(f"{name} cannot be used: {reason}; {_remedy(reason)}")


def _is_locked(error: DBAPIError) -> bool:
    """Whether another transaction held a lock for too long: SQLite, or code 55P03."""
    locked = getattr(error.orig, "sqlstate", None) == "55P03"
    return locked or "database is locked" in str(error.orig)


def _may_be_back(error: DBAPIError) -> bool:
    """Whether an error means that the database is only unreachable or locked at present."""
    if not isinstance(error, OperationalError):
        return False
    reason = str(error.orig)
    if isinstance(error.orig, sqlite3.Error):
        return "database is locked" in reason
    code = getattr(error.orig, "sqlstate", None)
    # Errors without a code come from the client: the server did not answer, or refused the user.
    refused = "authentication failed" in reason or "does not exist" in reason
    return code.startswith(_PASSING) if code else not refused


def _refuses_a_value(error: DBAPIError) -> bool:
    """Whether an error is due to the values of a statement, so that others can be stored."""
    code = getattr(error.orig, "sqlstate", None) or ""
    if isinstance(error, OperationalError):
        return code.startswith("54") or "malformed JSON" in str(error.orig)
    # Damage and a broken connection come as their bases, DatabaseError and InterfaceError.
    base = type(error) in (sql.DatabaseError, sql.InterfaceError)
    return not base and not code.startswith(_UNUSABLE)


def _remedy(reason: str) -> str:
    if any(words in reason for words in _DAMAGED):
        return f"the file is damaged; {_RESTORE}"
    if "readonly database" in reason:
        return "the file or its folder may only be read; give its user the right to write there"
    if "read-only transaction" in reason:
        return "it is a replica, or takes no changes at present: write to the primary database"
    if "is full" in reason or "No space left" in reason:
        return "make room on its disk; what was stored before is untouched"
    if "database is locked" in reason or "lock timeout" in reason:
        return "another program is writing; try again when it is done"
    if "prepared statement" in reason:
        return "set max_prepared_statements of PgBouncer to 200 (docs/deploy.md)"
    if "too many clients" in reason or "connection slots" in reason:
        return "raise max_connections, or put PgBouncer in front (docs/deploy.md)"
    return "check the URL in --database or PVKDB_DATABASE_URL, and the rights of its user"
