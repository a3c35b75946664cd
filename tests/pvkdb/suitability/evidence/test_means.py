"""Means of all sources: by hand, and on the compositions of the review."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sqlalchemy.orm import Session

from pvkdb.schemas.calculations.calibration import calibration_table, fit, line_without
from pvkdb.schemas.rankings import Grade
from pvkdb.suitability.evidence.evidence import Source
from pvkdb.suitability.evidence.materials import material_candidates
from pvkdb.suitability.evidence.means import Spread, mean_of, spread_in, spread_of, with_means


def measured(value_ev: float, error_ev: float = 0.0, key: str = "r1") -> Source:
    return Source(Grade.MEASURED, value_ev, error_ev, (key,))


def test_the_spread_is_that_of_the_median_difference() -> None:
    """Without own errors, of differences 0.1 and 0.2 with equal weight: 0.15 = 0.67449 √2 τ."""
    spread = spread_of([[measured(0.3), measured(0.4)], [measured(1.0), measured(1.2)]])
    assert (spread.freedom, spread.materials) == (2, 2)
    assert spread.tau_ev == pytest.approx(0.15 / 0.67449 / 2**0.5, rel=1e-6)
    assert spread_of([[measured(0.3)]]) is None


def test_the_spread_of_normal_sources_is_found_and_one_extreme_paper_moves_it_little() -> None:
    drawn = np.random.default_rng(7).normal(0, 0.2, (400, 3))
    groups = [[measured(value, 0.1) for value in row] for row in drawn]
    many = spread_of(groups)
    assert many.tau_ev == pytest.approx((0.2**2 - 0.1**2) ** 0.5, rel=0.05)
    few = spread_of(groups[:6])
    after = spread_of([[*groups[0], measured(3.0)], *groups[1:6]])
    assert after.tau_ev < 1.5 * few.tau_ev


def test_a_mean_has_the_interval_of_what_a_new_source_would_say() -> None:
    spread = Spread(0.1, 10, 5)
    found = mean_of([measured(0.3), measured(0.5, 0.1)], spread)
    mean = (0.3 / 0.01 + 0.5 / 0.02) / (1 / 0.01 + 1 / 0.02)
    error = (0.01 + 1 / (1 / 0.01 + 1 / 0.02)) ** 0.5
    half = stats.t.ppf(0.975, 10) * error
    assert found.estimate == pytest.approx((mean, error, 10))
    assert (found.minimum, found.maximum) == pytest.approx((mean - half, mean + half), abs=1e-3)
    assert "differ by more" not in found.note


def test_sources_that_disagree_are_named() -> None:
    potential = Source(Grade.CALIBRATED, 0.35, 0.2)
    found = mean_of([measured(0.91), potential], Spread(0.1, 10, 5))
    assert "measured 0.91 eV (r1) and calibrated potential 0.35 ± 0.20 eV differ" in str(found.note)


def test_a_composition_does_not_help_to_calibrate_itself() -> None:
    for entry in calibration_table().calibrations:
        for line in entry.lines:
            if entry.quantity == "E_A" and line.families:
                own = [pair for pair in entry.pairs if pair.family in line.families]
                again = fit(own, line.grouped_by, line.families)
                assert again.model_copy(update={"covered": line.covered}) == line
                without = line_without(entry, line, "Cs2SnI6")
                assert without.groups == line.groups - 1
                assert line_without(entry, line, "CsGeI3") is line


def test_the_review_has_several_sources_for_some(literature: Session) -> None:
    """CsPbBr3: 0.25 eV by experiment, 0.35 eV without a method; 0.27 to 0.33 between them."""
    listed = material_candidates(literature)
    found = {each.id: each for each in with_means(listed, spread_in(literature))}
    known = found["CsPbBr3"].evidence["e_a_ev"]
    assert known.grade is Grade.MEAN
    assert 0.25 < known.estimate[0] < 0.35
    assert known.estimate[1] < 0.3
    assert {each.grade for each in known.beside} >= {Grade.MEASURED, Grade.REPORTED}
    assert "2 sources: measured 0.25 eV (web-mizusaki1983)" in str(known.note)
    assert found["Cs3Bi2I9"].evidence.get("e_a_ev") is None
