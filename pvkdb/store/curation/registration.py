"""Adding compositions with their tolerance factors, and materials, each once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from sqlalchemy import Connection, Select, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from pvkdb.chemistry import Composition as ChemicalComposition
from pvkdb.chemistry import parse_composition, tolerance_factors
from pvkdb.chemistry.composition import material_family
from pvkdb.errors import InputError
from pvkdb.store.base import Base
from pvkdb.store.models.materials import Composition, CompositionTolerance, Material, SiteOccupancy

ModelT = TypeVar("ModelT", bound=Base)


def material_id(formula: str, phase: str | None = None) -> str:
    """Return the public name of a material: ``CsPbBr3``, ``CsPbBr3-Pnma``, ``CsPbCl3-P4mbm``."""
    if phase is None:
        return formula
    return f"{formula}-{''.join(sign for sign in phase if sign.isalnum() or sign == '-')}"


def register_material(
    session: Session, composition: ChemicalComposition, phase: str | None = None
) -> Material:
    """Return the material of a composition and phase; it is added if the store lacks it."""
    find = select(Material).where(Material.id == material_id(composition.formula, phase))

    def build() -> Material:
        known = select(Composition).where(Composition.formula == composition.formula)
        held = get_or_add(session, known, lambda: _composition(composition))
        return _material(held, composition, phase)

    return get_or_add(session, find, build)


def register_materials(
    session: Session, wanted: Mapping[str, tuple[ChemicalComposition, str | None]]
) -> dict[str, Material]:
    """Return many materials by public name, adding those that the store lacks.

    Like :func:`register_material`, with a few SQL statements for all materials.
    """
    there = select(Material).where(Material.id.in_(wanted))
    found = {material.id: material for material in session.scalars(there)}
    missing = {name: wanted[name] for name in wanted if name not in found}
    if not missing:
        return found
    formulas = {composition.formula for composition, _ in missing.values()}
    known = select(Composition).where(Composition.formula.in_(formulas))
    held = {composition.formula: composition for composition in session.scalars(known)}
    try:
        with session.begin_nested():
            for name, (composition, phase) in missing.items():
                formula = composition.formula
                held[formula] = held.get(formula) or _composition(composition)
                found[name] = _material(held[formula], composition, phase)
                session.add(found[name])
    except IntegrityError:  # another session has added one of them in the meantime
        added = {name: register_material(session, *missing[name]) for name in missing}
        return {**found, **added}
    return found


def _material(held: Composition, composition: ChemicalComposition, phase: str | None) -> Material:
    family, dimensionality = material_family(composition, phase)
    return Material(
        id=material_id(composition.formula, phase),
        composition=held,
        phase=phase,
        family=family,
        dimensionality=dimensionality,
    )


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


def renew_tolerance(connection: Connection) -> None:
    """Calculate the factors of every composition again with this version."""
    with Session(connection, join_transaction_mode="rollback_only") as session:
        known = {
            kept.composition_id: kept for kept in session.scalars(select(CompositionTolerance))
        }
        for key, formula in session.execute(select(Composition.id, Composition.formula)).all():
            kept = known.get(key)
            try:
                made = composition_tolerance(parse_composition(formula))
            except InputError:  # a formula that only an earlier version accepted
                made = None
            if kept is not None and made is None:
                session.delete(kept)
            elif kept is None and made is not None:
                made.composition_id = key
                session.add(made)
            elif kept is not None and made is not None:
                for name in ("t", "mu", "tau", "p_perovskite"):
                    setattr(kept, name, getattr(made, name))
        session.commit()
