"""``pvkdb jobs``: what is queued, running, done or failed, and what to do about it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from pvkdb.cli.options import DEFAULT_DATABASE, DatabaseOption, JsonOption, open_store
from pvkdb.cli.output.console import messages, print_json
from pvkdb.cli.output.job_tables import print_job, print_jobs
from pvkdb.errors import CalculationFailedError, InputError, NotFoundError, unknown_name

if TYPE_CHECKING:
    from pvkdb.store.queue.jobs import Selection

_POLL_S = 1.0


class _ListByDefault(TyperGroup):
    """``pvkdb jobs`` and ``pvkdb jobs --state failed`` list."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the default subcommand in."""
        first = args[0] if args else ""
        if not args or (first.startswith("-") and first != "--help"):
            args = ["list", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_ListByDefault,
    help="List, show, cancel, retry, follow, export and import calculations; alone: list.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

StateOption = Annotated[
    str | None, typer.Option("--state", help="waiting, queued, running, done, failed, cancelled.")
]
KindOption = Annotated[
    str | None, typer.Option("--kind", help="Kind of calculation, e.g. neb or relax.")
]
MaterialOption = Annotated[
    str | None, typer.Option("--material", help="Material or formula, e.g. CsPbBr3-Pnma.")
]
FailureOption = Annotated[
    str | None,
    typer.Option("--failed", metavar="REASON", help="Those that failed so, e.g. crashed."),
]
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="Id, or the beginning of one.")]


