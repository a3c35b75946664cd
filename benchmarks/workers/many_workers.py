"""Whether 1,000 workers share one PostgreSQL: claims a second, fairness, each job once.

    python benchmarks/workers/many_workers.py           # five minutes; needs PgBouncer (apt-get)
    python benchmarks/workers/many_workers.py --write   # also writes docs/validation/…
    python benchmarks/workers/many_workers.py --workers 300 --start 10 --seconds 20    # two minutes

A simulated worker has an owner's name and a connection of its own, and does what
:class:`pvkdb_pipelines.work.worker.Worker` does with the database: it claims a job, renews its
lease every 5 s, records the end, and tries again while the database is away. In place of computing
it waits, for a time of random length. Twenty threads in four processes take turns to act for
whichever of the 1,000 workers is due. Between them and a real PostgreSQL stands PgBouncer in
transaction mode. The first run sends a worker's statements by psycopg alone, the second runs
pvkdb's code, and in the third PostgreSQL is stopped without a checkpoint (SIGQUIT) and started
again.
"""

from __future__ import annotations

import argparse
import contextlib
import heapq
import multiprocessing
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Dialect, delete, text
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from benchmarks.workers.kills import Attack
from benchmarks.workers.queue_overhead import fill, stores
from pvkdb.errors import DatabaseError, StoreAwayError
from pvkdb.store.base import utc_now
from pvkdb.store.database import Store
from pvkdb.store.models.calculations import Calculation, CalculationEvent
from pvkdb.store.queue import claims as queue
from pvkdb.store.queue import dependencies, log
from pvkdb_pipelines.work.worker import HEARTBEAT_S, LONGEST_RETRY_S, RETRY_S
from validation.pages import FOLDER, table, texts

TEXTS = texts(__file__)
PAGE = FOLDER / "many_workers.md"
PROCESSES, THREADS = 4, 5
#: The bars: part of the claims that the workers could make (300 a second of 1,000 workers), and
#: seconds in which 99 of 100 claims are answered.
BAR_PART, BAR_P99_S = 0.81, 1.0
POOL = """\
[databases]
pvkdb = host={host} port={port} dbname=postgres user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {connections}
max_client_conn = 5000
max_prepared_statements = 200
server_login_retry = 1
log_connections = 0
log_disconnections = 0
logfile = {folder}/pgbouncer.log
pidfile = {folder}/pgbouncer.pid
"""


DIALECT: Dialect = PGDialect_psycopg()  # type: ignore[no-untyped-call]


def _compiled(statement: Any, columns: Sequence[str] | None = None) -> Any:
    return statement.compile(dialect=DIALECT, column_keys=columns)


#: The statements of a worker, as pvkdb sends them.
CLAIM = _compiled(queue._claiming(1))
#: With the number of jobs, which is a part of the text.
NEXT = re.sub(r"__\[POSTCOMPILE_\w+\]", "1", str(CLAIM))
NOTE = _compiled(log._INSERT, ["calculation_id", "at", "event", "message"])
WAITING = _compiled(dependencies._WAITING_FOR)
CLOSE = (
    "UPDATE calculations SET state = %(ended)s, owner = NULL, lease_until = NULL, "
    "cancel_requested_at = NULL, progress = NULL, finished_at = %(now)s, result = %(new_result)s, "
    "versions = %(new_versions)s WHERE id = %(wanted)s AND owner = %(held)s "
    "AND state = %(running)s RETURNING *"
)
RENEW = (
    "UPDATE calculations SET lease_until = now() + interval '60 seconds' WHERE id = %(wanted)s "
    "AND owner = %(held)s AND state = %(running)s AND cancel_requested_at IS NULL RETURNING id"
)


