"""What the ledger costs a calculation, and whether a long queue slows the next claim.

    python benchmarks/workers/queue_overhead.py

On SQLite and on a real PostgreSQL: wall time and processor time of claiming a calculation and of
writing its record (:class:`pvkdb_pipelines.work.worker.Worker` with work that takes no time), in
one process, with 100 calculations in the queue and with 10,000. The commits of both databases reach
the disk as they do for a user; the time of an fsync is the disk's. The fastest tenth is what other
programs on the machine disturbed least.
"""

from __future__ import annotations

import argparse
import hashlib
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from pydantic import BaseModel
from sqlalchemy import insert

from benchmarks.serving import database_at
from pvkdb.store.base import utc_now
from pvkdb.store.database import Store
from pvkdb.store.migrate import upgrade
from pvkdb.store.models.calculations import Calculation
from pvkdb_pipelines.work import tasks
from pvkdb_pipelines.work.worker import Worker

SHORT, LONG, MEASURED = 100, 10_000, 100
#: The bar: milliseconds of wall time that the ledger may cost a calculation.
BAR_MS = 5.0


class Nothing(BaseModel):
    """A calculation that takes no time."""

    kind: Literal["nothing"] = "nothing"
    number: int

    def key(self) -> str:
        return hashlib.sha256(f"nothing {self.number}".encode()).hexdigest()


def fill(store: Store, count: int, first: int) -> None:
    """Put calculations into the queue in one statement, as a screening of that size leaves it."""
    requests = [Nothing(number=number) for number in range(first, first + count)]
    rows = [
        {
            "id": request.key()[:12],
            "key": request.key(),
            "kind": request.kind,
            "state": "queued",
            "priority": request.number % 3,
            "attempts": 0,
            "parameters": request.model_dump(mode="json"),
            "created_at": utc_now(),
        }
        for request in requests
    ]
    with store.session() as session:
        session.execute(insert(Calculation), rows)


def measure(store: Store, count: int) -> tuple[float, float, float]:
    """Wall time of the fastest tenth and of the median, mean processor time, ms a calculation."""
    worker = Worker(store)
    walls, cpu = [], time.process_time()
    for _ in range(count):
        start = time.perf_counter()
        document = worker.run()
        walls.append(time.perf_counter() - start)
        assert document is not None
        assert document.state == "done"
    cpu = time.process_time() - cpu
    tenth = statistics.quantiles(walls, n=10)[0]
    return 1e3 * tenth, 1e3 * statistics.median(walls), 1e3 * cpu / count


@contextmanager
def stores(folder: Path) -> Iterator[dict[str, Store]]:
    """An empty store of each kind."""
    with database_at(folder, False) as sqlite, database_at(folder, True) as postgresql:
        made = {"SQLite": Store(sqlite), "PostgreSQL": Store(postgresql)}
        try:
            for store in made.values():
                upgrade(store)
            yield made
        finally:
            for store in made.values():
                store.close()


def main() -> None:
    tasks.KINDS["nothing"] = lambda document, report: tasks.Outcome({}, {}, lambda *_: [])
    missed = False
    print(f"{'database':<12} {'queued':>7} {'fastest 10 %/ms':>16} {'median/ms':>10} {'cpu/ms':>7}")
    with tempfile.TemporaryDirectory() as folder, stores(Path(folder)) as made:
        for name, store in made.items():
            for queued, first in ((SHORT + MEASURED, 0), (LONG, LONG)):
                fill(store, queued, first)
                tenth, median, cpu = measure(store, MEASURED)
                print(f"{name:<12} {queued:>7,} {tenth:>16.2f} {median:>10.2f} {cpu:>7.2f}")
                missed |= median > BAR_MS
    if missed:
        sys.exit(f"the ledger costs more than {BAR_MS:g} ms a calculation")


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    main()
