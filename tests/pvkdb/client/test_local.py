"""A local database opened without a server gives what the service gives."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import pvkdb
from pvkdb.client import Client, UnknownKeyError
from pvkdb.errors import DatabaseError, MissingExtraError, NotMigratedError

from ...curated import DEVICES


@pytest.fixture
def url(loaded_sqlite: Path, tmp_path: Path) -> str:
    path = tmp_path / "store.sqlite"
    shutil.copy(loaded_sqlite, path)
    return f"sqlite:///{path}"


def test_it_finds_what_the_service_finds(url, client, tmp_path):
    with pvkdb.open_store(url) as store:
        assert isinstance(store, Client)
        assert repr(store) == f"<LocalClient of {url}>"
        for name in ("materials", "energetics", "devices", "device_claims", "references"):
            here, there = getattr(store, name), getattr(client, name)
            assert dict(here.filters()) == dict(there.filters())
            if name != "materials":  # the served store holds one more
                assert list(here.search()) == list(there.search())
        assert store.tolerance("CsPbI3") == client.tolerance("CsPbI3")
        assert store.rankings.get("selector", samples=10) == client.rankings.get(
            "selector", samples=10
        )
        path = store.download("devices", tmp_path / "devices.csv")
        assert path.read_bytes() == client.export("devices")
        with pytest.raises(UnknownKeyError, match="r999"):
            store.references.get("r999")


def test_it_queues_calculations_for_a_worker(url):
    with pvkdb.open_store(url) as store:
        queued = store.calculations.submit("CsPbBr3", potential="chgnet")
        assert store.calculations.get(queued.id).state.value == "queued"


def test_it_works_where_an_event_loop_runs(url):
    """As in a notebook."""

    async def cell() -> int:
        with pvkdb.open_store(url) as store:
            return store.devices.count()

    assert asyncio.run(cell()) == DEVICES


def test_a_database_that_cannot_be_used_is_refused_when_it_is_opened(tmp_path):
    with pytest.raises(NotMigratedError, match="pvkdb init"):
        pvkdb.open_store(f"sqlite:///{tmp_path / 'none.sqlite'}")
    with pytest.raises(DatabaseError, match="mysql"):
        pvkdb.open_store("mysql://host/x")


def test_what_is_missing_is_named(monkeypatch):
    monkeypatch.setattr("pvkdb._extras._installed", lambda package: package != "fastapi")
    with pytest.raises(MissingExtraError, match=r"fastapi.*pip install 'pvkdb\[api\]'"):
        pvkdb.open_store("sqlite:///x.sqlite")


def test_a_program_that_forgets_to_close_it_ends_all_the_same(url):
    code = f"import pvkdb, sys; print(pvkdb.open_store({url!r}).devices.count())"
    code += "; assert not {'pvkdb_api.explorer', 'pvkdb_api.optimade.app'} & {*sys.modules}"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=50, check=True
    )
    assert (run.stdout, run.stderr) == (f"{DEVICES}\n", "")
