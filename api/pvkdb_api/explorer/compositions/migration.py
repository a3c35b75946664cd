"""Finished migration calculations: barriers, hops, the graph of sites, the path of a hop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from pvkdb.errors import NotFoundError
from pvkdb.schemas.calculations import CalculationDocument, CalculationState
from pvkdb.schemas.calculations.kinds import read_result
from pvkdb.schemas.calculations.migration import HopBarrier, NebResult, PercolationThreshold
from pvkdb.schemas.tables import CalculationsRow
from pvkdb.store.collections import CALCULATIONS
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.structures import Structure
from pvkdb.store.rows.from_models import calculation_document
from pvkdb_api.explorer.compositions.drawings import graph_of, profile_of

#: Kind of the calculations whose paths are shown.
NEB = "neb"

#: Most migration calculations drawn on a page; the others are only listed.
DRAWN = 8


@dataclass(frozen=True)
class MigrationView:
    """The data that a page shows of a finished calculation; ``chosen`` is a hop, from 1."""

    document: CalculationDocument
    result: NebResult
    chosen: int
    graph: dict[str, Any] | None
    profile: dict[str, Any] | None
    #: Whether the store has the images of its path; shipped results have only the energies.
    images: bool

    @property
    def potential(self) -> str:
        """Name of the potential."""
        return str(self.document.parameters.get("potential") or "unknown potential")

    @property
    def thresholds(self) -> list[PercolationThreshold]:
        """The bottlenecks of the easiest paths in one, two and three dimensions."""
        return [each for each in self.result.percolation if each.direction[0].isdigit()]

    @property
    def axes(self) -> list[PercolationThreshold]:
        """The bottlenecks of the easiest paths along the axes of the cell."""
        return [each for each in self.result.percolation if not each.direction[0].isdigit()]

    @property
    def hop(self) -> HopBarrier:
        """The chosen hop."""
        return self.result.hops[self.chosen - 1]

    @property
    def settings(self) -> dict[str, Any]:
        """The requested settings."""
        found = self.document.parameters.get("settings")
        return found if isinstance(found, dict) else {}

    @property
    def roles(self) -> str:
        """The roles of the chosen hop's images, as the value of a filter for structures."""
        count = len(self.hop.image_energies_ev)
        images = [f"hop {self.chosen} image {image}" for image in range(count)]
        return ",".join([*images, f"hop {self.chosen} saddle"])


def calculations(session: Session, formula: str) -> list[CalculationsRow]:
    """Return all calculations of a composition, in any phase and state."""
    return [*CALCULATIONS.iterate(session, {"material": (formula,)})]


def migrations(
    session: Session,
    rows: list[CalculationsRow],
    first: Sequence[str],
    calculation: str | None = None,
    hop: int | None = None,
) -> list[MigrationView]:
    """Return the finished ones of these calculations, those of the ``first`` materials first.

    ``hop``, from 1, is chosen of ``calculation``, or of the first one; else it is the limiting hop.

    Raises:
        NotFoundError: The calculation is not among these, or has no such hop.
    """
    done = [row for row in rows if row.kind == NEB and row.state is CalculationState.DONE]
    if calculation is not None and calculation not in {row.id for row in done}:
        raise NotFoundError(
            f"{calculation!r} is not a finished migration calculation of this composition"
        )
    places = {name: place for place, name in enumerate(first)}
    done.sort(key=lambda row: (row.id != calculation, places.get(row.material or "", len(first))))
    found: list[MigrationView] = []
    for row in done[:DRAWN]:
        document = calculation_document(session.get_one(Calculation, row.id))
        result = read_result(NEB, document.result)
        if not isinstance(result, NebResult):  # of an earlier version: listed, but not drawn
            continue
        wanted = hop if calculation in (row.id, None) and not found else None
        if wanted is not None and not 1 <= wanted <= len(result.hops):
            raise NotFoundError(
                f"the calculation {row.id} has no hop {wanted}; it has {len(result.hops)}"
            )
        found.append(drawn(session, document, result, wanted or result.limiting_number))
    return found


def drawn(
    session: Session, document: CalculationDocument, result: NebResult, chosen: int
) -> MigrationView:
    """Return what a page shows of a finished calculation and one of its hops, from 1."""
    graph, profile = graph_of(result, chosen), profile_of(result.hops[chosen - 1])
    image = session.get(Structure, f"{document.id}-hop-{chosen}-image-0")
    return MigrationView(document, result, chosen, graph, profile, image is not None)


def path_of(session: Session, calculation: str, hop: int) -> dict[str, Any]:
    """Return the images of a hop for the viewer: lengths in Å, energies in eV.

    Raises:
        NotFoundError: The store has no images of the hop.
    """
    prefix = f"{calculation}-hop-{hop}-image-"
    images = sorted(
        session.scalars(
            select(Structure).where(
                Structure.calculation_id == calculation,
                Structure.id.startswith(prefix, autoescape=True),
            )
        ),
        key=lambda image: int(image.id.removeprefix(prefix)),
    )
    if not images:
        raise NotFoundError(f"the store has no images of hop {hop} of {calculation!r}")
    return {
        "cell_ang": images[0].cell_ang,
        "symbols": images[0].symbols,
        "images": [
            {"id": image.id, "role": image.role, "positions_ang": image.positions_ang}
            for image in images
        ],
    }
