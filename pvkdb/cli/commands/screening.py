"""``pvkdb screen``, ``report`` and ``schedule``: screening runs, now or at their times."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument, Option
from typer.core import TyperGroup

from pvkdb.cli.commands.work import recover
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
    RetryOption,
    open_engine,
    open_store,
)
from pvkdb.cli.output.console import messages, print_json, print_message, print_table, show
from pvkdb.cli.output.progress import Watch, watching
from pvkdb.cli.output.screening_tables import (
    print_differences,
    print_plans,
    print_preview,
    print_report,
    print_run,
    print_runs,
)
from pvkdb.display.times import minute
from pvkdb.errors import (
    CalculationFailedError,
    InputError,
    InterruptedByUserError,
    NotFoundError,
    writing,
)

if TYPE_CHECKING:
    from pvkdb.schemas.runs import RunDocument
    from pvkdb.schemas.screening import ScreeningReport
    from pvkdb.store.database import Store
    from pvkdb_pipelines.engines import CalculationEngine
    from pvkdb_pipelines.schedule.file import ScheduledPlan
    from pvkdb_pipelines.schedule.scheduler import Scheduler
    from pvkdb_pipelines.screening.plan.plan import Plan


def screen(
    plan: Annotated[str | None, Argument(help="Plan file (TOML), or a shipped plan.")] = None,
    list_plans: Annotated[bool, Option("--list", help="List the shipped plans and exit.")] = False,
    output: Annotated[
        Path | None,
        Option("--output", "-o", metavar="DIR", help="Report folder; default: PLAN-screening."),
    ] = None,
    processes: ProcessesOption = None,
    engine: EngineOption = DEFAULT_ENGINE,
    config: ConfigOption = None,
    dry_run: Annotated[bool, Option("--dry-run", help="Preview the plan and exit.")] = False,
    write_candidates: Annotated[
        Path | None,
        Option(metavar="FILE", help="List what passes the tolerance filters as CSV, and exit."),
    ] = None,
    potential: Annotated[
        str, Option(help="Name (see pvkdb potentials); default: from the plan.")
    ] = "",
    device: DeviceOption = DEFAULT_DEVICE,
    batch_atoms: BatchAtomsOption = None,
    retry: RetryOption = False,
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Screen the compositions of a plan. Writes screening-report.html and .json.

    Stages: tolerance factors, stability, vacancies, barriers. After an interruption, the same
    command resumes.
    """
    if list_plans:
        _list(json)
        return
    if plan is None:
        raise InputError("name a plan: a TOML file, or a plan from `pvkdb screen --list`")
    from pvkdb_pipelines.screening.recorded import plan_name

    chosen = _read(plan, potential)
    if write_candidates is not None:
        _write_candidates(chosen, write_candidates)
        return
    store = open_store(database, create=True, keep=not dry_run)
    if dry_run:
        _preview(chosen, store, json)
        store.close()
        return
    with open_engine(engine, config, processes) as computes:
        folder = _folder(output or Path(f"{Path(plan).stem}-screening"))
        recover(store)
        report, run = _run(chosen, plan_name(plan, potential), store, computes, retry, folder)
    show(report, json, print_report)
    if not json:
        print_differences(run)
    _save_report(report, folder)
    messages().print(f"stored as run {run.id}; show it with: pvkdb report {run.id}")


def _list(json: bool) -> None:
    from pvkdb_pipelines.screening.plan.plan import read_plan, shipped_plans

    plans = {name: read_plan(name) for name in shipped_plans()}
    documents = [
        {
            "name": name,
            "title": plan.title,
            "types": list(plan.numbers()),
            "compositions": plan.numbers().total(),
            "potential": str(plan.potential),
            "stop_after": plan.stop_after,
        }
        for name, plan in plans.items()
    ]
    show(documents, json, print_plans)


def _read(name: str, potential: str) -> Plan:
    from pvkdb_pipelines.potentials.loading import local_potential
    from pvkdb_pipelines.screening.plan.plan import read_plan

    chosen = {"potential": local_potential(potential)} if potential else {}
    return read_plan(name).model_copy(update=chosen)


