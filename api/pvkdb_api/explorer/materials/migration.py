"""Finished migration calculations: barriers, hops, the graph of sites, the path of a hop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from pvkdb.errors import NotFoundError
from pvkdb.schemas.calculations import CalculationDocument, CalculationState
from pvkdb.schemas.calculations.migration import HopBarrier, NebResult, PercolationThreshold
from pvkdb.schemas.tables import CalculationsRow, MaterialsRow
from pvkdb.store.collections import CALCULATIONS
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.structures import Structure
from pvkdb.store.rows.from_models import calculation_document
from pvkdb_api.explorer.materials.drawings import Graph, Profile, graph_of, profile_of

#: Kind of the calculations that are shown with their paths.
NEB = "neb"

#: Migration calculations that one page draws; the others are listed.
DRAWN = 8


@dataclass(frozen=True)
class Migration:
    """A finished calculation as the page shows it. ``chosen`` is the number of a hop, from 1."""

    document: CalculationDocument
    result: NebResult
    chosen: int
    graph: Graph | None
    profile: Profile | None

    @property
    def potential(self) -> str:
        """Name of the potential."""
        return str(self.document.parameters.get("potential") or "unknown potential")

    @property
    def ways(self) -> list[PercolationThreshold]:
        """The thresholds in one, two and three dimensions."""
        return [each for each in self.result.percolation if each.direction[0].isdigit()]

    @property
    def axes(self) -> list[PercolationThreshold]:
        """The thresholds along the axes of the cell."""
        return [each for each in self.result.percolation if not each.direction[0].isdigit()]

    @property
    def limiting(self) -> int:
        """Number of the limiting hop, from 1."""
        return limiting(self.result)

    @property
    def hop(self) -> HopBarrier:
        """The hop that is looked at."""
        return self.result.hops[self.chosen - 1]

    @property
    def settings(self) -> dict[str, Any]:
        """The settings as they were asked for."""
        found = self.document.parameters.get("settings")
        return found if isinstance(found, dict) else {}

    @property
    def roles(self) -> str:
        """The roles of the images of the chosen hop, as the filter of the structures takes them."""
        count = len(self.hop.image_energies_ev)
        images = [f"hop {self.chosen} image {image}" for image in range(count)]
        return ",".join([*images, f"hop {self.chosen} saddle"])


def limiting(result: NebResult) -> int:
    """Number of the hop that limits the easiest path, from 1."""
    wanted = f"{result.dimensionality}D"
    return next(each.hop for each in result.percolation if each.direction == wanted) + 1


def calculations(session: Session, material: MaterialsRow) -> list[CalculationsRow]:
    """Every calculation of a composition, in any phase and any state."""
    return [*CALCULATIONS.iterate(session, {"material": (material.formula,)})]


def migrations(
    session: Session,
    rows: list[CalculationsRow],
    material: MaterialsRow,
    calculation: str | None = None,
    hop: int | None = None,
) -> list[Migration]:
    """The finished migration calculations, those of this phase first.

    Args:
        session: of the store.
        rows: the calculations of the composition.
        material: of the page.
        calculation: the one in which ``hop`` is looked at; None for the first.
        hop: number of a hop, from 1; None for the limiting one.

    Raises:
        NotFoundError: it is none of these, or has no hop of this number.
    """
    done = [row for row in rows if row.kind == NEB and row.state is CalculationState.DONE]
    if calculation is not None and calculation not in {row.id for row in done}:
        raise NotFoundError(
            f"{calculation!r} is no finished migration calculation of {material.formula}"
        )
    done.sort(key=lambda row: (row.id != calculation, row.material != material.id))
    found: list[Migration] = []
    for row in done[:DRAWN]:
        document = calculation_document(session.get_one(Calculation, row.id))
        try:
            result = NebResult.model_validate(document.result)
        except ValidationError:  # of an earlier version; listed, not drawn
            continue
        asked = hop if calculation in (row.id, None) and not found else None
        if asked is not None and not 1 <= asked <= len(result.hops):
            raise NotFoundError(
                f"the calculation {row.id} has no hop {asked}; it has {len(result.hops)}"
            )
        chosen = asked or limiting(result)
        found.append(
            Migration(
                document,
                result,
                chosen,
                graph_of(result, chosen),
                profile_of(result.hops[chosen - 1]),
            )
        )
    return found


def path_of(session: Session, calculation: str, hop: int) -> dict[str, Any]:
    """The images of a hop in their order, for the page's viewer: lengths in Å, energies in eV.

    Raises:
        NotFoundError: the store holds no image of it.
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
        raise NotFoundError(f"the store holds no images of hop {hop} of {calculation!r}")
    return {
        "cell_ang": images[0].cell_ang,
        "symbols": images[0].symbols,
        "images": [
            {"id": image.id, "role": image.role, "positions_ang": image.positions_ang}
            for image in images
        ],
    }
