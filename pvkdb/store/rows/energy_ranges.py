"""Ranges of the energies of materials, from the literature and from calculations."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from pvkdb.chemistry.ions import HALIDES
from pvkdb.store.base import LARGEST_EV
from pvkdb.store.models.energetics import Energetic

Quantity = Literal["E_A", "DFE"]
Origin = Literal["literature", "computed"]
ORIGINS: tuple[Origin, ...] = ("literature", "computed")


@dataclass(frozen=True, slots=True)
class EnergyRange:
    """Smallest and largest reported energy in eV, and the number of reports.

    ``open_below`` and ``open_above``: a report is only a bound (``> 1.20``), so that the range is
    open on that side.
    """

    low: float
    high: float
    open_below: bool
    open_above: bool
    statements: int

    def joined(self, other: EnergyRange) -> EnergyRange:
        """Return the range that spans this one and another."""
        return EnergyRange(
            min(self.low, other.low),
            max(self.high, other.high),
            self.open_below or other.open_below,
            self.open_above or other.open_above,
            self.statements + other.statements,
        )


#: Ranges of a material by quantity and origin.
Ranges = Mapping[tuple[Quantity, Origin], EnergyRange]


def energy_ranges(session: Session, materials: Sequence[str] | None = None) -> dict[str, Ranges]:
    """Return the energy ranges of materials (default: all) by quantity and origin, in one query.

    What counts is as in :func:`ranges_statement`.
    """
    statement = ranges_statement()
    if materials is not None:
        statement = statement.where(Energetic.material_id.in_(materials))
    return joined_ranges(session.execute(statement))


def ranges_statement() -> Select[Any]:
    """Select the ranges of energies by material, quantity, origin and potential.

    Those of halide vacancies count, and of halide ions without a reported defect, as in rankings of
    materials. Formation energies of charged vacancies do not: they depend on the Fermi level.
    Computed activation energies are those of the easiest path through the crystal by each
    potential; single hops do not count.
    """
    low = func.coalesce(Energetic.value_min_ev, Energetic.value_max_ev)
    high = func.coalesce(Energetic.value_max_ev, Energetic.value_min_ev)
    computed = Energetic.calculation_id.is_not(None)
    # Grouped by potential: of the paths of each potential, only the easiest counts.
    by = (Energetic.material_id, Energetic.quantity, computed, Energetic.functional)
    names = ("material", "quantity", "computed", "potential")
    columns: list[Any] = [
        *(part.label(name) for part, name in zip(by, names, strict=True)),
        func.min(low).label("low"),
        func.max(high).label("high"),
        func.min(high).label("easiest"),
        (func.count() - func.count(Energetic.value_min_ev)).label("open_below"),
        (func.count() - func.count(Energetic.value_max_ev)).label("open_above"),
        func.count().label("statements"),
    ]
    return (
        select(*columns)
        .where(Energetic.current())
        .where(or_(~computed, Energetic.quantity != "E_A", Energetic.scope == "percolation"))
        .where(low > -LARGEST_EV, high < LARGEST_EV, _of_halide())
        .group_by(*by)
    )


def joined_ranges(rows: Iterable[Any]) -> dict[str, Ranges]:
    """Return the ranges that :func:`ranges_statement` selects, joined over the potentials."""
    found: dict[str, dict[tuple[Quantity, Origin], EnergyRange]] = defaultdict(dict)
    for row in rows:
        origin: Origin = "computed" if row.computed else "literature"
        key, ranges = (row.quantity, origin), found[row.material]
        most = row.easiest if key == ("E_A", "computed") else row.high
        ends = bool(row.open_below), bool(row.open_above)
        made = EnergyRange(row.low, most, *ends, row.statements)
        ranges[key] = ranges[key].joined(made) if key in ranges else made
    return dict(found)


def _of_halide() -> ColumnElement[bool]:
    vacancy = Energetic.defect.startswith("V_", autoescape=True)
    migrates = Energetic.quantity == "E_A"
    neutral = func.coalesce(Energetic.charge, 0) == 0
    named = or_(vacancy, (Energetic.defect == Energetic.species) & migrates)
    return Energetic.species.in_((*HALIDES, "X")) & named & or_(migrates, neutral)