def _preview(plan: Plan, store: Store, json: bool) -> None:
    from pvkdb_pipelines.screening.funnel import Funnel

    preview = Funnel(plan, store).preview()
    if json:
        print_json(
            {
                "title": plan.title,
                "potential": str(plan.potential),
                "compositions": plan.numbers(),
                "stages": [stage.model_dump(mode="json") for stage in preview.stages],
                "relaxations": preview.relaxations,
                "in_store": preview.held,
                "candidates": preview.candidates,
                "no_prototype": preview.no_prototype,
                "core_seconds": {name: round(s) for name, s in preview.core_seconds.items()},
            }
        )
    else:
        print_preview(plan, preview)


def _write_candidates(plan: Plan, path: Path) -> None:
    """Write the candidates that meet the tolerance filters one by one, however many there are."""
    import csv
    from contextlib import suppress

    from pvkdb.chemistry.factors.tolerance import tolerance_factors

    columns = ("t", "mu", "tau", "p_perovskite")
    number = 0
    with writing(f"--write-candidates {path}"), path.open("w", newline="", encoding="utf-8") as to:
        file = csv.writer(to)
        file.writerow(("formula", "type", *columns))
        conditions = plan.filters.get("tolerance", ())
        for candidate in plan.stream(conditions):
            factors = None
            with suppress(InputError):  # not defined for the type, or a radius is not known
                factors = tolerance_factors(candidate.composition)
            # A listed formula: only enumerated ones are filtered in the stream.
            if factors and not all(
                each.holds(getattr(factors, each.column)) for each in conditions
            ):
                continue
            values = (getattr(factors, column, None) for column in columns)
            file.writerow((candidate.composition.formula, candidate.type, *values))
            number += 1
    made = plan.numbers().total()
    print_message(f"wrote {path}: {number:,} of {made:,} compositions pass the tolerance filters")


def _folder(path: Path) -> Path:
    """Create the folder and check that it is writable before hours of computing."""
    import tempfile

    with writing(f"--output {path}"):
        path.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path).close()
    return path


def _save_report(report: ScreeningReport, folder: Path) -> None:
    """Write the files of a report into a folder."""
    from pvkdb.store.runs.report.page import write_report

    with writing(f"--output {folder}"):
        written, page = write_report(report, folder)
    print_message(f"wrote {page} and {written.name}")


def _run(
    plan: Plan, name: str, store: Store, engine: CalculationEngine, retry: bool, folder: Path
) -> tuple[ScreeningReport, RunDocument]:
    """Run the plan; return the report and the stored run. Ctrl-C writes what is finished."""
    from pvkdb_pipelines.screening.funnel import Funnel
    from pvkdb_pipelines.screening.recorded import begin_run, holding

    run = begin_run(store, name)
    assert run is not None  # no other run has exactly this time
    watch: Watch | None = None
    funnel = Funnel(plan, store, retry=retry, engine=engine)
    try:
        with watching() as watch, holding(run):
            funnel.watch = watch
            report = run.screen(funnel)
            assert run.document is not None
            return report, run.document
    except KeyboardInterrupt:
        _save_report(funnel.partial(), folder)
        done = f" at {watch.current}" if watch and watch.current else ""
        raise InterruptedByUserError(
            f"interrupted{done}; no result is lost, the report has what is finished, and the same "
            "command resumes"
        ) from None


