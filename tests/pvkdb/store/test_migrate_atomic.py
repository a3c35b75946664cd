"""An interrupted migration leaves nothing behind."""

from __future__ import annotations

import pytest
from alembic import command
from sqlalchemy import inspect

from pvkdb.store.database import Store
from pvkdb.store.migrate import upgrade


def test_a_start_that_breaks_leaves_no_table(database_url, monkeypatch):
    original = command.stamp

    def interrupted(*args: object) -> None:
        original(*args)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    store = Store(database_url)
    monkeypatch.setattr(command, "stamp", interrupted)
    with pytest.raises(KeyboardInterrupt):
        upgrade(store)
    assert inspect(store.engine).get_table_names() == []
    store.close()
