"""``pvkdb serve``, ``mcp``, ``keys`` and ``audit``: the service, its API keys and its write log."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

from pvkdb.cli.options import DEFAULT_DATABASE, DatabaseOption, JsonOption, open_store
from pvkdb.cli.output.console import (
    messages,
    output,
    plain,
    print_json,
    print_message,
    print_table,
    show,
)

if TYPE_CHECKING:
    from datetime import datetime

    from pvkdb.schemas.access import AuditDocument

app = typer.Typer(
    help="Create, list and revoke API keys of the service.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def serve(
    host: Annotated[str, Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, Option(min=1, max=65535, help="Port to listen on.")] = 8000,
    workers: Annotated[int | None, Option(help="Number of server processes; default: 1.")] = None,
    allow_local_writes: Annotated[
        bool, Option("--allow-local-writes", help="Print a key that writes from this machine.")
    ] = False,
    log_format: Annotated[str | None, Option(help="text (default) or json.")] = None,
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Run the REST service and web pages. docs/deploy.md lists all settings."""
    from pvkdb_api.core.settings import read_settings
    from pvkdb_api.server import serve as run

    settings = read_settings(
        workers=workers, allow_local_writes=allow_local_writes or None, log_format=log_format
    )
    store = open_store(database, create=True)

    def ready(address: str) -> None:
        if json:
            print_json({"url": address, "database": store.name})
        messages().print(f"serving {store.name} on {address} (Ctrl-C stops)")

    run(database, host, port, ready=ready, settings=settings)


def mcp(database: DatabaseOption = DEFAULT_DATABASE) -> None:
    """Serve read-only tools for language models (MCP, stdio). Clients start it: docs/agents.md."""
    from pvkdb_api.agents import serve as run

    store = open_store(database)
    messages().print(f"serving {store.name} over MCP on standard input and output (Ctrl-C stops)")
    run(database)


@app.command("create", epilog="Example: pvkdb keys create laboratory --scope queue --expires 90")
def create(
    name: Annotated[str, Argument(metavar="NAME", help="Owner or purpose of the key.")],
    scope: Annotated[list[str] | None, Option(help="read (default), queue, import, admin.")] = None,
    person: Annotated[
        str | None, Option(metavar="NAME", help="Whose key it is; default: NAME of the key.")
    ] = None,
    expires: Annotated[float | None, Option(metavar="DAYS", help="Days; default: never.")] = None,
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Create an API key and print it once. The database only stores a hash."""
    from pvkdb.store.security.audit import record
    from pvkdb.store.security.keys import create_key

    with open_store(database, create=True).session() as session:
        created = create_key(session, name, scope or ["read"], expires, person)
        record(session, _user(), "create key", created.id, key_id=created.id)
    if json:
        print_json(created)
        return
    output().print(created.key, markup=False, soft_wrap=True)
    until = f"expires {_day(created.expires_at)}" if created.expires_at else "never expires"
    print_message(f"key {created.id} ({', '.join(created.scopes)}) {until}; it is not shown again")


@app.command("list", epilog="Example: pvkdb keys list")
def list_all(database: DatabaseOption = DEFAULT_DATABASE, json: JsonOption = False) -> None:
    """List all API keys. Shows names, scopes and states."""
    from pvkdb.store.base import utc_now
    from pvkdb.store.security.keys import list_keys

    with open_store(database).session(read_only=True) as session:
        keys = list_keys(session)
    now = utc_now()
    if json:
        print_json([{**key.model_dump(mode="json"), "state": key.state(now)} for key in keys])
        return
    if not keys:
        messages().print("no keys yet; create one with: pvkdb keys create NAME --scope queue")
        return
    print_table(
        "API keys",
        ["id", "name", "person", "scopes", "created", "expires", "state"],
        [
            [
                key.id,
                plain(key.name),
                plain(key.person),
                " ".join(key.scopes),
                _day(key.created_at),
                _day(key.expires_at),
                key.state(now),
            ]
            for key in keys
        ],
        whole=("id", "created", "expires", "state"),
    )


@app.command("revoke", epilog="Example: pvkdb keys revoke 3f2a")
def revoke(
    key_id: Annotated[str, Argument(metavar="ID", help="Id from `pvkdb keys list`.")],
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Revoke an API key. Every running service refuses it at once."""
    from pvkdb.store.security.audit import record
    from pvkdb.store.security.keys import revoke_key

    with open_store(database).session() as session:
        revoked = revoke_key(session, key_id)
        record(session, _user(), "revoke key", revoked.id, key_id=revoked.id)
    show(revoked, json, lambda key: print_message(f"key {key.id} ({key.name}) is revoked"))


def audit(
    limit: Annotated[int, Option(min=1, help="Largest number of entries.")] = 50,
    key: Annotated[str | None, Option(metavar="ID", help="Only entries of this API key.")] = None,
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Show all writes through the service. Includes created and revoked API keys."""
    from pvkdb.store.security.audit import entries

    with open_store(database).session(read_only=True) as session:
        found = entries(session, limit, key)
    show(found, json, _print_audit)


def _print_audit(found: Sequence[AuditDocument]) -> None:
    print_table(
        "Writes",
        ["at (UTC)", "caller", "from", "action", "subject"],
        [
            [
                f"{entry.at:%Y-%m-%d %H:%M:%S}",
                plain(entry.caller),
                entry.address or "",
                entry.action,
                entry.subject,
            ]
            for entry in found
        ],
        whole=("at (UTC)", "subject"),
    )


def _day(at: datetime | None) -> str:
    return "never" if at is None else f"{at:%Y-%m-%d}"


def _user() -> str:
    try:
        return f"command line ({getpass.getuser()})"
    except (KeyError, OSError):  # a container whose user has no name
        return "command line"
