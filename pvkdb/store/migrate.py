"""Bringing a database to this version's schema with Alembic."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, func, select
from sqlalchemy.orm import Session

import pvkdb
from pvkdb.errors import DatabaseError
from pvkdb.store.database import Store

#: Key of the advisory lock; any number that no other program uses on this database.
_LOCK = 2145_2026


def migrations_folder() -> Path:
    """The migrations: inside the installed package, or beside it in a checkout.

    Raises:
        DatabaseError: the installation is incomplete.
    """
    package = Path(pvkdb.__file__).parent
    for folder in (package / "_migrations", package.parent / "migrations"):
        if (folder / "env.py").is_file():
            return folder
    raise DatabaseError(f"no migrations found beside {package}; reinstall pvkdb")


def lock_curation(connection: Connection | Session) -> None:
    """Let one process at a time migrate and load (PostgreSQL; SQLite has its write lock)."""
    bind = connection.get_bind() if isinstance(connection, Session) else connection
    if bind.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))


def upgrade(store: Store) -> tuple[str | None, str | None]:
    """Run every migration that the database lacks, in one transaction.

    Returns:
        The revision before and after.
    """
    before = store.revision()
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()))
    path = store.sqlite_path
    if path is not None and not path.parent.exists():
        raise DatabaseError(f"the folder {path.parent} does not exist; create it first")
    with store.reachable(), store.engine.begin() as connection:
        lock_curation(connection)
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise (store.too_new(before) if before else DatabaseError(str(error))) from error
    return before, store.revision()
