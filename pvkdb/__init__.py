"""pvkdb: a materials database and screening pipeline for halide-perovskite memristors.

``import pvkdb`` is cheap: what it exports is loaded when it is first used.
"""

from __future__ import annotations

from pvkdb._later import TYPE_CHECKING, later
from pvkdb._version import __version__

if TYPE_CHECKING:
    from pvkdb.client import AsyncClient, Client
    from pvkdb.errors import PvkdbError
    from pvkdb.local import open_store
    from pvkdb.schemas.calculations.migration import NebSettings

__all__ = ["AsyncClient", "Client", "NebSettings", "PvkdbError", "__version__", "open_store"]

__getattr__ = later(
    __name__,
    client="AsyncClient Client",
    errors="PvkdbError",
    local="open_store",
    **{"schemas.calculations.migration": "NebSettings"},
)


def __dir__() -> list[str]:
    return [*{*globals(), *__all__}]
