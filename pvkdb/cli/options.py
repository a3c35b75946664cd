"""Options that many commands share, and opening the store that they name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pvkdb.store.database import Store

DEFAULT_DATABASE = "sqlite:///pvkdb.sqlite"

DatabaseOption = Annotated[
    str,
    typer.Option(
        "--database",
        envvar="PVKDB_DATABASE_URL",
        metavar="URL",
        help="sqlite:///FILE or postgresql://USER@HOST/NAME.",
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Machine-readable output on standard output.")
]


def open_store(url: str) -> Store:
    """The store behind a URL, its schema checked.

    Raises:
        DatabaseError: it cannot be reached.
        NotMigratedError: its schema is missing or old.
    """
    from pvkdb.store.database import Store

    return Store(url).require_migrated()
