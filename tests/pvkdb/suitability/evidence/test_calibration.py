"""Calibrated intervals: wide where little is known, and never of two potentials at once."""

from __future__ import annotations

from math import sqrt

import pytest

from pvkdb.schemas.calculations.calibration import Calibration, CalibrationLine, CalibrationTable
from pvkdb.schemas.rankings import Grade
from pvkdb.suitability.evidence import means
from pvkdb.suitability.evidence.evidence import Evidence, joined
from pvkdb.suitability.evidence.means import calibrated

LINE = CalibrationLine(
    families=("3D",), grouped_by="composition", groups=8, offset_ev=0.1, slope=1.5, error_ev=0.2,
    mean_ev=0.4, squares_ev2=0.5, quantile=1.44, covered=0.8,
)  # fmt: skip
OTHER = LINE.model_copy(update={"families": (), "grouped_by": "family", "groups": 4})


def entry(potential: str, *lines: CalibrationLine, quantity: str = "E_A") -> Calibration:
    return Calibration(
        quantity=quantity, potential=potential, compared_with="the literature",
        left_out_error_ev=0.2, shared_error_ev=0.2, lines=lines, pairs=(),
    )  # fmt: skip


@pytest.fixture(autouse=True)
def _table(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, entry("best", LINE, OTHER), entry("second", LINE))


def use(monkeypatch: pytest.MonkeyPatch, *entries: Calibration) -> None:
    table = CalibrationTable(page="docs/x.md", version="1", level=0.8, calibrations=entries)
    monkeypatch.setattr(means, "calibration_table", lambda: table)


def value(low: float | None, high: float) -> Evidence:
    return Evidence(low, high, grade=Grade.MODEL, source="calculation a", note="best 0.40 eV")


def test_the_interval_is_students_and_widens_away_from_the_pairs() -> None:
    low, high = LINE.interval(0.4)
    assert (low + high) / 2 == pytest.approx(0.7)
    assert high - low == pytest.approx(2 * 1.44 * 0.2 * sqrt(1 + 1 / 8))
    far_low, far_high = LINE.interval(0.9)
    assert far_high - far_low == pytest.approx(2 * 1.44 * 0.2 * sqrt(1 + 1 / 8 + 0.25 / 0.5))


def test_of_two_potentials_the_one_with_the_smaller_error_counts_alone() -> None:
    raw = joined([value(0.4, 0.4), value(0.9, 0.9)], note="best 0.40 eV, second 0.90 eV")
    parts = {"second": (value(0.9, 0.9), {"3D"}), "best": (value(0.4, 0.4), {"3D"})}
    found = calibrated(raw, "E_A", parts)
    assert (found.minimum, found.maximum) == pytest.approx(LINE.interval(0.4), abs=1e-3)
    assert found.grade is Grade.CALIBRATED
    said = "80% interval of best by 8 compositions of the literature (docs/x.md); "
    assert found.note == f"{said}best 0.40 eV, second 0.90 eV"


def test_an_upper_bound_stays_one_and_counts_after_a_value() -> None:
    bound, exact = value(None, 0.4), value(0.5, 0.5)
    alone = calibrated(bound, "E_A", {"best": (bound, {"3D"})})
    assert alone.minimum is None
    assert alone.maximum == pytest.approx(LINE.interval(0.4)[1], abs=1e-3)
    both = calibrated(exact, "E_A", {"best": (bound, {"3D"}), "second": (exact, {"3D"})})
    assert both.minimum == pytest.approx(LINE.interval(0.5)[0], abs=1e-3)


def test_no_barrier_is_below_zero() -> None:
    found = calibrated(value(0.0, 0.0), "E_A", {"best": (value(0.0, 0.0), {"3D"})})
    assert found.minimum == 0
    assert found.maximum is not None


def test_without_a_measured_error_the_value_stays_that_of_a_model() -> None:
    """A potential without pairs, a quantity without pairs, a family of which nothing is known."""
    raw = value(0.4, 0.4)
    assert calibrated(raw, "E_A", {"unknown": (raw, {"3D"})}) is raw
    assert calibrated(raw, "DFE", {"best": (raw, {"3D"})}) is raw
    assert calibrated(raw, "E_A", {"second": (raw, {"RP"})}) is raw
    assert "4 structure families" in (calibrated(raw, "E_A", {"best": (raw, {"RP"})}).note or "")


def test_a_phase_of_each_family_widens_the_interval() -> None:
    span = value(0.2, 0.6)
    found = calibrated(span, "E_A", {"best": (span, {"3D", "RP"})})
    low = min(line.interval(0.2)[0] for line in (LINE, OTHER))
    high = max(line.interval(0.6)[1] for line in (LINE, OTHER))
    assert (found.minimum, found.maximum) == pytest.approx((low, high), abs=1e-3)


def test_formation_energies_have_the_offset_of_their_class(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ca with Sr, Pb with Sn; of both in one compound, or of others, the line of all counts."""
    options = {"slope": 1.0, "squares_ev2": None, "families": ("3D",)}
    lead, earth = (
        LINE.model_copy(update={**options, "b_site": ions, "offset_ev": offset})
        for ions, offset in ((("Pb", "Sn"), 1.25), (("Ca", "Sr"), 1.9))
    )
    use(monkeypatch, entry("best", lead, earth, LINE, quantity="DFE"))
    raw = value(0.2, 1.6)
    half = 1.44 * 0.2 * sqrt(1 + 1 / 8)
    for b_site, offset in (({"Sn"}, 1.25), ({"Pb", "Sn"}, 1.25), ({"Sr"}, 1.9)):
        found = calibrated(raw, "DFE", {"best": (raw, {"3D"})}, b_site)
        ends = (0.2 + offset - half, 1.6 + offset + half)
        assert (found.minimum, found.maximum) == pytest.approx(ends, abs=1e-3)
        assert "8 compositions with" in (found.note or "")
    for b_site in ({"Mg"}, {"Pb", "Ca"}, set()):
        found = calibrated(raw, "DFE", {"best": (raw, {"3D"})}, b_site)
        assert found.minimum == pytest.approx(LINE.interval(0.2)[0], abs=1e-3)
