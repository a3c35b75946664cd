"""Simulations on stored barriers: motion of a vacancy, and the request for a whole device."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from pvkdb.chemistry import parse_composition
from pvkdb.errors import InputError, NotFoundError
from pvkdb.kinetics.conditions import DEFAULTS, ROOM_TEMPERATURE_K
from pvkdb.kinetics.hopping import vacancy_fraction
from pvkdb.schemas import LONGEST_TEXT
from pvkdb.schemas.calculations import CalculationState
from pvkdb.schemas.calculations.calibration import calibration_table
from pvkdb.schemas.calculations.migration import NebResult
from pvkdb.schemas.calculations.simulations import SimulationQuestion, SimulationRequest
from pvkdb.schemas.kinetics import IonKinetics, KineticsAnswer
from pvkdb.simulation.devices.inputs import INPUTS, WORK_FUNCTIONS, remedy, simulation_input
from pvkdb.store.collections import CALCULATIONS
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.materials import Material
from pvkdb.store.rows.stacks import split_structure
from pvkdb.suitability.evidence.barriers import HALIDES
from pvkdb.suitability.evidence.evidence import Evidence
from pvkdb.suitability.evidence.materials import phase_candidates
from pvkdb.suitability.evidence.means import calibrated
from pvkdb.suitability.evidence.predictions import answer_of

#: Inputs that must be given; a temperature of annealing gives the vacancies, too.
NEEDED = ("thickness_nm", "bias_v", "vacancies")


class StoredBarriers(NamedTuple):
    """Barriers of a halide's vacancy, and the interval of their E_A with its source."""

    material: Material
    result: NebResult
    e_a_ev: tuple[float, float]
    calculation: str
    note: str


def stored_barriers(
    session: Session, material: str, potential: str | None = None
) -> StoredBarriers:
    """Return the barriers of the potential that is calibrated best, with its interval of E_A.

    Raises:
        NotFoundError: the store has no such barriers.
        InputError: several phases have them, and none is named.
    """
    filters = {"material": material, "kind": "neb", "state": CalculationState.DONE.value}
    listed = [
        session.get_one(Calculation, row.id) for row in CALCULATIONS.iterate(session, filters)
    ]
    found = {
        (each.material_id, each.parameters["potential"]): each
        for each in listed
        if each.parameters["defect"] in {f"V_{halide}" for halide in HALIDES}
        and potential in (None, each.parameters["potential"])
    }
    if not found:
        raise NotFoundError(
            f"the store has no barriers of the halide's vacancy in {material} by "
            f"{potential or 'any potential'}; compute them with: pvkdb neb {material}"
        )
    if len(phases := sorted({str(phase) for phase, _ in found})) > 1:
        raise InputError(f"{material} has barriers in several phases: name {' or '.join(phases)}")
    known = [each.potential for each in calibration_table().calibrations if each.quantity == "E_A"]
    name = next((each for each in known if (phases[0], each) in found), next(iter(found))[1])
    calculation, home = found[phases[0], name], session.get_one(Material, phases[0])
    result = NebResult.model_validate(calculation.result)
    raw = Evidence(result.e_a_ev, result.e_a_ev, note=f"as computed by {name}")
    energy = calibrated(raw, "E_A", {name: (raw, {home.family})})
    ends = (energy.minimum or 0.0, energy.maximum or 0.0)
    return StoredBarriers(home, result, ends, calculation.id, energy.note or "")


def answer_simulation(
    session: Session,
    material: str,
    temperature_k: float | None = None,
    potential: str | None = None,
) -> KineticsAnswer:
    """Return the simulated motion of the halide's vacancy on the stored barriers of a material.

    Raises:
        NotFoundError: the store has no such barriers.
        InputError: several phases have them, and none is named; or a number is out of range.
    """
    known = stored_barriers(session, material, potential)
    from pvkdb.simulation.report import simulate  # loads numba

    source = f"calculation {known.calculation}"
    document = simulate(known.result, temperature_k, known.e_a_ev, f"{source}; {known.note}")
    ion = IonKinetics(
        material=known.material.id,
        ion=known.result.defect,
        basis="potentials",
        barrier_min_ev=known.e_a_ev[0],
        barrier_max_ev=known.e_a_ev[1],
        source=source,
        document=document,
    )
    return answer_of(known.material.id, [ion], [])


