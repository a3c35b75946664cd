"""Kinetics from barriers: the model that rankings use, and answers for a barrier or a material.

A window of the model spans the results for every value that the evidence and the layer leave open,
for one hop over one barrier. Windows are graded ``model``; whether they deserve weight is decided
by comparing them with measured devices (``pvkdb.suitability.evidence.support``). A window
beyond reason is not shown; the reason says what is missing to predict it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf, log

from sqlalchemy.orm import Session

from pvkdb.chemistry import Interval, parse_composition
from pvkdb.errors import NotFoundError, ParameterError, naming
from pvkdb.kinetics.conditions import (
    ROOM_TEMPERATURE_K,
    Conditions,
    conditions_of,
    layer,
    parse_range,
)
from pvkdb.kinetics.estimates import estimate
from pvkdb.kinetics.hopping import BOLTZMANN_EV_PER_K
from pvkdb.operations import Reading
from pvkdb.schemas.kinetics import IonKinetics, KineticsAnswer, KineticsDocument, KineticsRequest
from pvkdb.schemas.metrics import METRICS
from pvkdb.schemas.rankings import Grade
from pvkdb.schemas.responses import Assumption
from pvkdb.store.collections.devices import device_named
from pvkdb.store.models.materials import Material
from pvkdb.suitability.evidence.barriers import (
    ACTIVE,
    Barrier,
    KnownBarriers,
    as_interval,
    metal_barriers,
)
from pvkdb.suitability.evidence.devices import device_candidates
from pvkdb.suitability.evidence.evidence import Candidate, Evidence
from pvkdb.suitability.evidence.explanations import value_text, window_text
from pvkdb.suitability.evidence.materials import phase_candidates
from pvkdb.suitability.evidence.means import spread_in

__all__ = ["answer_device"]

#: Quantities of the kinetics by the metric that they predict.
QUANTITIES = {
    "modelled_switching_time_s": "switching time",
    "modelled_retention_s": "relaxation time",
    "modelled_set_voltage_v": "SET voltage",
}
_VACANT = "vacant share of the sites"
_BASES = {
    "literature": "of the literature",
    "DFT": "of pvkdb's DFT",
    "potentials": "of machine-learned potentials",
}


@dataclass(frozen=True, slots=True)
class KineticModel:
    """Windows of switching time, retention and SET voltage from the barriers of a candidate.

    The halide's barrier of the literature decides, or that of machine-learned potentials if the
    literature has none; the other one and those of electrode metals appear in the note. The bias of
    a device is its SET voltage, unless a bias is given.
    """

    barriers: KnownBarriers = field(default_factory=KnownBarriers)
    conditions: Conditions = field(default_factory=layer)
    #: Also windows beyond reason, for a comparison with measured values.
    every_window: bool = False

    def __call__(self, candidate: Candidate) -> Mapping[str, Evidence]:
        """Return evidence on the modelled metrics; empty if no barrier of the halide is known."""
        listed = self.barriers.of(candidate)
        if not listed or listed[0].species != "halide":
            return {}
        conditions, bias = self.driven(candidate)
        only = (*QUANTITIES.values(), _VACANT)
        documents = [kinetics_of(each, conditions, None, only).document for each in listed]
        if not self.every_window:
            documents = [document.within_reason() for document in documents]
        return {
            metric: window
            for metric in QUANTITIES
            if (window := _window(metric, listed, documents, bias)) is not None
        }

    def assumptions(self) -> list[Assumption]:
        """Return everything that a prediction assumes beside the barrier, with sources."""
        named = estimate(Interval.exactly(0.0), self.conditions).assumptions
        return [entry for entry in named if entry.name != "barrier_ev"]

    def driven(self, candidate: Candidate) -> tuple[Conditions, str | None]:
        """Return the conditions of a candidate, and a phrase for its own bias."""
        voltage = candidate.evidence.get("set_voltage_v")
        given = self.conditions.bias_v is not None and "bias_v" not in self.conditions.defaulted
        if voltage is None or given:
            return self.conditions, None
        source = f"SET voltage of {candidate.id} ({voltage.source})"
        driven = replace(
            self.conditions,
            bias_v=as_interval(voltage),
            defaulted=self.conditions.defaulted - {"bias_v"},
            sources={**self.conditions.sources, "bias_v": source},
        )
        return driven, f"at its SET voltage, {value_text(voltage, 'V')}"


def kinetic_model(
    session: Session, conditions: Conditions | None, phases: Sequence[Candidate]
) -> KineticModel:
    """Return the model for the barriers of a store, with the phases that absorbers may have.

    By default the layer has pvkdb's own conditions.
    """
    return KineticModel(KnownBarriers(phases, metal_barriers(session)), conditions or layer())


def kinetics_of(
    barrier: Barrier, conditions: Conditions, material: str | None, only: Collection[str] = ()
) -> IonKinetics:
    """Return rates and times of a barrier, with vacancies if their formation energy is known."""
    if barrier.formation is not None:
        sources = {**conditions.sources, "vacancy_formation_ev": barrier.formation.source or ""}
        conditions = replace(
            conditions, vacancy_formation_ev=as_interval(barrier.formation), sources=sources
        )
    source, energy = barrier.energy.source or "", as_interval(barrier.energy)
    return IonKinetics(
        material=material,
        ion=barrier.species,
        basis=barrier.basis,
        barrier_min_ev=barrier.energy.minimum,
        barrier_max_ev=barrier.energy.maximum,
        source=source,
        references=" ".join(barrier.energy.references),
        document=estimate(energy, conditions, barrier.species, source, only),
    )


def _window(
    metric: str,
    barriers: Sequence[Barrier],
    documents: Sequence[KineticsDocument],
    bias: str | None,
) -> Evidence | None:
    quantity = documents[0].quantity(QUANTITIES[metric])
    if quantity is None:
        return None
    first = barriers[0]
    if quantity.minimum is None and quantity.maximum is None:
        return Evidence(grade=Grade.MODEL, note=quantity.missing)
    phrases = [f"with E_A {value_text(first.energy, 'eV')} {_BASES[first.basis]}"]
    if metric == "modelled_switching_time_s" and bias:
        phrases.append(bias)
    if first.energy.note and first.energy.note.startswith("the phase"):
        phrases.append(first.energy.note)
    for barrier, document in zip(barriers[1:], documents[1:], strict=True):
        other = document.quantity(QUANTITIES[metric])
        assert other is not None  # the same conditions gave the first one
        if other.missing:
            continue
        window = window_text(other.minimum, other.maximum, METRICS[metric].unit)
        energy = value_text(barrier.energy, "eV")
        phrases.append(
            f"{barrier.species} from an electrode (E_A {energy}, {barrier.energy.source}): {window}"
            if barrier.basis == "electrode"
            else f"with E_A {energy} {_BASES[barrier.basis]}: {window}"
        )
    vacant = documents[0].quantity(_VACANT)
    if metric == "modelled_retention_s" and vacant and vacant.minimum is not None:
        share = window_text(vacant.minimum, vacant.maximum, "1")
        phrases.append(f"vacant in equilibrium: {share} of the sites")
    return Evidence(
        quantity.minimum,
        quantity.maximum,
        qualifier=first.energy.qualifier,
        grade=Grade.MODEL,
        source=f"kinetics; E_A: {first.energy.source}",
        references=first.energy.references,
        phase=first.energy.phase,
        note="; ".join(phrases),
    )


def answer(request: KineticsRequest, reading: Reading) -> KineticsAnswer:
    """Return rates and times for a material, a device or a given barrier.

    Raises:
        InputError: a value cannot be used.
        NotFoundError: the store lacks the device, or an activation energy of the material.
    """
    if request.dfe_ev is not None and request.e_a_ev is None:
        raise ParameterError("dfe_ev", "dfe_ev goes with e_a_ev; a material brings its own")
    conditions = conditions_of(request)
    if request.e_a_ev is None:
        with reading() as session:
            if request.device is not None:
                return answer_device(session, request.device, conditions)
            with naming("formula"):
                return answer_material(session, request.formula or "", conditions)
    if request.dfe_ev is not None:
        with naming("dfe_ev"):
            formation = parse_range(request.dfe_ev, "dfe_ev", "eV")
        conditions = replace(conditions, vacancy_formation_ev=formation)
    with naming("e_a_ev"):
        barrier = parse_range(request.e_a_ev, "e_a_ev", "eV")
        energy = Evidence(barrier.minimum, barrier.maximum, source="given")
        ion = kinetics_of(Barrier("ion", "given", energy), conditions, None)
        return answer_of(f"E_A {barrier} eV", [ion], [])


def answer_material(session: Session, formula: str, conditions: Conditions) -> KineticsAnswer:
    """Return rates and times in a material: halide by the literature, by potentials, then metals.

    Every phase of the composition with a barrier in the store has an entry. The formula may have
    any spelling, or be the public name of a material.

    Raises:
        FormulaError: the formula cannot be read.
        NotFoundError: the store holds no activation energy of its halide.
        InputError: a number is out of its range.
    """
    named = session.get(Material, formula) if "-" in formula else None
    composition = named.composition.formula if named else parse_composition(formula).formula
    materials = phase_candidates(session, composition)
    wanted = [each for each in materials if named is None or each.id == named.id]
    barriers = KnownBarriers(materials, metal_barriers(session))
    ions = [
        kinetics_of(barrier, conditions, material.id)
        for material in wanted
        for barrier in barriers.of(material)
    ]
    if not ions:
        raise NotFoundError(
            f"the store holds no activation energy of the halide in {formula}; give an activation "
            f"energy instead, or compute one with: pvkdb neb {formula}"
        )
    known = {(ion.material, ion.ion) for ion in ions}
    missing = [each.id for each in wanted if (each.id, "halide") not in known]
    papers = _between_papers(session, ions, conditions)
    return answer_of(formula, ions, [_without("the halide", each) for each in missing], papers)


def answer_device(session: Session, device_id: str, conditions: Conditions) -> KineticsAnswer:
    """Return rates and times in a device, at its SET voltage unless a bias is given.

    The barriers are those of the material, of the halide by the literature and by potentials, then
    those of the metals of its electrodes.

    Raises:
        NotFoundError: the device does not exist.
        InputError: a number is out of its range.
    """
    device = device_named(session, device_id)
    (candidate,) = (each for each in device_candidates(session) if each.id == device_id)
    if device.material is None:
        missing = [f"the composition of {device.absorber} is not known"]
        return answer_of(f"{device.id}: {device.structure}", [], missing)
    name, formula = device.material.id, device.material.composition.formula
    model = kinetic_model(session, conditions, phase_candidates(session, formula))
    driven, own = model.driven(candidate)
    ions = [kinetics_of(each, driven, name) for each in model.barriers.of(candidate)]
    known = {ion.ion for ion in ions}
    missing = [] if "halide" in known else [_without("the halide", name)]
    missing += [
        _without(metal, name)
        for metal in dict.fromkeys(candidate.electrodes)
        if metal in ACTIVE - known
    ]
    if own is None and (driven.bias_v is None or "bias_v" in driven.defaulted):
        missing.append("no SET voltage is reported, and no bias is given")
    papers = _between_papers(session, ions, driven)
    return answer_of(f"{device.id}: {device.structure}", ions, missing, papers)


def _between_papers(
    session: Session, ions: Sequence[IonKinetics], conditions: Conditions
) -> list[str]:
    """Return what windows leave out if their barrier spans less than papers differ by."""
    widths = [
        (ion.barrier_max_ev or inf) - (ion.barrier_min_ev or 0.0)
        for ion in ions
        if ion.basis == "literature"
    ]
    spread = spread_in(session) if widths else None
    if spread is None or min(widths) > spread.tau_ev:
        return []
    least = conditions.temperature_k.minimum if conditions.temperature_k else None
    thermal = BOLTZMANN_EV_PER_K * (least or ROOM_TEMPERATURE_K)
    return [
        f"papers on one material differ by {spread.tau_ev:.2f} eV in E_A (standard deviation, "
        f"{spread.materials} materials): {spread.tau_ev / thermal / log(10):.1f} decades in rates "
        "and times, which the window of a barrier of the literature leaves out"
    ]


def _without(what: str, material: str) -> str:
    return f"no activation energy of {what} in {material} is in the store"


def answer_of(
    asked: str, ions: list[IonKinetics], missing: list[str], notes: Sequence[str] = ()
) -> KineticsAnswer:
    """Return the answer to a request: its ions within reason, and all notes, each once."""
    every = dict.fromkeys((*notes, *(note for ion in ions for note in ion.document.notes)))
    ions = [ion.model_copy(update={"document": ion.document.within_reason()}) for ion in ions]
    return KineticsAnswer(asked=asked, ions=ions, missing=missing, notes=list(every))
