"""``pvkdb init``, ``upgrade``, ``import``, ``draft``, ``history``, ``export``…"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

from typer import Argument, Exit, Option

from pvkdb.cli.options import (
    DEFAULT_DATABASE,
    DatabaseOption,
    JsonOption,
    OutputOption,
    WithoutComputedOption,
    filters_given,
    load,
    load_release,
    open_store,
    store_at,
)
from pvkdb.cli.output.changes import print_differences, print_history, print_import
from pvkdb.cli.output.console import (
    messages,
    print_json,
    print_lines,
    print_message,
    show,
    write_file,
)
from pvkdb.errors import InputError, unknown_name

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

TEMPLATES = ("paper.yaml", "energetics.csv", "devices.csv", "references.csv")
#: Formats of structures with coordinates, and the endings of their files.
STRUCTURE_FILES = {"extxyz": "xyz", "cif": "cif", "optimade": "jsonl", "archive": "zip"}


def init(
    without_computed: WithoutComputedOption = False,
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Create the tables, load literature and computed results. Running it again is safe."""
    store = store_at(database)
    report, computed = load(store, computed=not without_computed)
    if json:
        from dataclasses import asdict

        document = {"database": store.name, **asdict(report), "computed": None}
        if computed is not None:
            document |= {"computed": asdict(computed), "dataset_version": computed.dataset_version}
        print_json(document)
        return
    messages().print(f"database  {store.name}")
    version = (computed or report).dataset_version
    if not (report.references or report.superseded or (computed and computed.changed)):
        messages().print(f"unchanged; dataset {version}")
        return
    if report.superseded:
        messages().print(
            f"updated   {report.superseded} rows; their earlier versions: pvkdb history ID"
        )
    messages().print(
        f"loaded    {report.references} references, {report.energetics} energetics, "
        f"{report.devices} devices, {report.device_claims} device claims, "
        f"{report.requirements} requirements"
    )
    if computed is not None:
        messages().print(f"computed  {computed.words}")
    messages().print(f"dataset   {version}")


