"""Read margin and largest array: the numbers of the review, bounds, monotonicity, brute force."""

from __future__ import annotations

import re
from functools import partial
from math import inf, isinf, nan

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pvkdb.crossbar.limits import (
    largest_array,
    largest_array_any_data,
    read_margin,
    sneak_resistance_ohm,
)
from pvkdb.errors import InputError
from pvkdb.schemas.crossbar import Cell, Read

ratios = st.floats(1.01, 1e6) | st.just(inf)
pull_ups = st.floats(1e-3, 1e3)
cells = st.sampled_from(Cell)
reads = st.sampled_from(Read)
selectivities = st.floats(1, 50)


def test_equation_1_as_printed() -> None:
    """R_LRS/(N−1) + R_LRS/(N−1)² + R_LRS/(N−1): of 5 × 5 cells of 1 kΩ, 250 + 62.5 + 250 Ω."""
    assert sneak_resistance_ohm(5, 1e3) == pytest.approx(562.5)
    assert sneak_resistance_ohm(5, 1e3, Cell.SELECTOR, 10) == pytest.approx(5625)
    assert sneak_resistance_ohm(5, 1e3, Cell.RECTIFIER, 10) == pytest.approx(500 + 625)
    assert sneak_resistance_ohm(1, 1e3) == inf


def test_equation_2_as_printed() -> None:
    """Two voltage dividers, with R_sneak in parallel with the selected cell."""
    r_lrs, r_hrs, r_pu, sneak = 1e3, 2e4, 3e3, sneak_resistance_ohm(7, 1e3)

    def divider(selected: float) -> float:
        parallel = selected * sneak / (selected + sneak)
        return r_pu / (parallel + r_pu)

    expected = divider(r_lrs) - divider(r_hrs)
    assert read_margin(7, r_hrs / r_lrs, r_pu / r_lrs) == pytest.approx(expected, rel=1e-12)


def test_bare_cells_allow_five_by_five_at_the_best_pull_up() -> None:
    """Fig. 23e of the review (its ref. 330): only a 5 × 5 array of bare cells."""
    as_large_as_lrs, best = largest_array(inf), largest_array(inf, None)
    assert as_large_as_lrs.size == 4
    assert as_large_as_lrs.root == pytest.approx(4.85, abs=5e-3)
    assert best.size == 5
    assert read_margin(best.root, inf, best.pull_up_ratio) == pytest.approx(0.1)


def test_a_selectivity_of_514_gives_the_printed_array_only_in_all_three_terms() -> None:
    """The review prints 1747 × 1747 for a rectification of 514 and an on/off ratio above 10³."""
    everywhere = largest_array(1e3, cell=Cell.SELECTOR, selectivity=514)
    assert everywhere.size == pytest.approx(1747, abs=3)
    assert largest_array(1e3, cell=Cell.RECTIFIER, selectivity=514).size == 32


def test_what_selectivity_the_printed_1s1r_array_needs() -> None:
    """1.2 × 10⁶ lines (ref. 330) take 3.5 × 10⁵ in every term: N − 1 is proportional to it."""
    one = largest_array(inf, cell=Cell.SELECTOR, selectivity=1e5).root - 1
    found = largest_array(inf, cell=Cell.SELECTOR, selectivity=1.2e11 / one)
    assert found.root == pytest.approx(1.2e6, rel=1e-3)


@given(ratios, pull_ups, cells, selectivities, reads)
@example(1.5, 1.0, Cell.RESISTOR, 1.0, Read.FLOATING)  # a margin of 0.5 − 0.4
@settings(deadline=None)
def test_the_largest_array_is_what_counting_up_finds(
    on_off: float, pull_up: float, cell: Cell, selectivity: float, read: Read
) -> None:
    """Every size up to it keeps the margin, the next one does not."""
    for found, margin in (
        (largest_array(on_off, pull_up, cell, selectivity, read).size, read_margin),
        (
            largest_array_any_data(on_off, pull_up, cell, selectivity, read),
            partial(read_margin, any_data=True),
        ),
    ):
        counted = 0
        case = (on_off, pull_up, cell, selectivity, read)
        while counted < 600 and margin(counted + 1, *case) >= 0.1 - 1e-9:
            counted += 1
        assert counted in (found, 600)


