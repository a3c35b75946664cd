"""Windows that the kinetics predicts: literature and model apart, metals beside the halide."""

from __future__ import annotations

from dataclasses import replace
from math import exp, pi

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from pvkdb.chemistry import Interval
from pvkdb.errors import InputError, NotFoundError
from pvkdb.kinetics.conditions import Conditions, layer
from pvkdb.kinetics.estimates import WIDEST_DECADES, beyond_reason
from pvkdb.schemas.metrics import METRICS
from pvkdb.schemas.profiles import SUBJECTS
from pvkdb.schemas.rankings import Grade, RankedCandidate, Ranking, Verdict
from pvkdb.suitability import Options, rank
from pvkdb.suitability.evidence.barriers import KnownBarriers
from pvkdb.suitability.evidence.devices import device_candidates
from pvkdb.suitability.evidence.evidence import Candidate, Evidence
from pvkdb.suitability.evidence.materials import phase_candidates
from pvkdb.suitability.evidence.predictions import (
    QUANTITIES,
    KineticModel,
    answer_device,
    answer_material,
    kinetic_model,
)

from ....curated import PROFILES

FEW = Options(samples=20)
Devices = dict[str, Candidate]
#: Boltzmann's constant in eV/K.
KB = 8.617333262e-5


def material(**evidence: Evidence) -> Candidate:
    return Candidate("X", "X", "material", evidence)


@pytest.fixture(scope="module")
def devices(literature: Session) -> Devices:
    return {each.id: each for each in device_candidates(literature)}


#: A layer whose thickness and bias are known.
THIN = layer(thickness_m=Interval.exactly(6e-8), bias_v=Interval.exactly(4.8))
#: The windows of the model as they are, also those that are too wide to be shown.
EVERY = KineticModel(every_window=True)


@pytest.fixture(scope="module")
def model(literature: Session) -> KineticModel:
    found = kinetic_model(literature, None, phase_candidates(literature))
    return replace(found, every_window=True)


def test_retention_is_the_relaxation_time_by_hand() -> None:
    """L²/π²D with D = 8 a² ν exp(−E/kT)/6, CsPbBr3 at 0.35 eV: 0.11 ms to 0.31 s."""
    window = EVERY(material(e_a_ev=Evidence(0.35, 0.35)))["modelled_retention_s"]
    for length, attempts, end in ((6e-8, 1e13, window.minimum), (1e-6, 1e12, window.maximum)):
        coefficient = 8 * (6.3285e-10**2 / 2) * attempts * exp(-0.35 / (KB * 298.15)) / 6
        assert end == pytest.approx(length**2 / (pi**2 * coefficient), rel=1e-6)
    assert window.grade is Grade.MODEL


def test_literature_and_potentials_are_two_windows() -> None:
    """The literature decides, the other stands in words; alone, potentials decide and say so."""
    both = material(
        e_a_ev=Evidence(0.35, 0.35, source="Table 1"),
        e_a_model_ev=Evidence(0.14, 0.21, grade=Grade.MODEL, source="calculation a"),
    )
    alone = material(e_a_model_ev=Evidence(0.14, 0.21, grade=Grade.MODEL, source="calculation a"))
    model = KineticModel(conditions=THIN)
    first, second = (model(each)["modelled_retention_s"] for each in (both, alone))
    own = model(material(e_a_ev=Evidence(0.35, 0.35)))["modelled_retention_s"]
    assert first.minimum == own.minimum
    assert "0.35 eV of the literature" in (first.note or "")
    assert "0.14 eV to 0.21 eV of machine-learned potentials: " in (first.note or "")
    assert first.source == "kinetics; E_A: Table 1"
    assert (second.note or "").startswith("with E_A 0.14 eV to 0.21 eV of machine-learned")
    assert second.maximum < first.maximum


def test_a_bound_of_the_barrier_is_a_bound_of_the_times() -> None:
    window = EVERY(material(e_a_ev=Evidence(0.77, None)))
    for metric in QUANTITIES:
        assert window[metric].minimum is not None
        assert window[metric].maximum is None