def simulation_request(session: Session, question: SimulationQuestion) -> SimulationRequest:
    """Return the request for a device: given inputs, and those that the store or tables have.

    Raises:
        NotFoundError: the store has no barriers, or no formation energy that is needed.
        InputError: the stack or an input cannot be used, or one is missing; says what to give.
    """
    known = stored_barriers(session, question.material, question.potential)
    formula, layers = known.material.composition.formula, split_structure(question.stack)
    if len(layers) != 3 or parse_composition(layers[1]).formula != formula:
        raise InputError(f"stack {question.stack!r}: write BOTTOM/{formula}/TOP, a single layer")
    listed: list[tuple[Any, ...]] = [
        (name, *(ends if isinstance(ends, tuple) else (ends, ends)), "given", "given")
        for name, ends in question.inputs.items()
    ]
    attempts, low, high = DEFAULTS["attempt_frequency_hz"], *known.e_a_ev
    ends = (attempts.value.minimum, attempts.value.maximum)
    listed.append(("attempt_frequency_hz", *ends, attempts.source, "assumed"))
    room = ROOM_TEMPERATURE_K
    listed.append(("temperature_k", room, room, "room temperature", "assumed"))
    source = f"calculation {known.calculation}; {known.note}"
    listed.append(("e_a_ev", low, high, source, "store", min(max(known.result.e_a_ev, low), high)))
    if question.annealed_k is not None:
        listed.append(_vacancies(session, known.material, question.annealed_k))
    for side, electrode in zip(("bottom", "top"), layers[::2], strict=True):
        if electrode in WORK_FUNCTIONS:
            listed.append((f"{side}_work_function_ev", *WORK_FUNCTIONS[electrode], "assumed"))
    inputs = {each[0]: simulation_input(*each) for each in reversed(listed)}
    if missing := [remedy(name) for name in NEEDED if name not in inputs]:
        other = " or --annealed-k (by the formation energy)" if "vacancies" not in inputs else ""
        raise InputError(f"{question.stack}: give {'; '.join(missing)}{other}")
    return SimulationRequest(
        formula=formula,
        phase=known.material.phase or known.result.phase,
        barriers=known.result,
        inputs=tuple(inputs[name] for name in INPUTS if name in inputs),
        **{
            name: getattr(question, name)
            for name in ("stack", "axis", "scan_rates_v_per_s", "seeds")
        },
    )


def _vacancies(session: Session, material: Material, annealed_k: float) -> tuple[Any, ...]:
    """Return the vacant share of the sites in equilibrium at a temperature, as an input."""
    phases = phase_candidates(session, material.composition.formula)
    evidence = next(each.evidence for each in phases if each.id == material.id)
    energy = evidence.get("dfe_ev") or evidence.get("dfe_model_ev")
    if energy is None or energy.minimum is None or energy.maximum is None:
        raise NotFoundError(
            f"the store has no formation energy of the halide's vacancy in {material.id}; give "
            "--vacancies SHARE"
        )
    ends = (float(vacancy_fraction(each, annealed_k)) for each in (energy.maximum, energy.minimum))
    source = (
        f"equilibrium at {annealed_k:g} K, 1/(1 + exp(E_f/kT)), E_f {energy.minimum:g} to "
        f"{energy.maximum:g} eV: {'; '.join(filter(None, (energy.source, energy.note)))}"
    )
    return ("vacancies", *ends, source[:LONGEST_TEXT], "store")
