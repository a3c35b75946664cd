"""Ten minutes of everything at once: what readers feel, what grows, what fails.

    python benchmarks/workers/soak.py            # on SQLite and on PostgreSQL, 10 minutes each
    python benchmarks/workers/soak.py --write            # and write docs/validation/soak.md
    python benchmarks/workers/soak.py --seconds 60 --databases sqlite --no-bar

A store made by code (100,000 devices, 200,000 energies; nothing in it is data) is served by four
processes (as docs/deploy.md shows), which have answered every kind of request before the clock
runs. Six readers, who pause a quarter of a second on average, ask for pages of 100
devices, lists of energies, small tables and web pages of devices; a writer queues and cancels
calculations; a worker takes them (each lasts 50 ms and ends as a typed failure); every 20 s another
process imports 300 devices; one reader of an export stalls after its first bytes.

The bar: the 99th percentile of a page of 100 devices is at most 3 times its median.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
from sqlalchemy import text

from benchmarks.service import FAMILIES, make_store
from benchmarks.serving import SERVE, add_bar_option, database_at, serving
from pvkdb.errors import CalculationFailedError, PvkdbError
from pvkdb.literature.importing import import_files
from pvkdb.schemas.calculations import FailureKind
from pvkdb.store.database import Store
from pvkdb.store.security.keys import create_key
from pvkdb_pipelines.work import tasks
from pvkdb_pipelines.work.worker import Worker
from validation.pages import FOLDER

PAGE = FOLDER / "soak.md"
READERS, PAUSE_S, IMPORT_EVERY_S, IMPORTED = 6, 0.25, 20, 300
DEVICES = "page of 100 of 100,000 devices"
#: How many times its median the 99th percentile of a page of devices may be.
BAR = 3.0

#: The requests of a reader by kind; each number gives another filter, so that no answer is kept.
READS: dict[str, Callable[[int], str]] = {
    DEVICES: lambda n: (
        f"/api/v1/devices?sort=-on_off_ratio&limit=100&family={FAMILIES[n % 4]}"
        f"&retention_s_min={1e4 + n}&retention_s_max=1e6"
    ),
    "100 energies by material": lambda n: f"/api/v1/energetics?limit=100&e_a_max={0.1 + n / 1e4}",
    "export of a small table": lambda n: "/api/v1/export/conduction",
    "web page of devices": lambda n: f"/devices?family={FAMILIES[n % 4]}&retention_s_min={1e4 + n}",
    "/livez": lambda n: "/livez",
}


@dataclass
class Soak:
    """What was seen on one database."""

    database: str
    times_ms: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    statuses: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    memory_mb: list[float] = field(default_factory=list)
    log_mb: list[float] = field(default_factory=list)
    imports: Counter[str] = field(default_factory=Counter)
    ended: int = 0
    stalls: int = 0

    def ask(self, client: httpx.Client, kind: str, method: str, path: str, **more: Any) -> Any:
        """Send a request, and note its time and its status; return its answer, or None."""
        start = time.perf_counter()
        try:
            answer = client.request(method, path, **more)
        except httpx.HTTPError as error:
            self.statuses[kind][type(error).__name__] += 1
            return None
        self.times_ms[kind].append(1e3 * (time.perf_counter() - start))
        self.statuses[kind][str(answer.status_code)] += 1
        return answer

    def late(self) -> float:
        """Return the 99th percentile of a page of devices over its median."""
        times = self.times_ms[DEVICES]
        return percentile(times, 99) / percentile(times, 50) if times else 0.0


def percentile(values: list[float], share: int) -> float:
    """Return a percentile of some values; 0 of none."""
    return statistics.quantiles(values, n=100)[share - 1] if len(values) > 1 else sum(values)


def warm(address: str) -> None:
    """Ask for each kind of page some times, so that every process has loaded what it needs."""
    for n in range(8):
        for path in READS.values():
            httpx.get(f"{address}{path(n)}", timeout=60)


def read(soak: Soak, address: str, stop: threading.Event, seed: int) -> None:
    """Ask for one thing after the other, half of the time for a page of devices."""
    draw = random.Random(seed)
    others = [kind for kind in READS if kind != DEVICES]
    with httpx.Client(base_url=address, timeout=60) as client:
        while not stop.wait(draw.expovariate(1 / PAUSE_S)):
            kind = DEVICES if draw.random() < 0.5 else draw.choice(others)
            soak.ask(client, kind, "GET", READS[kind](draw.randrange(10**6)))


def write(soak: Soak, address: str, key: str, stop: threading.Event) -> None:
    """Queue ten calculations a second, and cancel every tenth."""
    with httpx.Client(base_url=address, timeout=60, headers={"X-API-Key": key}) as client:
        number = 0
        while not stop.wait(0.1):
            number += 1
            body = {"formula": "CsPbBr3", "potential": "chgnet", "settings": {"seed": number}}
            answer = soak.ask(
                client, "queue a calculation", "POST", "/api/v1/calculations", json=body
            )
            if number % 10 == 0 and answer is not None and answer.is_success:
                path = f"/api/v1/calculations/{answer.json()['id']}/cancel"
                soak.ask(client, "cancel a calculation", "POST", path)


def stall(soak: Soak, address: str, stop: threading.Event) -> None:
    """Begin an export and take nothing more; once it is cut off, begin again."""
    to = urlsplit(address)
    while not stop.is_set():
        with suppress(OSError), closing(socket.create_connection((to.hostname, to.port))) as line:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            line.sendall(
                b"GET /api/v1/export/energetics HTTP/1.1\r\nHost: %s\r\n\r\n" % to.netloc.encode()
            )
            line.recv(1024)
            soak.stalls += 1
            began = time.monotonic()
            while not stop.wait(1) and time.monotonic() - began < 120:
                pass


def work(url: str, stop: Any) -> None:
    """Take calculations; each lasts 50 ms and does not converge."""

    def compute(document: Any, report: Any) -> tasks.Outcome:
        time.sleep(0.05)
        raise CalculationFailedError(FailureKind.CRASHED, "the soak computes nothing")

    tasks.KINDS["neb"] = compute
    worker = Worker(Store(url))
    while not stop.is_set():
        if worker.run() is None:
            time.sleep(0.2)


def import_some(store: Store, folder: str, number: int) -> None:
    """Import some hundred devices."""
    file = Path(folder) / f"soak{number}.csv"
    rows = (
        f"ITO/CsPbBr3/Ag,CsPbBr3,{1000 * number + row + 2},r36,soak {number}.{row}"
        for row in range(IMPORTED)
    )
    head = "structure,absorber,on_off_ratio,references,source"
    file.write_text("\n".join((head, *rows)) + "\n")
    with store.session() as session:
        import_files(session, [file])


def import_devices(url: str, folder: str, stop: Any, counts: Any) -> None:
    """Import some hundred devices again and again."""
    store, number = Store(url), 0
    while not stop.wait(IMPORT_EVERY_S):
        number += 1
        try:
            import_some(store, folder, number)
            counts.put("done")
        except PvkdbError as error:
            counts.put(f"{type(error).__name__}: {error}"[:100])


def resident_mb(process: int) -> float:
    """Return the memory that a process and those that it started hold."""
    started = psutil.Process(process)
    held = (each.memory_info().rss for each in (started, *started.children()))
    return float(sum(held)) / 2**20


def log_mb(store: Store) -> float:
    """Return the size of the log that readers can hold back, in MB."""
    if store.sqlite_path is not None:
        wal = store.sqlite_path.with_name(f"{store.sqlite_path.name}-wal")
        return wal.stat().st_size / 1e6 if wal.exists() else 0.0
    with store.session(read_only=True) as session:
        # Dead rows stay as long as a transaction may see them.
        dead = session.scalar(text("SELECT sum(n_dead_tup) FROM pg_stat_user_tables"))
    return float(dead or 0)


def run(database: str, given: argparse.Namespace) -> Soak:
    """Let everything happen at once for some seconds."""
    soak, stop = Soak(database), threading.Event()
    spawn = multiprocessing.get_context("spawn")
    with (
        tempfile.TemporaryDirectory() as name,
        database_at(Path(name), database == "postgresql") as url,
    ):
        make_store(url, given.devices, given.energetics)
        store = Store(url)
        import_some(store, name, 0)  # the first import marks the rows of a store made by code
        with store.session() as session:
            key = create_key(session, "soak", ["queue"]).key
        ending, counts = spawn.Event(), spawn.Queue()
        environment = {
            "PVKDB_KEY_RATE_PER_MINUTE": "0",
            "PVKDB_RATE_PER_MINUTE": "0",
            "PVKDB_WORKERS": str(given.workers),
        }
        processes: list[BaseProcess] = [
            spawn.Process(target=work, args=(url, ending)),
            spawn.Process(target=import_devices, args=(url, name, ending, counts)),
        ]
        with serving([sys.executable, "-c", SERVE, url], environment=environment) as (address, pid):
            threads: list[BaseProcess | threading.Thread] = [
                *(
                    threading.Thread(target=read, args=(soak, address, stop, n))
                    for n in range(READERS)
                ),
                threading.Thread(target=write, args=(soak, address, key, stop)),
                threading.Thread(target=stall, args=(soak, address, stop)),
            ]
            warm(address)
            for each in (*processes, *threads):
                each.start()
            end = time.monotonic() + given.seconds
            while time.monotonic() < end:
                time.sleep(1)
                soak.memory_mb.append(resident_mb(pid))
                soak.log_mb.append(log_mb(store))
            stop.set()
            ending.set()
            for each in (*threads, *processes):
                each.join(60)
            with store.session(read_only=True) as session:
                count = text("SELECT count(*) FROM calculations WHERE finished_at IS NOT NULL")
                soak.ended = int(session.scalar(count) or 0)
            store.close()
        while not counts.empty():
            soak.imports[counts.get()] += 1
    return soak


def report(soak: Soak) -> Iterator[str]:
    """Yield the lines about one database."""
    yield f"## {'SQLite' if soak.database == 'sqlite' else 'PostgreSQL'}\n"
    yield "| request | answers | median / ms | 95 % | 99 % | longest | statuses |"
    yield "|---|---|---|---|---|---|---|"
    for kind, times in soak.times_ms.items():
        figures = (percentile(times, 50), percentile(times, 95), percentile(times, 99), max(times))
        said = ", ".join(
            f"{count} × {status}" for status, count in sorted(soak.statuses[kind].items())
        )
        yield (
            f"| {kind} | {len(times)} | "
            + " | ".join(f"{each:.1f}" for each in figures)
            + f" | {said} |"
        )
    log = "log (WAL)" if soak.database == "sqlite" else "dead rows"
    unit = " MB" if soak.database == "sqlite" else ""
    tenth = max(1, len(soak.memory_mb) // 10)
    yield ""
    yield (
        f"A page of devices: 99th percentile {soak.late():.1f} times the median (bar {BAR:g}). "
        f"Memory of the service {statistics.mean(soak.memory_mb[:tenth]):.0f} MB in the first "
        f"tenth of the time, {statistics.mean(soak.memory_mb[-tenth:]):.0f} MB in the last, "
        f"{max(soak.memory_mb):.0f} MB at most. Largest {log}: {max(soak.log_mb):.0f}{unit}. "
        f"{soak.ended} calculations ended, {soak.stalls} exports stalled; imports: "
        f"{', '.join(f'{count} {how}' for how, count in soak.imports.items()) or 'none'}."
    )
    yield ""


def main() -> None:
    """Soak each database, and say what was seen."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--seconds", type=float, default=600)
    options.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])
    options.add_argument("--devices", type=int, default=100_000)
    options.add_argument("--energetics", type=int, default=200_000)
    options.add_argument("--workers", type=int, default=4, help="processes of the service")
    add_bar_option(options)
    options.add_argument(
        "--write", action="store_true", help=f"write {PAGE.name} in docs/validation"
    )
    given = options.parse_args()
    lines = [
        "# Everything at once\n",
        f"Made by `python benchmarks/workers/soak.py --write`; do not edit. {READERS} readers, a "
        f"writer, a worker, an import and a stalled export for {given.seconds:g} s on each "
        f"database, on a machine of {os.cpu_count()} cores that everything shares, the service in "
        f"{given.workers} processes; {given.devices:,} devices and {given.energetics:,} "
        "energies made by code.\n",
    ]
    missed = False
    for database in given.databases:
        soak = run(database, given)
        lines += report(soak)
        print("\n".join(lines[-20:]), flush=True)
        missed |= soak.late() > BAR and not given.no_bar
    if given.write:
        PAGE.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
        print(PAGE)
    if missed:
        sys.exit(f"a page of devices is later than {BAR:g} times its median")


if __name__ == "__main__":
    main()