@given(st.floats(0.05, 1.5), st.floats(0.0, 0.3), st.floats(0.0, 0.3))
def test_a_wider_barrier_gives_a_wider_window(low: float, width: float, more: float) -> None:
    narrow = EVERY(material(e_a_ev=Evidence(low, low + width)))
    wide = EVERY(material(e_a_ev=Evidence(max(0.0, low - more), low + width + more)))
    for metric in QUANTITIES:
        inner, outer = narrow[metric], wide[metric]
        assert outer.minimum <= inner.minimum * (1 + 1e-9)
        assert outer.maximum >= inner.maximum * (1 - 1e-9)


def test_without_a_barrier_of_the_halide_nothing_is(model: KineticModel, devices: Devices) -> None:
    assert model(material()) == {}
    assert model(material(dfe_ev=Evidence(0.3, 0.3))) == {}
    for name in ("d-t4-r07", "d-t4-r12", "d-t4-r22", "c-s6.2.3-006"):  # MAPbCl3, (PEA)2PbBr4, …, 3T
        assert model(devices[name]) == {}, name


def test_silver_stands_beside_the_halide_where_an_electrode_brings_it(
    model: KineticModel, devices: Devices
) -> None:
    """Table 2: Ag 0.27 eV in MAPbI3. Al has no activation energy there, and is not made up."""
    thin = replace(model, conditions=THIN)
    with_silver = thin(devices["d-t4-r06"])["modelled_retention_s"].note or ""
    assert "Ag from an electrode (E_A 0.27 eV, Table 2 row 3): " in with_silver
    assert "Ni from" not in with_silver
    assert "electrode" not in (model(devices["d-t4-r01"])["modelled_retention_s"].note or "")


def test_a_device_is_driven_at_its_set_voltage_unless_a_bias_is_given(
    model: KineticModel, devices: Devices
) -> None:
    device = devices["d-t4-r10"]  # ITO/CsPbBr3/Au, 0.29 V
    own = model(device)["modelled_switching_time_s"]
    assert "at its SET voltage, 0.29 V" in (own.note or "")
    told = replace(model, conditions=layer(bias_v=Interval.exactly(2.9)))
    faster = told(device)["modelled_switching_time_s"]
    assert "SET voltage" not in (faster.note or "")
    # 2.9 V across 1 μm is a small field: ten times the voltage, a tenth of the time.
    assert own.maximum / faster.maximum == pytest.approx(10, rel=1e-3)


def test_a_device_is_answered_with_the_barriers_of_rankings(literature: Session) -> None:
    """Au/MAPbI3 nanowires/Ag/ITO: the iodide's interval, and Ag at 0.27 eV of Table 2."""
    thin = Conditions(thickness_m=Interval.exactly(1e-7))
    found = answer_device(literature, "d-t4-r06", thin)
    lacking = answer_device(literature, "d-t4-r09", thin)  # ITO/CsPbBr3/Ag
    aluminium = answer_device(literature, "d-t4-r01", thin)  # ITO/MAPbI3/Al
    with pytest.raises(NotFoundError, match="no device 'd-t5'"):
        answer_device(literature, "d-t5", thin)
    with pytest.raises(InputError, match="thickness_m = -1e-07"):
        answer_device(literature, "d-t4-r09", Conditions(thickness_m=Interval.exactly(-1e-7)))
    halide, silver, gold = found.ions
    assert gold.ion == "Au"
    assert (halide.ion, halide.barrier_min_ev, halide.barrier_max_ev) == ("halide", 0.16, 0.39)
    assert (silver.ion, silver.barrier_min_ev, silver.source) == ("Ag", 0.27, "Table 2 row 3")
    assumed = {entry.name: entry for entry in silver.document.assumptions}
    assert assumed["bias_v"].source == "SET voltage of d-t4-r06 (Table 4 row 6)"
    assert found.missing == []
    assert lacking.missing == ["no activation energy of Ag in CsPbBr3 is in the store"]
    assert aluminium.missing == ["no activation energy of Al in MAPbI3 is in the store"]


@pytest.mark.parametrize(("formula", "said"), [("CsPbBr3", True), ("MAPbI3", False)])
def test_one_value_of_the_literature_says_what_papers_differ_by(
    literature: Session, formula: str, said: bool
) -> None:
    """0.25 eV of one paper, and 0.16 to 0.39 eV: 0.12 eV/kT is a factor of 100 at 298 K."""
    found = answer_material(literature, formula, layer())
    told = [note for note in found.notes if "papers on one material differ by 0.1" in note]
    assert bool(told) == said
    assert not told or "2.0 decades" in told[0]


