"""Halide vacancies of a screening: calculations, formation energies and their records, barriers."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from itertools import chain, product, zip_longest
from math import inf

from sqlalchemy import select
from sqlalchemy.orm import Session

from pvkdb.chemistry.defects import Defect
from pvkdb.chemistry.ions import Ion, common_charges
from pvkdb.errors import InputError
from pvkdb.schemas.calculations import AnyPotential, CalculationState
from pvkdb.schemas.calculations.kinds import read_result
from pvkdb.schemas.calculations.migration import CompleteNebRequest, NebRequest, NebResult
from pvkdb.schemas.calculations.relaxations import (
    HOST_DROP_EV,
    ElementRequest,
    ElementResult,
    Host,
    VacancyRequest,
    VacancyResult,
    content_key,
)
from pvkdb.schemas.screening import BarrierOutcome, Migration, PhaseEnergy, VacancyFormation
from pvkdb.store.curation.computed import formation_row
from pvkdb.store.curation.registration import get_or_add, material_id
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.energetics import Energetic
from pvkdb.store.models.structures import Structure
from pvkdb.store.queue.migration_requests import complete_request
from pvkdb_pipelines.geometry.hosts import atoms_in, host_of
from pvkdb_pipelines.geometry.symmetry import space_group
from pvkdb_pipelines.prototypes import Compound, build, competitors, halides_of
from pvkdb_pipelines.screening.stages.formation import halide_limits, neutral_vacancy_ev
from pvkdb_pipelines.screening.stages.stability import lowest_level
from pvkdb_pipelines.screening.stages.tracks import Track
from pvkdb_pipelines.structures.user_structures import SYMPREC_ANG, atoms_of

#: Tolerance at which the halides of an unrelaxed prototype are equivalent, Å.
_SYMPREC_ANG = 1e-3
#: Decimals of recorded energies, eV.
_DECIMALS = 4


def vacancy_request(
    session: Session,
    compound: Compound,
    phase: PhaseEnergy,
    potential: AnyPotential,
    halide: str | None = None,
) -> VacancyRequest:
    """Return the request for the vacancies in a relaxed phase whose structure is in the store.

    ``halide`` is one of a mixture, by default the first. One of each symmetry class of the
    prototype, or of the start from a file, is removed. Where the relaxation broke the symmetry, the
    other halides of a class differ a little and are not computed.
    """
    given = session.get_one(Calculation, phase.calculation).parameters.get("start")
    start = atoms_in(Host.model_validate(given)) if given else build(compound, phase.phase)
    halide = halide or compound.sites["X"].symbol
    kinds = space_group(start, SYMPREC_ANG if given else _SYMPREC_ANG).equivalent_atoms
    first = dict.fromkeys(
        int(kind) for kind, symbol in zip(kinds, start.symbols, strict=True) if symbol == halide
    )
    return VacancyRequest(
        formula=compound.formula,
        phase=phase.phase,
        halide=halide,
        atoms_per_formula=compound.atoms_per_formula,
        host=relaxed_host(session, phase),
        sites=tuple(first),
        potential=potential,
    )


def relaxed_host(session: Session, phase: PhaseEnergy) -> Host:
    """Return the relaxed structure of a phase."""
    structure = session.scalars(
        select(Structure).where(
            Structure.calculation_id == phase.calculation, Structure.role == "host"
        )
    ).one()
    return host_of(atoms_of(structure))


def element_requests(compound: Compound, potential: AnyPotential) -> list[ElementRequest]:
    """Return requests for the solid halogen and the elements of the B cations."""
    symbols = dict.fromkeys(ion.symbol for ion in (*compound.on("X"), *compound.on("B")))
    return [ElementRequest(symbol=symbol, potential=potential) for symbol in symbols]


def reference_compounds(compound: Compound) -> tuple[Compound, ...]:
    """Return the compounds that may appear beside a compound between the limits.

    They are those that it decomposes into, and the halides of its B cations in their other common
    charges: SnI2 and CsSnI3 appear beside Cs2SnI6 where iodine is scarce, Cs2SnI6 beside CsSnI3
    where it is plentiful.
    """
    found = dict.fromkeys(competitors(compound))
    on_sites = (compound.on(site) for site in "BXA")
    for ion, halide, large in product(*on_sites):
        for charge in sorted(common_charges(ion.symbol)):
            if charge != ion.charge:
                found.update(dict.fromkeys(halides_of(Ion(ion.symbol, charge), large, halide)))
    found.pop(compound, None)
    return tuple(found)


def vacancy_formation(
    compound: Compound,
    request: VacancyRequest,
    calculation: str,
    result: VacancyResult,
    phases: Mapping[Compound, Sequence[PhaseEnergy]],
    elements: Mapping[str, ElementResult],
) -> VacancyFormation:
    """Return the formation energies of a halide vacancy in both limits.

    ``phases`` are those of the compound and of its :func:`reference_compounds`, ``elements`` the
    results of its :func:`element_requests` that did not fail.

    Raises:
        InputError: an energy that a limit needs is missing.
    """
    own = lowest_level(phases[compound])
    if own is None:
        raise InputError(f"no phase of {compound} has an energy")
    levels = {
        other: level
        for other in reference_compounds(compound)
        if (level := lowest_level(phases[other])) is not None
    }
    limits = halide_limits(
        compound,
        own.energy_ev_per_formula,
        {other: level.energy_ev_per_formula for other, level in levels.items()},
        {symbol: entry.energy_ev_per_atom for symbol, entry in elements.items()},
        request.halide,
    )
    poor_ev, rich_ev = neutral_vacancy_ev(
        result.lowest.energy_ev, result.host_ev, request.halide, limits
    )
    return VacancyFormation(
        phase=request.phase,
        calculation=calculation,
        atoms_in_cell=result.atoms_in_cell,
        x_poor_ev=poor_ev,
        x_rich_ev=rich_ev,
        mu_x_poor_ev=limits.poor_ev,
        mu_x_rich_ev=limits.rich_ev,
        allowed=limits.allowed_ev is not None,
        host_drop_ev_per_formula=result.host_drop_ev_per_formula,
        without_energy=sorted(
            other.formula for other in reference_compounds(compound) if other not in levels
        ),
        references={
            **{symbol: entry.structure_source for symbol, entry in elements.items()},
            **{other.formula: level.phase for other, level in levels.items()},
        },
    )


def record_formation(session: Session, halide: str, found: VacancyFormation) -> Energetic:
    """Record a formation energy of the material; an equal one is recorded once.

    The interval goes from the halide-poor to the halide-rich limit. Other reference phases give
    other limits, hence another statement for the same calculation.
    """
    low, high = round(found.x_poor_ev, _DECIMALS), round(found.x_rich_ev, _DECIMALS)
    mu_poor, mu_rich = found.mu_x_poor_ev, found.mu_x_rich_ev
    content = f"{low} {high} {mu_poor:.4f} {mu_rich:.4f}"
    mark = hashlib.sha256(content.encode()).hexdigest()[:6]
    name = f"e-{found.calculation}-{mark}"
    calculation = session.get_one(Calculation, found.calculation)

    def build() -> Energetic:
        conditions = (
            f"{halide}-poor {low:.3f} eV (mu_{halide} = {mu_poor:.3f} eV), {halide}-rich "
            f"{high:.3f} eV (mu_{halide} = {mu_rich:.3f} eV), {found.atoms_in_cell} atoms, "
            f"neutral cell{_caveats(found)}"
        )
        defect = Defect.vacancy(halide).label
        return formation_row(calculation, mark, defect, low, high, conditions)

    return get_or_add(session, select(Energetic).where(Energetic.id == name), build)


def _caveats(found: VacancyFormation) -> str:
    """Return the reasons to doubt a formation energy, for the row's conditions."""
    doubts = []
    if not found.allowed:
        doubts.append("the compound itself decomposes, limits of elements and binary halides alone")
    drop = found.host_drop_ev_per_formula
    if drop is None:
        doubts.append("stability of the host not known")
    elif drop > HOST_DROP_EV:
        fall = f"it fell by {1000 * drop:.0f} meV a formula unit"
        doubts.append(f"the host was not a minimum: {fall}")
    return "".join(f"; {text}" for text in doubts)


