"""Migrations and models agree, on both databases."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import CheckConstraint, inspect, text

from pvkdb.errors import DatabaseError, NotMigratedError
from pvkdb.schemas.calculations.migration import NebRequest
from pvkdb.store.database import SCHEMA_REVISION, Store, migrations_folder
from pvkdb.store.migrate import migrating, upgrade
from pvkdb.store.models import Base
from pvkdb.store.queue import claims as queue


def test_migrations_give_the_models(empty_store: Store) -> None:
    with empty_store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, Base.metadata)
    # SQLite does not tell that a column of an index descends; the queue's test looks at its use.
    descending = {"ix_calculations_claim", "ix_composition_summaries_known"}
    untold = descending if empty_store.sqlite_path is not None else set()
    assert [entry for entry in differences if getattr(entry[1], "name", None) not in untold] == []


def test_the_revision_constant_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()))
    assert ScriptDirectory.from_config(config).get_current_head() == SCHEMA_REVISION


def test_upgrade_twice_changes_nothing(empty_store: Store) -> None:
    assert upgrade(empty_store) == (SCHEMA_REVISION, SCHEMA_REVISION)


def test_down_and_up_again(empty_store: Store) -> None:
    with migrating(empty_store) as config:
        command.downgrade(config, "base")
    assert inspect(empty_store.engine).get_table_names() == ["alembic_version"]
    assert upgrade(empty_store) == (None, SCHEMA_REVISION)


def test_an_empty_database_names_the_remedy(database_url: str) -> None:
    store = Store(database_url)
    with pytest.raises(NotMigratedError, match="pvkdb init"):
        store.require_migrated()
    store.close()


def test_reading_a_missing_sqlite_file_does_not_make_one(tmp_path: Path) -> None:
    path = tmp_path / "missing.sqlite"
    with pytest.raises(NotMigratedError):
        Store(f"sqlite:///{path}").require_migrated()
    assert not path.exists()


def test_an_old_schema_names_the_remedy(empty_store: Store) -> None:
    with empty_store.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    with pytest.raises(NotMigratedError, match="pvkdb upgrade"):
        empty_store.require_migrated()


def test_checks_are_the_models_checks_whichever_way_the_schema_came(empty_store: Store) -> None:
    """SQLite makes a table anew to change it, and would forget its checks."""

    def checks() -> set[tuple[str, str | None]]:
        there = inspect(empty_store.engine)
        return {
            (table, check["name"])
            for table in there.get_table_names()
            for check in there.get_check_constraints(table)
        }

    wanted = {
        (table.name, str(constraint.name))
        for table in Base.metadata.tables.values()
        for constraint in table.constraints
        if isinstance(constraint, CheckConstraint)
    }
    assert checks() == wanted
    with migrating(empty_store) as config:
        command.downgrade(config, "0002")
    older = checks()
    assert ("energetics", "ck_energetics_method") in older
    upgrade(empty_store)
    assert checks() == wanted


def test_a_migration_that_would_break_a_reference_is_undone(sqlite_store: Store) -> None:
    def careless() -> None:
        with migrating(sqlite_store) as config:
            config.attributes["connection"].execute(text("DELETE FROM energetics"))

    with pytest.raises(DatabaseError, match="energetic_references points to no row"):
        careless()
    with sqlite_store.session() as session:
        assert session.scalar(text("SELECT count(*) FROM energetics")) > 0
        assert session.scalar(text("PRAGMA foreign_keys")) == 1


def test_a_store_with_literature_goes_down_and_up_with_its_data(store: Store) -> None:
    def counts() -> dict[str, int]:
        with store.session(read_only=True) as session:
            return {
                table: session.scalar(text(f"SELECT count(*) FROM {table}")) or 0
                for table in ("bibliography", "device_claims", "device_metrics", "devices")
            }

    before = counts()
    with migrating(store) as config:
        command.downgrade(config, "0002")
    assert upgrade(store) == ("0002", SCHEMA_REVISION)
    assert counts() == before
    with store.session(read_only=True) as session:
        families = session.scalars(text("SELECT family FROM materials WHERE id = 'MAPbI3'"))
        assert list(families) == ["3D"]


def test_states_and_failures_that_older_versions_do_not_know_go_down(empty_store: Store) -> None:
    with empty_store.session() as session:
        first = queue.enqueue(session, NebRequest(formula="CsPbBr3", phase="Pnma"))[0].id
        second = NebRequest(formula="CsPbI3", phase="Pnma")
        waiting = queue.enqueue(session, second, depends_on=[first])[0].id
    with migrating(empty_store) as config:
        command.downgrade(config, "0003")
    with empty_store.engine.connect() as connection:
        states = connection.execute(text("SELECT id, state FROM calculations")).all()
    assert dict(tuple(row) for row in states) == {first: "queued", waiting: "cancelled"}
    assert upgrade(empty_store) == ("0003", SCHEMA_REVISION)
    with empty_store.session() as session:
        assert queue.requeue(session, waiting).state == "queued"


def test_a_store_of_the_first_version_is_upgraded_with_its_data(database_url: str) -> None:
    store = Store(database_url)
    with migrating(store) as config:
        command.upgrade(config, "0001")
        connection = config.attributes["connection"]
        connection.execute(text("INSERT INTO bibliography (key, title) VALUES ('r1', 'kept')"))
    with pytest.raises(NotMigratedError, match="pvkdb upgrade"):
        store.require_migrated()
    assert upgrade(store) == ("0001", SCHEMA_REVISION)
    with store.engine.connect() as connection:
        assert connection.scalar(text("SELECT title FROM bibliography")) == "kept"
    store.close()


def test_a_schema_of_a_later_version_is_left_alone(empty_store: Store) -> None:
    with empty_store.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for refused in (empty_store.require_migrated, lambda: upgrade(empty_store)):
        with pytest.raises(NotMigratedError, match="later version"):
            refused()


def test_a_deleted_sqlite_file_is_noticed(sqlite_store: Store) -> None:
    with sqlite_store.session() as session:
        session.execute(text("SELECT 1"))
    path = sqlite_store.sqlite_path
    assert path is not None
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
        ("mysql://localhost/x", "not supported"),
        ("postgresql://nobody@127.0.0.1:1/none", "cannot be used"),
    ],
)
def test_unusable_urls_are_refused_in_words(url: str, reason: str) -> None:
    with pytest.raises(DatabaseError, match=reason):
        Store(url).require_migrated()


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("this is not a database, but it is longer than a page header " * 20)
    with pytest.raises(DatabaseError, match="not an SQLite database"):
        Store(f"sqlite:///{path}").require_migrated()


def test_passwords_are_not_shown() -> None:
    assert "secret" not in Store("postgresql://user:secret@127.0.0.1/x").name
