"""The structures of a composition: what the page lists, and what its viewer needs to know."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pvkdb.chemistry import Composition
from pvkdb.schemas.tables import MaterialsRow, StructuresRow
from pvkdb.store.collections import STRUCTURES
from pvkdb.store.models.structures import Structure

#: Structures that a page lists; the table of all has the others.
LISTED = 60

#: Images of paths have roles that begin so; they are shown with their hops.
_IMAGES = "hop "


@dataclass(frozen=True)
class Structures:
    """Structures of a composition without the images of paths, which are only counted."""

    rows: list[StructuresRow]
    total: int
    images: int


def structures_of(session: Session, material: MaterialsRow) -> Structures:
    """The structures of a composition in any phase, those of this phase first."""
    every = STRUCTURES.select({"material": (material.formula,)})
    whole = every.where(Structure.role.not_like(f"{_IMAGES}%"))
    total = STRUCTURES.count(session, whole)
    rows = STRUCTURES.find(session, whole, LISTED).rows
    rows.sort(key=lambda row: row.material != material.id)
    images = session.scalar(
        select(func.count()).select_from(
            every.where(Structure.role.like(f"{_IMAGES}%"))
            .with_only_columns(Structure.id)
            .subquery()
        )
    )
    return Structures(rows, total, images or 0)


def octahedra(composition: Composition | None) -> dict[str, list[str]]:
    """Elements in the middle and at the corners of the octahedra."""
    if composition is None:
        return {"centres": [], "corners": []}
    return {
        "centres": sorted({each.ion.symbol for each in composition.on("B")}),
        "corners": sorted({each.ion.symbol for each in composition.on("X")}),
    }
