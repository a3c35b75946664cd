"""``pvkdb jobs``: listing, cancelling, repeating and exchanging calculations."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer
from typer import Argument, Option
from typer.core import TyperGroup

from pvkdb.cli.operations import add_command, with_fields
from pvkdb.cli.options import DEFAULT_DATABASE, DatabaseOption, JsonOption, open_store
from pvkdb.cli.output.console import messages, print_json, print_message, show
from pvkdb.cli.output.job_tables import print_job, print_jobs
from pvkdb.errors import CalculationFailedError, InputError, NotFoundError, writing

_SELECTION = "pvkdb.schemas.calculations:Selection"
_POLL_S = 1.0


class _ListByDefault(TyperGroup):
    """Runs ``list`` where no subcommand is named: ``pvkdb jobs --state failed``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Insert ``list`` if the arguments name no subcommand."""
        first = args[0] if args else ""
        if not args or (first.startswith("-") and first != "--help"):
            args = ["list", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_ListByDefault,
    help="List and control calculations. Without a subcommand: list.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

IdArgument = Annotated[str, Argument(metavar="ID", help="Id or its first characters.")]


@with_fields(_SELECTION)
def list_jobs(
    limit: Annotated[int, Option(min=1, help="Largest number of rows.")] = 50,
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
    **asked: Any,
) -> None:
    """List calculations. Running ones come first, then queued, then ended."""
    from pvkdb.schemas import validated
    from pvkdb.schemas.calculations import Selection
    from pvkdb.store.collections import CALCULATIONS
    from pvkdb.store.queue import jobs

    selection = validated(Selection, asked)
    with open_store(database).session(read_only=True) as session:
        counts = jobs.count(session, selection)
        found = jobs.listed(session, selection, limit)
        if json:
            rows = CALCULATIONS.load(session, [entry.id for entry in found])
            print_json([row.model_dump(mode="json") for row in rows])
        else:
            print_jobs(found, counts)


add_command(app, "list", list_jobs, epilog="Example: pvkdb jobs list --state failed --kind neb")


@app.command("show", epilog="Example: pvkdb jobs show 3f2a")
def show_job(
    name: IdArgument, database: DatabaseOption = DEFAULT_DATABASE, json: JsonOption = False
) -> None:
    """Show one calculation. Prints state, parameters, dependencies, files and log."""
    from pvkdb.store.queue import jobs

    with open_store(database).session(read_only=True) as session:
        job = jobs.job_document(session, jobs.find(session, name))
    show(job, json, print_job)


@app.command(epilog="Example: pvkdb jobs cancel 3f2a 81c0")
def cancel(
    names: Annotated[list[str], Argument(metavar="ID...", help="Ids, or first characters.")],
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Cancel calculations. Workers stop running ones within seconds."""
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
        words = "worker is stopping it" if state == "running" else state.value
        print_message(f"{key}  {words}")


@with_fields(_SELECTION, without=("state",))
def retry(
    names: Annotated[
        list[str] | None, Argument(metavar="[ID...]", help="Ids, or first characters.")
    ] = None,
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
    **asked: Any,
) -> None:
    """Queue failed or cancelled calculations again.

    Give their ids, or select failed ones with --failed, --kind or --material.
    """
    from pvkdb.schemas import validated
    from pvkdb.schemas.calculations import Selection
    from pvkdb.store.queue import jobs

    if bool(names) == bool(asked):
        raise InputError(
            "name calculations, or select failed ones with --failed, --kind or --material; not both"
        )
    selection = validated(Selection, asked)
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
        print_message(f"{key}  queued again")
    messages().print(f"{len(again)} calculation(s) queued again; compute them with: pvkdb work")


add_command(
    app,
    "retry",
    retry,
    epilog='Example: pvkdb jobs retry --failed "NEB not converged" --kind neb',
)


