"""pvkdb: a materials database and screening pipeline for halide-perovskite memristors.

``import pvkdb`` is cheap: what it exports is loaded when it is first used.
"""

from __future__ import annotations

from pvkdb._version import __version__

TYPE_CHECKING = False  # type checkers take it for true; the module typing takes longer than ours
if TYPE_CHECKING:
    from typing import Any

    from pvkdb.client import AsyncClient, Client
    from pvkdb.errors import PvkdbError
    from pvkdb.local import open_store
    from pvkdb.schemas.calculations.migration import NebSettings

__all__ = ["AsyncClient", "Client", "NebSettings", "PvkdbError", "__version__", "open_store"]

_WHERE = {
    "AsyncClient": "pvkdb.client",
    "Client": "pvkdb.client",
    "NebSettings": "pvkdb.schemas.calculations.migration",
    "PvkdbError": "pvkdb.errors",
    "open_store": "pvkdb.local",
}


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        from importlib import import_module

        return getattr(import_module(_WHERE[name]), name)
    raise AttributeError(f"module 'pvkdb' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *_WHERE]
