"""Energies of materials as ranges: what the literature says and what was computed, apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, func, or_
from sqlalchemy.orm import Session

from pvkdb.chemistry.ions import HALIDES
from pvkdb.store.collections import ENERGETICS
from pvkdb.store.models.energetics import Energetic

Quantity = Literal["E_A", "DFE"]
Origin = Literal["literature", "computed"]
ORIGINS: tuple[Origin, ...] = ("literature", "computed")


@dataclass(frozen=True, slots=True)
class EnergyRange:
    """The smallest and the largest energy stated, in eV, and how many statements there are.

    ``open_below`` and ``open_above`` say that a statement is only a bound (``> 1.20``): the range
    goes on there.
    """

    low: float
    high: float
    open_below: bool
    open_above: bool
    statements: int

    def joined(self, other: EnergyRange) -> EnergyRange:
        """The range that spans both."""
        return EnergyRange(
            min(self.low, other.low),
            max(self.high, other.high),
            self.open_below or other.open_below,
            self.open_above or other.open_above,
            self.statements + other.statements,
        )


#: What is known of a material.
Ranges = Mapping[tuple[Quantity, Origin], EnergyRange]


def energy_ranges(
    session: Session, materials: Sequence[str] | None = None, *, halides_only: bool = False
) -> dict[str, Ranges]:
    """The ranges of materials, of all where none are named; one query for all of them.

    Computed activation energies are those of the easiest path through the crystal by each
    potential; single hops, which lead nowhere, do not count.

    Args:
        halides_only: only halide vacancies, and halide ions whose defect is not told, as rankings
            of materials take them.
    """
    low = func.coalesce(Energetic.value_min_ev, Energetic.value_max_ev)
    high = func.coalesce(Energetic.value_max_ev, Energetic.value_min_ev)
    computed = Energetic.calculation_id.is_not(None)
    # Grouped by potential where something was computed, since of each only the easiest counts.
    by = (Energetic.material_id, Energetic.quantity, computed, Energetic.functional)
    columns: list[Any] = [
        *(part.label(name) for part, name in zip(by, _NAMES, strict=True)),
        func.min(low).label("low"),
        func.max(high).label("high"),
        func.min(high).label("easiest"),
        (func.count() - func.count(Energetic.value_min_ev)).label("open_below"),
        (func.count() - func.count(Energetic.value_max_ev)).label("open_above"),
        func.count().label("statements"),
    ]
    statement = (
        ENERGETICS.current()
        .with_only_columns(*columns, maintain_column_froms=True)
        .where(or_(~computed, Energetic.quantity != "E_A", Energetic.scope == "percolation"))
        .group_by(*by)
    )
    if materials is not None:
        statement = statement.where(Energetic.material_id.in_(materials))
    if halides_only:
        statement = statement.where(_of_halide())
    found: dict[str, dict[tuple[Quantity, Origin], EnergyRange]] = defaultdict(dict)
    for row in session.execute(statement):
        origin: Origin = "computed" if row.computed else "literature"
        key = (row.quantity, origin)
        ranges, made = found[row.material], _range(row)
        ranges[key] = ranges[key].joined(made) if key in ranges else made
    return dict(found)


_NAMES = ("material", "quantity", "computed", "potential")


def _range(row: Any) -> EnergyRange:
    easiest = row.computed and row.quantity == "E_A"
    return EnergyRange(
        row.low,
        row.easiest if easiest else row.high,
        bool(row.open_below),
        bool(row.open_above),
        row.statements,
    )


def _of_halide() -> ColumnElement[bool]:
    vacancy = Energetic.defect.startswith("V_", autoescape=True)
    untold = (Energetic.defect == Energetic.species) & (Energetic.quantity == "E_A")
    return Energetic.species.in_((*HALIDES, "X")) & or_(vacancy, untold)
