"""Requests for relaxations and vacancies, completed before they are queued."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from pvkdb.chemistry import parse_composition
from pvkdb.chemistry.ions import HALIDES
from pvkdb.compositions.compounds import (
    Compound,
    Mixture,
    competitors,
    compound_like,
    compound_of,
)
from pvkdb.errors import InputError, NotFoundError, naming, unknown_name
from pvkdb.schemas.calculations import AnyPotential, CalculationState
from pvkdb.schemas.calculations.electrons import (
    GapQuestion,
    GapRequest,
    PairQuestion,
    PairReference,
    PairRequest,
)
from pvkdb.schemas.calculations.kinds import read_result
from pvkdb.schemas.calculations.migration import host_phases, require_dispersion
from pvkdb.schemas.calculations.relaxations import (
    EquationOfStateQuestion,
    EquationOfStateRequest,
    Host,
    RelaxQuestion,
    RelaxRequest,
    RelaxResult,
    RelaxSettings,
    VacancyQuestion,
    VacancyRequest,
)
from pvkdb.store.files.structure_reading import distinct_atoms
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.materials import Composition, Material
from pvkdb.store.models.structures import Structure

#: Most steps of a mixture with molecules, in which many molecules turn one after the other.
MIXED_HYBRID_STEPS = 1000


def relax_request(session: Session, question: RelaxQuestion) -> RelaxRequest:
    """Return the request for a relaxation, the one that a screening makes of the same compound.

    A phase without a prototype starts from a structure of the store that was fetched or given.

    Raises:
        ParameterError: the formula or the phase has neither a prototype nor such a structure, or
            layers need dispersion.
    """
    with naming("formula"):
        composition = parse_composition(question.formula)
    try:
        compound, known = compound_of(composition), host_phases(composition)
    except InputError:
        compound, known = None, ()
    starts = {
        each.material.phase or "": each
        for each in session.scalars(
            select(Structure)
            .join(Structure.material)
            .join(Material.composition)
            .where(Composition.formula == composition.formula, Structure.role == "start")
            .order_by(Structure.id.desc())  # of several, the first
        )
        if each.material.phase not in known
    }
    with naming("formula"):
        if compound is None:
            compound = compound_like(composition) if starts else compound_of(composition)
    with naming("phase"):
        choices = (*known, *starts)
        if question.phase is not None and question.phase not in choices:
            raise InputError(unknown_name("phase with a prototype", question.phase, choices))
        if not choices:
            raise InputError(
                f"{composition.formula} has no prototype; fetch a structure (pvkdb "
                "fetch-structures) or give one (pvkdb structure FORMULA --from FILE)"
            )
    with naming("potential"):
        require_dispersion(composition, question.potential)
    phase = question.phase or choices[0]
    start = _host(starts[phase]) if phase in starts else None
    return relaxation_of(compound, phase, question.potential, start=start)


def relaxation_of(
    compound: Compound,
    phase: str,
    potential: AnyPotential,
    settings: RelaxSettings | None = None,
    start: Host | None = None,
) -> RelaxRequest:
    """Return the request to relax a compound in a phase.

    By default, a mixture with molecules may take ``MIXED_HYBRID_STEPS``.
    """
    if settings is None:
        longer = isinstance(compound, Mixture) and compound.molecular
        settings = RelaxSettings(max_steps=MIXED_HYBRID_STEPS) if longer else RelaxSettings()
    return RelaxRequest(
        formula=compound.formula,
        stoichiometry=compound.stoichiometry,
        ions=tuple((ion.symbol, ion.charge) for ion in compound.ions),
        phase=phase,
        potential=potential,
        settings=settings,
        start=start,
    )


def vacancy_request(session: Session, question: VacancyQuestion) -> VacancyRequest:
    """Return the request for the halide vacancies in the host of a finished relaxation.

    One halide of each symmetry class of the relaxed host is removed, of a mixture each of the
    asked one.

    Raises:
        NotFoundError: there is no such relaxation.
        InputError: it is not done, or has no such halide.
    """
    request, result, host = _relaxed(session, question.relaxation)
    halide = question.halide or request.ions[-1][0]
    if halide not in (known := [each for each in HALIDES if each in host.symbols]):
        raise InputError(unknown_name("halide of the host", halide, known))
    return VacancyRequest(
        formula=request.formula,
        phase=request.phase,
        halide=halide,
        atoms_per_formula=result.atoms_per_formula,
        host=host,
        sites=tuple(site for site in distinct_atoms(host) if host.symbols[site] == halide),
        potential=request.potential,
    )


def equation_of_state_request(
    session: Session, question: EquationOfStateQuestion
) -> EquationOfStateRequest:
    """Return the request for the equation of state of the host of a finished relaxation.

    Raises:
        NotFoundError: there is no such relaxation.
        InputError: it is not done.
    """
    request, result, host = _relaxed(session, question.relaxation)
    return EquationOfStateRequest(
        formula=request.formula,
        phase=request.phase,
        atoms_per_formula=result.atoms_per_formula,
        host=host,
        potential=request.potential,
    )


def gap_request(session: Session, question: GapQuestion) -> GapRequest:
    """Return the request for the band gap of the host of a finished relaxation.

    Raises:
        NotFoundError: there is no such relaxation.
        InputError: it is not done, or has no host.
    """
    request, _, host = _relaxed(session, question.relaxation)
    return GapRequest(
        formula=request.formula,
        phase=request.phase,
        parent=question.relaxation,
        structure=host,
        **question.model_dump(exclude={"relaxation"}),
    )


def pair_request(session: Session, question: PairQuestion) -> PairRequest:
    """Return the request for the vacancies of a cation and its halides in a relaxed host.

    Raises:
        NotFoundError: there is no such relaxation.
        InputError: it is not done, has no host or no such ion, or the ion's charge is not one.
    """
    request, result, host = _relaxed(session, question.relaxation)
    compound = compound_like(parse_composition(request.formula))
    cations, halides = [*compound.on("A"), *compound.on("B")], compound.halides
    cation, halide = question.cation or cations[0].symbol, question.halide or halides[0].symbol
    for what, given, ions in (("cation", cation, cations), ("halide", halide, halides)):
        if given not in (known := [each.symbol for each in ions]):
            raise InputError(unknown_name(f"{what} of {request.formula}", given, known))
    charge, *others = {each.charge for each in cations if each.symbol == cation}
    if others:
        raise InputError(
            f"{cation} has several charges in {request.formula}: what balances it is not known; "
            "choose another cation"
        )
    return PairRequest(
        formula=request.formula,
        phase=request.phase,
        cation=cation,
        charge=charge,
        halide=halide,
        atoms_per_formula=result.atoms_per_formula,
        host=host,
        references=_lowest_phases(session, competitors(compound), request.potential),
        potential=request.potential,
    )


def _lowest_phases(
    session: Session, compounds: Iterable[Compound], potential: AnyPotential
) -> tuple[PairReference, ...]:
    """Return the lowest relaxed phase of each compound that has an energy by the potential."""
    given = Calculation.parameters
    done = select(Calculation).where(
        Calculation.kind == "relax",
        Calculation.state == CalculationState.DONE,
        given["formula"].as_string().in_([each.formula for each in compounds]),
        given["potential"].as_string() == str(potential),
    )
    found: dict[str, PairReference] = {}
    for each in session.scalars(done.order_by(Calculation.id)):
        result = read_result(each.kind, each.result)
        if not isinstance(result, RelaxResult) or any(
            finding.flaw is None or finding.flaw.numerical for finding in result.findings
        ):
            continue
        known = found.get(result.formula)
        if known is None or result.energy_ev_per_formula < known.energy_ev_per_formula:
            found[result.formula] = PairReference(
                formula=result.formula,
                phase=result.phase,
                energy_ev_per_formula=result.energy_ev_per_formula,
                calculation=each.id,
            )
    return tuple(found[name] for name in sorted(found))


def _relaxed(session: Session, key: str) -> tuple[RelaxRequest, RelaxResult, Host]:
    """Return the request, the result and the host of a finished relaxation."""
    found = session.get(Calculation, key)
    if found is None or found.kind != "relax":
        raise NotFoundError(f"calculations holds no relaxation {key!r}")
    if found.state != CalculationState.DONE:
        raise InputError(f"relaxation {key} is {found.state}; wait until it is done")
    request = RelaxRequest.model_validate(found.parameters)
    result = RelaxResult.model_validate(found.result)
    relaxed = session.scalars(
        select(Structure).where(Structure.calculation_id == key, Structure.role == "host")
    ).one_or_none()
    if relaxed is None:
        raise InputError(
            f"relaxation {key} kept no structure of {request.formula} ({request.phase}): it left "
            "this phase, or is of no perovskite; take the relaxation of another phase"
        )
    return request, result, _host(relaxed)


def _host(structure: Structure) -> Host:
    return Host(
        symbols=tuple(structure.symbols),
        cell_ang=tuple((a, b, c) for a, b, c in structure.cell_ang),
        positions_ang=tuple((x, y, z) for x, y, z in structure.positions_ang),
    )
