"""Candidates from the devices' table and from figures of the text."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from pvkdb.schemas.metrics import REPORTED
from pvkdb.schemas.rankings import Grade
from pvkdb.schemas.tables import DeviceClaimsRow
from pvkdb.store.collections.devices import owner
from pvkdb.store.models.materials import Material
from pvkdb.suitability.evidence.devices import Absorbers, _figure, device_candidates, electrodes_in
from pvkdb.suitability.evidence.evidence import Candidate, Evidence, grade_of, joined, only_tested

from ....curated import DEVICES
from ....each import for_each

Found = dict[str, Candidate]


@pytest.fixture(scope="module")
def found(literature: Session) -> Found:
    return {candidate.id: candidate for candidate in device_candidates(literature)}


def named(found: Found, label: str) -> Candidate:
    return next(candidate for candidate in found.values() if candidate.label == label)


def test_table_4_is_there_in_full(found: Found) -> None:
    devices = [name for name, candidate in found.items() if candidate.kind == "device"]
    assert sum(name.startswith("d-t4-") for name in devices) == 28
    assert len(devices) == DEVICES
    nanowires = found["d-t4-r06"].evidence
    endurance = nanowires["endurance_cycles"]
    assert (endurance.minimum, endurance.maximum) == (6e6, None)
    chloride = found["d-t4-r07"].evidence["retention_s"]  # ~7 × 10⁹ s
    assert (chloride.qualifier, chloride.grade) == ("~", Grade.EXTRAPOLATED)
    assert nanowires["volatility"].word == "non-volatile"


def test_voltages_count_by_their_magnitude(found: Found) -> None:
    """Row 6 resets from −3.6 to −0.078 V; row 4 sets at −0.3 V."""
    reset = found["d-t4-r06"].evidence["reset_voltage_v"]
    assert (reset.minimum, reset.maximum) == (0.078, 3.6)
    assert found["d-t4-r04"].evidence["set_voltage_v"].minimum == 0.3


def test_figures_of_the_same_publication_add_and_never_replace(found: Found) -> None:
    nanowires = found["d-t4-r06"].evidence
    assert nanowires["switching_time_s"].minimum == pytest.approx(1e-10)
    retention = nanowires["retention_s"]  # ~8.7 × 10⁷ s in Table 4, and > 2 years in the text
    assert (retention.minimum, retention.maximum, retention.qualifier) == (8.7e7, 8.7e7, "~")
    assert retention.grade is Grade.EXTRAPOLATED
    dion_jacobson = found["d-t4-r15"].evidence
    assert dion_jacobson["states"].minimum == 8
    assert dion_jacobson["variability_c2c_percent"].minimum == pytest.approx(1.85)


def test_a_best_value_of_the_text_is_no_typical_one(found: Found) -> None:
    best = named(found, "MAPbI3, unipolar").evidence["on_off_ratio"]  # up to 10⁸
    assert (best.minimum, best.maximum, best.grade) == (None, 1e8, Grade.BEST)
    # A count of cycles was reached, however good the device.
    known = {"id": "c-1", "device": "wires", "references": "r1", "source": "Fig. 1"}
    value = {"metric": "endurance_cycles", "value": 6e6, "unit": "cycles", "qualifier": "up to"}
    cycles = _figure(DeviceClaimsRow(**known, **value), REPORTED["endurance_cycles"])
    assert (cycles.minimum, cycles.maximum, cycles.grade) == (6e6, None, Grade.MEASURED)


@pytest.mark.parametrize(
    ("value", "qualifier", "unit", "grade"),
    [
        (7e9, "~", "s", Grade.EXTRAPOLATED),  # Table 4 row 7
        (1e4, "~", "s", Grade.MEASURED),  # hours
        (6.3072e7, ">", "s", Grade.EXTRAPOLATED),  # the text on ref. 161
        (7e9, "up to", "s", Grade.EXTRAPOLATED),  # section 3.1.3
        (3.2e7, None, "s", Grade.EXTRAPOLATED),
        (3.1e7, ">", "s", Grade.MEASURED),  # just below a year
        (6.3072e7, "<", "s", Grade.MEASURED),  # it was seen to forget
        (730, "~", "d", Grade.EXTRAPOLATED),
        (730, ">", "d", Grade.MEASURED),  # a time of storage
        (1e9, "~", "1", Grade.MEASURED),
    ],
)
def test_a_state_that_nobody_watched_for_so_long_is_extrapolated(
    value: float, qualifier: str | None, unit: str, grade: Grade
) -> None:
    assert grade_of("Table 4", qualifier, value=value, unit=unit) is grade


def test_a_retention_is_as_long_as_its_test_however_it_is_printed(found: Found) -> None:
    for name, qualifier in (
        ("d-t4-r02", "tested"),  # 10⁴ s
        ("d-o-bismuth-1", "~"),
        ("d-o-zhang-1", ">"),
        ("c-s5.1.1-003", "tested"),  # of the text
    ):
        retention = found[name].evidence["retention_s"]
        assert (retention.minimum, retention.maximum) == (1e4, None)
        assert retention.qualifier == qualifier
    metric = REPORTED["retention_s"]
    assert not only_tested(metric, 7e9, "~", decayed=False)  # extrapolated
    assert not only_tested(metric, 1e4, "up to", decayed=False)
    assert not only_tested(metric, 0.2, None, decayed=True)  # the time in which it fades
    assert only_tested(REPORTED["endurance_cycles"], 100, None, decayed=True)
    assert not only_tested(REPORTED["stability_days"], 30, None, decayed=False)


def test_a_device_has_the_phase_and_the_errata_that_its_sources_have(found: Found) -> None:
    delta = found["d-o-delta2020-1"]  # of the non-perovskite phase, as its abstract says
    assert (delta.label, delta.material, delta.phase) == ("δ-CsPbI3", "CsPbI3-δ", "δ")
    assert found["c-s3.3.4.1-001"].phase == "dimer"
    nanowires = found["d-t4-r06"]
    assert nanowires.phase is None
    assert (nanowires.evidence["endurance_cycles"].erratum or "").startswith("section 5.3.1")
    energy = nanowires.evidence["switching_energy_j"]  # of the text
    assert energy.erratum == "the text calls it a power consumption; pJ is an energy"


def test_a_word_that_a_reader_inferred_is_not_measured(found: Found) -> None:
    assert found["d-o-huang2022-1"].evidence["volatility"].grade is Grade.INFERRED
    assert found["d-t4-r02"].evidence["volatility"].grade is Grade.MEASURED


def test_of_several_grades_the_best_alone_counts() -> None:
    """Read, best and extrapolated values are never one value, nor those that pvkdb computed."""
    words = "MEASURED EXTRAPOLATED BEST DFT REPORTED SECONDARY OWN_DFT CALIBRATED"
    listed = [Evidence(n, n, grade=Grade[word]) for n, word in enumerate(words.split())]
    for n, best in enumerate(listed):
        found = joined(reversed(listed[n:]))
        assert (found.maximum, found.grade) == (n, best.grade)
        assert [each.grade for each in found.beside] == [each.grade for each in listed[n + 1 :]]


def test_a_figure_belongs_to_the_device_that_it_names() -> None:
    stacks = {"d-1": "ITO/MAPbI3/Ag", "d-2": "ITO/MAPbI3/Ag", "d-3": "ITO/MAPbI3/Au"}
    assert owner("MAPbI3 film", {"d-1": "ITO/MAPbI3/Ag"}) == "d-1"  # the only one
    assert owner("ITO/MAPbI3/Ag (d-2)", stacks) == "d-2"
    assert owner("ITO/MAPbI3/Au (flexible)", stacks) == "d-3"
    assert owner("ITO/MAPbI3/Ag", stacks) is None
    assert owner("MAPbI3 film", stacks) is owner("MAPbI3 film", {}) is None


def test_other_devices_of_the_text_are_candidates(found: Found) -> None:
    bismuth = named(found, "ITO/MAPbI3/Bi/Ag")
    assert (bismuth.kind, bismuth.references) == ("figures", "r315")
    assert bismuth.evidence["endurance_cycles"].minimum == 800
    assert bismuth.evidence["retention_s"].maximum is None  # > 10⁴ s
    bare = named(found, "Ag/MAPbBr3/Pt").evidence["endurance_cycles"]
    assert (bare.minimum, bare.maximum) == (None, 100)  # < 100 cycles
    assert named(found, "Au/MAPbI3/ITO, volatile").evidence["volatility"].word == "volatile"


def test_states_of_one_device_span_its_figures(found: Found) -> None:
    states = named(found, "volatile perovskite memristor").evidence["states"]
    assert (states.minimum, states.maximum) == (8, 16)
    assert states.grade is Grade.MEASURED  # one publication, however many figures


def test_what_cannot_be_or_is_no_memristor_is_left_out(found: Found) -> None:
    """The misprint 1.9 × 10⁻⁹ of section 3.1.1, synapses of animals, photodetectors."""
    labels = " ".join(candidate.label for candidate in found.values())
    assert "biological" not in labels
    assert "photodetector" not in labels
    ratios = [each.evidence.get("on_off_ratio") for each in found.values()]
    assert all(each.minimum is None or each.minimum >= 1 for each in ratios if each is not None)


@for_each(
    ("label", "material"),
    [
        ("MAPbI3/Au in via-holes, sequential vapor deposition", "MAPbI3"),
        ("Au/MAPbI3:Ag/Au with threshold switch", "MAPbI3"),  # a dopant is left out
        ("Cs3Sb2I9, dimer", "Cs3Sb2I9-dimer"),
        ("Cs3Sb2I9, layered", "Cs3Sb2I9-layered"),
        ("Cs3Sb2I9", "Cs3Sb2I9"),
        ("IGZO transistor with CsPbBr3 quantum dots, 3T", None),
        ("memristor with tip-shaped Au bottom contact", None),
        ("Au/triple-cation perovskite/ITO", None),
        ("CsPbBr3 beside CsPbI3", None),
        ("", None),
    ],
)
def test_a_name_tells_a_material_or_none(
    literature: Session, label: str, material: str | None
) -> None:
    found = Absorbers(literature.scalars(select(Material)).unique()).named_in(label)
    assert (found and found.id) == material


def test_devices_of_the_text_have_their_absorber_and_electrodes(found: Found) -> None:
    assert found["c-s5.3.1-001"].material == "MAPbI3"
    assert found["c-s6.2.2-019"].electrodes == ("ITO", "Ag")
    assert found["d-t4-r06"].electrodes == ("Au", "Ag", "ITO")
    assert electrodes_in("/") == electrodes_in("MAPbI3, unipolar") == ()