@given(ratios, cells, selectivities, reads, pull_ups)
@settings(deadline=None)
def test_no_pull_up_beats_the_best_one(
    on_off: float, cell: Cell, selectivity: float, read: Read, pull_up: float
) -> None:
    best = largest_array(on_off, None, cell, selectivity, read)
    other = largest_array(on_off, pull_up, cell, selectivity, read)
    assert best.root >= other.root * (1 - 1e-9)
    if best.size and not isinf(best.pull_up_ratio):
        kept = read_margin(best.root, on_off, best.pull_up_ratio, cell, selectivity, read)
        assert kept == pytest.approx(0.1, abs=1e-7)


@given(ratios, ratios, pull_ups, cells, selectivities, selectivities, reads)
@settings(deadline=None)
def test_a_larger_ratio_or_selectivity_never_makes_a_smaller_array(
    one: float, two: float, pull_up: float, cell: Cell, few: float, more: float, read: Read
) -> None:
    (low, high), (weak, strong) = sorted((one, two)), sorted((few, more))
    worse = largest_array(low, pull_up, cell, weak, read)
    better = largest_array(high, pull_up, cell, strong, read)
    assert better.root >= worse.root * (1 - 1e-12)
    least = largest_array_any_data(low, pull_up, cell, weak, read)
    assert largest_array_any_data(high, pull_up, cell, strong, read) >= least


@given(st.floats(1, 1e4), ratios, pull_ups, cells, selectivities, reads)
@settings(deadline=None)
def test_margins_lie_between_0_and_1_and_any_data_never_has_more(
    n: float, on_off: float, pull_up: float, cell: Cell, selectivity: float, read: Read
) -> None:
    case = (n, on_off, pull_up, cell, selectivity, read)
    margin = read_margin(*case)
    assert -1e-12 <= margin < 1
    assert read_margin(*case, any_data=True) <= margin + 1e-12


@given(ratios, pull_ups, reads)
@settings(deadline=None)
def test_a_cell_alone_has_no_sneak_path(on_off: float, pull_up: float, read: Read) -> None:
    """A divider of two resistors, whatever the other lines would do."""
    alone = pull_up / (1 + pull_up) - (0 if isinf(on_off) else pull_up / (on_off + pull_up))
    assert read_margin(1, on_off, pull_up, read=read) == pytest.approx(alone, abs=1e-12)


def test_a_ratio_that_no_single_cell_can_be_read_by_allows_no_array() -> None:
    """Below ((1 + m)/(1 − m))² = 1.494 no pull-up gives 10 %."""
    assert largest_array(1.49, None).size == 0
    assert largest_array(1.50, None).size == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"on_off_ratio": 0.5}, "on/off ratio = 0.5 is below 1"),
        ({"on_off_ratio": 1}, "the states do not differ"),
        ({"on_off_ratio": nan}, "on/off ratio is not a number"),
        ({"on_off_ratio": 10, "pull_up_ratio": 0}, "R_pu/R_LRS = 0 is not a resistance"),
        ({"on_off_ratio": 10, "pull_up_ratio": -2}, "R_pu/R_LRS = -2 is not a resistance"),
        ({"on_off_ratio": 10, "pull_up_ratio": nan}, "R_pu/R_LRS = nan is not a resistance"),
        ({"on_off_ratio": 10, "selectivity": 0.1}, "selectivity = 0.1 is below 1"),
        ({"on_off_ratio": 10, "margin": 0}, "the margin = 0 is not between 1e-06 and 0.999999"),
        ({"on_off_ratio": 10, "margin": 1.5}, "the margin = 1.5"),
        ({"on_off_ratio": 10, "selectivity": 1e300}, "selectivity = 1e+300 is above 1e+15"),
        ({"on_off_ratio": 10, "pull_up_ratio": 1e-300}, "is outside 1e-12 to 1e+24 ohm"),
    ],
)
def test_what_no_crossbar_has_is_refused(arguments: dict[str, float], words: str) -> None:
    with pytest.raises(InputError, match=re.escape(words)):
        largest_array(**arguments)  # type: ignore[arg-type]


def test_an_array_without_lines_is_refused() -> None:
    for lines in (0, -3, nan):
        with pytest.raises(InputError, match="too small for an array"):
            read_margin(lines, 10)
    with pytest.raises(InputError, match="R_LRS = -1 is not a resistance"):
        sneak_resistance_ohm(2, -1)
