"""Relaxations of compounds and of solid elements, the references of chemical potentials."""

from __future__ import annotations

from typing import cast

from pvkdb.chemistry import Ion, parse_composition
from pvkdb.chemistry.ions import molecular_ions
from pvkdb.compositions.compounds import (
    Mixture,
    Stoichiometry,
    compound_like,
    compound_of,
    stoichiometry_of,
)
from pvkdb.schemas.calculations import AnyPotential
from pvkdb.schemas.calculations.relaxations import (
    ElementRequest,
    ElementResult,
    RelaxRequest,
    RelaxResult,
    RelaxSettings,
)
from pvkdb.store.files.relaxation_requests import relaxation_of
from pvkdb_pipelines.geometry.hosts import atoms_in
from pvkdb_pipelines.geometry.symmetry import space_group
from pvkdb_pipelines.potentials.loading import metered
from pvkdb_pipelines.potentials.potential import Potential
from pvkdb_pipelines.progress import ProgressReporter, Report
from pvkdb_pipelines.prototypes import Compound, PrototypeInfo, build, prototype
from pvkdb_pipelines.prototypes.catalogue import PEROVSKITE_PHASES, keeps_symmetry
from pvkdb_pipelines.prototypes.elements import build_element, element_source
from pvkdb_pipelines.relaxations.relaxation import RelaxationRun, relax
from pvkdb_pipelines.structures import checks as health

#: FIRE's first time step. Of 234 relaxations with CHGNet all converged with it, as with ASE's 0.1,
#: in 11 % fewer calls; 223 ended within 2 meV an atom of where they had, 2 lower and 9 higher.
FIRST_STEP = 0.3
OPTIMIZER = f"FIRE (first step {FIRST_STEP}), FrechetCellFilter"
_WITH_MOLECULES = "BFGS, FrechetCellFilter"
_LOAD, _RELAX = "load the potential", "relax atoms and cell"
_STAGES = {_LOAD: 0.05, _RELAX: 1.0}


def relax_request(
    compound: Compound,
    info: PrototypeInfo,
    potential: AnyPotential,
    settings: RelaxSettings | None = None,
) -> RelaxRequest:
    """Return the request to relax a compound in a phase, in a search for the lowest."""
    if settings is None and keeps_symmetry(compound, info.phase):
        settings = RelaxSettings(rattle_ang=0.0)
    return relaxation_of(compound, info.phase, potential, settings)


def compound_in(request: RelaxRequest) -> Compound:
    """Return the compound that a request names by its formula.

    Raises:
        InputError: it gives no start, and no prototypes are known for its stoichiometry.
    """
    known = molecular_ions()
    ions = tuple(Ion(symbol, charge, molecular=symbol in known) for symbol, charge in request.ions)
    if request.start is None:
        compound, find = Compound(stoichiometry_of(request.stoichiometry), ions), compound_of
    else:  # of any stoichiometry
        compound = Compound(cast("Stoichiometry", request.stoichiometry), ions)
        find = compound_like
    mixed = compound.formula != request.formula
    return find(parse_composition(request.formula)) if mixed else compound


def compute_relaxation(
    request: RelaxRequest, report: Report | None = None, potential: Potential | None = None
) -> RelaxationRun[RelaxResult]:
    """Relax a compound from its prototype or a given start and check the relaxed structure.

    The starting structure is rattled, so that the relaxation can break its symmetry.

    Args:
        request: Compound, phase, potential and settings.
        report: Called with the progress after each step.
        potential: Used instead of the potential that the request names.

    Raises:
        CalculationFailedError: Not converged, not finite, or atoms too close.
        InputError: The compound or the phase has no prototype.
        MissingRadiusError: An ion has no radius to start from.
    """
    compound, settings = compound_in(request), request.settings
    given = request.start
    info = None if given else prototype(compound.stoichiometry, request.phase)
    progress = ProgressReporter(_STAGES, report)
    progress.begin(_LOAD)
    potential, spent = metered(potential, request.potential, [*compound.numbers_of_elements])
    start = atoms_in(given) if given else build(compound, request.phase, seed=settings.seed)
    rattled = start.copy()
    rattled.rattle(stdev=settings.rattle_ang, seed=settings.seed)
    relaxed, steps = relax(
        rattled,
        potential,
        settings.fmax_ev_per_ang,
        settings.max_steps,
        cell=True,
        what=f"{compound.formula} {request.phase}",
        on_step=progress.begin(_RELAX, settings.fmax_ev_per_ang),
        first_step=FIRST_STEP,
    )
    energy = float(relaxed.get_potential_energy())
    # The space group to keep is that of the prototype or, with molecules, of its start.
    number = None
    if info is not None and not isinstance(compound, Mixture):
        molecular = compound.molecular
        number = space_group(start, health.SYMPREC_ANG).number if molecular else info.number
    findings = health.check(
        relaxed,
        compound,
        start,
        coordination=info.coordination if info else 6,
        keeps_polyhedra=compound.stoichiometry in PEROVSKITE_PHASES,
        energy_ev=energy,
        space_group_number=number,
    )
    progress.finish(_RELAX)
    atoms_per_formula = compound.atoms_per_formula
    units = round(len(relaxed) / atoms_per_formula)
    return RelaxationRun(
        result=RelaxResult(
            formula=request.formula,
            stoichiometry=request.stoichiometry,
            phase=request.phase,
            energy_ev_per_formula=energy / units,
            atoms_per_formula=atoms_per_formula,
            formula_units=units,
            volume_ang3_per_formula=float(relaxed.get_volume()) / units,
            space_group=space_group(relaxed, health.SYMPREC_ANG).symbol,
            lattice_parameters=tuple(relaxed.cell.cellpar().tolist()),
            findings=list(findings),
            steps=steps,
            **spent(),
            optimizer=_WITH_MOLECULES if compound.molecular else OPTIMIZER,
        ),
        atoms=relaxed,
        versions={**potential.versions, "weights": potential.weights},
    )


def compute_element(
    request: ElementRequest, report: Report | None = None, potential: Potential | None = None
) -> RelaxationRun[ElementResult]:
    """Relax a solid element from its published crystal.

    Raises:
        CalculationFailedError: Not converged, not finite, or atoms too close.
        InputError: No crystal structure of the element is tabulated.
    """
    settings = request.settings
    progress = ProgressReporter(_STAGES, report)
    progress.begin(_LOAD)
    potential, spent = metered(potential, request.potential, [request.symbol])
    relaxed, steps = relax(
        build_element(request.symbol, settings.rattle_ang, settings.seed),
        potential,
        settings.fmax_ev_per_ang,
        settings.max_steps,
        cell=True,
        what=f"solid {request.symbol}",
        on_step=progress.begin(_RELAX, settings.fmax_ev_per_ang),
    )
    progress.finish(_RELAX)
    return RelaxationRun(
        result=ElementResult(
            symbol=request.symbol,
            energy_ev_per_atom=float(relaxed.get_potential_energy()) / len(relaxed),
            atoms=len(relaxed),
            volume_ang3_per_atom=float(relaxed.get_volume()) / len(relaxed),
            space_group=space_group(relaxed, health.SYMPREC_ANG).symbol,
            structure_source=element_source(request.symbol),
            steps=steps,
            **spent(),
        ),
        atoms=relaxed,
        versions={**potential.versions, "weights": potential.weights},
    )
