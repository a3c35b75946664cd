"""The fields of a row: what can be looked up before anything is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pvkdb.client._io.text import columns

if TYPE_CHECKING:
    from pvkdb.schemas.tables.columns import Column


class Fields(Mapping[str, "Column"]):
    """The fields of a collection by name, in the order of the exported table.

    A field says its ``type``, ``unit``, ``meaning``, ``values`` (a closed vocabulary), ``source``
    and what ``empty`` means in it. Shows itself as a table: name, unit, meaning.
    """

    def __init__(self, declared: Mapping[str, Column]) -> None:
        self._declared = dict(declared)

    def __getitem__(self, name: str) -> Column:
        return self._declared[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._declared)

    def __len__(self) -> int:
        return len(self._declared)

    def __repr__(self) -> str:
        return columns([each.name, each.unit or "", each.meaning] for each in self.values())
