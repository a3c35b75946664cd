"""Ranges of the energies of materials, from the literature and from calculations."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Literal, TypeVar

from sqlalchemy import (
    ColumnElement,
    Double,
    Select,
    and_,
    case,
    func,
    or_,
    select,
    type_coerce,
)
from sqlalchemy.orm import Session

from pvkdb.chemistry.ions import HALIDES
from pvkdb.schemas.calculations.reliability import OPEN_PATH_EV
from pvkdb.schemas.tables import EnergeticsRow
from pvkdb.store.base import LARGEST_EV
from pvkdb.store.models.energetics import Energetic

_Statement = TypeVar("_Statement", Energetic, EnergeticsRow)
Quantity = Literal["E_A", "DFE"]
Origin = Literal["literature", "computed"]
ORIGINS: tuple[Origin, ...] = ("literature", "computed")
#: Directions of computed paths along one axis of the cell.
AXES = ("a", "b", "c")


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

    @property
    def ends(self) -> tuple[float | None, float | None]:
        """The ends as columns have them: empty where the range is open."""
        return None if self.open_below else self.low, None if self.open_above else self.high


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
    materials. Formation energies of charged vacancies do not: they depend on the Fermi level. Of
    each computed barrier, the open path counts (:data:`OPEN_PATH_EV`); single hops do not. Bounds
    count only where no value is known.
    """
    # The conditions below leave out what StoredEnergy leaves out of values that are read.
    least, most = (type_coerce(each, Double) for each in _ENDS)
    low, high = func.coalesce(least, most), func.coalesce(most, least)
    computed = Energetic.calculation_id.is_not(None)
    barrier = and_(Energetic.quantity == "E_A", computed)
    by = (Energetic.calculation_id, Energetic.functional)
    across = func.coalesce(Energetic.direction, "")
    each = (
        select(
            Energetic.material_id.label("material"),
            Energetic.quantity.label("quantity"),
            computed.label("computed"),
            *(least.label("least"), most.label("most"), low.label("low"), high.label("high")),
            case((barrier, Energetic.calculation_id), else_=Energetic.id).label("path"),
            Energetic.functional.label("potential"),
            case((barrier, func.min(high).over(partition_by=by)), else_=LARGEST_EV).label(
                "easiest"
            ),
        )
        .where(Energetic.counted(), *conditions)
        .where(or_(~barrier, and_(Energetic.scope == "percolation", across.not_in(AXES))))
        .where(_is_energy(low), _is_energy(high), _of_halide())
        .subquery()
    )
    key = (each.c.material, each.c.quantity, each.c.computed)
    path = (
        select(*key, *(func.max(each.c[name]).label(name) for name in _SIDES))
        .where(each.c.high < each.c.easiest + OPEN_PATH_EV)
        .group_by(*key, each.c.path, each.c.potential)
        .subquery()
    )
    key = (path.c.material, path.c.quantity, path.c.computed)
    closed = and_(path.c.least.is_not(None), path.c.most.is_not(None))
    bounds = func.count(case((closed, 1))) == 0
    return select(
        *key,
        func.coalesce(func.min(case((closed, path.c.low))), func.min(path.c.low)).label("low"),
        func.coalesce(func.max(case((closed, path.c.high))), func.max(path.c.high)).label("high"),
        case((bounds, func.count() - func.count(path.c.least)), else_=0).label("open_below"),
        case((bounds, func.count() - func.count(path.c.most)), else_=0).label("open_above"),
        func.count().label("statements"),
    ).group_by(*key)


def open_path(statements: Iterable[_Statement]) -> _Statement:
    """Return which computed barrier of one calculation is that of the open path."""
    every = [(each.value_max_ev or 0.0, each) for each in statements]
    found = [each for each in every if each[1].direction not in AXES] or every
    most = min(value for value, _ in found) + OPEN_PATH_EV
    return max((each for each in found if each[0] < most), key=itemgetter(0))[1]


_SIDES = ("least", "most", "low", "high")
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
