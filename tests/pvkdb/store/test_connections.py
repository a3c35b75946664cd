"""Connections of a store: none is left open."""

from __future__ import annotations

import pytest

from pvkdb.store.database import Store


def test_a_connection_in_use_is_closed_when_it_is_given_back_after_the_store(
    empty_store: Store,
) -> None:
    with empty_store.engine.connect() as connection:
        driver = connection.connection.dbapi_connection
        empty_store.close()
        connection.exec_driver_sql("SELECT 1")
    with pytest.raises(Exception, match=r"closed"):
        driver.cursor().execute("SELECT 1")


def test_a_closed_store_may_be_used_again(empty_store: Store) -> None:
    empty_store.close()
    with empty_store.engine.connect() as connection:
        driver = connection.connection.dbapi_connection
    with empty_store.engine.connect() as connection:
        assert connection.connection.dbapi_connection is driver
