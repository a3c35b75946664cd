"""``pvkdb import`` and ``pvkdb history``: adding papers, and what a row said before."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pvkdb.cli.options import DEFAULT_DATABASE, DatabaseOption, JsonOption, open_store
from pvkdb.cli.output.console import messages, output, print_json, print_table
from pvkdb.errors import InputError, unknown_name

if TYPE_CHECKING:
    from pvkdb.schemas.imports import Change, Difference, History, ImportReport

TEMPLATES = ("paper.yaml", "energetics.csv", "devices.csv", "references.csv")
#: Changes that a terminal shows; ``--json`` gives up to a hundred.
SHOWN = 20

_MARKS = {"add": "[green]+[/]", "supersede": "[yellow]~[/]", "already there": "[dim]=[/]"}


def import_papers(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FILE...", help="Papers: .yaml or .json, or .csv of one table."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")
    ] = False,
    template: Annotated[
        str | None,
        typer.Option("--template", metavar="NAME", help=f"Print {', '.join(TEMPLATES)}."),
    ] = None,
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Add papers to the store: checked, without duplicates, all of them or nothing."""
    if template is not None:
        _print_template(template)
        return
    if not files:
        form = "pvkdb import --template paper.yaml"
        raise InputError(f"name a file to import; a form to fill in: {form}")
    from pvkdb.literature.importing import ImportRefusedError, import_files

    store = open_store(database)
    try:
        with _progress() as on_row, store.session() as session:
            report = import_files(session, files, dry_run=dry_run, on_row=on_row)
            if dry_run:
                session.rollback()
    except ImportRefusedError as error:
        if json:
            print_json({"problems": [problem.model_dump() for problem in error.problems]})
        elif len(error.problems) > 1:
            for problem in error.problems:
                messages().print(str(problem), markup=False, soft_wrap=True)
        raise
    if json:
        print_json(report.model_dump(mode="json"))
    else:
        _print_report(report)


def history(
    key: Annotated[str, typer.Argument(metavar="ID", help="Id of a row, e.g. e-t1-r01-ea.")],
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Show every version of a row, oldest first, and what each one changed."""
    from pvkdb.store.curation.history import history as versions_of

    with open_store(database).session(read_only=True) as session:
        found = versions_of(session, key)
    if json:
        print_json(found.model_dump(mode="json"))
    else:
        _print_history(found)


def _print_template(name: str) -> None:
    from importlib import resources

    if name not in TEMPLATES:
        raise InputError(unknown_name("template", name, TEMPLATES))
    text = resources.files("pvkdb.literature") / "templates" / name
    sys.stdout.write(text.read_text(encoding="utf-8"))


@contextmanager
def _progress() -> Iterator[Callable[[int], None]]:
    """A counter of rows on a terminal; silent in a log, where an import takes seconds."""
    console = messages()
    if not console.is_terminal:
        yield lambda count: None
        return
    with console.status("reading") as status:

        def show(count: int) -> None:
            if count % 200 == 0:
                status.update(f"{count} rows")

        yield show


def _print_report(report: ImportReport) -> None:
    from rich.markup import escape

    shown = [change for change in report.changes if change.action != "already there"][:SHOWN]
    if shown:
        print_table(
            "Would change" if report.dry_run else "Changed",
            ["", "table", "id", "row"],
            [
                [_MARKS[change.action], change.table, escape(change.id), _row(change)]
                for change in shown
            ],
            whole=("", "table", "id"),
        )
    if report.changed > len(shown):
        messages().print(f"… and {report.changed - len(shown)} more rows")
    for warning in report.warnings[:SHOWN]:
        messages().print(f"note: {warning}", markup=False, soft_wrap=True)
    parts = [
        f"{counts.added} {table} added"
        + (f", {counts.superseding} superseding" if counts.superseding else "")
        + (f", {counts.already_there} there already" if counts.already_there else "")
        for table, counts in report.counts.items()
        if counts.added or counts.superseding or counts.already_there
    ]
    messages().print("; ".join(parts) or "the files hold no rows")
    if report.dry_run:
        messages().print("dry run: nothing was changed")
    else:
        messages().print(f"dataset {report.dataset_version}")


def _row(change: Change) -> str:
    from rich.markup import escape

    text = escape(change.summary)
    if change.supersedes:
        text += f"\nsupersedes {escape(change.supersedes)}"
    return "\n".join([text, *(escape(_difference(d)) for d in change.differences)])


def _difference(difference: Difference) -> str:
    nothing = "(empty)"
    return f"{difference.column}: {difference.before or nothing} → {difference.after or nothing}"


def _print_history(found: History) -> None:
    from rich.markup import escape

    console = output()
    for version in found.versions:
        state = "current" if version.current else "superseded"
        console.print(f"[bold]{escape(version.id)}[/] ({version.table}, {state})")
        brought = version.recorded_in or "not recorded"
        by = f", {version.recorded_by}" if version.recorded_by else ""
        console.print(f"  dataset {brought}{by}", markup=False)
        if version.differences:
            for difference in version.differences:
                console.print(f"  {_difference(difference)}", markup=False)
        else:
            for column, value in version.row.items():
                if value not in (None, "") and column != "id":
                    console.print(f"  {column}: {value}", markup=False)
