"""Materials: literature and model apart, spreads in words, models that are plugged in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from pvkdb.schemas.rankings import Grade, Verdict
from pvkdb.schemas.screening import (
    ScreenedCandidate,
    ScreeningReport,
    Stability,
    VacancyFormation,
)
from pvkdb.store.database import Store
from pvkdb.store.models.energetics import Energetic
from pvkdb.suitability import Options, rank, rank_candidates, shipped_profile
from pvkdb.suitability.evidence.evidence import Candidate, Evidence
from pvkdb.suitability.evidence.materials import material_candidates

MEMORY = shipped_profile("non-volatile-memory")


@pytest.fixture
def found(sqlite_store: Store) -> dict[str, Candidate]:
    with sqlite_store.session() as session:
        return {candidate.id: candidate for candidate in material_candidates(session)}


def test_e_a_spans_the_references_of_table_1(found: dict[str, Candidate]) -> None:
    """MAPbI3: 0.08 to 0.58 eV for V_I, and no value of MA, Pb or an electrode among them."""
    barrier = found["MAPbI3"].evidence["e_a_ev"]
    assert (barrier.minimum, barrier.maximum) == (0.08, 0.58)
    assert "spread of 0.50 eV" in (barrier.note or "")
    formation = found["MAPbI3"].evidence["dfe_ev"]
    assert (formation.minimum, formation.maximum) == (0.13, 1.87)
    assert formation.grade is Grade.DFT
    assert found["CsPbBr3"].evidence["e_a_ev"].grade is Grade.REPORTED


def test_formulas_that_stand_for_many_are_no_candidates(found: dict[str, Candidate]) -> None:
    assert not {"CsPbX3", "ABX3", "(PEA)2PbX4", "A2PbX4"} & set(found)
    assert {"CsPbBr3", "Cs3Sb2I9-dimer", "Cs3Sb2I9-layered"} <= set(found)


def test_the_composition_tells_lead_cation_and_tau(found: dict[str, Candidate]) -> None:
    evidence = found["Cs2AgBiBr6"].evidence
    assert evidence["lead_free"].word == "yes"
    assert evidence["a_cation"].word == "inorganic"
    assert found["MAPbI3"].evidence["a_cation"].word == "with MA"
    assert found["FAPbI3"].evidence["a_cation"].word == "organic without MA"
    assert evidence["p_perovskite"].minimum == pytest.approx(0.63, abs=0.01)
    assert found["Cs2SnI6"].evidence["p_perovskite"].not_defined is not None
    assert found["MAPbI3"].devices == 5  # Table 4, rows 1 to 4 and 6


def test_literature_and_model_are_never_one_value(sqlite_store: Store) -> None:
    with sqlite_store.session(read_only=False) as session:
        for name, potential, value in (
            ("one", "sevennet-0", 0.21),
            ("two", "chgnet", 0.14),
            ("three", "sevennet-0", 0.60),  # another axis: harder
        ):
            session.add(
                Energetic(
                    id=f"e-{name}",
                    material_id="CsPbBr3",
                    defect="V_Br",
                    species="Br",
                    quantity="E_A",
                    scope="percolation",
                    value_min_ev=value,
                    value_max_ev=value,
                    approximate=False,
                    method="MLIP",
                    functional=potential,
                    source=f"calculation {name}",
                )
            )
        session.flush()
        found = {each.id: each for each in material_candidates(session)}
        session.rollback()
    evidence = found["CsPbBr3"].evidence
    assert (evidence["e_a_ev"].minimum, evidence["e_a_ev"].maximum) == (0.35, 0.35)
    model = evidence["e_a_model_ev"]
    assert (model.minimum, model.maximum, model.grade) == (0.14, 0.21, Grade.MODEL)
    assert "chgnet 0.14 eV, sevennet-0 0.21 eV" in (model.note or "")


def screening() -> ScreeningReport:
    stability = Stability(
        phases=[],
        ground_state="Pnma",
        perovskite="Pnma",
        perovskite_above_ground_state_ev_per_atom=0,
        decomposition_ev_per_atom=0.03,
        products=[],
        without_energy=[],
    )
    vacancy = VacancyFormation(
        phase="Pnma",
        calculation="abc",
        atoms_in_cell=40,
        x_poor_ev=0.2,
        x_rich_ev=1.6,
        mu_x_poor_ev=-2,
        mu_x_rich_ev=-1,
        allowed=True,
        host_drop_ev_per_formula=0,
        without_energy=[],
        references={},
    )
    entries = [
        ScreenedCandidate(
            formula=formula, type="ABX3", family="3D", lead_free=True, stability=known,
            vacancy=vacancy if known else None,
        )
        for formula, known in (("CsSnBr3", stability), ("CsGeI3", None), ("CsPbBr3", stability))
    ]  # fmt: skip
    return ScreeningReport(
        title="try", plan="", potential="chgnet", pvkdb_version="0", ranked_by="tau", stages=[],
        candidates=entries, calculations={}, failed={}, force_calls={}, core_hours=0,
    )  # fmt: skip


def test_a_screening_brings_materials_that_nobody_has_made(sqlite_store: Store) -> None:
    with sqlite_store.session() as session:
        found = {each.id: each for each in material_candidates(session, screening())}
        ranking = rank(session, MEMORY, "materials", Options(samples=20), screening())
    assert "CsGeI3" not in found  # it fell before anything was computed
    new = found["CsSnBr3"]
    assert (new.devices, new.evidence["decomposition_ev_per_atom"].minimum) == (0, 0.03)
    assert new.evidence["dfe_model_ev"].maximum == 1.6
    assert "dfe_ev" not in new.evidence
    assert found["CsPbBr3"].evidence["dfe_ev"].minimum == 1.32  # the literature stays
    assert any("chgnet" in note for note in ranking.notes)
    entry = next(each for each in ranking.candidates if each.id == "CsSnBr3")
    assert entry.coverage == pytest.approx(0.5)


def test_a_model_of_kinetics_can_be_plugged_in(sqlite_store: Store) -> None:
    """Its windows are shown in words, with the grade model, and weigh nothing by default."""

    def forgetful(candidate: Candidate) -> Mapping[str, Evidence]:
        window = Evidence(0.04, 3.0, grade=Grade.MODEL, note="100 nm, 300 K")
        return {"modelled_retention_s": window} if candidate.id == "CsPbBr3" else {}

    training = shipped_profile("synaptic-training")
    with sqlite_store.session() as session:
        plain = rank(session, training, "materials", Options(samples=20))
        ranking = rank(session, training, "materials", Options(samples=20), models=[forgetful])
    entry = next(each for each in ranking.candidates if each.id == "CsPbBr3")
    before = next(each for each in plain.candidates if each.id == "CsPbBr3")
    window = next(each for each in entry.criteria if each.metric == "modelled_retention_s")
    assert window.verdict is Verdict.FAILED
    assert window.reason.startswith("forgets in 40 ms to 3 s (model): fails, the profile requires ")
    assert "100 nm, 300 K" in window.reason
    assert (window.weight, entry.failures) == (0, [])
    assert entry.shown == before.shown
    weighted = replace(Options(samples=20), weights={"modelled_retention_s": 1})
    with sqlite_store.session() as session:
        counted = rank(session, training, "materials", weighted, models=[forgetful])
    entry = next(each for each in counted.candidates if each.id == "CsPbBr3")
    assert len(entry.failures) == 1
    assert entry.shown < before.shown


def test_reasons_are_words_with_numbers(sqlite_store: Store) -> None:
    with sqlite_store.session() as session:
        ranking = rank(session, MEMORY, "materials", Options(samples=20))
    entry = next(each for each in ranking.candidates if each.id == "CsPbBr3")
    reasons = {each.metric: each.reason for each in entry.criteria}
    assert reasons["e_a_ev"].startswith(
        "E_A of the halide 0.35 eV; on a scale from 0.08 eV (worst) to 0.75 eV (best)"
    )
    assert reasons["e_a_model_ev"] == "nothing is reported"
    assert "preferred: yes" in reasons["lead_free"]
    slip = ranking.candidates[0].under_readings
    assert "as section 3.1.4 prints it" in slip


def test_a_profile_that_asks_nothing_of_materials_is_refused() -> None:
    alone = MEMORY.model_copy(update={"materials": ()})
    with pytest.raises(Exception, match="has no criteria for materials"):
        rank_candidates(alone, "materials", [])
