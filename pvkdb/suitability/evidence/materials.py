"""Candidates that are materials, with reported and computed evidence.

A candidate of a ranking is a composition, with all its phases (see
:mod:`pvkdb.suitability.evidence.phases`); the kinetics looks at each phase on its own.

E_A and DFE (``e_a_ev``, ``dfe_ev``) have the best kind of evidence that is known: energies of the
literature, else those that pvkdb computed by DFT, else the calibrated interval of a potential
(:mod:`pvkdb.suitability.evidence.means`); no value mixes them. ``e_a_model_ev`` and
``dfe_model_ev`` are those of potentials alone. Energies of statements on one material span an
interval, and its width is the spread between the sources.
Predictions (windows of switching and retention) come from models of kinetics: pvkdb's own, or those
that a caller plugs in.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from operator import attrgetter

from sqlalchemy import exists, func, or_, select, true
from sqlalchemy.orm import Session, joinedload

from pvkdb.chemistry import ToleranceFactors, material_family, parse_composition, tolerance_factors
from pvkdb.chemistry.factors.tolerance import DEFINED
from pvkdb.chemistry.family import network
from pvkdb.chemistry.ions import molecular_ions
from pvkdb.chemistry.phases import MEASURED, PHASE_ERRORS_EV
from pvkdb.errors import InputError
from pvkdb.schemas.rankings import COMPUTED, Grade
from pvkdb.schemas.screening import ScreenedCandidate, ScreeningReport
from pvkdb.schemas.tables.literature import SECONDARY
from pvkdb.store.base import batches
from pvkdb.store.collections import ENERGETICS
from pvkdb.store.curation.dataset import unreviewed_imports
from pvkdb.store.models.devices import Device
from pvkdb.store.models.energetics import Electronic, Energetic
from pvkdb.store.models.materials import Composition, CompositionTolerance, Material
from pvkdb.store.models.structures import Structure
from pvkdb.store.models.summaries import CompositionStability as Stability
from pvkdb.suitability.evidence.evidence import Candidate, Evidence, Source, joined
from pvkdb.suitability.evidence.means import (
    PLACEHOLDERS,
    calibrated,
    halide_moves,
    literature_sources,
)
from pvkdb.suitability.evidence.phases import (
    PhaseEnergies,
    between_limits,
    by_dft,
    computed,
    lowest_open_path,
    not_perovskite,
    of_leading_phase,
    phase_energies,
    reported,
)

#: Names in a statement: of formulas with many phases, too, SQLite takes as many parameters.
_NAMED = 2_000
#: Degrees of freedom from which Student's distribution is the normal one.
_NORMAL = 10**9
#: A model of kinetics: windows from the evidence on a candidate, as evidence on modelled metrics,
#: with the grade ``model`` and a note that names its assumptions.
Model = Callable[[Candidate], Mapping[str, Evidence]]


def material_candidates(
    session: Session,
    report: ScreeningReport | None = None,
    formulas: Sequence[str] | None = None,
    unreviewed: bool = False,
) -> list[Candidate]:
    """Return the compositions of the store (all, or these) and of a screening; no generic formulas.

    The name of a candidate is the formula of its composition, whichever phases the store has of it,
    so that it does not change when another phase is added. The screening adds energies
    above the hull, which replace those of the store, defect formation energies and barriers.
    Energies of imports that nobody has confirmed only stand beside others, unless ``unreviewed``.
    """
    found = _candidates(session, attrgetter("composition.formula"), formulas, unreviewed)
    for screened in report.candidates if report else ():
        if screened.stability is None:
            continue  # it failed before anything was computed
        formula = parse_composition(screened.formula).formula
        candidate = found.get(formula) or Candidate(
            formula, formula, "material", material=formula, devices=0
        )
        found[formula] = _with_screening(candidate, screened, report.potential if report else "")
    return list(found.values())


def phase_candidates(
    session: Session, formulas: str | Sequence[str] | None = None, unreviewed: bool = False
) -> list[Candidate]:
    """Return every material of the store, or of some compositions: each phase on its own.

    The kinetics of a phase, or of a device whose absorber has a known phase, starts from these.
    """
    formulas = [formulas] if isinstance(formulas, str) else formulas
    return list(_candidates(session, attrgetter("id"), formulas, unreviewed).values())


def compositions_of(session: Session, devices: Iterable[Candidate]) -> list[str]:
    """Return the formulas of the materials of devices."""
    names = {each.material for each in devices if each.material}
    found = set[str]()
    for some in batches(sorted(names), _NAMED):
        of = select(Composition.formula).join(Material, Material.composition_id == Composition.id)
        found.update(session.scalars(of.where(Material.id.in_(some))))
    return sorted(found)


#: Of what nothing but a gap is known, nothing is ranked yet.
RANKED = or_(
    *(exists().where(each.material_id == Material.id) for each in (Energetic, Device, Structure)),
    ~exists().where(Electronic.material_id == Material.id),
)


def _candidates(
    session: Session,
    name_of: Callable[[Material], str],
    formulas: Sequence[str] | None = None,
    unreviewed: bool = False,
) -> dict[str, Candidate]:
    """Return candidates by name; materials with the same name are one candidate."""
    if formulas is not None and len(formulas) > _NAMED:
        found = dict[str, Candidate]()
        for some in batches(formulas, _NAMED):
            found |= _candidates(session, name_of, some, unreviewed)
        return found
    these = true() if formulas is None else Composition.formula.in_(formulas)
    statements: dict[str, list[Energetic]] = defaultdict(list)
    waiting = set() if unreviewed else {each.version for each in unreviewed_imports(session)}
    doubtful: dict[str, list[Energetic]] = defaultdict(list)
    listed = ENERGETICS.rows.loads.where(these, Energetic.current(unreviewed))
    listed = listed.order_by(Energetic.id)
    for statement in session.scalars(listed).unique():
        kind = doubtful if statement.recorded_in in waiting else statements
        kind[statement.material_id].append(statement)
    named: dict[str, list[Material]] = defaultdict(list)
    known = select(Material).join(Material.composition).where(these, RANKED).order_by(Material.id)
    known = known.options(joinedload(Material.composition).joinedload(Composition.tolerance))
    for material in session.scalars(known).unique():
        # Generic formulas, such as CsPbX3, are no candidates.
        if PLACEHOLDERS.isdisjoint(entry.ion for entry in material.composition.occupancies):
            named[name_of(material)].append(material)
    names = None if formulas is None else [each.id for group in named.values() for each in group]
    counts = select(Device.material_id, func.count()).where(Device.counted())
    counts = counts.group_by(Device.material_id)
    if names is not None:
        counts = counts.where(Device.material_id.in_(names))
    devices = {material: count for material, count in session.execute(counts) if material}
    energies = phase_energies(session, names)
    stable = select(Stability).join(Composition, Composition.id == Stability.composition_id)
    stabilities = {each.composition_id: each for each in session.scalars(stable.where(these))}
    return {
        name: _of_store(
            name,
            materials,
            [each for material in materials for each in statements[material.id]],
            [each for material in materials for each in doubtful[material.id]],
            sum(devices.get(material.id, 0) for material in materials),
            energies,
            stabilities.get(materials[0].composition_id),
        )
        for name, materials in named.items()
    }


def _of_store(
    name: str,
    materials: Sequence[Material],
    statements: Sequence[Energetic],
    doubtful: Sequence[Energetic],
    devices: int,
    energies: PhaseEnergies,
    stability: Stability | None,
) -> Candidate:
    composition, family, dimensionality = _described(materials)
    evidence = _from_composition(
        composition.formula,
        family,
        [entry.ion for entry in composition.occupancies if entry.site == "A"],
        composition.lead_free,
        dimensionality,
        composition.tolerance,
    )
    phases = {material.id: material.phase for material in materials}
    halide = [each for each in statements if halide_moves(each)]
    if name == composition.formula:
        halide = of_leading_phase(name, halide, phases, energies)
    models = [each for each in halide if each.method == "MLIP"]
    others = [each for each in halide if each.method != "MLIP"]
    dft = [each for each in others if each.calculation_id is not None]
    literature = [each for each in others if each.calculation_id is None]
    if why := not_perovskite(composition.formula, phases, statements, energies):
        evidence["p_perovskite"] = Evidence(not_defined=why)
    if paths := [each for each in models if each.scope == "percolation"]:
        what = "percolating path by"
        evidence["e_a_model_ev"] = computed(paths, energies, phases, lowest_open_path, what)
    if vacancies := [each for each in models if _forms_vacancy(each)]:
        what = "halide-poor to halide-rich by"
        evidence["dfe_model_ev"] = computed(vacancies, energies, phases, between_limits, what)
    _take_calibrated(evidence)
    for listed, read in ((dft, by_dft), (literature, reported)):  # the literature counts first
        barriers = [each for each in listed if each.quantity == "E_A"]
        vacancies = [each for each in listed if _forms_vacancy(each)]
        for metric, found in (("e_a_ev", barriers), ("dfe_ev", vacancies)):
            # What is only quoted does not replace what pvkdb computed.
            quoted = all(each.source.startswith(SECONDARY) for each in found)
            if found and not (quoted and metric in evidence):
                evidence[metric] = read(found)
    if "e_a_ev" in evidence:
        sources = literature_sources(each for each in literature if each.quantity == "E_A")
        known = (evidence[name] for name in ("e_a_ev", "e_a_model_ev") if name in evidence)
        own = next((each for each in known if each.grade in COMPUTED and each.known), None)
        if own is not None and own.grade is Grade.OWN_DFT:
            middle = ((own.minimum or 0.0) + (own.maximum or 0.0)) / 2
            half = ((own.maximum or 0.0) - (own.minimum or 0.0)) / 12**0.5
            sources = (*sources, Source(Grade.OWN_DFT, middle, half))
        elif own is not None:  # one functional is one source
            sources = (*sources, *own.sources)
        evidence["e_a_ev"] = replace(evidence["e_a_ev"], sources=sources)
    for metric, quantity in (("e_a_ev", "E_A"), ("dfe_ev", "DFE")):
        waiting = [each for each in doubtful if each.quantity == quantity and halide_moves(each)]
        if waiting and metric in evidence:
            counted = evidence[metric]
            beside = replace(reported(waiting), grade=Grade.UNREVIEWED)
            evidence[metric] = replace(counted, beside=(*counted.beside, beside))
    if stability is not None:
        potential = stability.source.rpartition(", ")[2]
        evidence["above_hull_ev_per_atom"] = replace(
            _above_hull(stability.above_hull_ev_per_atom, potential), source=stability.source
        )
    return Candidate(
        id=name,
        label=name,
        kind="material",
        evidence=evidence,
        material=name,
        references=" ".join(
            dict.fromkeys(key for entry in evidence.values() for key in entry.references)
        ),
        families=frozenset(each.family for each in materials),
        devices=devices,
    )


def _described(materials: Sequence[Material]) -> tuple[Composition, str, int | None]:
    """Return the composition, family and dimensionality of materials of one composition.

    Of several phases, family and dimensionality are those of the formula.
    """
    first = next((each for each in materials if each.phase is None), materials[0])
    if first.phase is None or len(materials) == 1:
        return first.composition, first.family, first.dimensionality
    family, dimensionality = material_family(parse_composition(first.composition.formula))
    return first.composition, family, dimensionality


def _take_calibrated(evidence: dict[str, Evidence]) -> None:
    """Take calibrated energies of potentials for E_A and DFE where nothing better is known."""
    for own, model in (("e_a_ev", "e_a_model_ev"), ("dfe_ev", "dfe_model_ev")):
        better = own in evidence and evidence[own].grade is not Grade.CALIBRATED
        if not better and model in evidence and evidence[model].grade is Grade.CALIBRATED:
            evidence[own] = evidence[model]


def _forms_vacancy(statement: Energetic) -> bool:
    """Return whether an energy forms a vacancy that is neutral, or whose charge is not told.

    That of a charged one depends on the Fermi level.
    """
    forms = statement.quantity == "DFE" and statement.defect.startswith("V_")
    return forms and not statement.charge


def _from_composition(
    formula: str,
    family: str,
    a_site: Sequence[str],
    lead_free: bool,
    dimensionality: int | None,
    factors: ToleranceFactors | CompositionTolerance | None,
) -> dict[str, Evidence]:
    """Return evidence from the composition alone: A cation, lead content, dimensionality, tau."""
    molecular = [ion for ion in a_site if ion in molecular_ions()]
    cation = "inorganic" if not molecular else "organic without MA"
    found = {
        "lead_free": Evidence(word="yes" if lead_free else "no", grade=Grade.COMPOSITION),
        "a_cation": Evidence(
            word="with MA" if "MA" in a_site else cation,
            grade=Grade.COMPOSITION,
            note=" and ".join(a_site),
        ),
    }
    if dimensionality is not None:
        found["dimensionality"] = Evidence.exactly(dimensionality, Grade.COMPOSITION)
    if family not in DEFINED:
        reason = "tau has a meaning where octahedra share all six corners"
        return {**found, "p_perovskite": Evidence(not_defined=reason)}
    measured = MEASURED.get(formula)
    if measured is not None and measured.perovskite:
        known = Evidence.exactly(1.0)
        found["p_perovskite"] = replace(
            known,
            source=measured.source,
            phase=measured.phrase,
            note=f"measured as {measured.phrase}",
        )
        return found
    if factors is None:
        return found  # an ion has no radius with a source: unknown
    if factors.tau is not None and factors.p_perovskite is not None:
        found["p_perovskite"] = Evidence(
            *(factors.p_perovskite, factors.p_perovskite),
            grade=Grade.MODEL,
            source="tau (Bartel 2019)",
            note=f"tau {factors.tau:.2f}",
        )
    return found


def _with_screening(candidate: Candidate, screened: ScreenedCandidate, potential: str) -> Candidate:
    """Return a candidate with the results of a screening."""
    evidence = dict(candidate.evidence)
    composition = parse_composition(screened.formula)
    b_site = {occupant.ion.symbol for occupant in composition.on("B")}

    def family_in(phase: str) -> str:
        return material_family(composition, phase)[0]

    if not evidence:
        a_site = [occupant.ion.symbol for occupant in composition.on("A")]
        try:
            factors = tolerance_factors(composition)
        except InputError:
            factors = None
        evidence = _from_composition(
            composition.formula,
            screened.family,
            a_site,
            screened.lead_free,
            composition.dimensionality,
            factors,
        )
        compared = screened.stability
        lowest = compared.may_be_lowest(composition.formula, potential) if compared else []
        phases: dict[str, str | None] = {name: name for name in lowest} or {"": None}
        if why := not_perovskite(composition.formula, phases, (), {}):
            evidence["p_perovskite"] = Evidence(not_defined=why)
    stability, vacancy, migration = screened.stability, screened.vacancy, screened.migration
    if stability is not None and stability.above_hull_ev_per_atom is not None:
        products = ", ".join(product.formula for product in stability.products)
        evidence["above_hull_ev_per_atom"] = replace(
            _above_hull(stability.above_hull_ev_per_atom, potential),
            source=f"screening with {potential}",
            phase=stability.ground_state,
            note=f"into {products}" if products else None,
        )
    if vacancy is not None:
        found = Evidence(
            minimum=min(vacancy.x_poor_ev, vacancy.x_rich_ev),
            maximum=max(vacancy.x_poor_ev, vacancy.x_rich_ev),
            grade=Grade.MODEL,
            source=f"calculation {vacancy.calculation}",
            phase=vacancy.phase,
            note=f"halide-poor to halide-rich by {potential} in {vacancy.phase}",
        )
        parts = {potential: (found, {family_in(vacancy.phase)})}
        evidence["dfe_model_ev"] = calibrated(found, "DFE", parts, b_site, composition.formula)
    lowest = stability.may_be_lowest(composition.formula, potential) if stability else []
    elsewhere = (
        migration is not None
        and len(lowest) == 1
        and network(family_in(lowest[0]), lowest[0])
        != network(family_in(migration.phase), migration.phase)
    )
    if migration is not None and not elsewhere and "e_a_model_ev" not in evidence:
        phase = migration.phase
        known = [each for each in migration.outcomes if each.e_a_ev is not None]
        parts = {
            each.potential: (
                Evidence(
                    *(None if each.upper_bound else each.e_a_ev, each.e_a_ev),
                    grade=Grade.MODEL,
                    source="screening",
                    phase=phase,
                ),
                {family_in(phase)},
            )
            for each in known
        }
        phrases = ", ".join(f"{each.potential} {each.e_a_ev:.2f} eV in {phase}" for each in known)
        if parts:
            note = f"percolating path by {phrases}"
            whole = replace(joined((part for part, _ in parts.values()), note=note), phase=phase)
            evidence["e_a_model_ev"] = calibrated(whole, "E_A", parts, b_site, composition.formula)
    _take_calibrated(evidence)
    return replace(candidate, evidence=evidence)


def _above_hull(value_ev: float, potential: str) -> Evidence:
    """Return an energy above the hull with the measured error of its potential between families."""
    errors = PHASE_ERRORS_EV.get(potential, max(PHASE_ERRORS_EV.values()))
    half = 1.96 * errors[1]
    return Evidence(
        value_ev - half, value_ev + half, grade=Grade.MODEL, estimate=(value_ev, errors[1], _NORMAL)
    )


def with_models(candidate: Candidate, models: Iterable[Model]) -> Candidate:
    """Return a candidate with the predictions of models; a later model replaces an earlier one."""
    evidence = dict(candidate.evidence)
    for model in models:
        evidence.update(model(candidate))
    return replace(candidate, evidence=evidence)