@app.command(epilog="Example: pvkdb jobs follow 3f2a")
def follow(name: IdArgument, database: DatabaseOption = DEFAULT_DATABASE) -> None:
    """Print the log of a calculation until it ends. The exit code is 5 if it failed."""
    from pvkdb.store.queue import jobs

    store = open_store(database)
    last, shown = 0, None
    while True:
        with store.session(read_only=True) as session:
            calculation = jobs.find(session, name)
            state, progress = calculation.state, calculation.progress
            failure = (calculation.failure_kind, calculation.failure_message)
            for line in jobs.log_lines(session, calculation.id, last):
                last = line.line
                typer.echo(line.text)
        if progress is not None and progress != shown:
            shown = progress
            force = "" if progress["force"] is None else f", {progress['force']:.3f} eV/Å"
            step = f"{progress['stage']}, step {progress['step']}"
            typer.echo(f"  {progress['fraction']:4.0%}  {step}{force}")
        if state == "failed":
            raise CalculationFailedError(str(failure[0]), f"{failure[0]}: {failure[1]}")
        if state in ("done", "cancelled"):
            return
        time.sleep(_POLL_S)


@app.command(epilog="Example: pvkdb jobs files 3f2a --output out")
def files(
    name: IdArgument,
    output: Annotated[
        Path, Option("--output", "-o", metavar="DIR", help="Folder to write.")
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
    stored = file_store(store)
    written = []
    for file, sha256 in kept.items():
        target = output / Path(file).name
        content = stored.get(sha256)
        with writing(target):
            output.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        written.append(str(target))
    show(written, json, lambda names: print_message(f"wrote {', '.join(names)}"))


@app.command("export", epilog="Example: pvkdb jobs export calculations.jsonl.gz")
def export_jobs(
    file: Annotated[Path, Argument(metavar="FILE", help="E.g. calculations.jsonl.gz.")],
    without_paths: Annotated[
        bool,
        Option(
            "--without-paths",
            help="Leave out the images of migration paths, most of a file with barriers; without "
            "them, paths cannot be shown or computed by DFT after the import.",
        ),
    ] = False,
    queued: Annotated[
        bool,
        Option("--queued", help="Export the queue instead, to compute it with another store."),
    ] = False,
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Export finished calculations to a file. Includes structures and energies.

    Another store that imports the file need not compute them again. With --queued, it queues them,
    and its own export, imported here, ends them. The exit code is 2 if some are left out.
    """
    from pvkdb.store.files.exchange import write_calculations, write_queued

    if queued and without_paths:
        raise InputError("--without-paths is of no use with --queued, which exports no results")
    with open_store(database).session(read_only=not queued) as session:
        if queued:
            number, left_out = write_queued(session, file)
        else:
            number, left_out = write_calculations(session, file, paths=not without_paths)
    exported = {"file": str(file), "calculations": number, "left_out": left_out}
    show(exported, json, lambda _: print_message(f"wrote {number:,} calculations to {file}"))
    if left_out:
        named = "; ".join(f"{name}: {reason}" for name, reason in left_out.items())
        raise InputError(f"{len(left_out):,} calculations are not in {file}: {named}")


@app.command("import", epilog="Example: pvkdb jobs import calculations.jsonl.gz")
def import_jobs(
    file: Annotated[Path, Argument(metavar="FILE", help="File of pvkdb jobs export.")],
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Import calculations from a file. Adds all new ones, or none on errors."""
    from dataclasses import asdict

    from pvkdb.store.files.calculation_import import take_calculations

    with open_store(database, create=True).session() as session:
        taken = take_calculations(session, file)
    if json:
        print_json(asdict(taken))
        return
    done = f"queued {taken.queued:,}" if taken.queued else f"imported {taken.new:,}"
    messages().print(f"{done} calculations; {taken.known:,} were already there")
    if taken.queued:
        messages().print("compute them with: pvkdb work")
    if taken.other_recipe:
        messages().print(
            f"left out {taken.other_recipe:,}: this version of pvkdb computes them differently"
        )
