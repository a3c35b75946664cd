"""Migrations and models agree, on both databases."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from pvkdb.errors import DatabaseError, NotMigratedError
from pvkdb.store.database import SCHEMA_REVISION, Store
from pvkdb.store.migrate import migrations_folder, upgrade
from pvkdb.store.models import Base


def test_migrations_give_the_models(empty_store: Store) -> None:
    with empty_store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_the_revision_constant_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()))
    assert ScriptDirectory.from_config(config).get_current_head() == SCHEMA_REVISION


def test_upgrade_twice_changes_nothing(empty_store: Store) -> None:
    assert upgrade(empty_store) == (SCHEMA_REVISION, SCHEMA_REVISION)


def test_down_and_up_again(empty_store: Store) -> None:
    from alembic import command

    config = Config()
    config.set_main_option("script_location", str(migrations_folder()))
    with empty_store.engine.begin() as connection:
        config.attributes["connection"] = connection
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


def test_a_store_of_the_first_version_is_upgraded_with_its_data(database_url: str) -> None:
    from alembic import command

    config = Config()
    config.set_main_option("script_location", str(migrations_folder()))
    store = Store(database_url)
    with store.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
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


def test_two_processes_may_init_at_once(database_url: str) -> None:
    commands = [
        subprocess.Popen(
            [sys.executable, "-m", "pvkdb", "init", "--database", database_url],
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for command in commands:
        _, stderr = command.communicate(timeout=60)
        assert command.returncode == 0, stderr


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