def test_an_untold_phase_spans_all_of_them(model: KineticModel, devices: Devices) -> None:
    """ITO/Cs3Sb2I9/Al: dimers 0.47, layers 0.57 eV."""
    window = model(devices["d-t4-r16"])["modelled_retention_s"]
    assert "0.47 eV to 0.57 eV" in (window.note or "")
    assert "phase of Cs3Sb2I9 is not known" in (window.note or "")


def test_vacancies_are_told_and_do_not_move_the_window() -> None:
    bare = EVERY(material(e_a_ev=Evidence(0.3, 0.3)))
    told = EVERY(material(e_a_ev=Evidence(0.3, 0.3), dfe_ev=Evidence(0.14, 0.14)))
    # Walsh 2015: 0.4 % at 300 K for 0.14 eV.
    said = told["modelled_retention_s"].note
    assert "vacant in equilibrium: 4.3 × 10⁻³ of the sites" in said
    for metric in QUANTITIES:
        assert told[metric].minimum == bare[metric].minimum


def entry_of(ranking: Ranking, name: str) -> RankedCandidate:
    return next(each for each in ranking.candidates if each.id == name)


def test_rankings_show_predictions_in_words_without_weight(literature: Session) -> None:
    """V_Br in CsPbBr3: 0.25 eV measured by Mizusaki 1983; 0.35 eV in Table 1 has no method."""
    ranking = rank(literature, "synaptic-training", "materials", FEW)
    thin = rank(literature, "synaptic-training", "materials", FEW, conditions=THIN)
    entry = entry_of(ranking, "CsPbBr3")
    thickness = "thickness (60 nm to 1 μm)"
    assert entry.prediction == (
        f"retention not predicted: the window spans 3.4 decades; missing: closer values of "
        f"{thickness}; switching time not predicted: the window spans 4.9 decades; missing: closer "
        f"values of {thickness}"
    )
    assert entry_of(thin, "CsPbBr3").prediction == (
        "forgets in 2.3 μs to 23 μs, the profile requires at least 1000 s; fast enough (switches "
        "in 120 ns to 1.2 μs)"
    )
    entry = entry_of(thin, "CsPbBr3")
    modelled = [each for each in entry.criteria if METRICS[each.metric].modelled]
    assert [each.weight for each in modelled] == [0, 0]
    assert modelled[0].verdict is Verdict.FAILED
    assert entry.failures == []
    (note,) = (each for each in ranking.notes if "predictions are shown without weight" in each)
    assert note.endswith("see docs/validation/prediction.md")
    assert "no two of 23 devices of 8 materials have a measured order that is certain" in note


def test_where_a_state_must_fade_a_prediction_that_serves_says_so(literature: Session) -> None:
    """A selector wants at most 10 s: to forget is to serve, not to remember."""
    ranking = rank(literature, "selector", "materials", FEW, conditions=THIN)
    long = {"modelled_retention_s": Evidence(2e3, 3e3, grade=Grade.MODEL)}
    lasting = rank(literature, "synaptic-training", "materials", FEW, models=[lambda _: long])
    assert entry_of(ranking, "CsPbBr3").prediction == "forgets in time (forgets in 2.3 μs to 23 μs)"
    assert (lasting.candidates[0].prediction or "").startswith("remembers long enough (")


def test_defaults_of_predictions_are_in_the_ranking_with_sources(literature: Session) -> None:
    ranking = rank(literature, "selector", "materials", FEW)
    silent = rank(literature, "photonic-synapse", "devices", FEW)
    assumed = {each.name: each for each in ranking.assumptions}
    assert set(assumed) >= {"thickness_m", "bias_v", "temperature_k", "attempt_frequency_hz"}
    assert all(each.default and each.source for each in assumed.values())
    assert silent.assumptions == []  # it asks for no prediction


def test_rankings_say_where_the_weight_of_a_barrier_comes_from(literature: Session) -> None:
    """From the review: measured retentions do not follow E_A."""
    own = Options(samples=20, weights={"e_a_ev": 0})
    materials = rank(literature, "synaptic-training", "materials", FEW)
    devices = rank(literature, "synaptic-training", "devices", FEW)
    counted = rank(literature, "synaptic-training", "materials", own)
    said = "E_A has its weight from what the review says"
    found = [any(said in note for note in each.notes) for each in (materials, devices, counted)]
    assert found == [True, False, False]


