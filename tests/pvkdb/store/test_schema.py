"""Migrations and models agree, on both databases."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import CheckConstraint, inspect, text

from pvkdb.errors import DatabaseError, NotMigratedError
from pvkdb.store import database
from pvkdb.store.database import SCHEMA_REVISION, Store
from pvkdb.store.migrate import migrating, upgrade
from pvkdb.store.models import Base


def test_migrations_give_the_models(empty_store: Store) -> None:
    with migrating(empty_store) as config:
        command.downgrade(config, database.FIRST_REVISION)
    assert upgrade(empty_store) == (database.FIRST_REVISION, SCHEMA_REVISION)
    assert upgrade(empty_store) == (SCHEMA_REVISION, SCHEMA_REVISION)
    with empty_store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, Base.metadata)
    # SQLite does not tell that a column of an index descends; the queue's test looks at its use.
    descending = {"ix_calculations_claim", "ix_composition_summaries_known"}
    untold = descending if empty_store.sqlite_path is not None else set()
    assert [entry for entry in differences if getattr(entry[1], "name", None) not in untold] == []


def test_an_empty_database_names_the_remedy(database_url: str) -> None:
    store = Store(database_url)
    with pytest.raises(NotMigratedError, match="pvkdb init"):
        store.require_migrated()
    store.close()


def test_reading_a_missing_file_does_not_make_one_and_another_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "missing.sqlite"
    with pytest.raises(NotMigratedError):
        Store(f"sqlite:///{path}").require_migrated()
    assert not path.exists()
    path.write_text("this is not a database, but it is longer than a page header " * 20)
    with pytest.raises(DatabaseError, match="not an SQLite database"):
        Store(f"sqlite:///{path}").require_migrated()


def test_checks_are_the_models_checks(empty_store: Store) -> None:
    there = inspect(empty_store.engine)
    checks = {
        (table, check["name"])
        for table in there.get_table_names()
        for check in there.get_check_constraints(table)
    }
    assert checks == {
        (table.name, str(constraint.name))
        for table in Base.metadata.tables.values()
        for constraint in table.constraints
        if isinstance(constraint, CheckConstraint)
    }


def test_a_migration_that_would_break_a_reference_is_undone(sqlite_store: Store) -> None:
    def careless() -> None:
        with migrating(sqlite_store) as config:
            config.attributes["connection"].execute(text("DELETE FROM energetics"))

    with pytest.raises(DatabaseError, match="energetic_references points to no row"):
        careless()
    with sqlite_store.session() as session:
        assert session.scalar(text("SELECT count(*) FROM energetics")) > 0
        assert session.scalar(text("PRAGMA foreign_keys")) == 1


@pytest.mark.parametrize(
    ("revision", "remedy"), [("9999", "later version"), ("0019", "pvkdb jobs export of the pvkdb")]
)
def test_a_store_of_an_unknown_revision_is_left_alone(sqlite_store, revision, remedy):
    with sqlite_store.engine.begin() as connection:
        connection.execute(text(f"UPDATE alembic_version SET version_num = '{revision}'"))
    for refused in (sqlite_store.require_migrated, lambda: upgrade(sqlite_store)):
        with pytest.raises(NotMigratedError, match=remedy):
            refused()


def test_a_store_of_an_earlier_revision_names_the_remedy(sqlite_store, monkeypatch):
    monkeypatch.setattr(database, "SCHEMA_REVISION", "9999")
    with pytest.raises(NotMigratedError, match="pvkdb upgrade"):
        sqlite_store.require_migrated()


def test_a_deleted_sqlite_file_is_noticed(sqlite_store: Store) -> None:
    with sqlite_store.session() as session:
        session.execute(text("SELECT 1"))
    path = sqlite_store.sqlite_path
    path.unlink()
    with pytest.raises(NotMigratedError, match="pvkdb init"), sqlite_store.session():
        pass
    assert not path.exists()


def test_a_user_without_rights_is_told_so(postgres_url: str) -> None:
    owner = Store(postgres_url)
    upgrade(owner)
    with owner.engine.begin() as connection:
        connection.execute(text("DROP ROLE IF EXISTS reader"))
        connection.execute(text("CREATE ROLE reader LOGIN"))
    owner.close()
    reader = Store(str(owner.url.set(username="reader")))
    with pytest.raises(DatabaseError, match="permission denied"), reader.session() as session:
        session.execute(text("SELECT * FROM materials"))
    reader.close()


@pytest.mark.slow
def test_two_processes_may_init_at_once(database_url: str) -> None:
    commands = [
        subprocess.Popen(
            [sys.executable, "-m", "pvkdb", "init", "--database", database_url],
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for process in commands:
        _, stderr = process.communicate(timeout=60)
        assert process.returncode == 0, stderr


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("nonsense", "not a database URL"),
        ("mysql://localhost/x", "mysql.*not supported.*postgresql"),
        ("postgresql://nobody@127.0.0.1:1/none", "127.0.0.1.* cannot be used"),
        ("postgresql+psycopg2://x/y", "psycopg2.*postgresql://"),
        ("postgresql://x:port/y", "not a database URL"),
        ("sqlite://", "names no file"),
        ("sqlite:////no/such/folder/x.sqlite", "/no/such/folder"),
        ("sqlite:////proc/x.sqlite", "/proc/x.sqlite"),
    ],
)
def test_unusable_urls_are_refused_in_words(url: str, reason: str) -> None:
    for use in (Store.require_migrated, upgrade):
        with pytest.raises(DatabaseError, match=reason):
            use(Store(url))


def test_passwords_are_not_shown() -> None:
    assert "secret" not in Store("postgresql://user:secret@127.0.0.1/x").name
