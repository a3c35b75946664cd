"""The measured error of potentials: what ships is made of the numbers kept, and it covers."""

from __future__ import annotations

import numpy as np
import pytest

from pvkdb.schemas.calculations.calibration import CalibrationPair, calibration_table
from validation.calibration.fit import (
    LEVEL,
    agreements,
    all_pairs,
    calibrate,
    covered,
    error_ev,
    fit,
    left_out,
    of_own_dft,
    shared,
    table_of,
)
from validation.calibration.make import PAGE
from validation.calibration.page import render
from validation.migration.make import NUMBERS
from validation.migration.results import read_results

Found = dict[tuple[str, str], list[CalibrationPair]]


@pytest.fixture(scope="module")
def found() -> Found:
    return all_pairs(read_results(NUMBERS))


def pair(material: str, computed: float, reported: float, family: str = "3D") -> CalibrationPair:
    return CalibrationPair(
        material=material,
        family=family,
        defect="V_I",
        charge="unknown",
        computed_ev=computed,
        reported_ev=reported,
        source="r1",
    )


def test_what_ships_is_made_of_the_numbers_kept(found: Found) -> None:
    table = table_of(found)
    assert table == calibration_table()
    assert PAGE.read_text(encoding="utf-8") == render(table, found, list(agreements(found)))
    shipped = {each.quantity: each.pairs for each in table.calibrations}
    assert shipped["E_A"]
    assert shipped["DFE"] == ()  # figures without a licence are cited in docs/, not shipped


def test_what_pvkdb_computed_by_dft_is_beside_the_lines_and_in_none(found: Found) -> None:
    """The table is the same without it, and with any other values of it."""
    own = {key: [each for each in pairs if of_own_dft(each)] for key, pairs in found.items()}
    assert all(own["E_A", name] for name in ("sevennet-0", "chgnet", "sevennet-l3i5"))
    assert not any(
        of_own_dft(each) for entry in table_of(found).calibrations for each in entry.pairs
    )
    moved = {
        key: [
            each.model_copy(update={"reported_ev": 9.0}) if of_own_dft(each) else each
            for each in pairs
        ]
        for key, pairs in found.items()
    }
    assert table_of(moved).calibrations == table_of(found).calibrations
    page = PAGE.read_text(encoding="utf-8").partition("## Beside pvkdb's own DFT")[2]
    for pairs in own.values():
        for each in pairs:
            assert f"| {each.material} | {each.family} | {each.charge} | " in page
    assert not {each.material for each in own["E_A", "sevennet-0"]} & {"CsPbBr3", "Cs2AgBiBr6"}


def test_formation_energies_are_off_by_another_amount_in_each_class(found: Found) -> None:
    (entry,) = [each for each in table_of(found).calibrations if each.quantity == "DFE"]
    offsets = {line.b_site: line.offset_ev for line in entry.lines if line.b_site}
    assert offsets == pytest.approx({("Ca", "Sr"): 1.92, ("Pb", "Sn"): 1.25}, abs=0.01)
    together = error_ev(found["DFE", "sevennet-0"])
    assert entry.left_out_error_ev < 0.3 < 0.4 < together
    assert entry.line_for("3D", {"Mg"}) is entry.lines[-1]


def test_intervals_of_e_a_contain_four_fifths_of_the_compositions_left_out() -> None:
    for entry in calibration_table().calibrations:
        line = next(each for each in entry.lines if each.grouped_by == "composition")
        if entry.quantity == "E_A":
            assert 0.7 <= line.covered <= 0.9, entry.potential
        else:
            assert line.covered >= 0.7


def test_the_line_goes_through_values_on_a_line_and_each_composition_counts_once() -> None:
    exact = [pair(f"a{x}", x, 0.1 + 1.5 * x) for x in (0.1, 0.2, 0.4, 0.7, 1.1)]
    line = fit(exact, "composition")
    assert (line.offset_ev, line.slope, line.error_ev) == pytest.approx((0.1, 1.5, 0.0))
    often = [*exact, pair("f", 0.3, 0.9), *[pair("f", 0.3, 0.9)] * 9]
    once = [*exact, pair("f", 0.3, 0.9)]
    assert fit(often, "composition") == fit(once, "composition")


def test_a_composition_that_is_left_out_has_no_part_in_its_interval() -> None:
    pairs = [pair(f"a{x}", x, x) for x in (0.1, 0.2, 0.4, 0.7)]
    wild = [*pairs, pair("e", 0.5, 5.0), pair("e", 0.6, 5.0)]
    tested = {each.pair.reported_ev: each for each in left_out(wild, "composition")}
    assert tested[5.0].line == fit(pairs, "composition")
    assert not tested[5.0].hit


def test_student_intervals_cover_their_level_however_few_the_compositions() -> None:
    generator = np.random.default_rng(1)
    shares = []
    for _ in range(150):
        x = generator.uniform(0.1, 1.2, 6)
        y = 0.2 + 1.3 * x + generator.normal(0, 0.3, 6)
        pairs = [pair(str(place), *both) for place, both in enumerate(zip(x, y, strict=True))]
        shares.append(covered(left_out(pairs, "composition"), "composition"))
    assert np.mean(shares) == pytest.approx(LEVEL, abs=0.04)


def test_a_family_has_its_own_line_only_with_enough_compositions() -> None:
    known = [pair(f"a{x}", x / 10, x / 9) for x in range(5)]
    other = [pair(f"b{x}", x / 10, 1 + x / 8, "double") for x in range(2)]
    few = calibrate("E_A", "any", [*known, *other], "the literature", shipped=True)
    assert few is not None
    assert [line.families for line in few.lines] == [("3D", "double")]
    sixth = calibrate(
        "E_A", "any", [*known, pair("a9", 0.9, 1.1), *other], "the literature", shipped=True
    )
    assert sixth is not None
    assert [line.families for line in sixth.lines] == [("3D",), ("3D", "double")]
    assert calibrate("E_A", "any", known[:3], "the literature", shipped=True) is None


def test_potentials_are_compared_on_the_pairs_that_all_have() -> None:
    """One potential has no value for the host that no line fits."""
    easy = [pair(f"m{n}", 0.1 * n, 0.1 * n + 0.01 * (-1) ** n) for n in range(1, 7)]
    hard = pair("hard", 0.1, 1.0)
    worse = [
        each.model_copy(update={"reported_ev": each.computed_ev + 0.02 * (-1) ** n})
        for n, each in enumerate(easy)
    ]
    assert shared([*easy, hard], [[*easy, hard], worse]) == easy
    options = {"compared_with": "r", "shipped": True}
    with_hard, without = (
        calibrate("E_A", name, own, others=[[*easy, hard], worse], **options)
        for name, own in (("better", [*easy, hard]), ("worse", worse))
    )
    assert with_hard is not None
    assert without is not None
    assert with_hard.left_out_error_ev > without.left_out_error_ev
    assert with_hard.shared_error_ev < without.shared_error_ev
