"""Ranges of the energies of materials, from the literature and from calculations."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Double,
    Integer,
    Select,
    and_,
    case,
    cast,
    func,
    or_,
    select,
    type_coerce,
)
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
    of_them = () if materials is None else (Energetic.material_id.in_(materials),)
    return ranges_of(session.execute(ranges_statement(*of_them)))


def ranges_statement(*conditions: ColumnElement[bool]) -> Select[Any]:
    """Select the ranges of energies that meet conditions, by material, quantity and origin.

    Those of halide vacancies count, and of halide ions without a reported defect, as in rankings of
    materials. Formation energies of charged vacancies do not: they depend on the Fermi level.
    Computed activation energies are those of the easiest path through the crystal by each
    potential; single hops do not count.
    """
    # The conditions below leave out what StoredEnergy leaves out of values that are read.
    least, most = (type_coerce(each, Double) for each in _ENDS)
    low, high = func.coalesce(least, most), func.coalesce(most, least)
    computed = Energetic.calculation_id.is_not(None)
    # Grouped by potential: of the paths of each potential, only the easiest counts.
    by = (Energetic.material_id, Energetic.quantity, computed, Energetic.functional)
    names = ("material", "quantity", "computed", "potential")
    of_path = and_(Energetic.quantity == "E_A", computed)
    each = (
        select(
            *(part.label(name) for part, name in zip(by, names, strict=True)),
            func.min(low).label("low"),
            case((of_path, func.min(high)), else_=func.max(high)).label("high"),
            (func.count() - func.count(least)).label("open_below"),
            (func.count() - func.count(most)).label("open_above"),
            func.count().label("statements"),
        )
        .where(Energetic.current(), *conditions)
        .where(or_(~computed, Energetic.quantity != "E_A", Energetic.scope == "percolation"))
        .where(_is_energy(low), _is_energy(high), _of_halide())
        .group_by(*by)
        .subquery()
    )
    key = (each.c.material, each.c.quantity, each.c.computed)
    return select(
        *key,
        func.min(each.c.low).label("low"),
        func.max(each.c.high).label("high"),
        func.max(each.c.open_below).label("open_below"),
        func.max(each.c.open_above).label("open_above"),
        cast(func.sum(each.c.statements), Integer).label("statements"),
    ).group_by(*key)


_ENDS = (Energetic.value_min_ev, Energetic.value_max_ev)


def _is_energy(value: ColumnElement[float]) -> ColumnElement[bool]:
    return and_(value > -LARGEST_EV, value < LARGEST_EV)


def ranges_of(rows: Iterable[Any]) -> dict[str, Ranges]:
    """Return the ranges that :func:`ranges_statement` selects."""
    found: dict[str, dict[tuple[Quantity, Origin], EnergyRange]] = defaultdict(dict)
    for row in rows:
        origin: Origin = "computed" if row.computed else "literature"
        ends = bool(row.open_below), bool(row.open_above)
        found[row.material][row.quantity, origin] = EnergyRange(
            row.low, row.high, *ends, row.statements
        )
    return dict(found)


def _of_halide() -> ColumnElement[bool]:
    vacancy = Energetic.defect.startswith("V_", autoescape=True)
    migrates = Energetic.quantity == "E_A"
    neutral = func.coalesce(Energetic.charge, 0) == 0
    named = or_(vacancy, (Energetic.defect == Energetic.species) & migrates)
    return Energetic.species.in_((*HALIDES, "X")) & named & or_(migrates, neutral)
