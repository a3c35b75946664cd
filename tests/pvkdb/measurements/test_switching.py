"""The mechanism of switching: strong votes decide, missing measurements are named."""

from __future__ import annotations

import pytest

from pvkdb.errors import InputError
from pvkdb.measurements.metrics import Measured
from pvkdb.measurements.switching import SwitchingStep, switching

SCALE, IONS = "filamentary or interfacial", "ionic or electronic"


def steps(*metrics: Measured, electrodes: str = "", nm: float = 0) -> dict[str, SwitchingStep]:
    found = switching(metrics, electrodes, nm * 1e-9 or None)
    return {step.question: step for step in found}


def slope(state: str, low: float, high: float) -> Measured:
    return Measured(f"area_slope_{state}", (low + high) / 2, (low, high))


def test_nothing_measured_names_the_next_measurement() -> None:
    for step in steps().values():
        assert step.answer == "not measured"
        assert step.next
        assert all(vote.answer == "not measured" for vote in step.votes)


@pytest.mark.parametrize(
    ("lrs", "answer", "strength"),
    [
        ((0.69, 0.77), "interfacial", "strong"),
        ((-0.1, 0.1), "filamentary", "strong"),
        ((0.3, 0.8), "interfacial", "weak"),
    ],
)
def test_the_slope_of_the_lrs_decides(lrs: tuple[float, float], answer: str, strength: str) -> None:
    """The HRS of a filamentary device may grow with the area: its vote is weak."""
    found = steps(slope("lrs", *lrs), slope("hrs", 1.0, 1.2))
    assert (found[SCALE].answer, found[SCALE].strength) == (answer, strength)
    assert ("ECM or VCM" in found) == (answer == "filamentary")
    assert found[SCALE].votes[0].found.startswith("slope")


def test_weak_votes_against_each_other_are_undecided() -> None:
    abrupt = Measured("v_set", 1.0, (0.9, 1.1), cycles=20)
    step = steps(slope("hrs", 1.0, 1.2), abrupt)[SCALE]
    assert (step.answer, step.strength) == ("undecided", "")
    assert "20 sweeps" in step.votes[2].found
    note = "no abrupt change in 8 branches"
    gradual = steps(Measured("v_set", None, cycles=8, note=note))[SCALE]
    assert steps(Measured("v_set", None, cycles=0))[SCALE].answer == "not measured"
    reset = steps(Measured("v_set", None, cycles=8), Measured("v_reset", -1.0, cycles=8))[SCALE]
    assert (reset.answer, reset.votes[2].found) == ("filamentary", "v_reset -1 V in 8 sweeps")
    assert (gradual.answer, gradual.strength) == ("interfacial", "weak")


@pytest.mark.parametrize(
    ("electrodes", "v_set", "answer", "strength"),
    [
        ("Ag/FTO", 1.0, "ECM", "weak"),
        ("FTO/Ag", -1.0, "ECM", "weak"),
        ("Ag/FTO", -1.0, "VCM", "strong"),  # silver does not oxidise as a cathode
        ("Au/Pt", 1.0, "VCM", "strong"),
        ("W/ITO", 1.0, "undecided", ""),
    ],
)
def test_electrodes_and_polarity(electrodes: str, v_set: float, answer: str, strength: str) -> None:
    metric = Measured("v_set", v_set, (v_set - 0.1, v_set + 0.1), cycles=10)
    step = steps(metric, electrodes=electrodes)["ECM or VCM"]
    assert (step.answer, step.strength) == (answer, strength)


def test_the_field_of_silver_and_the_thickness() -> None:
    """Ag+ needs about 1e7 V/m; below 90 nm both filaments may form (review, section 3.2.1.3)."""
    metric = Measured("v_set", 1.0, (0.9, 1.1), cycles=10)
    for nm, answer in ((400, "VCM"), (80, "undecided")):
        votes = {v.sign: v for v in steps(metric, electrodes="Ag/Au", nm=nm)["ECM or VCM"].votes}
        assert votes["field of forming or SET"].answer == votes["thickness"].answer == answer
    with pytest.raises(InputError, match="BIASED/GROUNDED"):
        steps(metric, electrodes="Ag")


def test_ions_decay_exponentially_and_traps_by_a_power_law() -> None:
    for weight, answer in ((0.99, "ionic"), (0.01, "electronic"), (0.6, "undecided")):
        assert steps(Measured("exponential_weight", weight))[IONS].answer == answer
    assert steps(Measured("exponential_weight", None, note="neither"))[IONS].answer == "undecided"
    both = steps(Measured("exponential_weight", 0.99), Measured("exponential_weight", 0.01))
    assert both[IONS].answer == "undecided"


@pytest.mark.parametrize(
    ("relaxation", "answer"), [(2.0, "ionic"), (100.0, "electronic"), (10.0, "undecided")]
)
def test_ions_return_as_fast_as_they_came(relaxation: float, answer: str) -> None:
    """Traps fill fast and empty slowly (review, section 3.3.1)."""
    rise = Measured("switching_time", 1.0, (0.8, 1.2))
    fall = Measured("relaxation_time", relaxation, (0.8 * relaxation, 1.2 * relaxation))
    assert steps(rise, fall)[IONS].answer == answer


def test_an_activated_retention_is_a_weak_vote() -> None:
    step = steps(Measured("retention_energy", 0.8, (0.7, 0.9)))[IONS]
    assert (step.answer, step.strength) == ("ionic", "weak")
    assert "traps" in step.votes[2].found
    assert steps(Measured("retention_energy", 0.1, (-0.2, 0.4)))[IONS].answer == "undecided"