def most_promising(
    tracks: Sequence[Track], most: int | None, quotas: Mapping[str, int] | None = None
) -> list[Track]:
    """Return the most stable candidates, one of each structure type in turn.

    The most stable ones of all would be of one type: chlorides of 4+ metals. ``quotas`` are the
    most of a halide or type.
    """
    by_type: dict[str, list[Track]] = defaultdict(list)
    for track in tracks:
        by_type[track.candidate.type].append(track)

    def cost(track: Track) -> tuple[float, str]:
        energy = track.value("above_hull_ev_per_atom")
        return (inf if energy is None else energy), track.candidate.name

    turns = zip_longest(*(sorted(group, key=cost) for group in by_type.values()))
    left, chosen = dict(quotas or {}), []
    for track in filter(None, chain.from_iterable(turns)):
        halides = {occupant.ion.symbol for occupant in track.candidate.composition.on("X")}
        limited = left.keys() & {track.candidate.type, *halides}
        if all(left[name] > 0 for name in limited):
            chosen.append(track)
            left.update((name, left[name] - 1) for name in limited)
    return chosen[:most]


def barrier_requests(
    session: Session, compound: Compound, phase: PhaseEnergy, potentials: Sequence[AnyPotential]
) -> list[NebRequest]:
    """Return a request for each potential, all from the structure that the screening relaxed.

    A barrier that the store has of the same host, whoever requested it, is not computed again.
    """
    host = relaxed_host(session, phase)
    requests = [
        complete_request(
            NebRequest(formula=compound.formula, phase=phase.phase, potential=potential, host=host)
        )
        for potential in potentials
    ]
    return [_answered(session, request, phase.space_group) for request in requests]


