"""Adding compositions with their tolerance factors, and materials with their gaps, each once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import lru_cache
from typing import TypeVar

from sqlalchemy import Connection, Select, delete, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from pvkdb.chemistry import Composition as ChemicalComposition
from pvkdb.chemistry import parse_composition, tolerance_factors
from pvkdb.chemistry.formulas.composition import material_family
from pvkdb.chemistry.text import plain_phase
from pvkdb.compositions.calibrated_gaps import CALIBRATED, calibrated_gap
from pvkdb.compositions.gaps import mixed_gap, mixed_gap_fit
from pvkdb.errors import InputError
from pvkdb.store.base import Base
from pvkdb.store.models.energetics import Electronic
from pvkdb.store.models.materials import Composition, CompositionTolerance, Material, SiteOccupancy

ModelT = TypeVar("ModelT", bound=Base)

#: How often materials are looked up and added while other sessions add the same ones.
_ATTEMPTS = 10


@lru_cache(maxsize=4096)
def material_id(formula: str, phase: str | None = None) -> str:
    """Return the public name of a material: ``CsPbBr3``, ``CsPbBr3-Pnma``, ``CsPbCl3-P4mbm``.

    Different materials have different names; spellings of a phase, see :func:`plain_phase`, have
    one. ``~-`` is a slash, which would end a part of an address, ``~~`` is ``~``, and ``-~`` is a
    hyphen where a phase and the amount of an ion could be confused.
    """
    spelled = plain_phase(phase or "").replace("~", "~~").replace("/", "~-")
    name = f"{formula}-{spelled}"
    if not spelled:  # CsPbI3-δ is the δ phase of CsPbI3
        return re.sub("-δ$", "-~δ", formula)
    return f"{formula}-~{spelled}" if spelled != "δ" and _is_formula(name) else name


def _is_formula(text: str) -> bool:
    try:
        return parse_composition(text).formula == text
    except InputError:
        return False


def register_material(
    session: Session, composition: ChemicalComposition, phase: str | None = None
) -> Material:
    """Return the material of a composition and phase; it is added if the store lacks it."""
    name = material_id(composition.formula, phase)
    return register_materials(session, {name: (composition, phase)})[name]


def register_materials(
    session: Session, wanted: Mapping[str, tuple[ChemicalComposition, str | None]]
) -> dict[str, Material]:
    """Return many materials by public name, adding those that the store lacks.

    Takes a few SQL statements for all. A material keeps the ``id`` that an earlier version gave it.
    """
    for _ in range(_ATTEMPTS - 1):
        with suppress(IntegrityError):  # another session has added one of them in the meantime
            return _found_or_added(session, wanted)
    return _found_or_added(session, wanted)


def _found_or_added(
    session: Session, wanted: Mapping[str, tuple[ChemicalComposition, str | None]]
) -> dict[str, Material]:
    formulas = {composition.formula for composition, _ in wanted.values()}
    alike = or_(Composition.formula.in_(formulas), Material.id.in_(wanted))
    there = select(Material).join(Material.composition).where(alike)
    named = [
        (material_id(each.composition.formula, each.phase), each)
        for each in (session.scalars(there) if wanted else ())
    ]
    taken = {each.id: each for _, each in named}
    found = dict(named) | {name: each for name, each in named if each.id == name}
    missing = {name: wanted[name] for name in wanted if name not in found}
    if missing:
        known = select(Composition).where(Composition.formula.in_(formulas))
        held = {composition.formula: composition for composition in session.scalars(known)}
        with session.begin_nested():
            for name, (composition, phase) in missing.items():
                formula = composition.formula
                held[formula] = held.get(formula) or _composition(composition)
                family, dimensionality = material_family(composition, phase)
                found[name] = Material(
                    # An earlier version may have given this name to another phase.
                    id=f"{name}~2" if name in taken else name,
                    composition=held[formula],
                    phase=phase,
                    family=family,
                    dimensionality=dimensionality,
                )
                session.add(found[name])
                if gap := _mixed_gap(found[name], composition):
                    session.add(gap)
    return {name: found[name] for name in wanted}


def get_or_add(session: Session, find: Select[ModelT], build: Callable[[], ModelT]) -> ModelT:
    """Return the row that ``find`` selects, or add the one that ``build`` makes.

    If another session adds the same row in the meantime, that row is returned; the savepoint keeps
    the rest of this transaction.
    """
    found: ModelT | None = session.scalar(find)
    if found is not None:
        return found
    try:
        with session.begin_nested():
            added = build()
            session.add(added)
    except IntegrityError:
        theirs: ModelT = session.scalars(find).one()
        return theirs
    return added


def _composition(composition: ChemicalComposition) -> Composition:
    return Composition(
        formula=composition.formula,
        layers=composition.layers,
        lead_free=composition.lead_free,
        excess_charge=None if composition.balanced else str(composition.excess_charge),
        occupancies=[
            SiteOccupancy(
                position=position,
                site=occupant.site,
                ion=occupant.ion.symbol,
                charge=occupant.ion.charge,
                amount=occupant.number,
                amount_symbolic=occupant.symbolic,
            )
            for position, occupant in enumerate(composition.occupants)
        ],
        tolerance=composition_tolerance(composition),
    )


def composition_tolerance(composition: ChemicalComposition) -> CompositionTolerance | None:
    """Return the factors of a composition; None if they are undefined or a radius is unknown."""
    try:
        factors = tolerance_factors(composition)
    except InputError:
        return None
    return CompositionTolerance(
        t=factors.t, mu=factors.mu, tau=factors.tau, p_perovskite=factors.p_perovskite
    )


def _mixed_gap(material: Material, composition: ChemicalComposition) -> Electronic | None:
    """Return the gap by fractions of a composition without a phase, as films show it."""
    gap = mixed_gap(composition) if material.phase is None else None
    if gap is None:
        return None
    return Electronic(
        id=f"g-{material.id}",
        material=material,
        quantity="gap",
        value=gap.value_ev,
        value_low=gap.low_ev,
        value_high=gap.high_ev,
        unit="eV",
        method="model",
        conditions="perovskite in films, near 300 K",
        source=f"fit by fractions to {mixed_gap_fit()['gaps']} reported gaps",
    )


def calibrate(row: Electronic, formula: str, phase: str | None) -> None:
    """Give a computed gap its value as it would be measured, with its interval and its target."""
    said = (row.conditions or "").partition(f"; {CALIBRATED}")[0]
    row.value = row.value_low = row.value_high = None
    row.conditions = said
    if row.functional != "PBE" or row.soc or row.as_computed is None:
        return
    if gap := calibrated_gap(parse_composition(formula), phase, row.as_computed):
        row.value, row.value_low, row.value_high = gap.value_ev, gap.low_ev, gap.high_ev
        row.conditions = f"{said}; {gap.calibrated_to}"


def renew_derived(connection: Connection) -> None:
    """Calculate factors and gaps of every composition again with this version."""
    with Session(connection, join_transaction_mode="rollback_only") as session:
        computed = (
            select(Electronic, Composition.formula, Material.phase)
            .join(Electronic.material)
            .join(Material.composition)
            .where(Electronic.calculation_id.is_not(None))
        )
        for row, formula, phase in session.execute(computed).all():
            with suppress(InputError):  # a formula that only an earlier version accepted
                calibrate(row, formula, phase)
        derived = (Electronic.method == "model") & Electronic.recorded_in.is_(None)
        session.execute(delete(Electronic).where(derived))
        for material in session.scalars(select(Material).where(Material.phase.is_(None))).all():
            with suppress(InputError):
                gap = _mixed_gap(material, parse_composition(material.composition.formula))
                session.add_all([gap] if gap else [])
        known = {
            kept.composition_id: kept for kept in session.scalars(select(CompositionTolerance))
        }
        for key, formula in session.execute(select(Composition.id, Composition.formula)).all():
            made = None
            with suppress(InputError):  # a formula that only an earlier version accepted
                made = composition_tolerance(parse_composition(formula))
            if made is not None:
                made.composition_id = key
                session.merge(made)
            elif key in known:
                session.delete(known[key])
        session.commit()
