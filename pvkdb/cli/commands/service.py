"""``pvkdb serve``: the REST service."""

from __future__ import annotations

from typing import Annotated

import typer

from pvkdb.cli.options import DEFAULT_DATABASE, DatabaseOption, JsonOption, open_store
from pvkdb.cli.output.console import messages, print_json


def serve(
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65535)] = 8000,
    workers: Annotated[
        int | None, typer.Option("--workers", help="Processes that answer; default 1.")
    ] = None,
    allow_local_writes: Annotated[
        bool,
        typer.Option(
            "--allow-local-writes",
            help="Take writes from this machine without a key; for a machine of your own.",
        ),
    ] = False,
    log_format: Annotated[
        str | None, typer.Option("--log-format", help="text (default) or json.")
    ] = None,
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Serve the database over HTTP until Ctrl-C; docs/deploy.md lists its settings."""
    from pvkdb_api.core.settings import read_settings
    from pvkdb_api.server import serve as run

    settings = read_settings(
        workers=workers,
        allow_local_writes=allow_local_writes or None,
        log_format=log_format,
    )
    store = open_store(database)

    def ready(address: str) -> None:
        if json:
            print_json({"url": address, "database": store.name})
        messages().print(f"serving {store.name} on {address} (Ctrl-C stops)")

    run(database, host, port, ready=ready, settings=settings)
