"""Gaps that were left out of the fit of mixtures, and the page about gaps."""

from __future__ import annotations

import json

from scipy import stats

from validation.electrons import calibration
from validation.electrons.make import PAGE, page
from validation.electrons.mixtures import FIT, fitted, left_out, measured


def test_the_shipped_fit_is_that_of_the_reported_gaps() -> None:
    shipped, made = json.loads(FIT.read_text(encoding="utf-8")), fitted(*measured())
    assert (shipped["gaps"], shipped["compositions"]) == (made["gaps"], made["compositions"])
    pairs = zip(shipped["coefficients_ev"], made["coefficients_ev"], strict=True)
    assert all(abs(one - other) < 1e-3 for one, other in pairs)


def test_gaps_left_out_are_met_and_their_intervals_hold() -> None:
    """At most 0.15 eV for lead and tin; intervals of 80 % within their binomial limits or wider."""
    errors = left_out(*measured())
    assert errors.rmse_ev <= 0.15
    assert errors.within_80 >= stats.binom.ppf(0.025, errors.count, 0.8)


def test_the_shipped_calibration_is_that_of_the_shipped_gaps() -> None:
    """The family of HSE06 apart, whose table is not shipped."""
    pairs = calibration.measured_pairs()
    for fit in calibration.kept_fits():
        if fit["family"] in pairs:
            of = pairs[fit["family"]]
            made = calibration.fitted(fit["family"], of, fit["target"])
            assert fit == made | calibration.errors_of(calibration.left_out(fit, of))


def test_the_page_is_what_the_shipped_gaps_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m validation.electrons.make"
