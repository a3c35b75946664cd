"""What evidence is worth on one criterion."""

from __future__ import annotations

from math import log10

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pvkdb.schemas.profiles import Bounds, Criterion, Scale
from pvkdb.schemas.rankings import Grade
from pvkdb.suitability.evidence.evidence import Evidence
from pvkdb.suitability.ranking.acceptability import trapezoid_values
from pvkdb.suitability.ranking.desirability import (
    UNKNOWN,
    Desirability,
    Trapezoid,
    desirability,
    mean_power,
)

TRAINING = Bounds(fails_below=1e4, at_least=1e6)  # section 6, cycles
SHORT_TERM = Bounds(at_least=1e-3, at_most=10, fails_above=1e3)  # section 6.1, seconds


def criterion(bounds: Bounds, scale: Scale = "log") -> Criterion:
    return Criterion(
        metric="endurance_cycles",
        unit="cycles",
        bounds=bounds,
        scale=scale,
        weight=1,
        basis="printed",
        source="section 6",
    )


@pytest.mark.parametrize(
    ("cycles", "expected"), [(50, 0), (1e4, 0), (1e5, 0.5), (1e6, 1), (6e6, 1), (1e30, 1)]
)
def test_desirability_rises_by_decades_and_saturates(cycles: float, expected: float) -> None:
    worth = desirability(criterion(TRAINING), Evidence.exactly(cycles))
    assert worth.lowest == worth.highest == pytest.approx(expected)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(1e-4, 0), (1e-3, 1), (1, 1), (10, 1), (100, 0.5), (1e3, 0), (1e8, 0)],
)
def test_a_window_has_a_step_where_no_edge_is_given(seconds: float, expected: float) -> None:
    worth = desirability(criterion(SHORT_TERM), Evidence.exactly(seconds))
    assert worth.lowest == pytest.approx(expected)


@pytest.mark.parametrize(("cycles", "highest"), [(1e3, 0), (1e5, 0.5), (1e7, 1)])
def test_a_quoted_value_shows_nothing_and_may_be_true(cycles: float, highest: float) -> None:
    worth = desirability(criterion(TRAINING), Evidence.exactly(cycles, Grade.SECONDARY))
    assert (worth.lowest, worth.highest) == (0, pytest.approx(highest))
    assert worth.mean_power(1, floor=0) == pytest.approx(highest / 2)
    words = Bounds(accepts=("volatile",))
    quoted = desirability(criterion(words), Evidence(word="volatile", grade=Grade.SECONDARY))
    assert (quoted.lowest, quoted.highest) == (0, 1)


def test_a_tested_count_is_a_lower_bound() -> None:
    """5 × 10³ cycles show nothing of 10⁶, and exclude nothing; 6 × 10⁶ show all."""
    little = desirability(criterion(TRAINING), Evidence(5e3, None))
    assert (little.lowest, little.highest) == (0, 1)
    enough = desirability(criterion(TRAINING), Evidence(6e6, None))
    assert (enough.lowest, enough.highest) == (1, 1)


def test_a_lower_bound_beyond_a_limit_fails_for_sure() -> None:
    """A state that lasts more than 10⁴ s is no selector's, however long it lasts."""
    selector = criterion(Bounds(at_most=10, fails_above=1e3))
    worth = desirability(selector, Evidence(1e4, None))
    assert (worth.lowest, worth.highest) == (0, 0)
    open_ended = desirability(selector, Evidence(1, None))
    assert (open_ended.lowest, open_ended.highest) == (0, 1)


def test_an_upper_bound_is_open_below() -> None:
    """< 100 cycles (c-s4.4.1-001) fail a need of 10⁴ for sure."""
    worth = desirability(criterion(TRAINING), Evidence(None, 100))
    assert (worth.lowest, worth.highest) == (0, 0)


def test_an_interval_reaches_over_the_window() -> None:
    worth = desirability(criterion(SHORT_TERM), Evidence(1e-6, 1e6))
    assert (worth.lowest, worth.highest) == (0, 1)


def test_words_are_accepted_or_not() -> None:
    volatile = criterion(Bounds(accepts=("volatile", "both")))
    assert desirability(volatile, Evidence(word="both")).lowest == 1
    assert desirability(volatile, Evidence(word="non-volatile")).highest == 0


def test_what_is_not_defined_is_not_unknown() -> None:
    assert desirability(criterion(TRAINING), None) == UNKNOWN
    assert not desirability(criterion(TRAINING), Evidence(not_defined="no octahedra")).defined


