"""Candidates that are materials, with reported and computed evidence.

Values of the literature and those of machine-learned potentials are separate metrics
(``e_a_ev`` and ``e_a_model_ev``, ``dfe_ev`` and ``dfe_model_ev``): no value mixes them. Energies of
statements on one material span an interval, and its width is the spread between the sources.
Predictions (windows of switching and retention) come from models of kinetics: pvkdb's own, or those
that a caller plugs in.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pvkdb.chemistry import parse_composition, tolerance_factors
from pvkdb.chemistry.ions import molecular_ions
from pvkdb.chemistry.tolerance import DEFINED
from pvkdb.errors import InputError
from pvkdb.schemas.rankings import Grade
from pvkdb.schemas.screening import ScreenedCandidate, ScreeningReport
from pvkdb.store.collections import ENERGETICS
from pvkdb.store.models.devices import Device
from pvkdb.store.models.energetics import Energetic
from pvkdb.store.models.materials import Material
from pvkdb.suitability.evidence.evidence import Candidate, Evidence, evidence_of, joined

_HALIDES = frozenset({"F", "Cl", "Br", "I", "X"})
_PLACEHOLDERS = frozenset({"A", "B", "X"})
_GRADES = {"DFT": Grade.DFT, "experiment": Grade.MEASURED, "MLIP": Grade.MODEL}


class Model(Protocol):
    """A model of kinetics: predicts windows from the evidence on a candidate.

    It returns evidence on modelled metrics, with the grade ``model`` and a note that names its
    assumptions.
    """

    def __call__(self, candidate: Candidate) -> Mapping[str, Evidence]: ...


def material_candidates(session: Session, report: ScreeningReport | None = None) -> list[Candidate]:
    """Return every material of the store and of a screening, without generic formulas.

    The screening adds decomposition energies, defect formation energies and barriers.
    """
    statements: dict[str, list[Energetic]] = defaultdict(list)
    for statement in session.scalars(ENERGETICS.statement.order_by(Energetic.id)).unique():
        statements[statement.material_id].append(statement)
    counts = select(Device.material_id, func.count()).group_by(Device.material_id)
    devices = {material: count for material, count in session.execute(counts) if material}
    found = {
        material.id: _of_store(material, statements[material.id], devices.get(material.id, 0))
        for material in session.scalars(select(Material).order_by(Material.id)).unique()
        if not _is_generic(material)
    }
    for screened in report.candidates if report else ():
        if screened.stability is None:
            continue  # it failed before anything was computed
        formula = parse_composition(screened.formula).formula
        candidate = found.get(formula) or Candidate(formula, formula, "material", devices=0)
        found[formula] = _with_screening(candidate, screened, report.potential if report else "")
    return list(found.values())


def _of_store(material: Material, statements: Sequence[Energetic], devices: int) -> Candidate:
    composition = material.composition
    evidence = _from_composition(
        composition.formula,
        material.family,
        [entry.ion for entry in composition.occupancies if entry.site == "A"],
        composition.lead_free,
        material.dimensionality,
    )
    halide = [each for each in statements if _halide_moves(each)]
    reported = [each for each in halide if each.method != "MLIP"]
    barriers = [each for each in reported if each.quantity == "E_A"]
    formation = [
        each for each in reported if each.quantity == "DFE" and each.defect.startswith("V_")
    ]
    for name, listed in (("e_a_ev", barriers), ("dfe_ev", formation)):
        if listed:
            evidence[name] = _spanning(listed)
    computed = [each for each in halide if each.method == "MLIP" and each.scope == "percolation"]
    if computed:
        evidence["e_a_model_ev"] = _bottleneck(computed)
    return Candidate(
        id=material.id,
        label=material.id,
        kind="material",
        evidence=evidence,
        material=material.id,
        references=" ".join(
            dict.fromkeys(key for entry in evidence.values() for key in entry.references)
        ),
        devices=devices,
    )


def _halide_moves(statement: Energetic) -> bool:
    """Return whether an energy is of a halide vacancy, or of a halide without a named defect."""
    vacancy = statement.defect.startswith("V_") or statement.defect == statement.species
    return statement.species in _HALIDES and vacancy


def _spanning(statements: Sequence[Energetic]) -> Evidence:
    """Return energies from the literature as one interval, with their spread in the note."""
    whole = joined(
        evidence_of(each, _GRADES.get(each.method, Grade.REPORTED)) for each in statements
    )
    count = len(whole.references)
    note = f"{count} reference{'' if count == 1 else 's'}"
    if whole.minimum is not None and whole.maximum is not None and whole.maximum > whole.minimum:
        width = f"{whole.maximum - whole.minimum:.2f} eV"
        note += f", a spread of {width}" if count > 1 else f", a printed range of {width}"
    return replace(whole, note=note)


def _bottleneck(statements: Sequence[Energetic]) -> Evidence:
    """Return the easiest percolating path by each potential, as one interval."""
    lowest: dict[str, Energetic] = {}
    for each in statements:
        name = each.functional or "unknown potential"
        if name not in lowest or _value(each) < _value(lowest[name]):
            lowest[name] = each
    parts = [
        Evidence(
            minimum=each.value_min_ev if each.bound != "upper" else None,
            maximum=each.value_max_ev,
            grade=Grade.MODEL,
            source=each.source,
        )
        for each in lowest.values()
    ]
    phrases = ", ".join(f"{name} {_value(each):.2f} eV" for name, each in sorted(lowest.items()))
    return joined(parts, note=f"easiest percolating path by {phrases}")


def _value(statement: Energetic) -> float:
    value = statement.value_max_ev if statement.value_max_ev is not None else statement.value_min_ev
    assert value is not None  # the store holds no statement without a value
    return value


def _from_composition(
    formula: str, family: str, a_site: Sequence[str], lead_free: bool, dimensionality: int | None
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
    try:
        factors = tolerance_factors(parse_composition(formula))
    except InputError:
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
    if not evidence:
        composition = parse_composition(screened.formula)
        a_site = [occupant.ion.symbol for occupant in composition.on("A")]
        evidence = _from_composition(
            composition.formula,
            screened.family,
            a_site,
            screened.lead_free,
            composition.dimensionality,
        )
    stability, vacancy, migration = screened.stability, screened.vacancy, screened.migration
    if stability is not None and stability.decomposition_ev_per_atom is not None:
        value = stability.decomposition_ev_per_atom
        products = ", ".join(product.formula for product in stability.products)
        evidence["decomposition_ev_per_atom"] = Evidence(
            *(value, value),
            grade=Grade.MODEL,
            source=f"screening with {potential}",
            note=f"into {products}" if products else None,
        )
    if vacancy is not None:
        evidence["dfe_model_ev"] = Evidence(
            minimum=min(vacancy.x_poor_ev, vacancy.x_rich_ev),
            maximum=max(vacancy.x_poor_ev, vacancy.x_rich_ev),
            grade=Grade.MODEL,
            source=f"calculation {vacancy.calculation}",
            note=f"halide-poor to halide-rich, {potential}",
        )
    barriers = [
        (entry.potential, entry.e_a_ev, entry.upper_bound)
        for entry in (migration.outcomes if migration else ())
        if entry.e_a_ev is not None
    ]
    if barriers and "e_a_model_ev" not in evidence:
        phrases = ", ".join(f"{name} {value:.2f} eV" for name, value, _ in barriers)
        evidence["e_a_model_ev"] = joined(
            (
                Evidence(None if bound else value, value, grade=Grade.MODEL, source="screening")
                for _, value, bound in barriers
            ),
            note=f"easiest percolating path by {phrases}",
        )
    return replace(candidate, evidence=evidence)


def with_models(candidate: Candidate, models: Iterable[Model]) -> Candidate:
    """Return a candidate with the predictions of models; a later model replaces an earlier one."""
    evidence = dict(candidate.evidence)
    for model in models:
        evidence.update(model(candidate))
    return replace(candidate, evidence=evidence)


def _is_generic(material: Material) -> bool:
    """Return whether the formula has a placeholder, such as the X of CsPbX3."""
    return any(entry.ion in _PLACEHOLDERS for entry in material.composition.occupancies)
