"""``pvkdb work``: computing what is queued."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pvkdb.cli.engines import DEFAULT_ENGINE, ConfigOption, EngineOption, open_engine
from pvkdb.cli.interrupts import ending_well
from pvkdb.cli.options import DEFAULT_DATABASE, DatabaseOption, JsonOption, open_store
from pvkdb.cli.output.barrier_tables import print_barriers
from pvkdb.cli.output.console import messages, print_json
from pvkdb.cli.output.queue_progress import watch_queue
from pvkdb.errors import CalculationFailedError, InterruptedByUserError

if TYPE_CHECKING:
    from pvkdb.schemas.calculations import CalculationDocument
    from pvkdb.store.database import Store
    from pvkdb_pipelines.engines import CalculationEngine


def work(
    engine: EngineOption = DEFAULT_ENGINE,
    config: ConfigOption = None,
    processes: Annotated[
        int | None, typer.Option("--processes", min=1, help="At most this many; default: cores.")
    ] = None,
    pin: Annotated[
        bool,
        typer.Option("--pin/--no-pin", help="Keep each process, and what it starts, on one core."),
    ] = True,
    grace: Annotated[
        float,
        typer.Option(
            "--grace",
            min=0,
            metavar="SECONDS",
            help="Time that running calculations get to finish after SIGTERM; a cluster's file "
            "has its own.",
        ),
    ] = 30.0,
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Run every queued calculation, then stop; exit code 5 where one failed.

    SIGTERM ends it well: what runs may finish within the grace time, or is put back. Ctrl-C puts
    it back at once.
    """
    store = open_store(database)
    documents: list[CalculationDocument] = []
    asked = False

    def end(engine: CalculationEngine) -> None:
        nonlocal asked
        asked = True
        engine.stop()

    try:
        with (
            open_engine(engine, config, processes, grace_s=grace, pin=pin) as chosen,
            watch_queue(lambda: _open(store)) as watch,
            ending_well(lambda: end(chosen)),
        ):
            for document in run_queue(store, watch.report, chosen):
                documents.append(document)
                watch.ended(document)
    except KeyboardInterrupt:
        raise InterruptedByUserError(
            f"interrupted; {_tally(documents)}; what ran is back in the queue ({_left(store)}), "
            "`pvkdb work` goes on from there"
        ) from None
    done = [document for document in documents if document.state == "done"]
    failed = [document for document in documents if document.state == "failed"]
    if json:
        print_json([document.model_dump(mode="json") for document in documents])
    else:
        barriers = [document for document in done if document.kind == "neb"]
        if barriers:
            print_barriers("Computed", barriers)
    messages().print(_tally(documents))
    left = _left(store)
    if left:
        messages().print(f"left: {left}")
    if asked:
        raise InterruptedByUserError(
            f"ended by SIGTERM; {left or 'nothing is left'}; `pvkdb work` goes on from there"
        )
    if failed:
        raise typer.Exit(CalculationFailedError.exit_code)


def run_queue(
    store: Store, report: Any = None, engine: CalculationEngine | None = None
) -> Iterator[CalculationDocument]:
    """Take back lost work, then run all that is queued."""
    from pvkdb_pipelines.engines.local import LocalEngine
    from pvkdb_pipelines.work.worker import Worker

    recovered = Worker(store).recover()
    if recovered.queued:
        messages().print(f"took back {recovered.queued} calculation(s) of a worker that is gone")
    yield from (engine or LocalEngine()).drain(store, report)


def _tally(documents: list[CalculationDocument]) -> str:
    counts = [
        f"{sum(document.state == state for document in documents)} {state}"
        for state in ("done", "failed", "cancelled")
    ]
    return ", ".join(counts[:2] if counts[2].startswith("0 ") else counts)


def _counts(store: Store) -> dict[str, int]:
    from pvkdb.store.queue.claims import count_by_state

    with store.session(read_only=True) as session:
        return {state.value: count for state, count in count_by_state(session).items()}


def _open(store: Store) -> int:
    counts = _counts(store)
    return sum(counts.get(state, 0) for state in ("waiting", "queued", "running"))


def _left(store: Store) -> str:
    """What is not done, in words; empty where nothing is."""
    words = {
        "queued": "{} queued",
        "running": "{} held by other workers",
        "waiting": "{} waiting for others",
    }
    counts = _counts(store)
    return ", ".join(text.format(counts[s]) for s, text in words.items() if counts.get(s))
