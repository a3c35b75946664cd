"""Kinetics of a given barrier or of a material in the store."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy.orm import Session

from pvkdb.chemistry import Interval, parse_composition
from pvkdb.errors import NotFoundError
from pvkdb.kinetics.carriers import answer_of
from pvkdb.kinetics.conditions import Conditions
from pvkdb.kinetics.estimate import estimate
from pvkdb.schemas.kinetics import IonKinetics, KineticsAnswer
from pvkdb.suitability.evidence.barriers import KnownBarriers, metal_barriers
from pvkdb.suitability.evidence.evidence import Candidate
from pvkdb.suitability.evidence.materials import material_candidates
from pvkdb.suitability.evidence.predictions import document_of


def answer_barrier(barrier_ev: Interval, conditions: Conditions) -> KineticsAnswer:
    """Return rates and times for a given barrier.

    Raises:
        InputError: a number is out of its range.
    """
    document = estimate(barrier_ev, conditions)
    ion = IonKinetics(
        material=None,
        ion=document.ion,
        basis="given",
        barrier_min_ev=barrier_ev.minimum,
        barrier_max_ev=barrier_ev.maximum,
        source="given",
        document=document,
    )
    return answer_of(f"E_A {barrier_ev} eV", [ion], [])


def answer_material(session: Session, formula: str, conditions: Conditions) -> KineticsAnswer:
    """Return rates and times in a material: halide by the literature, by potentials, then metals.

    Every phase of the composition with a barrier in the store has an entry.

    Args:
        session: of the store.
        formula: in any spelling, or the public name of a material.
        conditions: the layer.

    Raises:
        FormulaError: the formula cannot be read.
        NotFoundError: the store holds no activation energy of its halide.
        InputError: a number is out of its range.
    """
    materials = material_candidates(session)
    wanted = _named(formula, materials)
    barriers = KnownBarriers(materials, metal_barriers(session))
    ions = [
        IonKinetics(
            material=material.id,
            ion=barrier.species,
            basis=barrier.basis,
            barrier_min_ev=barrier.energy.minimum,
            barrier_max_ev=barrier.energy.maximum,
            source=barrier.energy.source or "",
            references=" ".join(barrier.energy.references),
            document=document_of(barrier, conditions),
        )
        for material in wanted
        for barrier in barriers.of(material)
    ]
    if not ions:
        raise NotFoundError(
            f"the store holds no activation energy of the halide in {formula}; give an activation "
            f"energy instead, or compute one with: pvkdb neb {formula}"
        )
    missing = [
        f"no activation energy of the halide in {material.id} is in the store"
        for material in wanted
        if "halide" not in {ion.ion for ion in ions if ion.material == material.id}
    ]
    return answer_of(formula, ions, missing)


def _named(formula: str, materials: Iterable[Candidate]) -> list[Candidate]:
    """Return the materials of a composition, or the one of that public name."""
    listed = list(materials)
    if "-" in formula and (named := [each for each in listed if each.id == formula]):
        return named
    composition = parse_composition(formula).formula
    return [
        each for each in listed if each.id == composition or each.id.startswith(f"{composition}-")
    ]