def report(
    name: Annotated[
        str | None,
        Argument(metavar="[RUN]", help="Number, or plan (newest run); omit to list all."),
    ] = None,
    output: Annotated[
        Path | None,
        Option("--output", "-o", metavar="DIR", help="Write the report (HTML, JSON) there."),
    ] = None,
    limit: Annotated[int, Option(min=1, help="Largest number of runs.")] = 30,
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """List screening runs, or show one run. Nothing is computed."""
    from pvkdb.schemas.screening import ScreeningReport
    from pvkdb.store.runs import screening_runs

    store = open_store(database)
    if name is None:
        with store.session(read_only=True) as session:
            runs, total = screening_runs.listed(session, limit)
            documents = [screening_runs.run_document(run) for run in runs]
        show(documents, json, lambda listed: print_runs(listed, total))
        return
    with store.session(read_only=True) as session:
        run = screening_runs.find_run(session, name)
        document, text = screening_runs.run_document(run), screening_runs.report_of(run)
    found = None if text is None else ScreeningReport.model_validate_json(text)
    if output is not None and found is None:
        raise NotFoundError(f"run {document.id} is {document.state} and has no report to write")
    if json:
        print_json({**document.model_dump(mode="json"), "report": found})
    else:
        print_run(document)
        if found is not None:
            print_report(found)
            print_differences(document)
    if found is None:
        return
    if output is not None:
        _save_report(found, output)
    elif not json:
        messages().print(f"write its report: pvkdb report {document.id} --output DIR")


_NAMES = ("run", "list")


class _RunByDefault(TyperGroup):
    """Runs ``run`` where no subcommand is named: ``pvkdb schedule FILE``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Insert ``run`` if the arguments name no subcommand."""
        if not args or args[0] not in (*_NAMES, "--help"):
            args = ["run", *args]
        return super().parse_args(ctx, args)


schedule_app = typer.Typer(
    cls=_RunByDefault,
    help="Run screening plans at scheduled times. Without a subcommand: run.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

_ScheduleArgument = Annotated[
    Path, Argument(metavar="[FILE]", help="Schedule (TOML); see docs/schedule.md.")
]
_SCHEDULE = Path("schedule.toml")


@schedule_app.command(epilog="Example: pvkdb schedule run --due")
def run(
    file: _ScheduleArgument = _SCHEDULE,
    due: Annotated[bool, Option("--due", help="Run what is due, then stop.")] = False,
    once: Annotated[bool, Option("--once", help="Run every plan now, then stop.")] = False,
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Run the plans of a schedule at their times, until stopped.

    A plan runs once at each of its times, even with several schedulers. If it missed several
    times, it runs once for all of them. With --due or --once, the exit code is 5 if a run failed.
    """
    if due and once:
        raise InputError("--due and --once exclude each other; give one of them")
    if json and not (due or once):
        raise InputError(
            "--json requires --due or --once, since the scheduler runs until it is stopped"
        )
    from pvkdb_pipelines.schedule.file import read_schedule
    from pvkdb_pipelines.schedule.scheduler import Scheduler

    store = open_store(database, create=True)
    scheduler = Scheduler(store, read_schedule(file), print_message)
    try:
        if not (due or once):
            _announce(scheduler)
            scheduler.serve()
        with watching() as scheduler.watch:
            documents = scheduler.run_due() if due else scheduler.run_once()
    except KeyboardInterrupt:
        raise InterruptedByUserError(
            "schedule stopped; an interrupted run resumes at the next start"
        ) from None
    if json:
        print_json(documents)
    elif documents:
        print_runs(documents, len(documents))
    else:
        messages().print("nothing to run")
    if any(document.state == "failed" for document in documents):
        raise typer.Exit(CalculationFailedError.exit_code)


@schedule_app.command("list", epilog="Example: pvkdb schedule list schedule.toml")
def list_entries(
    file: _ScheduleArgument = _SCHEDULE,
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Check a schedule. Lists the next time and the last run of each plan."""
    from pvkdb_pipelines.schedule.file import read_schedule

    entries = read_schedule(file)
    store = open_store(database, create=True, keep=False)
    rows = [_row(entry, store) for entry in entries]
    if json:
        print_json(rows)
        return
    print_table(
        f"Schedule {file}",
        ("name", "cron", "zone", "engine", "next (UTC)", "last run"),
        [[str(row[key] or "") for key in rows[0]] for row in rows],
        whole=("name", "next (UTC)"),
    )


def _row(entry: ScheduledPlan, store: Store) -> dict[str, str | None]:
    from datetime import UTC, datetime

    from pvkdb.store.runs.screening_runs import find_run

    last = None
    with store.session(read_only=True) as session:
        try:
            found = find_run(session, entry.name)
            last = f"{found.id}, {found.state} {minute(found.fire_time)}"
        except NotFoundError:
            pass
    following = entry.times.next_after(datetime.now(UTC))
    return {
        "name": entry.name,
        "cron": entry.cron,
        "timezone": entry.timezone,
        "engine": entry.engine,
        "next": minute(following),
        "last_run": last,
    }


def _announce(scheduler: Scheduler) -> None:
    from datetime import UTC, datetime

    now = datetime.now(UTC)
    for entry in scheduler.entries:
        following = entry.times.next_after(now)
        scheduler.report_message(
            f"{entry.name}: next at {minute(following)} UTC ({entry.expression})"
        )
