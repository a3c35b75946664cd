"""``pvkdb serve``: the REST service."""

from __future__ import annotations

from typing import Annotated

import typer

from pvkdb.cli.console import messages, print_json
from pvkdb.cli.options import DEFAULT_DATABASE, DatabaseOption, JsonOption, open_store


def serve(
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65535)] = 8000,
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Serve the database over HTTP until Ctrl-C."""
    from pvkdb_api.server import serve as run

    store = open_store(database)

    def ready(address: str) -> None:
        if json:
            print_json({"url": address, "database": store.name})
        messages().print(f"serving {store.name} on {address} (Ctrl-C stops)")

    run(database, host, port, ready=ready)
