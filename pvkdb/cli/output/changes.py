"""What an import, the history of a row or a later dataset changed, on the terminal."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from pvkdb.cli.output.console import (
    messages,
    output,
    plain,
    print_lines,
    print_message,
    print_table,
)

if TYPE_CHECKING:
    from pvkdb.schemas.imports import (
        Change,
        DeskDraft,
        Difference,
        History,
        ImportReport,
        TableChanges,
        UnreviewedImport,
    )
    from pvkdb.snapshots.comparison import RowDifference

#: Changes that a terminal shows; ``--json`` has up to a hundred.
_SHOWN = 20

_MARKS = {"add": "[green]+[/]", "supersede": "[yellow]~[/]", "already there": "[dim]=[/]"}


def print_import(report: ImportReport) -> None:
    """Print the changes of an import, its warnings and its counts."""
    shown = [change for change in report.changes if change.action != "already there"][:_SHOWN]
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
    for warning in report.warnings[:_SHOWN]:
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
    before, after = _shown(difference.before or None), _shown(difference.after or None)
    return f"{difference.column}: {before} → {after}"


def print_changes(found: Sequence[TableChanges]) -> None:
    """Print what came into the tables since a dataset version."""
    for each in found:
        for row in each.rows[:_SHOWN]:
            corrects = f", corrects {row.supersedes}" if row.supersedes else ""
            line = f"{each.table} {row.id}{corrects}: {row.version or 'computed here'}"
            output().print(plain(line), soft_wrap=True)
    counts = (
        f"{each.added} {each.table} added, {each.superseding} correct others" for each in found
    )
    print_message("; ".join(counts) or "nothing has changed since")


def print_history(history: History) -> None:
    """Print every version of a row with its changes."""
    console = output()
    for version in history.versions:
        state = "current" if version.current else version.row.get("review") or "superseded"
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


def print_differences(
    versions: Sequence[str], differences: Iterable[RowDifference], limit: int | None
) -> bool:
    """Print differences of two datasets as they come; return whether there are any.

    Args:
        versions: Dataset versions of both.
        differences: Rows that differ, table by table.
        limit: Most rows of a table that are shown; None for all, as JSON.
    """
    counts: dict[str, Counter[str]] = {}
    if limit is None:
        old, new = map(json.dumps, versions)
        sys.stdout.write(f'{{"old": {old}, "new": {new}, "differences": [')
    for number, found in enumerate(differences):
        counted = counts.setdefault(found.table, Counter())
        counted[found.change] += 1
        if limit is None:
            line = json.dumps(asdict(found), ensure_ascii=False)
            sys.stdout.write(f"{',' if number else ''}\n{line}")
        elif counted.total() <= limit:
            key = ", ".join(str(value) for value in found.key.values() if value is not None)
            changed = found.columns.items() if found.change == "changed" else ()
            shown = (f"  {name}: {_shown(a)} → {_shown(b)}" for name, (a, b) in changed)
            print_lines([f"{found.table} {key}: {found.change}", *shown])
    if limit is None:
        sys.stdout.write(f'], "tables": {json.dumps(counts)}}}\n')
        return bool(counts)
    messages().print(f"old       dataset {versions[0]}\nnew       dataset {versions[1]}")
    kinds = ("added", "removed", "changed")
    rows = [[table, *(str(n[kind]) for kind in kinds)] for table, n in counts.items()]
    if rows:
        caption = f"at most {limit} rows of a table are shown above; more with --limit"
        print_table("Rows that differ", ["table", *kinds], rows, numeric=kinds, caption=caption)
    return bool(counts)


def _shown(value: object) -> str:
    return "(empty)" if value is None else str(value)


def print_drafts(found: Sequence[DeskDraft] | DeskDraft) -> None:
    """Print drafts of papers; of one that was named, its proposals."""
    for each in found if isinstance(found, Sequence) else [found]:
        state = f"{each.state}, {each.undecided} undecided, revision {each.revision}"
        output().print(plain(f"{each.id}  {state}  {each.title}"), soft_wrap=True)
        for cell in (cell for row in each.rows or () for cell in row.cells if cell.value):
            said = f"{cell.decision or 'undecided'}: {cell.decided or cell.value}"
            output().print(plain(f"  {cell.cell}  {said}  {cell.sentence}"), soft_wrap=True)


def print_unreviewed(waiting: Sequence[UnreviewedImport]) -> None:
    """Print the imports that nobody has confirmed."""
    for each in waiting:
        line = f"{each.version}  {each.origin}  {each.at}"
        output().print(plain(line), soft_wrap=True)
    print_message(f"{len(waiting)} without a review; confirm with: pvkdb review VERSION --by NAME")
