"""The tables of a new database, and migration of an older one to this version with Alembic."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, func, insert, inspect, select
from sqlalchemy.orm import Session

from pvkdb.errors import DatabaseError
from pvkdb.store.changes import COUNT_CHANGE
from pvkdb.store.curation.registration import renew_derived
from pvkdb.store.database import Store, migrations_folder
from pvkdb.store.models import Base
from pvkdb.store.models.references import DataChanges
from pvkdb.store.models.summary_updates import renew_summaries
from pvkdb.store.runs.screening_runs import renew_stabilities

#: Key of the advisory lock; any number that no other program uses on this database.
_LOCK = 2145_2026


def lock_curation(connection: Connection | Session) -> None:
    """Wait for the lock that migrations and loads share (PostgreSQL; SQLite locks all writes)."""
    bind = connection.get_bind() if isinstance(connection, Session) else connection
    if bind.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))


@contextmanager
def migrating(store: Store) -> Iterator[Config]:
    """Open a transaction in which tables may be rebuilt, and yield Alembic's configuration.

    SQLite cannot alter a column: Alembic copies the table and drops the old one, which would
    violate the foreign keys that point to it. They are switched off and checked at the end, as
    https://www.sqlite.org/lang_altertable.html recommends.

    Raises:
        DatabaseError: a row would be left pointing to nothing; the database stays as it was.
    """
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()))
    engine = store.engine.execution_options(pvkdb_migrating=True)
    try:
        with store.reachable(), engine.begin() as connection:
            lock_curation(connection)
            config.attributes["connection"] = connection
            yield config
            if store.sqlite_path is not None:
                broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
                if broken is not None:
                    raise DatabaseError(f"a row of {broken[0]} points to no row of {broken[2]}")
    finally:
        store.close()  # the next connections check foreign keys again


def upgrade(store: Store) -> tuple[str | None, str | None]:
    """Run every migration that the database lacks, or make its tables, in one transaction.

    Tolerance factors are calculated again, since this version may have other radii, and with them
    the summaries of compositions.

    Returns:
        The revision before and after.

    Raises:
        NotMigratedError: the database is of a revision that this version does not know.
    """
    before = store.revision()
    if before is not None:
        store.require_known(before)
    path = store.sqlite_path
    if path is not None and not path.parent.exists():
        raise DatabaseError(f"the folder {path.parent} does not exist; create it first")
    with migrating(store) as config:
        connection = config.attributes["connection"]
        if inspect(connection).has_table("alembic_version"):
            command.upgrade(config, "head")
        else:
            Base.metadata.create_all(connection, checkfirst=False)
            connection.execute(insert(DataChanges).values(id=1, number=0))
            command.stamp(config, "head")
        renew_derived(connection)
        with Session(connection, join_transaction_mode="rollback_only") as session:
            renew_stabilities(session)
            session.commit()
        renew_summaries(connection)
        connection.execute(COUNT_CHANGE)
    return before, store.revision()
