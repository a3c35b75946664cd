"""Migrations and models agree, on both databases."""

from __future__ import annotations

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
