"""Migration 0009 gives the devices of an earlier store their metrics as columns."""

from __future__ import annotations

from alembic import command

from pvkdb.literature import read_curated
from pvkdb.store.collections import DEVICES
from pvkdb.store.database import Store
from pvkdb.store.migrate import migrating


def test_metrics_of_an_earlier_store_become_columns(store: Store) -> None:
    with store.session() as session:
        before = list(DEVICES.iterate(session, {}))
    with migrating(store) as config:
        command.downgrade(config, "0008")
    with migrating(store) as config:
        command.upgrade(config, "head")
    with store.session() as session:
        assert list(DEVICES.iterate(session, {})) == before
        found = DEVICES.find(session, {"retention_s_min": 1e4}, 100).rows
    printed = {
        row["id"]
        for row in read_curated("devices")
        if row["retention_s"] and float(row["retention_s"]) >= 1e4
    }
    assert {row.id for row in found} == printed
