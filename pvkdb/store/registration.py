"""Getting compositions and materials into the store, each once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Select, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from pvkdb.chemistry import Composition as ChemicalComposition
from pvkdb.chemistry.composition import material_family
from pvkdb.store.base import Base
from pvkdb.store.materials import Composition, Material, SiteOccupancy

ModelT = TypeVar("ModelT", bound=Base)


def material_id(formula: str, phase: str | None = None) -> str:
    """The public name of a material: ``CsPbBr3``, ``CsPbBr3-Pnma``, ``CsPbCl3-P4mbm``."""
    if phase is None:
        return formula
    return f"{formula}-{''.join(sign for sign in phase if sign.isalnum() or sign == '-')}"


def register_material(
    session: Session, composition: ChemicalComposition, phase: str | None = None
) -> Material:
    """The material of a composition and phase; added where the store lacks it."""
    name = material_id(composition.formula, phase)
    family, dimensionality = material_family(composition, phase)

    def build() -> Material:
        return Material(
            id=name,
            composition=_composition(session, composition),
            phase=phase,
            family=family,
            dimensionality=dimensionality,
        )

    return get_or_add(session, select(Material).where(Material.id == name), build)


def get_or_add(session: Session, find: Select[ModelT], build: Callable[[], ModelT]) -> ModelT:
    """What ``find`` finds, or what ``build`` makes.

    Where another session adds the same in the meantime, its row is taken: the savepoint keeps the
    rest of this transaction.
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


def _composition(session: Session, composition: ChemicalComposition) -> Composition:
    def build() -> Composition:
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
        )

    return get_or_add(
        session, select(Composition).where(Composition.formula == composition.formula), build
    )
