"""pvkdb: a materials database and screening pipeline for halide-perovskite memristors.

``import pvkdb`` is cheap: what it exports is loaded when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pvkdb.client import Client
    from pvkdb.errors import PvkdbError

__version__ = "0.1.0"
__all__ = ["Client", "PvkdbError", "__version__"]

_WHERE = {"Client": "pvkdb.client", "PvkdbError": "pvkdb.errors"}


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        from importlib import import_module

        return getattr(import_module(_WHERE[name]), name)
    raise AttributeError(f"module 'pvkdb' has no attribute {name!r}")