class Simulated:
    """A worker: what it holds and what it has claimed, as (when due, seconds, id)."""

    def __init__(self, url: str, number: int, compiled: dict[Any, Any]) -> None:
        self.store = Store(url)
        # A thousand processes on a cluster each compile their statements, on their own cores.
        self.store.engine = self.store.engine.execution_options(compiled_cache=compiled)
        self.owner = f"simulated:{number}:{os.getpid()}"
        self.claims: list[tuple[float, float, str]] = []
        self.answers: list[float] = []
        self.failures = 0
        self.held: str | None = None
        self._until, self._wanted, self._pause_s = 0.0, 0.0, RETRY_S

    def act(self, due: float, hold_s: float) -> float:
        """Claim, renew or end what is due; return when to act next."""
        self._wanted = self._wanted or due
        try:
            name = self._call(due)
        except StoreAwayError:
            self.failures += 1
            self._pause_s, pause_s = min(2 * self._pause_s, LONGEST_RETRY_S), self._pause_s
            return time.monotonic() + pause_s * random.uniform(0.5, 1.5)
        now, wanted = time.monotonic(), self._wanted
        self.answers.append(now)
        self._pause_s, self._wanted = RETRY_S, 0.0
        if self.held is None and name is not None:
            self.held = name
            self.claims.append((now, now - wanted, name))
            self._until = now + random.expovariate(1 / hold_s)
        elif self.held is None:
            return now + 1.0
        elif due >= self._until:
            self.held = None
            return now
        return min(self._until, now + HEARTBEAT_S)

    def _call(self, due: float) -> str | None:
        """Do what is due; return the id of what was claimed."""
        with self.store.session() as session:
            if self.held is not None and due < self._until:
                queue.heartbeat(session, self.held, self.owner)
            elif self.held is not None:
                # After a lost answer it may be closed already.
                with contextlib.suppress(queue.LeaseLostError):
                    queue.finish(session, self.held, self.owner, {}, {})
            else:
                for name in queue.held_by(session, self.owner) if self._wanted < due else ():
                    queue.release(session, name, self.owner)
                claimed = queue.claim(session, self.owner)
                return None if claimed is None else claimed.id
        return None


class Replayed(Simulated):
    """A worker whose statements are sent by psycopg alone.

    What a worker does beside them costs more than all of PostgreSQL's work; a thousand workers do
    it on cores of their own.
    """

    _connection: psycopg.Connection[tuple[Any, ...]] | None = None

    def _call(self, due: float) -> str | None:
        if self._connection is None:
            url = self.store.url.set(drivername="postgresql")
            self._connection = psycopg.connect(url.render_as_string(False))
        self._connection.autocommit = True
        self._connection.execute(" ")  # whether it is alive, as before each transaction
        self._connection.autocommit = False
        run, now = self._connection.execute, utc_now()
        given: dict[str, Any] = {"held": self.owner, "running": "running"}
        with self._connection.transaction():
            if self.held is None:
                given = {**CLAIM.params, **given, "queued": "queued", "owner_": self.owner}
                row = run(NEXT, {**given, "now": now}).fetchone()
                self._note(None if row is None else row[0], "running", f"by {self.owner}")
                return None if row is None else str(row[0])
            if due < self._until:
                run(RENEW, {**given, "wanted": self.held})
                return None
            given |= {"wanted": self.held, "ended": "done", "now": now}
            run(CLOSE, {**given, "new_result": "{}", "new_versions": "{}"}).fetchone()
            self._note(self.held, "done", None)
            run(str(WAITING), {"other": self.held}).fetchall()
            return None

    def _note(self, name: str | None, event: str, message: str | None) -> None:
        if name is not None and self._connection is not None:
            line = {"calculation_id": name, "at": utc_now(), "event": event, "message": message}
            self._connection.execute(str(NOTE), line)