@app.command("list")
def list_jobs(
    state: StateOption = None,
    kind: KindOption = None,
    material: MaterialOption = None,
    failed: FailureOption = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Most rows.")] = 50,
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """List calculations: running, then queued in the order of their turn, then ended."""
    from pvkdb.store.queue import jobs
    from pvkdb.store.rows.from_models import calculations_row

    selection = _selection(state, kind, material, failed)
    with open_store(database).session(read_only=True) as session:
        counts = jobs.count(session, selection)
        found = jobs.listed(session, selection, limit)
        if json:
            print_json([calculations_row(entry).model_dump(mode="json") for entry in found])
        else:
            print_jobs(found, counts)


@app.command()
def show(
    name: IdArgument, database: DatabaseOption = DEFAULT_DATABASE, json: JsonOption = False
) -> None:
    """Show one calculation: state, parameters, what it waits for, files, and its log."""
    from pvkdb.store.queue import jobs

    with open_store(database).session(read_only=True) as session:
        job = jobs.job_document(session, jobs.find(session, name))
    if json:
        print_json(job.model_dump(mode="json"))
    else:
        print_job(job)


@app.command()
def cancel(
    names: Annotated[list[str], typer.Argument(metavar="ID...", help="Ids or their beginnings.")],
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Cancel calculations: at once, or, where they run, as soon as their worker hears of it."""
    from pvkdb.store.queue import jobs

    with open_store(database).session() as session:
        states = {
            key: jobs.cancel(session, key)
            for key in [jobs.find(session, name).id for name in names]
        }
    if json:
        print_json({key: state.value for key, state in states.items()})
        return
    for key, state in states.items():
        words = "its worker was asked to stop" if state == "running" else state.value
        messages().print(f"{key}  {words}", markup=False)


@app.command()
def retry(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[ID...]", help="Ids or their beginnings.")
    ] = None,
    failed: FailureOption = None,
    kind: KindOption = None,
    material: MaterialOption = None,
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Queue failed or cancelled calculations again: by id, or all that --failed, --kind or
    --material choose among the failed. `pvkdb work` then computes them."""
    from pvkdb.store.queue import jobs

    chosen = any(value is not None for value in (failed, kind, material))
    if bool(names) == chosen:
        raise InputError("name the calculations, or choose failed ones with --failed, --kind or "
                         "--material; not both")  # fmt: skip
    selection = _selection(None, kind, material, failed)
    with open_store(database).session() as session:
        if names:
            keys = [jobs.find(session, name).id for name in names]
        else:
            keys = jobs.failed_ids(session, selection)
        again = jobs.retry(session, keys)
    if json:
        print_json(again)
        return
    for key in again if names else ():
        messages().print(f"{key}  queued again", markup=False)
    messages().print(f"{len(again)} calculation(s) queued again; compute them with: pvkdb work")


@app.command()
def follow(name: IdArgument, database: DatabaseOption = DEFAULT_DATABASE) -> None:
    """Print the log of a calculation as it grows, until it ends; exit code 5 where it failed."""
    from pvkdb.store.queue import jobs

    store = open_store(database)
    last, told = 0, None
    while True:
        with store.session(read_only=True) as session:
            calculation = jobs.find(session, name)
            state, progress = calculation.state, calculation.progress
            failure = (calculation.failure_kind, calculation.failure_message)
            for line in jobs.log_lines(session, calculation.id, last):
                last = line.line
                typer.echo(line.text)
        if progress is not None and progress != told:
            told = progress
            force = "" if progress["force"] is None else f", {progress['force']:.3f} eV/Å"
            step = f"{progress['stage']}, step {progress['step']}"
            typer.echo(f"  {progress['fraction']:4.0%}  {step}{force}")
        if state == "failed":
            raise CalculationFailedError(str(failure[0]), f"{failure[0]}: {failure[1]}")
        if state in ("done", "cancelled"):
            return
        time.sleep(_POLL_S)


@app.command()
def files(
    name: IdArgument,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder to write them to.")
    ] = Path(),
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Write the files of a calculation into a folder."""
    from pvkdb.store.queue import jobs
    from pvkdb.store.queue.kept_files import file_store, files_of

    store = open_store(database)
    with store.session(read_only=True) as session:
        key = jobs.find(session, name).id
        kept = {file.name: file.sha256 for file in files_of(session, key)}
    if not kept:
        raise NotFoundError(f"calculation {key} has no files")
    place = file_store(store)
    written = []
    for file, sha256 in kept.items():
        target = output / Path(file).name
        content = place.get(sha256)
        try:
            output.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        except OSError as error:
            raise InputError(f"{target} cannot be written: {error.strerror}") from error
        written.append(str(target))
    if json:
        print_json(written)
    else:
        messages().print(f"wrote {', '.join(written)}", markup=False, soft_wrap=True)


@app.command("export")
def export_jobs(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="E.g. calculations.jsonl.gz.")],
    without_paths: Annotated[
        bool,
        typer.Option(
            "--without-paths",
            help="Leave out the images of migration paths, nearly all of a file with barriers: "
            "whoever imports it has no paths to look at or to compute by DFT.",
        ),
    ] = False,
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Write all finished calculations into a file, with the structures and energies that they
    gave: for another store, which need not compute them again."""
    from pvkdb.store.files.exchange import write_calculations

    with open_store(database).session(read_only=True) as session:
        number = write_calculations(session, file, paths=not without_paths)
    if json:
        print_json({"file": str(file), "calculations": number})
        return
    messages().print(f"wrote {number:,} calculations to {file}", markup=False)


@app.command("import")
def import_jobs(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Of pvkdb jobs export.")],
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Take over the calculations of a file that the store does not have. All or nothing."""
    from dataclasses import asdict

    from pvkdb.store.files.exchange import take_calculations

    with open_store(database).session() as session:
        taken = take_calculations(session, file)
    if json:
        print_json(asdict(taken))
        return
    messages().print(f"took {taken.new:,} calculations; {taken.known:,} were known")
    if taken.other_recipe:
        messages().print(
            f"left out {taken.other_recipe:,}: this version of pvkdb computes them in another way"
        )


def _selection(
    state: str | None, kind: str | None, material: str | None, failed: str | None
) -> Selection:
    from pvkdb.schemas.calculations import CalculationState, FailureKind
    from pvkdb.store.queue.jobs import Selection

    states = [entry.value for entry in CalculationState]
    if state is not None and state not in states:
        raise InputError(unknown_name("state", state, states))
    reasons = [entry.value for entry in FailureKind]
    if failed is not None and failed not in reasons:
        raise InputError(unknown_name("reason of a failure", failed, reasons))
    return Selection(state, kind, material, failed)
