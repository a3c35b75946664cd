"""A table for pvkdb: sneak resistances by the size of the array, with its rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pvkdb.crossbar.limits import sneak_resistance_ohm
from pvkdb.schemas.tables.columns import Row, column
from pvkdb.schemas.tables.other_packages import AddedTable

TABLES = (
    AddedTable(
        name="sneak_sizes",
        row=f"{__name__}:SneakSizesRow",
        rows=f"{__name__}:rows",
        words=("array",),
        example="64",
    ),
)


class SneakSizesRow(Row):
    """The sneak resistance of an array of bare cells, all in LRS."""

    purpose: ClassVar[str] = "How fast sneak paths take over as an array grows."
    primary_key: ClassVar[tuple[str, ...]] = ("array",)

    array: str = column("The array in words.", "computed: rows × columns", filter_by="64 × 64")
    size: int = column("Rows of the array.", "curated", unit="1", minimum=2, filter_by=64)
    of_r_lrs: float = column(
        "R_sneak as a multiple of R_LRS.", "computed: equation (1) of the review", unit="1"
    )


def rows() -> Iterator[SneakSizesRow]:
    """Yield arrays of 2 × 2 to 1024 × 1024."""
    for size in (2**power for power in range(1, 11)):
        found = sneak_resistance_ohm(size, 1.0)
        yield SneakSizesRow(array=f"{size} × {size}", size=size, of_r_lrs=found)