def _answered(session: Session, request: CompleteNebRequest, group: str | None) -> NebRequest:
    """Return the request of a finished barrier in the same host, or else the given request."""
    wanted = {**request.model_dump(mode="json"), "host": None}
    query = select(Calculation).where(
        Calculation.material_id == material_id(request.formula, request.phase),
        Calculation.kind == request.kind,
        Calculation.state == CalculationState.DONE.value,
    )
    order = (Calculation.key != request.key(), Calculation.created_at, Calculation.id)
    for calculation in session.scalars(query.order_by(*order)):
        given, result = calculation.parameters, read_result(request.kind, calculation.result)
        kept = isinstance(result, NebResult) and (result.host_left_for, result.space_group)
        same = kept == (None, group) and {**given, "host": None} == wanted
        if calculation.key == request.key():
            return request
        if same and content_key(request.recipe, given) == calculation.key:
            return CompleteNebRequest.model_validate(given)
    return request


def migration_of(
    phase: str, requests: Sequence[NebRequest], of: Callable[[NebRequest], Calculation]
) -> Migration | None:
    """Return the activation energies of the potentials; None if the first has no value."""
    outcomes = [_outcome(request, of(request)) for request in requests]
    first = outcomes[0].e_a_ev
    if first is None:
        return None
    energies = [outcome.e_a_ev for outcome in outcomes if outcome.e_a_ev is not None]
    spread = max(energies) - min(energies) if len(energies) > 1 else None
    return Migration(phase=phase, e_a_ev=first, e_a_spread_ev=spread, outcomes=outcomes)


def _outcome(request: NebRequest, calculation: Calculation) -> BarrierOutcome:
    result = None if calculation.result is None else NebResult.model_validate(calculation.result)
    return BarrierOutcome(
        potential=str(request.potential),
        calculation=calculation.id,
        e_a_ev=result.e_a_ev if result else None,
        dimensionality=result.dimensionality if result else None,
        limited_by=result.limiting.hop.hop_class if result else None,
        upper_bound=result is not None and result.upper_bound,
        host_left_for=result.host_left_for if result else None,
        failure_kind=None if result else calculation.failure_kind,
        failure=None if result else calculation.failure_message,
    )
