"""The page of migration barriers is that of its numbers, and every statement has its place."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pvkdb.schemas.calculations import PotentialName
from validation.migration import MEASURED, NUMBERS, PAGE
from validation.migration_cases import CASES, POTENTIALS, cases_for, reported, why_not
from validation.migration_comparison import Comparison, measured
from validation.migration_page import render, verdict
from validation.migration_picture import write_picture
from validation.migration_results import Results, is_current, read_results


@pytest.fixture(scope="module")
def results() -> Results:
    return read_results(NUMBERS)


def test_the_page_is_made_of_the_numbers_kept(results: Results) -> None:
    assert PAGE.read_text(encoding="utf-8") == render(results)


def test_the_picture_changes_only_with_the_numbers(results: Results, tmp_path: Path) -> None:
    first, second, fewer = (tmp_path / f"{name}.svg" for name in ("first", "second", "fewer"))
    write_picture(results, first)
    write_picture(results, second)
    write_picture(Results(computed=results.computed[:4]), fewer)
    assert first.read_bytes() == second.read_bytes() != fewer.read_bytes()


def test_every_activation_energy_of_the_literature_is_compared_or_has_a_reason() -> None:
    rows = reported()
    assert len(rows) >= 60
    for row in rows:
        assert cases_for(row) or why_not(row)
    assert {row.material for row in rows if cases_for(row)} >= {"CsPbI3", "Cs2SnI6", "Cs3Sb2I9"}


def test_dimer_and_layer_are_held_against_their_own_phases() -> None:
    phases = {row.phase: cases_for(row) for row in reported() if row.material == "Cs3Sb2I9"}
    assert [case.phase for case in phases["dimer"]] == ["P6_3/mmc"]
    assert [case.phase for case in phases["layered"]] == ["P-3m1"]


def test_every_case_ended_in_a_path_or_in_a_typed_reason(results: Results) -> None:
    """Perovskites and Cs2SnI6 with both potentials; what was not run the page says."""
    for case in CASES:
        for potential in POTENTIALS:
            entry = results.of(case, potential)
            if entry is not None:
                assert (entry.result is None) == (entry.failure_kind is not None)
    for name in ("CsPbI3 Pnma V_I", "CsPbBr3 Pnma V_Br", "CsPbCl3 Pnma V_Cl", "Cs2SnI6 Fm-3m V_I"):
        found = [entry for entry in results.computed if entry.case == name and entry.result]
        assert len(found) == len(POTENTIALS)


def test_the_list_of_potentials_shows_what_the_page_shows(results: Results) -> None:
    assert json.loads(MEASURED.read_text(encoding="utf-8")) == measured(results)
    page = PAGE.read_text(encoding="utf-8")
    for name, numbers in measured(results).items():
        error = f"{numbers['mean_absolute_error_ev']:.2f}"
        assert re.search(rf"\| {name} \| {numbers['statements']} \| .* \| {error} \|", page)


def test_known_orders_come_out(results: Results) -> None:
    """Vacancy-ordered Cs2SnI6 lies above 3D CsPbI3, as in the literature (1.11, 0.21 to 0.36 eV)
    and with both potentials."""
    energies = {
        (entry.case, entry.potential): entry.result.e_a_ev
        for entry in results.computed
        if entry.result is not None
    }
    for potential in POTENTIALS:
        ordered = energies["Cs2SnI6 Fm-3m V_I", potential]
        assert ordered > energies["CsPbI3 Pnma V_I", potential]


def test_energies_are_physical_and_the_limiting_hop_is_found_twice(results: Results) -> None:
    for entry in results.computed:
        if entry.result is None:
            continue
        for threshold in entry.result.percolation:
            assert 0 <= threshold.e_a_ev < 5
        again = entry.result.limiting.recheck_saddle_ev
        if again is not None and entry.result.defect.startswith("V"):
            assert again - entry.result.e_a_ev < 0.25


def test_the_page_tells_what_an_earlier_version_computed_and_what_was_not_run(
    results: Results,
) -> None:
    first, second, *rest = (
        entry
        for entry in results.computed
        if is_current(entry, next(case for case in CASES if case.name == entry.case))
    )
    earlier = first.model_copy(update={"key": "0" * 64})
    lines = render(Results(computed=(earlier, *rest))).split("\n")
    assert any(
        line.startswith(f"| {first.case} † | {first.potential.value} | 0.") for line in lines
    )
    assert any(line.startswith("†: computed by an earlier version of the search") for line in lines)
    assert f"| {second.case} | {second.potential.value} | not run | | | | | | |" in lines
    left = len(CASES) * len(POTENTIALS) - len(rest) - 1
    assert any(f", {left} were not run; " in line for line in lines)
    assert "†" not in render(Results(computed=(second, *rest)))


@pytest.mark.parametrize(
    ("reported_ev", "computed_ev", "leaves_open", "differs"),
    [(0.58, 0.35, False, True), (0.08, 0.35, True, False), (0.3, 0.35, True, False)],
)
def test_an_upper_bound_contradicts_only_what_lies_above_it(
    reported_ev: float, computed_ev: float, leaves_open: bool, differs: bool
) -> None:
    row = next(row for row in reported() if row.material == "MAPbI3" and cases_for(row))
    row = row.model_copy(update={"value_min_ev": reported_ev, "value_max_ev": reported_ev})
    potential = PotentialName.SEVENNET_0
    bounded = Comparison(row, cases_for(row)[0], {potential: computed_ev}, frozenset({potential}))
    assert bounded.leaves_open(potential) == leaves_open
    assert bounded.differs(potential) == differs
    exact = Comparison(row, cases_for(row)[0], {potential: computed_ev}, frozenset())
    assert exact.deviation(potential) == pytest.approx(computed_ev - reported_ev)


@pytest.mark.parametrize(
    ("sevennet", "chgnet", "said"),
    [
        (0.44, None, "by sevennet-0 the layered phase is easier, by 0.44 eV; no order is claimed"),
        (0.44, 0.30, "the layered phase is easier, by 0.30 eV at least"),
        (-0.44, -0.30, "the dimer phase is easier, by 0.30 eV at least"),
        (0.44, 0.10, "no order can be claimed"),
        (0.44, -0.44, "no order can be claimed"),
    ],
)
def test_an_order_is_claimed_where_the_gap_exceeds_the_spread(
    sevennet: float, chgnet: float | None, said: str
) -> None:
    gaps = {PotentialName.SEVENNET_0: sevennet}
    if chgnet is not None:
        gaps[PotentialName.CHGNET] = chgnet
    assert verdict(gaps).startswith(said)
