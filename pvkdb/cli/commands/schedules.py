"""``pvkdb schedule``: screening plans at scheduled times."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument, Option
from typer.core import TyperGroup

from pvkdb.cli.options import DEFAULT_DATABASE, DatabaseOption, JsonOption, open_store
from pvkdb.cli.output.console import messages, print_json, print_message, print_table
from pvkdb.cli.output.progress import watch_stages
from pvkdb.cli.output.screening_tables import print_runs
from pvkdb.display.times import minute
from pvkdb.errors import CalculationFailedError, InputError, InterruptedByUserError

if TYPE_CHECKING:
    from pvkdb.store.database import Store
    from pvkdb_pipelines.schedule.file import ScheduledPlan
    from pvkdb_pipelines.schedule.scheduler import Scheduler

_NAMES = ("run", "list")


class _RunByDefault(TyperGroup):
    """Runs ``run`` where no subcommand is named: ``pvkdb schedule FILE``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Insert ``run`` if the arguments name no subcommand."""
        if not args or args[0] not in (*_NAMES, "--help"):
            args = ["run", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_RunByDefault,
    help="Run screening plans at scheduled times. Without a subcommand: run.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

FileArgument = Annotated[
    Path, Argument(metavar="[FILE]", help="Schedule (TOML); see docs/schedule.md.")
]
DEFAULT_FILE = Path("schedule.toml")


@app.command(epilog="Example: pvkdb schedule run --due")
def run(
    file: FileArgument = DEFAULT_FILE,
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
        with watch_stages() as scheduler.watch:
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


@app.command("list", epilog="Example: pvkdb schedule list schedule.toml")
def list_entries(
    file: FileArgument = DEFAULT_FILE,
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

    from pvkdb.errors import NotFoundError
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
