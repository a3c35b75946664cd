"""Tables of imported papers and of the history of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pvkdb.cli.output.console import messages, output, plain, print_message, print_table

if TYPE_CHECKING:
    from pvkdb.schemas.imports import Change, Difference, History, ImportReport

#: Changes that a terminal shows; ``--json`` has up to a hundred.
SHOWN = 20

_MARKS = {"add": "[green]+[/]", "supersede": "[yellow]~[/]", "already there": "[dim]=[/]"}


def print_import(report: ImportReport) -> None:
    """Print the changes of an import, its warnings and its counts."""
    shown = [change for change in report.changes if change.action != "already there"][:SHOWN]
    if shown:
        print_table(
            "Would change" if report.dry_run else "Changed",
            ["", "table", "id", "row"],
            [
                [_MARKS[change.action], change.table, plain(change.id), _row(change)]
                for change in shown
            ],
            whole=("", "table", "id"),
        )
    if report.changed > len(shown):
        messages().print(f"… and {report.changed - len(shown)} more rows")
    for warning in report.warnings[:SHOWN]:
        print_message(f"note: {warning}")
    parts = [
        f"{counts.added} {table} added"
        + (f", {counts.superseding} superseding" if counts.superseding else "")
        + (f", {counts.already_there} there already" if counts.already_there else "")
        for table, counts in report.counts.items()
        if counts.added or counts.superseding or counts.already_there
    ]
    messages().print("; ".join(parts) or "the files contain no rows")
    if report.dry_run:
        messages().print("dry run: nothing was changed")
    else:
        messages().print(f"dataset {report.dataset_version}")


def _row(change: Change) -> str:
    lines = [change.summary]
    if change.supersedes:
        lines.append(f"supersedes {change.supersedes}")
    return plain("\n".join([*lines, *map(_difference, change.differences)]))


def _difference(difference: Difference) -> str:
    empty = "(empty)"
    return f"{difference.column}: {difference.before or empty} → {difference.after or empty}"


def print_history(history: History) -> None:
    """Print every version of a row with its changes."""
    console = output()
    for version in history.versions:
        state = "current" if version.current else "superseded"
        console.print(f"[bold]{plain(version.id)}[/] ({version.table}, {state})")
        by = f", {version.recorded_by}" if version.recorded_by else ""
        lines = [f"dataset {version.recorded_in or 'not recorded'}{by}"]
        if version.differences:
            lines += map(_difference, version.differences)
        else:
            lines += [
                f"{column}: {value}"
                for column, value in version.row.items()
                if value not in (None, "") and column != "id"
            ]
        for line in lines:
            console.print(f"  {line}", markup=False)