def serve(
    url: str,
    numbers: Sequence[int],
    start_s: float,
    hold_s: float,
    kind: type[Simulated],
    pipe: Connection,
) -> None:
    """Act for workers of some numbers until the end, and send their claims."""
    compiled: dict[Any, Any] = {}
    workers = [kind(url, number, compiled) for number in numbers]
    pipe.send("ready")
    begin, end = pipe.recv()
    due = [(begin + random.uniform(0, start_s), place) for place in range(len(workers))]
    heapq.heapify(due)
    lock = threading.Lock()

    def take_turns() -> None:
        while (now := time.monotonic()) < end:
            with lock:
                ready = heapq.heappop(due) if due and due[0][0] <= now else None
            if ready is None:
                time.sleep(0.002)
                continue
            moment = workers[ready[1]].act(ready[0], hold_s)
            with lock:
                heapq.heappush(due, (moment, ready[1]))

    threads = [threading.Thread(target=take_turns) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pipe.send([(each.claims, each.held, each.answers, each.failures) for each in workers])


@contextmanager
def pool_in_front(store: Store, folder: Path, connections: int, program: str) -> Iterator[str]:
    """Start PgBouncer in transaction mode; yield the URL of the store through it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        listen = free.getsockname()[1]
    folder.mkdir()
    folder.chmod(0o777)
    host = str(store.url.query["host"])
    settings = {"listen": listen, "folder": folder, "connections": connections}
    (folder / "pgbouncer.ini").write_text(
        POOL.format(host=host, port=store.url.port or 5432, **settings)
    )
    # It refuses to run as root, and must reach the socket of the server.
    command = [program, "-q", *(["-u", Path(host).owner()] if os.geteuid() == 0 else [])]
    process = subprocess.Popen([*command, str(folder / "pgbouncer.ini")])
    try:
        yield f"postgresql://postgres@127.0.0.1:{listen}/pvkdb"
    finally:
        process.terminate()
        process.wait()


@dataclass
class Run:
    """What the workers did."""

    claims: list[list[tuple[float, float, str]]]
    begin: float
    end: float
    most_connections: int
    failures: int
    #: Times at which PostgreSQL was stopped and ran again, and when each worker had an answer.
    restarted: tuple[float, float] | None
    answers: list[list[float]]
    wrong: list[str] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Claims a second."""
        return sum(self.each) / (self.end - self.begin)

    def within(self, part: float) -> float:
        """Return the seconds within which a part of the claims was answered."""
        took = sorted(
            took for each in self.claims for at, took, _ in each if self.begin <= at < self.end
        )
        return took[int(part * len(took))]

    @property
    def each(self) -> list[int]:
        """Jobs of each worker, in order."""
        return sorted(sum(self.begin <= at < self.end for at, *_ in each) for each in self.claims)

    def back(self) -> list[float]:
        """Seconds from the start of PostgreSQL to the next answer to each worker."""
        assert self.restarted is not None
        later = ([at - self.restarted[1] for at in each] for each in self.answers)
        return sorted(min((at for at in each if at > 0), default=float("inf")) for each in later)


def simulate(
    store: Store,
    url: str,
    given: argparse.Namespace,
    kind: type[Simulated],
    data: Path | None = None,
) -> Run:
    """Let workers work for some seconds; restart PostgreSQL in the middle if ``data`` is given."""
    jobs = round(2 * given.workers * (given.start + given.seconds) / given.hold)
    jobs += 3 * given.claims + 1000  # for the batches
    with store.session() as session:
        session.execute(delete(CalculationEvent))
        session.execute(delete(Calculation))
    for first in range(0, jobs, 10_000):
        fill(store, min(10_000, jobs - first), first)
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    context = multiprocessing.get_context("forkserver")
    pipes = []
    start = given.start
    for each in range(PROCESSES):
        ours, theirs = context.Pipe()
        arguments = (url, range(each, given.workers, PROCESSES), start, given.hold, kind, theirs)
        context.Process(target=serve, args=arguments, daemon=True).start()
        pipes.append(ours)
    for pipe in pipes:
        pipe.recv()
    begin = time.monotonic() + start + given.hold
    end = begin + given.seconds
    for pipe in pipes:
        pipe.send((begin - start - given.hold, end))
    most, restarted = 0, None
    while time.monotonic() < end:
        time.sleep(0.5)
        with contextlib.suppress(DatabaseError), store.session(read_only=True) as session:
            most = max(most, session.scalar(_CONNECTIONS) or 0)
        if data is not None and restarted is None and time.monotonic() > (2 * begin + end) / 3:
            stopped = time.monotonic()
            Attack(store, data, random.Random(0)).restart(data)
            restarted = stopped, time.monotonic()
    did = [each for pipe in pipes for each in pipe.recv()]
    failures = sum(count for *_, count in did)
    answers = [times for _, _, times, _ in did]
    run = Run([claims for claims, *_ in did], begin, end, most, failures, restarted, answers)
    run.wrong = wrong(store, run, {held for _, held, *_ in did})
    return run


#: Connections of workers, or of the pool for them.
_CONNECTIONS = text(
    "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' "
    "AND pid <> pg_backend_pid()"
)
_LOGS = text(
    "SELECT c.id, c.state, count(*) FILTER (WHERE e.event = 'running') AS claimed, "
    "count(*) FILTER (WHERE e.event = 'done') AS done, "
    "count(*) FILTER (WHERE e.event = 'put back') AS put_back "
    "FROM calculations c JOIN calculation_events e ON e.calculation_id = c.id GROUP BY c.id"
)


def wrong(store: Store, run: Run, held: set[str | None]) -> list[str]:
    """Return the jobs that were not claimed by one worker and ended once, by log and workers."""
    taken = Counter(name for each in run.claims for *_, name in each)
    found = [f"{name}: taken by {count} workers" for name, count in taken.items() if count > 1]
    with store.session(read_only=True) as session:
        rows = session.execute(_LOGS).all()
    for name, state, claimed, done, put_back in rows:
        # A worker puts back what it claimed without getting an answer.
        once = {"done": (1, 1), "running": (1, 0), "queued": (0, 0)}[state]
        by_workers = name in taken or state == "queued" or claimed > put_back + done
        if (claimed - put_back, done) != once or not by_workers:
            found.append(f"{name}: {state}, {claimed} claims, {put_back} put back, {done} ends")
        if state == "running" and name not in held and not run.restarted:
            found.append(f"{name}: running, and no worker holds it")
    if lost := set(taken) - {row[0] for row in rows}:
        found.append(f"{len(lost)} claimed by workers are not in the log")
    return found


def batch_rates(store: Store, count: int) -> dict[int, float]:
    """Return the claims a second of one process, by the size of its batches; 3 × count are left."""
    rates = {}
    for at_most in (1, 10, 100):
        start, left = time.perf_counter(), count
        while left > 0:
            with store.session() as session:
                left -= len(queue.claim_batch(session, "batches", at_most))
        rates[at_most] = count / (time.perf_counter() - start)
    return rates


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--workers", type=int, default=1000)
    parser.add_argument("--start", type=float, default=45.0, help="seconds in which they start")
    parser.add_argument("--seconds", type=float, default=30.0, help="that are measured then")
    parser.add_argument("--hold", type=float, default=2.7, help="mean seconds of a job")
    parser.add_argument("--claims", type=int, default=2000, help="in batches, of each size")
    parser.add_argument("--connections", type=int, default=20, help="of PgBouncer to PostgreSQL")
    parser.add_argument("--direct", action="store_true", help="without PgBouncer")
    parser.add_argument("--note", default="", help="a sentence on the machine, for the page")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    pgbouncer = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if pgbouncer is None and not given.direct:
        sys.exit("PgBouncer is not installed; with Debian: apt-get install pgbouncer")
    multiprocessing.set_forkserver_preload(["__main__"])
    with tempfile.TemporaryDirectory() as folder, stores(Path(folder)) as made:
        Path(folder).chmod(0o755)
        store, data = made["PostgreSQL"], Path(folder) / "postgresql"
        with (
            nullcontext(store.url.render_as_string(hide_password=False))
            if given.direct or pgbouncer is None
            else pool_in_front(store, Path(folder) / "pool", given.connections, pgbouncer)
        ) as url:
            replayed = simulate(store, url, given, Replayed)
            whole = simulate(store, url, given, Simulated)
            storm = simulate(store, url, given, Simulated, data)
            rates = batch_rates(store, given.claims)
    back = storm.back()
    assert storm.restarted is not None
    both, rate, p99 = (replayed, whole), replayed.rate, replayed.within(0.99)
    bar = BAR_PART * given.workers / given.hold
    rows = {
        "claims a second": [f"{run.rate:.0f}" for run in both] + [f"at least {bar:.0f}"],
        "a claim, median": [f"{1e3 * run.within(0.5):.0f} ms" for run in both] + [""],
        "a claim, 99 of 100 within": [f"{1e3 * run.within(0.99):.0f} ms" for run in both]
        + [f"{1e3 * BAR_P99_S:.0f} ms"],
        "jobs of a worker: fewest, median, most": [
            f"{run.each[0]}, {run.each[len(run.each) // 2]}, {run.each[-1]}" for run in both
        ]
        + [""],
        "jobs": [f"{sum(map(len, run.claims)):,}" for run in both] + [""],
        "jobs that were not done once, by one worker": [f"{len(run.wrong)}" for run in both]
        + ["0"],
        "connections of PostgreSQL, at most": [f"{run.most_connections}" for run in both]
        + [f"{given.connections}"],
    }
    away = storm.restarted[1] - storm.restarted[0]
    parts = back[len(back) // 2], back[int(0.99 * len(back))], back[-1]
    stopped = [
        ("PostgreSQL was away for", f"{away:.1f} s"),
        (
            "from its start until half, 99 of 100, all workers had an answer",
            f"{', '.join(f'{each:.1f}' for each in parts)} s",
        ),
        ("calls that failed meanwhile and were tried again", storm.failures),
        ("jobs", f"{sum(map(len, storm.claims)):,}"),
        ("jobs that were not done once, by one worker", len(storm.wrong)),
    ]
    head = ("", "statements sent by psycopg alone", "pvkdb's code, on the same cores", "bar")
    runs = "\n".join(table(head, ((name, *cells) for name, cells in rows.items())))
    stop = "\n".join(table(("", ""), stopped))
    claimed = ((size, f"{each:,.0f}") for size, each in rates.items())
    batches = "\n".join(table("calculations in a statement | claimed in a second", claimed))
    bad = [*replayed.wrong, *whole.wrong, *storm.wrong]
    print(runs, stop, batches, *bad[:9], sep="\n")
    if given.write:
        PAGE.write_text(
            TEXTS["page"].format(
                table=runs,
                stop=stop,
                **vars(given),
                batches=batches,
                threads=PROCESSES * THREADS,
                processes=PROCESSES,
                cores=len(os.sched_getaffinity(0)),
                load=os.getloadavg()[1],
            ),
            encoding="utf-8",
        )
    if bad:
        print("not every job was done once", file=sys.stderr)
        sys.exit(2)
    if rate < bar or p99 > BAR_P99_S or back[-1] == float("inf"):
        sys.exit("too slow, or a worker did not come back in time")


if __name__ == "__main__":
    main()
