"""Materials: literature and model apart, spreads in words, models that are plugged in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from pvkdb.chemistry import parse_composition
from pvkdb.chemistry.phases import PHASE_ERRORS_EV
from pvkdb.literature import read_curated
from pvkdb.schemas.calculations.calibration import CalibrationTable, calibration_table, line_without
from pvkdb.schemas.rankings import Grade, Verdict
from pvkdb.schemas.screening import BarrierOutcome, Migration, ScreeningReport
from pvkdb.store.curation.registration import register_material
from pvkdb.store.database import Store
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.energetics import Energetic
from pvkdb.store.models.materials import Composition
from pvkdb.store.models.summaries import CompositionStability
from pvkdb.suitability import Options, rank, rank_candidates, shipped_profile
from pvkdb.suitability.evidence import means
from pvkdb.suitability.evidence.evidence import Candidate, Evidence
from pvkdb.suitability.evidence.explanations import value_text
from pvkdb.suitability.evidence.materials import material_candidates, phase_candidates

from ....screened import candidate, report, stability, vacancy
from ....structures import structure_row

MEMORY = shipped_profile("non-volatile-memory")
Found = dict[str, Candidate]


@pytest.fixture(scope="module")
def found(literature: Session) -> Found:
    return {candidate.id: candidate for candidate in material_candidates(literature)}


def test_experiments_and_calculations_of_the_literature_are_never_one_value(found: Found) -> None:
    """MAPbI3: 0.08 to 0.58 eV of V_I in Table 1, without a method; Cs2SnI6: two values of r141."""
    barrier = found["MAPbI3"].evidence["e_a_ev"]
    assert (barrier.minimum, barrier.maximum, barrier.grade) == (0.16, 0.39, Grade.MEASURED)
    assert "a printed range of 0.23 eV; apart from it, DFT: 0.29 to 0.30 eV" in (barrier.note or "")
    beside = [(each.minimum, each.maximum, each.grade) for each in barrier.beside]
    assert beside == [(0.29, 0.3, Grade.DFT), (0.08, 0.58, Grade.REPORTED)]
    tin = found["Cs2SnI6"].evidence["e_a_ev"]
    assert (tin.minimum, tin.maximum, tin.grade) == (0.91, 0.91, Grade.MEASURED)
    assert (tin.note or "").endswith("apart from it, DFT: 1.11 eV (r141)")
    assert (tin.erratum or "").startswith("the ion is not in the sentence")
    (calculated,) = tin.beside
    assert (calculated.minimum, calculated.grade) == (1.11, Grade.DFT)
    assert calculated.references == ("r141",)
    assert calculated.erratum is None
    formation = found["MAPbI3"].evidence["dfe_ev"]
    assert (formation.minimum, formation.maximum) == (0.13, 1.87)
    assert formation.grade is Grade.DFT
    assert found["CsPbI3"].evidence["e_a_ev"].grade is Grade.REPORTED


def test_decomposing_is_known_from_a_screening_of_the_store(sqlite_store: Store) -> None:
    with sqlite_store.session() as session:
        bromide = select(Composition.id).where(Composition.formula == "CsPbBr3")
        stability = {"above_hull_ev_per_atom": 0.026, "source": "screening 1, sevennet-0"}
        session.add(CompositionStability(composition_id=session.scalar(bromide), **stability))
    with sqlite_store.session() as session:
        found = {each.id: each.evidence for each in material_candidates(session)}
    known = found["CsPbBr3"]["above_hull_ev_per_atom"]
    half = 1.96 * PHASE_ERRORS_EV["sevennet-0"][1]
    assert (known.minimum, known.maximum) == pytest.approx((0.026 - half, 0.026 + half))
    assert value_text(known, "eV/atom") == "0.026 ± 0.012 eV/atom"
    assert known.source == "screening 1, sevennet-0"
    assert "above_hull_ev_per_atom" not in found["CsPbI3"]


def test_formulas_that_stand_for_many_are_no_candidates(found: Found) -> None:
    assert not {"CsPbX3", "ABX3", "(PEA)2PbX4", "A2PbX4"} & set(found)
    assert {"CsPbBr3", "Cs3Sb2I9"} <= set(found)


def test_no_composition_is_a_candidate_twice(found: Found) -> None:
    """FAPbI3 has values without a phase and of δ, Cs3Sb2I9 of dimers and of layers."""
    assert not {"FAPbI3-δ", "Cs3Sb2I9-dimer", "Cs3Sb2I9-layered"} & set(found)
    barrier = found["FAPbI3"].evidence["e_a_ev"]
    assert (barrier.minimum, barrier.maximum, barrier.phase) == (0.16, 0.75, None)
    calculated, _ = barrier.beside  # of δ alone, which does not stand for all phases
    assert (calculated.minimum, calculated.maximum, calculated.phase) == (0.48, 0.9, "δ")
    barrier = found["Cs3Sb2I9"].evidence["e_a_ev"]
    assert (barrier.minimum, barrier.maximum, barrier.phase) == (0.47, 0.57, "dimer, layered")
    assert "a spread of 0.10 eV; dimer 0.47 eV, layered 0.57 eV" in (barrier.note or "")
    assert found["Cs3Sb2I9"].devices == 1
    assert "dimensionality" not in found["Cs3Sb2I9"].evidence  # the formula does not determine it


def test_the_composition_tells_lead_cation_and_tau(found: Found) -> None:
    evidence = found["Cs2AgBiBr6"].evidence
    assert evidence["lead_free"].word == "yes"
    assert evidence["a_cation"].word == "inorganic"
    assert found["MAPbI3"].evidence["a_cation"].word == "with MA"
    assert found["FAPbI3"].evidence["a_cation"].word == "organic without MA"
    assert evidence["p_perovskite"].note == "measured as Fm-3m"
    tau = found["Cs2NaBiI6"].evidence["p_perovskite"]
    assert tau.minimum == pytest.approx(0.54, abs=0.01)
    assert found["Cs2SnI6"].evidence["p_perovskite"].not_defined is not None
    further = [row for row in read_curated("devices") if row["id"].startswith("d-o-")]
    also = sum(row["material"] == "MAPbI3" for row in further)
    assert found["MAPbI3"].devices == 5 + also > 5  # Table 4, rows 1 to 4 and 6


def energy(session: Session, name: str, material: str, value_ev: float, **given: object) -> None:
    """Add an energy of the bromide vacancy, an E_A unless told."""
    known = {"id": f"e-{name}", "material_id": material, "defect": "V_Br", "species": "Br"}
    value = {"value_min_ev": value_ev, "value_max_ev": value_ev, "approximate": False}
    session.add(Energetic(**{**known, **value, "quantity": "E_A", **given}))
    session.flush()


def computed_energy(
    session: Session, name: str, material: str, value_ev: float, potential: str, **given: object
) -> None:
    """Add an energy of the bromide vacancy by a potential, a percolation threshold unless told."""
    how = {"method": "MLIP", "functional": potential, "source": f"calculation {name}"}
    energy(session, name, material, value_ev, **{"scope": "percolation", **how, **given})


def test_literature_and_model_are_never_one_value(sqlite_store: Store) -> None:
    with sqlite_store.session(read_only=False) as session:
        for name, potential, value in (
            ("one", "sevennet-0", 0.21),
            ("two", "chgnet", 0.14),
            ("three", "sevennet-0", 0.60),  # another axis: harder
        ):
            computed_energy(session, name, "CsPbBr3", value, potential)
        found = {each.id: each for each in material_candidates(session)}
        session.rollback()
    evidence = found["CsPbBr3"].evidence
    assert (evidence["e_a_ev"].minimum, evidence["e_a_ev"].maximum) == (0.25, 0.25)
    model = evidence["e_a_model_ev"]
    assert "chgnet 0.14 eV, sevennet-0 0.21 eV" in (model.note or "")
    # Of those with a value, the first in the table counts.
    values = {"chgnet": 0.14, "sevennet-0": 0.21}
    of_barriers = (each for each in calibration_table().calibrations if each.quantity == "E_A")
    best = next(each for each in of_barriers if each.potential in values)
    line = best.line_for("3D")
    line = line_without(best, line, "CsPbBr3")
    low, high = line.interval(values[best.potential])
    assert (model.minimum, model.maximum) == pytest.approx((max(low, 0), high), abs=1e-3)
    assert model.grade is Grade.CALIBRATED


def test_the_literature_counts_first_then_own_dft_then_intervals(sqlite_store: Store) -> None:
    """Each with its grade, none mixed with another, and the switch leaves out what is computed."""

    def found() -> tuple[Candidate, Evidence]:
        candidate = {each.id: each for each in material_candidates(session)}["CsSnBr3"]
        return candidate, candidate.evidence["e_a_ev"]

    with sqlite_store.session(read_only=False) as session:
        # Of V_Br in CsSnBr3 the literature says nothing.
        material = register_material(session, parse_composition("CsSnBr3"), "Pnma").id
        computed_energy(session, "m", material, 0.21, "sevennet-0")
        candidate, barrier = found()
        assert barrier.grade is Grade.CALIBRATED
        assert barrier == candidate.evidence["e_a_model_ev"]
        assert "e_a_ev" not in candidate.without_computed().evidence
        session.add(Calculation(id="d", key="d", kind="dft", parameters={}))
        own = {"method": "DFT", "scope": "hop", "functional": "PBE", "source": "calculation d"}
        energy(session, "dft", material, 0.34, **own, charge=1, calculation_id="d")
        candidate, barrier = found()
        assert (barrier.minimum, barrier.maximum, barrier.grade) == (0.34, 0.34, Grade.OWN_DFT)
        assert barrier.note == "PBE, charge +1, 0.34 eV in Pnma"
        assert "e_a_ev" not in candidate.without_computed().evidence
        read = {"method": "DFT", "scope": "reported", "source": "section 2.4"}
        energy(session, "read", material, 0.45, **read)
        candidate, barrier = found()
        assert (barrier.minimum, barrier.maximum, barrier.grade) == (0.45, 0.45, Grade.DFT)
        assert candidate.without_computed().evidence["e_a_ev"] == barrier
        session.rollback()


def host(session: Session, phase: str, potential: str, energy_ev: float) -> None:
    """Add a relaxed phase of CsSnBr3, one formula unit in the cell, and values of the phase."""
    material = register_material(session, parse_composition("CsSnBr3"), phase)
    name = f"{potential}-{phase}"
    session.add(Calculation(id=name, key=name, kind="relax", parameters={"potential": potential}))
    session.flush()
    made = {"calculation_id": name, "material_id": material.id, "energy_ev": energy_ev}
    origin = f"{potential} from the {phase} prototype"
    session.add(structure_row(f"{name}-host", "CsSnBr3", **made, origin=origin))
    session.flush()


def values(session: Session, phase: str, potential: str, e_a: float, dfe: float) -> None:
    material = register_material(session, parse_composition("CsSnBr3"), phase)
    name = f"{potential}-{phase}"
    computed_energy(session, f"{name}-E_A", material.id, e_a, potential)
    formation = {"quantity": "DFE", "scope": "computed"}
    computed_energy(session, f"{name}-DFE", material.id, dfe, potential, **formation)


@pytest.fixture
def _uncalibrated(monkeypatch: pytest.MonkeyPatch) -> None:
    """The values of potentials as they are."""
    empty = CalibrationTable(page="", version="", level=0.8, calibrations=())
    monkeypatch.setattr(means, "calibration_table", lambda: empty)


@pytest.mark.usefixtures("_uncalibrated")
def test_of_several_computed_phases_the_lowest_counts(sqlite_store: Store) -> None:
    """Each potential by its own energies: one has Pnma lowest, the other R3m."""
    with sqlite_store.session(read_only=False) as session:
        for phase, potential, energy, e_a in (
            ("Pnma", "sevennet-0", -15.0, 0.21),
            ("R3m", "sevennet-0", -14.9, 0.41),
            ("Pnma", "chgnet", -17.0, 0.14),
            ("R3m", "chgnet", -17.1, 0.34),
        ):
            host(session, phase, potential, energy)
            values(session, phase, potential, e_a, 1.0 + e_a)
        host(session, "delta", "sevennet-0", -15.10)
        found = {each.id: each for each in material_candidates(session)}
        phases = {each.id: each for each in phase_candidates(session)}
        session.rollback()
    assert [name for name in found if name.startswith("CsSnBr3")] == ["CsSnBr3"]
    barrier, vacancy = (found["CsSnBr3"].evidence[f"{name}_model_ev"] for name in ("e_a", "dfe"))
    assert (barrier.minimum, barrier.maximum, barrier.phase) == (0.21, 0.34, "Pnma, R3m")
    assert barrier.note == (
        "percolating path by chgnet 0.34 eV in R3m (the lowest of 2 phases), "
        "sevennet-0 0.21 eV in Pnma (20 meV an atom above delta)"
    )
    assert (vacancy.minimum, vacancy.maximum) == (1.21, 1.34)
    own = phases["CsSnBr3-R3m"].evidence["e_a_model_ev"]
    assert (own.minimum, own.maximum, own.phase) == (0.34, 0.41, "R3m")


@pytest.mark.usefixtures("_uncalibrated")
@pytest.mark.parametrize(
    ("hosts", "said"),
    [
        # 1 meV an atom, which SevenNet-0 does not resolve.
        (
            [("Pnma", "sevennet-0", -15.0), ("R3m", "sevennet-0", -15.005)],
            "undecided among R3m, Pnma",
        ),
        # Of another potential: no help.
        ([("Pnma", "chgnet", -17.0)], "which of them is the lowest is not known"),
    ],
)
def test_values_span_the_phases_whose_order_is_not_known(
    sqlite_store: Store, hosts: list[tuple[str, str, float]], said: str
) -> None:
    with sqlite_store.session(read_only=False) as session:
        for each in hosts:
            host(session, *each)
        for phase, e_a in (("Pnma", 0.21), ("R3m", 0.41)):
            values(session, phase, "sevennet-0", e_a, 1.0)
        (found,) = material_candidates(session, formulas=["CsSnBr3"])
        session.rollback()
    barrier = found.evidence["e_a_model_ev"]
    assert (barrier.minimum, barrier.maximum) == (0.21, 0.41)
    assert (barrier.note or "").endswith(f"0.21 to 0.41 eV in Pnma, R3m ({said})")


def test_a_measured_perovskite_is_one_whatever_tau_says(literature: Session) -> None:
    """Those with molecules, too: Weber 1978 and Weller 2015."""
    hybrids = ["MAPbI3", "MAPbBr3", "MAPbCl3", "FAPbI3"]
    listed = material_candidates(literature, formulas=["CsPbBr3", "KMnCl3", *hybrids])
    found = {each.id: each.evidence["p_perovskite"] for each in listed}
    for formula in ("CsPbBr3", *hybrids):
        assert (found[formula].minimum, found[formula].grade) == (1.0, Grade.MEASURED), formula
    assert found["CsPbBr3"].note == "measured as Pnma"
    assert (found["KMnCl3"].note or "").startswith("tau ")


def screening() -> ScreeningReport:
    known = {"stability": stability(0.03), "vacancy": vacancy(), "lead_free": True}
    new, fallen = candidate("CsSnBr3", **known), candidate("CsGeI3", lead_free=True)
    return report(new, fallen, candidate("CsPbBr3", **known))


@pytest.mark.usefixtures("_uncalibrated")
def test_a_screening_brings_materials_that_nobody_has_made(literature: Session) -> None:
    found = {each.id: each for each in material_candidates(literature, screening())}
    ranking = rank(literature, MEMORY, "materials", Options(samples=20), screening())
    assert "CsGeI3" not in found  # it fell before anything was computed, and has but a gap
    new = found["CsSnBr3"]
    estimate = new.evidence["above_hull_ev_per_atom"].estimate
    assert (new.devices, estimate and estimate[0]) == (0, 0.03)
    assert new.evidence["dfe_model_ev"].maximum == 1.6
    assert (new.evidence["dfe_model_ev"].phase, new.material) == ("Pnma", "CsSnBr3")
    assert "dfe_ev" not in new.evidence
    assert found["CsPbBr3"].evidence["dfe_ev"].minimum == 1.32  # the literature stays
    assert any("chgnet" in note for note in ranking.notes)
    entry = next(each for each in ranking.candidates if each.id == "CsSnBr3")
    assert entry.coverage == pytest.approx(0.5)


def test_energies_of_a_screening_are_calibrated_for_their_family(literature: Session) -> None:
    """SevenNet-0's formation energies have pairs of 3D perovskites only; CHGNet's have none."""
    ours = screening().model_copy(update={"potential": "sevennet-0"})
    (perovskite, *_) = ours.candidates
    double = perovskite.model_copy(update={"formula": "Cs2AgInBr6", "family": "double"})
    report = ours.model_copy(update={"candidates": [perovskite, double]})
    found = {each.id: each.evidence for each in material_candidates(literature, report)}
    chgnet = {each.id: each.evidence for each in material_candidates(literature, screening())}
    line = next(each for each in calibration_table().calibrations if each.quantity == "DFE")
    wide = line.line_for("3D", {"Sn"})
    formation = found["CsSnBr3"]["dfe_ev"]
    assert formation == found["CsSnBr3"]["dfe_model_ev"]
    assert formation.grade is Grade.CALIBRATED
    ends = (wide.interval(0.2)[0], wide.interval(1.6)[1])
    assert (formation.minimum, formation.maximum) == pytest.approx(ends, abs=1e-3)
    for evidence in (found["Cs2AgInBr6"], chgnet["CsSnBr3"]):
        assert "dfe_ev" not in evidence
        assert evidence["dfe_model_ev"].grade is Grade.MODEL


def test_a_composition_does_not_calibrate_its_screened_barrier(literature: Session) -> None:
    known = {"potential": "sevennet-0", "calculation": "abc", "e_a_ev": 0.3}
    outcome = BarrierOutcome(**known, dimensionality=3, limited_by=None)
    migration = Migration(phase="Pnma", e_a_ev=0.3, e_a_spread_ev=None, outcomes=[outcome])
    report = screening()
    known = {"vacancy": None, "migration": migration}
    screened = [
        report.candidates[0].model_copy(update=known | {"formula": formula})
        for formula in ("CsPbBr3", "CsPbI3")
    ]
    report = report.model_copy(update={"candidates": screened, "potential": "sevennet-0"})
    found = {each.id: each.evidence for each in material_candidates(literature, report)}
    raw = Evidence.exactly(0.3, Grade.MODEL)
    known = means.calibrated(raw, "E_A", {"sevennet-0": (raw, {"3D"})}, {"Pb"}, "CsPbBr3")
    barrier = found["CsPbBr3"]["e_a_model_ev"]
    assert (barrier.minimum, barrier.maximum) == (known.minimum, known.maximum)
    assert "e_a_model_ev" not in found["CsPbI3"]  # it was measured as chains


def test_a_model_of_kinetics_can_be_plugged_in(literature: Session) -> None:
    """Its windows are shown in words, with the grade model, and weigh nothing by default."""

    def forgetful(candidate: Candidate) -> Mapping[str, Evidence]:
        window = Evidence(0.04, 3.0, grade=Grade.MODEL, note="100 nm, 300 K")
        return {"modelled_retention_s": window} if candidate.id == "CsPbBr3" else {}

    training = shipped_profile("synaptic-training")
    plain = rank(literature, training, "materials", Options(samples=20))
    ranking = rank(literature, training, "materials", Options(samples=20), models=[forgetful])
    entry = next(each for each in ranking.candidates if each.id == "CsPbBr3")
    before = next(each for each in plain.candidates if each.id == "CsPbBr3")
    window = next(each for each in entry.criteria if each.metric == "modelled_retention_s")
    assert window.verdict is Verdict.FAILED
    assert window.reason.startswith("forgets in 40 ms to 3 s (model): fails, the profile requires ")
    assert "100 nm, 300 K" in window.reason
    assert (window.weight, entry.failures) == (0, [])
    assert entry.score == before.score
    weighted = replace(Options(samples=20), weights={"modelled_retention_s": 1})
    counted = rank(literature, training, "materials", weighted, models=[forgetful])
    entry = next(each for each in counted.candidates if each.id == "CsPbBr3")
    assert len(entry.failures) == 1
    assert entry.score < before.score


def test_reasons_are_words_with_numbers(literature: Session) -> None:
    ranking = rank(literature, MEMORY, "materials", Options(samples=20))
    entry = next(each for each in ranking.candidates if each.id == "CsPbBr3")
    reasons = {each.metric: each.reason for each in entry.criteria}
    scale = "; on a scale from 0.08 eV (worst) to 0.75 eV (best)"
    assert f"{scale}; 2 sources: measured 0.25 eV" in reasons["e_a_ev"]
    assert "preferred: yes" in reasons["lead_free"]
    slip = ranking.candidates[0].under_readings
    assert "as section 3.1.4 prints it" in slip


def test_a_profile_that_asks_nothing_of_materials_is_refused() -> None:
    alone = MEMORY.model_copy(update={"materials": ()})
    with pytest.raises(Exception, match="has no criteria for materials"):
        rank_candidates(alone, "materials", [])
