"""``pvkdb init``, ``upgrade`` and ``export``: making a database and getting tables out of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, cast

import typer

from pvkdb.cli.options import DEFAULT_DATABASE, DatabaseOption, JsonOption, open_store
from pvkdb.cli.output.console import messages, print_json
from pvkdb.errors import InputError, unknown_name


def init(database: DatabaseOption = DEFAULT_DATABASE, json: JsonOption = False) -> None:
    """Create the tables and load the curated literature; safe to run again."""
    from pvkdb.literature import load_literature
    from pvkdb.store.database import Store
    from pvkdb.store.migrate import upgrade as run_migrations

    store = Store(database)
    run_migrations(store)
    with store.session() as session:
        report = load_literature(session)
    if json:
        from dataclasses import asdict

        print_json({"database": store.name, **asdict(report)})
        return
    messages().print(f"database  {store.name}")
    if report.superseded:
        messages().print(
            f"brought up to date: {report.superseded} rows say something else now; what they said "
            "before: pvkdb history ID"
        )
    elif report.references == 0:
        messages().print(f"loaded    before; dataset {report.dataset_version}")
        return
    messages().print(
        f"loaded    {report.references} references, {report.energetics} energetics, "
        f"{report.devices} devices, {report.device_claims} device claims, "
        f"{report.requirements} requirements"
    )
    messages().print(f"dataset   {report.dataset_version}, {report.materials} materials")


def upgrade(database: DatabaseOption = DEFAULT_DATABASE, json: JsonOption = False) -> None:
    """Bring an existing database to this version's schema."""
    from pvkdb.errors import NotMigratedError
    from pvkdb.store.database import Store
    from pvkdb.store.migrate import upgrade as run_migrations

    store = Store(database)
    if store.revision() is None:
        raise NotMigratedError(
            f"{store.name} holds no pvkdb tables to upgrade; create them with: pvkdb init"
        )
    before, after = run_migrations(store)
    if json:
        print_json({"database": store.name, "before": before, "after": after})
    else:
        messages().print(f"{store.name}: schema {before} -> {after}")


def export(
    name: Annotated[str, typer.Argument(help="Table, e.g. energetics, devices, references.")],
    format: Annotated[
        str,
        typer.Option(
            "--format", help="csv, json, jsonl or parquet; default: by the file's ending."
        ),
    ] = "",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write instead of stdout.")
    ] = None,
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Write a table as CSV, JSON, JSON lines or Parquet; --json is --format json."""
    from pvkdb.schemas.tables import TABLES
    from pvkdb.store.collections.export import table_rows
    from pvkdb.store.files.table_files import FORMATS, Format, write_table
    from pvkdb.suitability import rankings_rows

    if name not in TABLES:
        raise InputError(unknown_name("table", name, TABLES))
    if format and format not in FORMATS:
        raise InputError(unknown_name("format", format, FORMATS))
    ending = output.suffix.removeprefix(".") if output else ""
    wanted = {format, "json" if json else "", ending if ending in FORMATS else ""} - {""}
    if len(wanted) > 1:
        raise InputError(
            f"two formats are asked for ({', '.join(sorted(wanted))}); --format, --json and the "
            "ending of --output must agree"
        )
    chosen: Format = cast("Format", wanted.pop() if wanted else "csv")
    if chosen == "parquet" and output is None and sys.stdout.isatty():
        raise InputError("parquet is binary; name a file with --output FILE")
    with open_store(database).session() as session:
        rows = rankings_rows(session) if name == "rankings" else table_rows(session, name)
        data = write_table(name, rows, chosen)
    if output is None:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    try:
        output.write_bytes(data)
    except OSError as error:
        raise InputError(f"{output} cannot be written: {error.strerror}") from error
    messages().print(f"wrote {output}")
