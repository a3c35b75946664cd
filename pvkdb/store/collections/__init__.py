"""Collections of the store with their filters and orders.

One entry of :data:`COLLECTIONS` yields the query, the filters that the service and the client
accept, what rows can be sorted and counted by, and the order of an export.
"""

from __future__ import annotations

from typing import Any

from pvkdb.store.collections.calculations import CALCULATIONS, STRUCTURES
from pvkdb.store.collections.collection import Collection
from pvkdb.store.collections.compositions import COMPOSITIONS
from pvkdb.store.collections.devices import DEVICE_CLAIMS, DEVICES
from pvkdb.store.collections.energetics import ELECTRONIC, ENERGETICS
from pvkdb.store.collections.materials import MATERIALS
from pvkdb.store.collections.references import REFERENCES
from pvkdb.store.collections.small import SMALL_TABLES

__all__ = [
    "CALCULATIONS",
    "COLLECTIONS",
    "COMPOSITIONS",
    "DEVICES",
    "DEVICE_CLAIMS",
    "ELECTRONIC",
    "ENERGETICS",
    "LISTED",
    "MATERIALS",
    "REFERENCES",
    "STRUCTURES",
]

_ALL = (
    *(COMPOSITIONS, MATERIALS, ENERGETICS, ELECTRONIC, DEVICES, DEVICE_CLAIMS),
    *(REFERENCES, STRUCTURES, CALCULATIONS),
)
COLLECTIONS: dict[str, Collection[Any]] = {collection.name: collection for collection in _ALL}
#: With the tables that have no page of their own to search them.
LISTED: dict[str, Collection[Any]] = {**COLLECTIONS, **SMALL_TABLES}
