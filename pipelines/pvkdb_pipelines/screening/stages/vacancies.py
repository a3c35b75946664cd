"""The funnel's vacancies: which calculations they need, and the formation energies they give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from pvkdb.chemistry.ions import Ion, common_charges
from pvkdb.errors import InputError
from pvkdb.schemas.calculations import PotentialName
from pvkdb.schemas.calculations.relaxations import ElementRequest, VacancyRequest, VacancyResult
from pvkdb.schemas.screening import PhaseEnergy, VacancyFormation
from pvkdb.store.models.structures import Structure
from pvkdb_pipelines.geometry.hosts import host_of
from pvkdb_pipelines.geometry.symmetry import space_group
from pvkdb_pipelines.prototypes import Compound, build, competitors, halides_of
from pvkdb_pipelines.screening.stages.formation import halide_limits, neutral_vacancy_ev
from pvkdb_pipelines.screening.stages.stability import lowest_level
from pvkdb_pipelines.structures.user_structures import atoms_of

#: Tolerance at which the halides of an unrelaxed prototype are equivalent, Å.
_SYMPREC_ANG = 1e-3


def vacancy_request(
    session: Session, compound: Compound, phase: PhaseEnergy, potential: PotentialName
) -> VacancyRequest:
    """The request for the vacancies in a relaxed phase, whose structure the store holds.

    One halide of each kind that the prototype's symmetry tells apart is taken out; where a
    relaxation broke this symmetry, the others of a kind differ a little and are not computed.
    """
    host = session.scalars(
        select(Structure).where(
            Structure.calculation_id == phase.calculation, Structure.role == "host"
        )
    ).one()
    start = build(compound, phase.phase)
    halide = compound.sites["X"].symbol
    kinds = space_group(start, _SYMPREC_ANG).equivalent_atoms
    first = dict.fromkeys(
        int(kind) for kind, symbol in zip(kinds, start.symbols, strict=True) if symbol == halide
    )
    return VacancyRequest(
        formula=compound.formula,
        phase=phase.phase,
        halide=halide,
        atoms_per_formula=sum(compound.numbers_of_elements.values()),
        host=host_of(atoms_of(host)),
        sites=tuple(first),
        potential=potential,
    )


def element_requests(compound: Compound, potential: PotentialName) -> list[ElementRequest]:
    """The solid halogen, and the elements of the B cations that the halide-poor limit needs."""
    symbols = dict.fromkeys(
        compound.sites[role].symbol for role in ("X", "B", "B'") if role in compound.sites
    )
    return [ElementRequest(symbol=symbol, potential=potential) for symbol in symbols]


def reference_compounds(compound: Compound) -> tuple[Compound, ...]:
    """What may appear beside a compound somewhere between the limits.

    The compounds that it decomposes into, and the halides of its B cations in their other common
    charges: SnI2 and CsSnI3 appear beside Cs2SnI6 where iodine is scarce, Cs2SnI6 beside CsSnI3
    where it is plentiful.
    """
    halide, large = compound.sites["X"], compound.sites["A"]
    found = dict.fromkeys(competitors(compound))
    for role in ("B", "B'"):
        if role not in compound.sites:
            continue
        ion = compound.sites[role]
        for charge in sorted(common_charges(ion.symbol)):
            if charge != ion.charge:
                found.update(dict.fromkeys(halides_of(Ion(ion.symbol, charge), large, halide)))
    found.pop(compound, None)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Element:
    """Energy of a solid element, and the source of its structure; None where it failed."""

    energy_ev_per_atom: float | None
    source: str


def vacancy_formation(
    compound: Compound,
    request: VacancyRequest,
    calculation: str,
    result: VacancyResult,
    phases: Mapping[Compound, Sequence[PhaseEnergy]],
    elements: Mapping[str, Element],
) -> VacancyFormation:
    """Formation energies from the energies of a vacancy, its host and the phases around.

    Args:
        compound: The compound.
        request: What was computed.
        calculation: Id of that calculation.
        result: What came out.
        phases: Relaxed phases of the compound and of its :func:`reference_compounds`.
        elements: Energies of its :func:`element_requests`.

    Raises:
        InputError: an energy is missing without which a limit is not defined.
    """
    own = lowest_level(phases[compound])
    if own is None:
        raise InputError(f"no phase of {compound} has an energy")
    levels = {
        other: level
        for other in reference_compounds(compound)
        if (level := lowest_level(phases[other])) is not None
    }
    energies = {
        symbol: entry.energy_ev_per_atom
        for symbol, entry in elements.items()
        if entry.energy_ev_per_atom is not None
    }
    limits = halide_limits(
        compound,
        own.energy_ev_per_formula,
        {other: level.energy_ev_per_formula for other, level in levels.items()},
        energies,
    )
    found = neutral_vacancy_ev(result.lowest.energy_ev, result.host_ev, request.halide, limits)
    return VacancyFormation(
        phase=request.phase,
        calculation=calculation,
        atoms_in_cell=result.atoms_in_cell,
        x_poor_ev=found.poor_ev,
        x_rich_ev=found.rich_ev,
        mu_x_poor_ev=limits.poor_ev,
        mu_x_rich_ev=limits.rich_ev,
        allowed=limits.allowed_ev is not None,
        host_drop_ev_per_formula=result.host_drop_ev_per_formula,
        without_energy=sorted(
            other.formula for other in reference_compounds(compound) if other not in levels
        ),
        references={
            **{symbol: elements[symbol].source for symbol in energies},
            **{other.formula: level.phase for other, level in levels.items()},
        },
    )
