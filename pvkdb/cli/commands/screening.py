"""``pvkdb screen``: the funnel of a plan, from compositions to the candidates that are left."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pvkdb.cli.engines import DEFAULT_ENGINE, ConfigOption, EngineOption, open_engine
from pvkdb.cli.options import DEFAULT_DATABASE, DatabaseOption, JsonOption, open_store
from pvkdb.cli.output.console import messages, print_json
from pvkdb.cli.output.progress import StageWatch, watch_stages
from pvkdb.cli.output.run_tables import print_differences
from pvkdb.cli.output.screening_tables import (
    compositions_by_type,
    print_plans,
    print_preview,
    print_report,
)
from pvkdb.errors import InputError, InterruptedByUserError, unknown_name

if TYPE_CHECKING:
    from pvkdb.schemas.runs import RunDocument
    from pvkdb.schemas.screening import ScreeningReport
    from pvkdb.store.database import Store
    from pvkdb_pipelines.engines import CalculationEngine
    from pvkdb_pipelines.screening.plan.plan import Plan


def screen(
    plan: Annotated[
        str | None,
        typer.Argument(help="Plan file (TOML), or the name of a shipped one.", show_default=False),
    ] = None,
    list_plans: Annotated[
        bool, typer.Option("--list", help="List the shipped plans and stop.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="DIR", help="Folder of the report; default: PLAN-screening."
        ),
    ] = None,
    processes: Annotated[
        int | None, typer.Option("--processes", min=1, help="At most this many; default: cores.")
    ] = None,
    engine: EngineOption = DEFAULT_ENGINE,
    config: ConfigOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check the plan, say what it would do, and stop.")
    ] = False,
    potential: Annotated[
        str, typer.Option("--potential", help="chgnet or sevennet-0, instead of the plan's.")
    ] = "",
    retry: Annotated[
        bool, typer.Option("--retry", help="Compute again what failed before.")
    ] = False,
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Screen compositions by a plan: tolerance, structures, stability, and why each one fell.

    Interrupted or killed, the same command goes on where it was.
    """
    if list_plans:
        _list(json)
        return
    if plan is None:
        raise InputError("name a plan: a TOML file, or one that `pvkdb screen --list` shows")
    from pvkdb_pipelines.screening.recorded import plan_name

    chosen = _read(plan, potential)
    store = open_store(database)
    if dry_run:
        _preview(chosen, store, json)
        return
    with open_engine(engine, config, processes) as computes:
        folder = _folder(output or Path(f"{Path(plan).stem}-screening"))
        _recover(store)
        report, run = _run(chosen, plan_name(plan, potential), store, computes, retry)
    if json:
        print_json(report.model_dump(mode="json"))
    else:
        print_report(report)
    if not json:
        print_differences(run)
    save_report(report, folder)
    messages().print(f"kept as run {run.id}: pvkdb report {run.id}")


def _list(json: bool) -> None:
    from pvkdb_pipelines.screening.plan.plan_file import read_plan, shipped_plans

    plans = {name: read_plan(name) for name in shipped_plans()}
    if json:
        print_json(
            [
                {
                    "name": name,
                    "title": plan.title,
                    "types": list(plan.types),
                    "compositions": len(plan.candidates()),
                    "potential": plan.potential.value,
                    "stop_after": plan.stop_after,
                }
                for name, plan in plans.items()
            ]
        )
    else:
        print_plans(plans)


def _read(name: str, potential: str) -> Plan:
    from pvkdb.schemas.calculations import PotentialName
    from pvkdb_pipelines.screening.plan.plan_file import read_plan

    names = [entry.value for entry in PotentialName]
    if potential and potential not in names:
        raise InputError(unknown_name("potential", potential, names))
    plan = read_plan(name)
    return plan.model_copy(update={"potential": PotentialName(potential)}) if potential else plan


def _preview(plan: Plan, store: Store, json: bool) -> None:
    from pvkdb_pipelines.screening.funnel import Funnel

    preview = Funnel(plan, store).preview()
    if json:
        print_json(
            {
                "title": plan.title,
                "potential": plan.potential.value,
                "compositions": compositions_by_type(plan),
                "stages": [stage.model_dump(mode="json") for stage in preview.stages],
                "relaxations": preview.relaxations,
                "in_store": preview.held,
            }
        )
    else:
        print_preview(plan, preview)


def _folder(path: Path) -> Path:
    """The folder, made and tried out before hours of computing, not after."""
    import tempfile

    try:
        path.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path).close()
    except OSError as error:
        raise InputError(f"--output {path} cannot be written: {error.strerror}") from error
    return path


def _recover(store: Store) -> None:
    from pvkdb_pipelines.work.worker import Worker

    recovered = Worker(store).recover()
    if recovered.queued:
        messages().print(f"took back {recovered.queued} calculation(s) of a worker that is gone")


def save_report(report: ScreeningReport, folder: Path) -> None:
    """Write the report's files into a folder, and say so."""
    from pvkdb.store.runs.report.page import write_report

    try:
        written, page = write_report(report, folder)
    except OSError as error:
        raise InputError(f"--output {folder} cannot be written: {error.strerror}") from error
    messages().print(f"report  {page} and {written.name}", markup=False, soft_wrap=True)


def _run(
    plan: Plan, name: str, store: Store, engine: CalculationEngine, retry: bool
) -> tuple[ScreeningReport, RunDocument]:
    """The report, and the run that it left in the store."""
    from pvkdb_pipelines.screening.funnel import Funnel
    from pvkdb_pipelines.screening.recorded import begin_run, holding

    run = begin_run(store, name)
    assert run is not None  # nobody else asks for this very moment
    watch: StageWatch | None = None
    try:
        with watch_stages() as watch, holding(run):
            report = run.screen(Funnel(plan, store, watch=watch, retry=retry, engine=engine))
            assert run.document is not None
            return report, run.document
    except KeyboardInterrupt:
        done = f" at {watch.current} done" if watch and watch.current else ""
        raise InterruptedByUserError(
            f"interrupted{done}; nothing is lost, the same command goes on from there"
        ) from None
