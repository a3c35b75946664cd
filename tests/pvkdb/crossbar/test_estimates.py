"""The document on a crossbar: what it answers, what it assumes, what it refuses."""

from __future__ import annotations

from contextlib import suppress
from math import inf, isfinite
from typing import Any

import pytest
from sqlalchemy.orm import Session

from pvkdb.chemistry import Interval
from pvkdb.crossbar.checks import LEAST_FRACTION, LEAST_OHM, MOST_OHM, MOST_RATIO
from pvkdb.crossbar.devices import device_array, device_arrays, on_off_of
from pvkdb.crossbar.estimates import estimate
from pvkdb.errors import InputError, NotFoundError
from pvkdb.schemas.crossbar import Cell, CrossbarDocument, CrossbarRequest, Read

from ...curated import DEVICES

THOUSAND = Interval.exactly(1e3)


def of_thousand(on_off: Interval = THOUSAND, **known: Any) -> CrossbarDocument:
    """The document on a device with an on/off ratio of 1000 and a selectivity of 514."""
    request = CrossbarRequest(selectivity=514).model_copy(update=known)  # checked by ``estimate``
    return estimate(request, on_off)


def test_both_readings_of_a_selectivity_are_given() -> None:
    sizes = {(limit.cell, limit.read): limit for limit in of_thousand().limits}
    assert sizes[Cell.SELECTOR, Read.FLOATING].blocked == "all terms"
    assert sizes[Cell.RECTIFIER, Read.FLOATING].blocked == "middle term"
    assert sizes[Cell.RESISTOR, Read.FLOATING].size_best_pull_up == 5
    assert sizes[Cell.SELECTOR, Read.THIRD_BIAS].best_pull_up_ratio is None


@pytest.mark.parametrize("on_off", [1 + 1e-9, 10, MOST_RATIO, inf])
@pytest.mark.parametrize("selectivity", [1, MOST_RATIO])
@pytest.mark.parametrize("margin", [LEAST_FRACTION, 0.1, 1 - LEAST_FRACTION])
@pytest.mark.parametrize(("r_lrs", "line"), [(LEAST_OHM, MOST_OHM), (MOST_OHM, LEAST_OHM)])
def test_whatever_is_allowed_has_an_answer(
    on_off: float, selectivity: float, margin: float, r_lrs: float, line: float
) -> None:
    known: dict[str, Any] = {"on_off": Interval.exactly(on_off), "selectivity": selectivity}
    known |= {"margin": margin, "r_lrs_ohm": r_lrs}
    for limit in of_thousand(**known).limits:
        assert isfinite(limit.root)
        assert limit.size >= 0
    with suppress(InputError):  # a circuit whose resistances are too far apart to be solved
        exact = of_thousand(**known, line_resistance_ohm=line, size=4).exact
        assert all(-1e-9 <= read.margin_far <= 1 for read in exact)


def test_everything_assumed_is_said() -> None:
    document = of_thousand()
    assumed = {entry.name: entry for entry in document.assumptions}
    assert assumed["R_pull-up / R_LRS"].value == "1"
    assert assumed["R_pull-up / R_LRS"].default
    assert assumed["R_LRS"].value == "not known"
    given = of_thousand(r_lrs_ohm=1e4, pull_up_ohm=5e3)
    assumed = {entry.name: entry for entry in given.assumptions}
    assert assumed["R_pull-up / R_LRS"].value == "0.5"
    assert not assumed["R_pull-up / R_LRS"].default
    assert given.pull_up_ratio == 0.5


def test_the_exact_circuit_agrees_with_the_formula_and_shows_the_drop() -> None:
    ideal = of_thousand(size=16)
    assert len(ideal.exact) == len(ideal.limits) == 7
    for read in ideal.exact:
        assert read.margin_far == pytest.approx(read.margin_formula, abs=1e-9)
    real = of_thousand(size=16, r_lrs_ohm=1e4, line_resistance_ohm=20.0)
    for read in real.exact:
        assert read.cell_voltage_far < read.cell_voltage_near
        assert read.margin_far < read.margin_near


def test_a_thickness_tells_the_spacing() -> None:
    """60 nm: 6 μm, as section 5.1.1 works out."""
    document = of_thousand(thickness_nm=60)
    assert document.smallest_spacing_m == pytest.approx(6e-6)
    (rule,) = (entry for entry in document.assumptions if entry.name == "spacing / thickness")
    assert "section 5.1.1" in rule.source
    assert of_thousand().smallest_spacing_m is None
    with pytest.raises(InputError, match="the thickness = -6e-08 m must be positive"):
        of_thousand(thickness_nm=-60)


def test_a_lower_bound_makes_lower_bounds() -> None:
    document = estimate(CrossbarRequest(), Interval(10, None, bound="lower"))
    assert document.on_off_is_lower_bound
    assert document.on_off_ratio == 10
    assert any("lower bound" in note for note in document.notes)
    assert estimate(CrossbarRequest(), Interval.exactly(inf)).on_off_ratio is None
    with pytest.raises(InputError, match="no lower end"):
        estimate(CrossbarRequest(), Interval(None, 10, bound="upper"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"pull_up_ohm": 5.0}, "R_pull-up = 5 ohm counts only beside R_LRS"),
        (
            {"line_resistance_ohm": 5.0, "size": 4},
            "line resistance of 5 ohm counts only beside R_LRS",
        ),
        ({"line_resistance_ohm": 5.0, "r_lrs_ohm": 1e4}, "give its size too"),
        ({"size": 0}, "size = 0 cannot be solved"),
        ({"selectivity": inf}, "selectivity = inf"),
    ],
)
def test_what_cannot_be_answered_is_refused(changes: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        of_thousand(**changes)


def test_one_device_has_the_entry_that_it_has_among_all(literature: Session) -> None:
    for array in device_arrays(literature):
        assert device_array(literature, array.device) == array
    with pytest.raises(NotFoundError, match="d-t4-r99"):
        device_array(literature, "d-t4-r99")


def test_devices_of_the_store_get_their_size_where_the_data_allow_it(literature: Session) -> None:
    arrays = {array.device: array for array in device_arrays(literature)}
    assert len(arrays) == DEVICES
    # Table 4 row 1: on/off 10³. Section 5.2 claims nearly 10³ as the rectification of row 14.
    assert (arrays["d-t4-r01"].size, arrays["d-t4-r01"].size_best_pull_up) == (4, 5)
    assert arrays["d-t4-r14"].rectification_ratio == 1e3
    assert arrays["d-t4-r14"].rectification_claim == "c-s5.2-018"
    assert arrays["d-t4-r14"].size_rectifying == 43
    assert arrays["d-t4-r15"].reason == "on/off ratio not reported"
    assert arrays["d-t4-r15"].size is None
    rectifying = [array.device for array in arrays.values() if array.rectification_ratio]
    assert rectifying == ["d-o-self2026-1", "d-t4-r14"]
    best = arrays["d-o-due-1"]  # "up to 100 times"
    assert (best.on_off_qualifier, best.size) == ("up to", None)
    assert "is a best value" in (best.reason or "")
    ratio, source = on_off_of(literature, "d-t4-r25")
    assert (ratio.minimum, ratio.bound) == (10, "lower")  # printed "> 10"
    assert "Table 4 row 25" in source
    with pytest.raises(InputError, match="no on/off ratio in the store"):
        on_off_of(literature, "d-t4-r15")
    with pytest.raises(NotFoundError, match="no device 'd-t4-r1'"):
        on_off_of(literature, "d-t4-r1")
