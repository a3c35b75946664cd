"""Python client of a pvkdb service; the base install is sufficient.

Example:
    >>> import pvkdb
    >>> with pvkdb.Client("http://127.0.0.1:8000") as client:
    ...     devices = client.devices.search(absorber="MAPbI3", retention_s=(1e4, None))
    ...     table = devices.to_dataframe()
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pvkdb._later import later
from pvkdb.client._client import AsyncClient, Client
from pvkdb.client._io.description import Fields, Filters
from pvkdb.client._parts.calculations import AsyncCalculations, Calculations
from pvkdb.client._parts.operations import AsyncCrossbars, AsyncKinetics, Crossbars, Kinetics
from pvkdb.client._parts.rankings import AsyncRankings, Rankings
from pvkdb.client._parts.screenings import AsyncScreenings, Screenings
from pvkdb.client._search.collections import AsyncCollection, AsyncListing, Collection, Listing
from pvkdb.client._search.queries import FilterValue
from pvkdb.client._search.results import AsyncResults, AsyncStream, Results, Stream
from pvkdb.client.errors import (
    ConflictError,
    NotAllowedError,
    RateLimitedError,
    RefusedError,
    UnavailableError,
    UnknownKeyError,
)

if TYPE_CHECKING:
    from pvkdb.client.structures import StructureWithCoordinates, to_ase, to_pymatgen

__all__ = [
    "AsyncCalculations",
    "AsyncClient",
    "AsyncCollection",
    "AsyncCrossbars",
    "AsyncKinetics",
    "AsyncListing",
    "AsyncRankings",
    "AsyncResults",
    "AsyncScreenings",
    "AsyncStream",
    "Calculations",
    "Client",
    "Collection",
    "ConflictError",
    "Crossbars",
    "Fields",
    "FilterValue",
    "Filters",
    "Kinetics",
    "Listing",
    "NotAllowedError",
    "Rankings",
    "RateLimitedError",
    "RefusedError",
    "Results",
    "Screenings",
    "Stream",
    "StructureWithCoordinates",
    "UnavailableError",
    "UnknownKeyError",
    "to_ase",
    "to_pymatgen",
]

# Building their models takes longer than the client itself.
__getattr__ = later(__name__, structures="StructureWithCoordinates to_ase to_pymatgen")
