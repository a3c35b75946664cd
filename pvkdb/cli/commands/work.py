"""``pvkdb work``: computing the queue."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Option

from pvkdb.cli.options import (
    DEFAULT_DATABASE,
    DEFAULT_DEVICE,
    DEFAULT_ENGINE,
    BatchAtomsOption,
    ConfigOption,
    DatabaseOption,
    DeviceOption,
    EngineOption,
    JsonOption,
    ProcessesOption,
    open_engine,
    open_store,
)
from pvkdb.cli.output.barriers import print_barriers
from pvkdb.cli.output.console import messages, print_json
from pvkdb.cli.output.progress import watching_queue
from pvkdb.errors import CalculationFailedError, InputError, InterruptedByUserError
from pvkdb_pipelines.work.interrupts import finishing_on_sigterm

#: Seconds between two looks at the leases of workers that seem to be lost.
_LOOK_S = 1.0

if TYPE_CHECKING:
    from pvkdb.schemas.calculations import CalculationDocument
    from pvkdb.store.database import Store
    from pvkdb_pipelines.engines import CalculationEngine


def work(
    engine: EngineOption = DEFAULT_ENGINE,
    config: ConfigOption = None,
    processes: ProcessesOption = None,
    device: DeviceOption = DEFAULT_DEVICE,
    batch_atoms: BatchAtomsOption = None,
    pin: Annotated[bool, Option("--pin/--no-pin", help="Bind each process to one core.")] = True,
    grace: Annotated[
        float,
        Option(min=0, metavar="SECONDS", help="Time to finish after SIGTERM; parsl: see grace_s."),
    ] = 30.0,
    dry_run: Annotated[
        bool, Option("--dry-run", help="Print the job scripts of --config and exit.")
    ] = False,
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Compute all queued calculations. The exit code is 5 if one failed.

    After SIGTERM, running calculations may finish within the grace time, and are put back into the
    queue otherwise. Ctrl-C puts them back at once.
    """
    if dry_run:
        if config is None:
            raise InputError("--dry-run needs the file of a cluster: --config FILE")
        from pvkdb.schemas.toml_files import read_text
        from pvkdb_pipelines.engines.parsl_config import job_scripts
        from pvkdb_pipelines.engines.settings import parse_cluster

        print(job_scripts(parse_cluster(read_text(config, f"--config {config}"), config.name)))
        return
    store = open_store(database)
    documents: list[CalculationDocument] = []
    stopping = False

    def finish(engine: CalculationEngine) -> None:
        nonlocal stopping
        stopping = True
        engine.stop()

    try:
        with (
            open_engine(engine, config, processes, grace_s=grace, pin=pin) as chosen,
            watching_queue(lambda: _count_unfinished(store)) as watch,
            finishing_on_sigterm(lambda: finish(chosen)),
        ):
            for document in run_queue(store, watch.report, chosen, lambda: stopping):
                documents.append(document)
                watch.ended(document)
    except KeyboardInterrupt:
        raise InterruptedByUserError(
            f"interrupted; {_tally(documents)}; running calculations are back in the queue "
            f"({_left(store)}); resume with: pvkdb work"
        ) from None
    barriers = [each for each in documents if each.state == "done" and each.kind == "neb"]
    if json:
        print_json(documents)
    elif barriers:
        print_barriers("Computed", barriers)
    messages().print(_tally(documents))
    left = _left(store)
    if left:
        messages().print(f"left: {left}")
    if stopping:
        raise InterruptedByUserError(
            f"stopped by SIGTERM; {left or 'nothing is left'}; resume with: pvkdb work"
        )
    if any(document.state == "failed" for document in documents):
        raise typer.Exit(CalculationFailedError.exit_code)


def run_queue(
    store: Store,
    report: Any = None,
    engine: CalculationEngine | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Iterator[CalculationDocument]:
    """Recover calculations of lost workers, then compute every queued one.

    Workers out of sight that seem to be lost are watched for a lease at the end.
    """
    from pvkdb.store.queue.claims import LEASE
    from pvkdb_pipelines.work.pool import LocalEngine

    engine = engine or LocalEngine()
    recover(store)
    yield from engine.drain(store, report)
    end: float | None = None
    while not should_stop() and recover(store):
        if end is None:
            messages().print("watching workers that seem to be lost, for a minute at most")
            end = time.monotonic() + 1.2 * LEASE.total_seconds()
        elif time.monotonic() > end:
            return
        time.sleep(_LOOK_S)
        if not should_stop():
            yield from engine.drain(store, report)


def recover(store: Store) -> int:
    """Put the calculations of lost workers back into the queue, and report their number.

    Returns:
        Number of calculations that wait, or whose worker seems to be lost and must be watched.
    """
    from pvkdb_pipelines.work.worker import Worker

    recovered = Worker(store).recover()
    if recovered.queued:
        messages().print(f"took back {recovered.queued} calculation(s) of a lost worker")
    return recovered.queued + recovered.watched


def _tally(documents: list[CalculationDocument]) -> str:
    counts = [
        f"{sum(document.state == state for document in documents)} {state}"
        for state in ("done", "failed", "cancelled")
    ]
    return ", ".join(counts[:2] if counts[2].startswith("0 ") else counts)


def _counts(store: Store) -> dict[str, int]:
    from pvkdb.store.queue.jobs import count

    with store.session(read_only=True) as session:
        return {state.value: number for state, number in count(session).items()}


def _count_unfinished(store: Store) -> int:
    counts = _counts(store)
    return sum(counts.get(state, 0) for state in ("waiting", "queued", "running"))


def _left(store: Store) -> str:
    """Return the unfinished calculations in words; empty if there are none."""
    words = {
        "queued": "{} queued",
        "running": "{} held by other workers",
        "waiting": "{} waiting for others",
    }
    counts = _counts(store)
    return ", ".join(text.format(counts[s]) for s, text in words.items() if counts.get(s))