def upgrade(
    without_computed: WithoutComputedOption = False,
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Upgrade tables and computed results to this version."""
    from dataclasses import asdict

    from pvkdb.errors import NotMigratedError
    from pvkdb.store.migrate import upgrade as run_migrations

    store = store_at(database)
    if store.revision() is None:
        raise NotMigratedError(
            f"{store.name} has no pvkdb tables to upgrade; create them with: pvkdb init"
        )
    before, after = run_migrations(store)
    document: dict[str, object] = {"database": store.name, "before": before, "after": after}
    text = f"{store.name}: schema {before} -> {after}"
    if not without_computed:
        with store.session() as session:
            computed = load_release(session)
        text += f"; computed results: {computed.words}"
        document["computed"] = asdict(computed)
    show(document, json, lambda _: messages().print(text))


def import_papers(
    files: Annotated[
        list[Path] | None,
        Argument(metavar="FILE...", help="Papers (.yaml, .json), or one table (.csv)."),
    ] = None,
    dry_run: Annotated[
        bool, Option("--dry-run", help="Show the changes without making them.")
    ] = False,
    by: Annotated[
        str | None, Option(metavar="NAME", help="Who imports; another person confirms it.")
    ] = None,
    template: Annotated[
        str | None, Option(metavar="NAME", help=f"Print {', '.join(TEMPLATES)}.")
    ] = None,
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Add papers to the database. They are checked, and added completely or not at all."""
    if template is not None:
        from importlib import resources

        if template not in TEMPLATES:
            raise InputError(unknown_name("template", template, TEMPLATES))
        text = resources.files("pvkdb.literature") / "templates" / template
        write_file(None, text.read_text(encoding="utf-8"))
        return
    if not files:
        template_command = "pvkdb import --template paper.yaml"
        raise InputError(f"name a file to import; get a template with: {template_command}")
    from pvkdb.literature.importing import ImportRefusedError, import_files
    from pvkdb.store.curation.dataset import note_importer

    store = open_store(database, create=True, keep=not dry_run)
    try:
        with _row_counter() as on_row, store.session() as session:
            report = import_files(session, files, dry_run=dry_run, on_row=on_row)
            if by and report.changed:
                note_importer(session, report.dataset_version, by)
            if dry_run:
                session.rollback()
    except ImportRefusedError as error:
        if json:
            print_json({"problems": error.problems})
        elif len(error.problems) > 1:
            for problem in error.problems:
                print_message(str(problem))
        raise
    show(report, json, print_import)


def draft(
    files: Annotated[
        list[Path], Argument(metavar="FILE...", help="Papers: PDF, HTML or plain text.")
    ],
    output: OutputOption = None,
    model_url: Annotated[
        str,
        Option(
            envvar="PVKDB_MODEL_URL",
            metavar="URL",
            help="OpenAI-compatible address of a language model that gets the text and proposes "
            "too; default: none. Its key is read from PVKDB_MODEL_KEY.",
        ),
    ] = "",
    model: Annotated[
        str, Option(envvar="PVKDB_MODEL_NAME", metavar="NAME", help="Name of that model.")
    ] = "",
    json: JsonOption = False,
) -> None:
    """Draft an import from papers. A person confirms each value; nothing is imported."""
    from dataclasses import asdict

    from pvkdb.literature.drafts import ModelEndpoint, draft_paper, draft_yaml
    from pvkdb.literature.drafts.budget import in_budget

    endpoint = ModelEndpoint.named(model_url, model)
    drafts = [in_budget(draft_paper, file, endpoint) for file in files]
    if json:
        print_json([asdict(one) for one in drafts])
        return
    target = output.name if output else "draft.yaml"
    write_file(output, "---\n".join(draft_yaml(one, target) for one in drafts))
    for one in drafts:
        count = sum(len(row.found) for row in one.rows)
        messages().print(
            f"{one.name}: {count} values in {len(one.rows)} rows to confirm, "
            f"{len(one.further)} values of no certain row, or without a field of an import",
            markup=False,
        )
        if one.note:
            messages().print(one.note, markup=False)


@contextmanager
def _row_counter() -> Iterator[Callable[[int], None]]:
    """Show the number of rows on a terminal; nothing in a log, since an import takes seconds."""
    console = messages()
    if not console.is_terminal:
        yield lambda count: None
        return
    with console.status("reading") as status:

        def update(count: int) -> None:
            if count % 200 == 0:
                status.update(f"{count} rows")

        yield update


def history(
    key: Annotated[str, Argument(metavar="ID", help="Id of a row, e.g. e-t1-r01-ea.")],
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Show all versions of a row. The oldest comes first, each with its changes."""
    from pvkdb.store.curation.history import history as versions_of

    with open_store(database, create=True).session(read_only=True) as session:
        versions = versions_of(session, key)
    show(versions, json, print_history)


def export(
    name: Annotated[str, Argument(help="Table, e.g. energetics, devices, references.")],
    format: Annotated[
        str,
        Option(
            help="csv (default), json, jsonl, parquet; of references also bibtex, ris, csl; of "
            "structures also extxyz, cif, optimade, archive."
        ),
    ] = "",
    where: Annotated[
        list[str] | None,
        Option(metavar="FILTER=VALUE", help="Filter of the service, e.g. --where row=d-t4-r14."),
    ] = None,
    raw: Annotated[
        bool, Option("--raw", help="CSV: no apostrophe before texts that look like formulas.")
    ] = False,
    output: OutputOption = None,
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Write a table as CSV, JSON, Parquet or BibTeX. --json means --format json.

    Structures with coordinates: extxyz, cif, optimade (JSON Lines), or archive (a ZIP file with
    extxyz, optimade, and the metadata and energies of the calculations behind them).
    """
    from pvkdb.schemas.tables import TABLES
    from pvkdb.store.collections import LISTED
    from pvkdb.store.files.bibliography import BIBLIOGRAPHIES, ENDINGS
    from pvkdb.store.files.table_files import Format, formats_of, write_table
    from pvkdb.store.rows.corrected import corrected_references
    from pvkdb.suitability import exported_rows

    for error in TABLES.added[1]:
        print_message(f"left out: {error}")
    if name not in TABLES:
        raise InputError(unknown_name("table", name, TABLES))
    files = STRUCTURE_FILES if name == "structures" else {}
    formats = [*formats_of(name), *files]
    endings = {**ENDINGS, **files}
    if format and format not in formats:
        raise InputError(unknown_name(f"format of {name}", format, formats))
    ending = output.suffix.removeprefix(".") if output else ""
    by_ending = next((each for each in formats if endings.get(each, each) == ending), "")
    if format and endings.get(format) == ending:
        by_ending = format
    wanted = {format, "json" if json else "", by_ending} - {""}
    if len(wanted) > 1:
        raise InputError(
            f"two different formats are given ({', '.join(sorted(wanted))}); --format, --json and "
            "the ending of --output must agree"
        )
    chosen = wanted.pop() if wanted else "csv"
    if chosen in ("parquet", "archive") and output is None and sys.stdout.isatty():
        raise InputError(f"{chosen} is binary; name a file with --output FILE")
    filters = _filters(name, where or ())
    with open_store(database, create=True).session() as session:
        if chosen in files:
            data = _structure_file(session, chosen, filters)
        else:
            rows = (
                LISTED[name].iterate(session, filters) if filters else exported_rows(session, name)
            )
            if chosen in BIBLIOGRAPHIES:
                rows = corrected_references(session, rows)
            data = write_table(name, rows, cast("Format", chosen), raw=raw)
    write_file(output, data)


def _structure_file(session: Session, format: str, filters: dict[str, Any]) -> bytes:
    from pvkdb.snapshots.structures import documents, write_archive
    from pvkdb.store.files.structure_files import ManyFormat, many_text

    found = documents(session, filters)
    if format in ("extxyz", "cif"):
        return "".join(many_text(each, cast("ManyFormat", format)) for each in found).encode()
    from pvkdb_api.optimade.app import json_lines

    if format == "archive":
        return write_archive(session, found, lambda ids: json_lines(session, ids))
    return b"".join(json_lines(session, [each.id for each in found]))


def _filters(name: str, conditions: Sequence[str]) -> dict[str, Any]:
    """Return the filters written as ``cited_by=devices``; a list has commas outside brackets."""
    from pvkdb.schemas.rankings import split_names
    from pvkdb.store.collections import LISTED

    known = LISTED[name].filters if name in LISTED else {}
    found: dict[str, Any] = {}
    for key, text in filters_given(f"filter of {name}", conditions, known).items():
        kind = known[key].type
        try:
            if known[key].many:
                found[key] = split_names(text)
            else:
                found[key] = {"true": True, "false": False}[text] if kind is bool else kind(text)
        except (KeyError, ValueError):
            raise InputError(f"{key}={text!r} cannot be used: {known[key].description}") from None
    return found


def snapshot(
    path: Annotated[Path, Argument(help="New folder, .zip file, or .sqlite file.")],
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Write the whole dataset to files, as SQLite and Parquet.

    All tables are of one moment, with the rows that pvkdb export writes, beside descriptions
    (Data Package, Croissant) and the licence. A .sqlite file holds the tables alone.
    """
    from pvkdb.snapshots.writing import one_moment, write_snapshot

    with one_moment(open_store(database, create=True)) as session:
        version = write_snapshot(session, path)
    document = {"path": str(path), "dataset_version": version}
    show(document, json, lambda _: messages().print(f"wrote {path}, dataset {version}"))


def backup(
    path: Annotated[Path, Argument(metavar="FILE", help="New file, e.g. pvkdb-backup.sqlite.")],
    replace: Annotated[bool, Option("--replace", help="Replace FILE if it exists.")] = False,
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Copy the database, also while others write. For PostgreSQL it prints the commands."""
    from pvkdb.store.files.backup import copy_sqlite, postgresql_commands
    from pvkdb.store.queue.kept_files import NoPlaceError, file_store

    store = store_at(database)
    commands: list[str] = []
    if store.sqlite_path is None:
        commands = postgresql_commands(store, path)
    else:
        copy_sqlite(store.sqlite_path, path, replace)
    try:
        files = file_store(store).url
    except NoPlaceError:
        files = None
    done = "run these:" if commands else f"wrote and checked {path}"
    lines = [done, *commands, *([f"copy the files beside it, too: {files}"] if files else [])]
    document = {"path": str(path), "commands": commands, "files": files}
    show(document, json, lambda _: print_lines(lines))


def diff(
    old: Annotated[str, Argument(help="Snapshot (folder, .zip, .sqlite), or URL of a database.")],
    new: Annotated[str, Argument(help="The other one.")],
    limit: Annotated[int, Option(min=0, help="Rows shown of each table.")] = 20,
    json: JsonOption = False,
) -> None:
    """Show what changed between two datasets. --json has every row, with both values.

    The exit code is that of diff: 0 if they are the same, 1 if they differ, 2 and more on errors.
    """
    from pvkdb.snapshots.comparison import compare, open_datasets

    with open_datasets(old, new) as datasets:
        versions = [dataset.version for dataset in datasets]
        differ = print_differences(versions, compare(*datasets), None if json else limit)
    if differ:
        raise Exit(1)
