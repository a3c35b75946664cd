"""The Python client of a pvkdb service. Needs nothing beyond the base install.

Example:
    >>> from pvkdb import Client
    >>> with Client("http://127.0.0.1:8000") as client:  # doctest: +SKIP
    ...     devices = client.devices.search(absorber="MAPbI3", retention_s=(1e4, None))
    ...     table = devices.to_dataframe()
"""

from __future__ import annotations

from pvkdb.client._calculations import Calculations
from pvkdb.client._client import Client
from pvkdb.client._collections import Collection, Results
from pvkdb.client._crossbars import Crossbars
from pvkdb.client._kinetics import Kinetics
from pvkdb.client._queries import FilterValue
from pvkdb.client._rankings import Rankings
from pvkdb.client.structures import to_pymatgen

__all__ = [
    "Calculations",
    "Client",
    "Collection",
    "Crossbars",
    "FilterValue",
    "Kinetics",
    "Rankings",
    "Results",
    "to_pymatgen",
]