def test_a_device_shows_its_prediction_beside_its_measurement(literature: Session) -> None:
    ranking = rank(literature, "non-volatile-memory", "devices", FEW, conditions=THIN)
    bare = rank(literature, "non-volatile-memory", "devices", FEW, models=())
    entry = entry_of(ranking, "d-t4-r08")  # Ag/CsPbBr3/Ag
    window = next(each for each in entry.criteria if each.metric == "modelled_retention_s")
    assert (window.weight, window.grade) == (0, Grade.MODEL)
    assert window.reason.startswith("forgets in 2.3 μs to 23 μs (model): fails")
    assert [each.score for each in ranking.candidates] == [each.score for each in bare.candidates]
    assert [each.rank for each in ranking.candidates] == [each.rank for each in bare.candidates]


def test_a_weight_of_ones_own_is_counted_and_remarked(literature: Session) -> None:
    options = Options(samples=20, weights={"modelled_retention_s": 1.0})
    ranking = rank(literature, "non-volatile-memory", "devices", options, conditions=THIN)
    assert any("that measured devices do not support" in note for note in ranking.notes)
    assert entry_of(ranking, "d-t4-r08").failures


def test_predictions_never_decide_an_order_that_ships(literature: Session) -> None:
    """With no support, a profile ranks materials as if nothing were predicted."""
    quick = Options(samples=1)
    for name in PROFILES:
        with_model, without = (
            rank(literature, name, "materials", quick, models=models) for models in (None, ())
        )
        orders = [
            [(each.id, each.rank, each.score) for each in found.candidates]
            for found in (with_model, without)
        ]
        assert orders[0] == orders[1], name
        assert {each.prediction for each in without.candidates} <= {None}


def test_no_window_beyond_reason_is_shown(literature: Session) -> None:
    """Once: "sets at … 838 V" beside a measured 0.4 V."""
    for subject in SUBJECTS:
        ranking = rank(literature, "non-volatile-memory", subject, FEW)
        listed = [each for entry in ranking.candidates for each in entry.criteria]
        windows = [each for each in listed if METRICS[each.metric].modelled]
        assert any(each.reason.startswith("not predicted: ") for each in windows)
        for each in windows:
            assert (each.minimum is None) == (each.maximum is None)
            if each.minimum is not None and each.maximum is not None:
                assert each.maximum / each.minimum <= 10**WIDEST_DECADES
                name, unit = QUANTITIES[each.metric], METRICS[each.metric].unit
                assert beyond_reason(name, each.minimum, each.maximum, unit) is None


def test_a_screening_without_literature_is_predicted_from_its_own_barrier() -> None:
    barriers = KnownBarriers([material(e_a_model_ev=Evidence(0.2, 0.2, source="screening"))])
    of_device = Candidate("d", "d", "device", material="X")
    (found,) = barriers.of(of_device)
    assert (found.species, found.basis) == ("halide", "potentials")


def test_a_calibrated_barrier_is_one_of_potentials_and_listed_once() -> None:
    """It stands in for the literature's E_A in rankings, not in predictions; own DFT has a name."""
    interval = Evidence(0.1, 0.9, grade=Grade.CALIBRATED, source="calculation a")
    reported = Evidence(0.3, 0.4, source="Table 1")
    barriers = KnownBarriers()
    energies = {"e_a_ev": interval, "e_a_model_ev": interval, "dfe_model_ev": interval}
    (alone,) = barriers.of(material(**energies, dfe_ev=reported))
    assert (alone.basis, alone.energy, alone.formation) == ("potentials", interval, interval)
    own = replace(reported, grade=Grade.OWN_DFT)
    first, second = barriers.of(material(e_a_ev=own, e_a_model_ev=interval, dfe_ev=reported))
    assert (first.basis, first.formation, second.basis) == ("DFT", None, "potentials")
    window = KineticModel(every_window=True)(material(e_a_ev=own))["modelled_retention_s"]
    assert (window.note or "").startswith("with E_A 0.3 eV to 0.4 eV of pvkdb's DFT")


def test_a_phase_with_a_barrier_is_predicted(literature: Session, model: KineticModel) -> None:
    predicted = {each.id for each in phase_candidates(literature) if model(each)}
    assert {"MAPbI3", "CsPbBr3", "Cs2SnI6", "Cs3Sb2I9-dimer"} <= predicted
    assert "Cs3Bi2I9" not in predicted  # a formation energy alone
