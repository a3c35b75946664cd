"""``pvkdb keys`` and ``pvkdb audit``: who may write through the service, and who did."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Annotated

import typer

from pvkdb.cli.options import DEFAULT_DATABASE, DatabaseOption, JsonOption, open_store
from pvkdb.cli.output.console import messages, output, print_json, print_table

if TYPE_CHECKING:
    from datetime import datetime

app = typer.Typer(
    help="Make, list and revoke the keys of the service.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose or what for.")],
    scope: Annotated[
        list[str] | None,
        typer.Option("--scope", help="read (default), queue, import or admin; several: repeat."),
    ] = None,
    expires: Annotated[
        float | None, typer.Option("--expires", metavar="DAYS", help="Default: never.")
    ] = None,
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Make a key and print it, this once; only a digest is stored."""
    from pvkdb.store.security.audit import record
    from pvkdb.store.security.keys import create_key

    with open_store(database).session() as session:
        made = create_key(session, name, scope or ["read"], expires)
        record(session, _user(), "create key", made.id, key_id=made.id)
    if json:
        print_json(made.model_dump(mode="json"))
        return
    output().print(made.key, markup=False, soft_wrap=True)
    until = "does not expire" if made.expires_at is None else f"expires {_day(made.expires_at)}"
    messages().print(
        f"key {made.id} may {', '.join(made.scopes)} and {until}; it is not shown again",
        markup=False,
    )


@app.command("list")
def list_all(database: DatabaseOption = DEFAULT_DATABASE, json: JsonOption = False) -> None:
    """List every key, without the keys themselves."""
    from rich.markup import escape

    from pvkdb.store.base import utc_now
    from pvkdb.store.security.keys import list_keys

    with open_store(database).session(read_only=True) as session:
        keys = list_keys(session)
    now = utc_now()
    if json:
        print_json([{**key.model_dump(mode="json"), "state": key.state(now)} for key in keys])
        return
    if not keys:
        messages().print("no keys yet; make one with: pvkdb keys create NAME --scope queue")
        return
    print_table(
        "Keys",
        ["id", "name", "scopes", "made", "expires", "state"],
        [
            [
                key.id,
                escape(key.name),
                " ".join(key.scopes),
                _day(key.created_at),
                "never" if key.expires_at is None else _day(key.expires_at),
                key.state(now),
            ]
            for key in keys
        ],
        whole=("id", "made", "expires", "state"),
    )


@app.command("revoke")
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="As `pvkdb keys list` shows it.")],
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """End a key at once, in every running service."""
    from pvkdb.store.security.audit import record
    from pvkdb.store.security.keys import revoke_key

    with open_store(database).session() as session:
        revoked = revoke_key(session, key_id)
        record(session, _user(), "revoke key", revoked.id, key_id=revoked.id)
    if json:
        print_json(revoked.model_dump(mode="json"))
    else:
        messages().print(f"key {revoked.id} ({revoked.name}) is revoked", markup=False)


def audit(
    limit: Annotated[int, typer.Option("--limit", min=1, help="Newest entries to show.")] = 50,
    key: Annotated[str | None, typer.Option("--key", metavar="ID", help="Of one key only.")] = None,
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Show who wrote what through the service, and who made or revoked keys; newest first."""
    from rich.markup import escape

    from pvkdb.store.security.audit import entries

    with open_store(database).session(read_only=True) as session:
        found = entries(session, limit, key)
    if json:
        print_json([entry.model_dump(mode="json") for entry in found])
        return
    print_table(
        "Writes",
        ["at (UTC)", "caller", "from", "action", "subject"],
        [
            [
                f"{entry.at:%Y-%m-%d %H:%M:%S}",
                escape(entry.caller),
                entry.address or "",
                entry.action,
                entry.subject,
            ]
            for entry in found
        ],
        whole=("at (UTC)", "subject"),
    )


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d}"


def _user() -> str:
    try:
        return f"command line ({getpass.getuser()})"
    except (KeyError, OSError):  # a container's user without a name
        return "command line"