bounds_and_value = st.tuples(
    st.lists(st.floats(-6, 6), min_size=4, max_size=4).map(sorted), st.floats(-8, 8)
)


@given(bounds_and_value, st.floats(0, 4))
@example(([0.0, 0.0, 0.0, 1.75], 1.0), 1e-9)
def test_the_range_and_the_mean_are_in_order(
    given_bounds: tuple[list[float], float], width: float
) -> None:
    corners, start = given_bounds
    bounds = Bounds(
        fails_below=corners[0], at_least=corners[1], at_most=corners[2], fails_above=corners[3]
    )
    worth = desirability(criterion(bounds, "linear"), Evidence(start, start + width))
    mean = worth.mean_power(1.0, floor=0.0)
    assert 0 <= worth.lowest <= worth.highest <= 1
    assert worth.lowest - 1e-9 <= mean <= worth.highest + 1e-9


@given(bounds_and_value, st.floats(0.01, 4), st.floats(0.05, 1))
def test_the_closed_mean_is_that_of_many_samples(
    given_bounds: tuple[list[float], float], width: float, exponent: float
) -> None:
    corners, start = given_bounds
    bounds = Bounds(
        fails_below=corners[0], at_least=corners[1], at_most=corners[2], fails_above=corners[3]
    )
    worth = desirability(criterion(bounds, "linear"), Evidence(start, start + width))
    places = start + width * (np.arange(20_000) + 0.5) / 20_000
    sampled = trapezoid_values(Trapezoid(bounds, "linear"), places)
    expected = float(np.mean(np.maximum(sampled, 0.01) ** exponent))
    assert worth.mean_power(exponent, 0.01) == pytest.approx(expected, abs=2e-4)


def test_arrays_and_single_values_agree() -> None:
    trapezoid = Trapezoid(SHORT_TERM, "log")
    places = np.linspace(-5, 5, 501)
    one_by_one = [trapezoid(place) for place in places]
    assert trapezoid_values(trapezoid, places) == pytest.approx(one_by_one, abs=1e-6)


def test_the_mean_of_the_unknown_is_that_of_a_uniform_desirability() -> None:
    """∫ max(d, f) dd = f² + (1 − f²)/2 for exponent 1 and floor f."""
    assert UNKNOWN.mean_power(1.0, 0.01) == pytest.approx(0.01**2 + (1 - 0.01**2) / 2)
    assert mean_power(0.3, 0.3, 0.5, 0.01) == pytest.approx(0.3**0.5)


@given(st.floats(1e-3, 1e3), st.floats(1, 1e9), st.floats(0, 3))
def test_units_do_not_matter(factor: float, cycles: float, decades: float) -> None:
    """The same quantity in other units, bounds and value alike, is worth the same."""
    high = cycles * 10**decades
    plain = desirability(criterion(TRAINING), Evidence(cycles, high))
    scaled = desirability(
        criterion(Bounds(fails_below=1e4 * factor, at_least=1e6 * factor)),
        Evidence(cycles * factor, high * factor),
    )
    assert _numbers(scaled) == pytest.approx(_numbers(plain), abs=1e-9)


def _numbers(worth: Desirability) -> tuple[float, float, float]:
    return worth.lowest, worth.highest, worth.mean_power(0.5)


@given(st.floats(1, 1e9), st.floats(1, 100))
def test_more_cycles_are_never_worth_less(cycles: float, factor: float) -> None:
    for open_ended in (True, False):
        less = Evidence(cycles, None if open_ended else cycles)
        more = Evidence(cycles * factor, None if open_ended else cycles * factor)
        low, high = (desirability(criterion(TRAINING), each) for each in (less, more))
        assert high.lowest >= low.lowest
        assert high.highest >= low.highest
        assert high.mean_power(0.5) >= low.mean_power(0.5) - 1e-12


def test_a_decade_is_a_decade() -> None:
    assert Trapezoid(TRAINING, "log").corners[:2] == (log10(1e4), log10(1e6))


def test_bounds_that_nearly_coincide_are_a_step() -> None:
    """2 × 10⁻³⁰⁸ apart, the slope of the ramp is infinite; far away it is 0 or 1 all the same."""
    bounds = Bounds(at_most=0.0, fails_above=2.2250738585072014e-308)
    values = trapezoid_values(Trapezoid(bounds, "linear"), np.array([-5.0, 5.0]))
    assert values.tolist() == [1, 0]
