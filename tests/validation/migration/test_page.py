"""The page of migration barriers is that of its numbers, and every statement has its place."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pvkdb.schemas.calculations import PotentialName
from validation.barrier_cases import CASES, POTENTIALS, cases_for, reported, why_not
from validation.dft.path_points import read_points
from validation.migration.comparison import (
    GROUPS,
    Comparison,
    compare,
    group_of,
    measured,
    pairs_of,
)
from validation.migration.make import LARGER, MEASURED, NUMBERS, PAGE, write_picture
from validation.migration.page import render, verdict
from validation.migration.results import Computed, Results, is_current, read_results


def page_of(*computed: Computed) -> str:
    return render(Results(computed=computed), Results(), [])


@pytest.fixture(scope="module")
def results() -> Results:
    return read_results(NUMBERS)


def test_the_page_is_made_of_the_numbers_kept(results: Results) -> None:
    assert PAGE.read_text(encoding="utf-8") == render(results, read_results(LARGER), read_points())


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


def test_like_is_compared_with_like() -> None:
    """Mizusaki 1983 measured, Table 2 prints charges, the review gives none of r141."""
    groups = {(row.id, group_of(row)) for row in reported()}
    assert {
        ("e-o-mizusaki1983-2", "experiment"),
        ("e-t2-r03-ea", "charged"),
        ("e-s3.3.4.4-001", "neutral"),
        ("e-s2.4-005", "unknown"),
    } <= groups
    assert {group for _, group in groups} == set(GROUPS)


def test_a_hop_that_pvkdb_computed_by_dft_is_compared_by_its_phase_and_charge() -> None:
    (row,) = (row for row in reported() if row.id == "e-t1-r13-ea")
    own = row.model_copy(update={"phase": "Pnma", "charge": 1, "method": "DFT", "scope": "hop"})
    assert [case.name for case in cases_for(own)] == ["CsPbBr3 Pnma V_Br"]
    assert group_of(own) == "charged"
    assert group_of(own.model_copy(update={"charge": 0})) == "neutral"
    assert cases_for(own.model_copy(update={"phase": "Pm-3m"})) == []


def test_a_halide_without_a_named_defect_is_compared_with_the_vacancy() -> None:
    rows = {row.id: row for row in reported()}
    assert [case.name for case in cases_for(rows["e-s2.4-009"])] == ["Cs2SnI6 Fm-3m V_I"]
    assert cases_for(rows["e-s2.4-011"]) == []  # an ion of any kind


def test_dimer_and_layer_are_held_against_their_own_phases() -> None:
    phases = {row.phase: cases_for(row) for row in reported() if row.material == "Cs3Sb2I9"}
    assert [case.phase for case in phases["dimer"]] == ["P6_3/mmc"]
    assert [case.phase for case in phases["layered"]] == ["P-3m1"]


def test_layered_cs3sb2i9_is_compared_with_both_paths(results: Results) -> None:
    """In a layer 0.07 eV, between layers 0.63 eV, reported 0.57 eV: the pair keeps the first."""
    (entry,) = (each for each in compare(results)[0] if each.row.id == "e-s3.3.4.1-004")
    potential = PotentialName.SEVENNET_0
    assert entry.values[potential] < 0.2 < 0.5 < entry.others[potential] < 0.7
    (pair,) = pairs_of([entry], potential)
    assert pair.computed_ev == pytest.approx(entry.values[potential], abs=1e-4)
    assert "0.073 (2D) or 0.634 along c" in PAGE.read_text(encoding="utf-8")


def test_every_case_ended_in_a_path_or_in_a_typed_reason(results: Results) -> None:
    """Perovskites and Cs2SnI6 with both potentials; what was not run the page says."""
    for case in CASES:
        for potential in case.potentials:
            entry = results.of(case, potential)
            if entry is not None:
                assert (entry.result is None) == (entry.failure_kind is not None)
    for name in ("CsPbI3 Pnma V_I", "CsPbBr3 Pnma V_Br", "CsPbCl3 Pnma V_Cl", "Cs2SnI6 Fm-3m V_I"):
        found = [entry for entry in results.computed if entry.case == name and entry.result]
        assert {entry.potential for entry in found} >= set(POTENTIALS[:2])


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
    for potential in POTENTIALS[:2]:
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
    lines = page_of(earlier, *rest).split("\n")
    assert any(
        line.startswith(f"| {first.case} † | {first.potential.value} | 0.") for line in lines
    )
    assert any(line.startswith("†: computed by an earlier version of the search") for line in lines)
    assert f"| {second.case} | {second.potential.value} | not run | | | | | | |" in lines
    left = sum(len(case.potentials) for case in CASES) - len(rest) - 1
    assert any(f", {left} were not run; " in line for line in lines)
    assert "†" not in page_of(second, *rest)


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


def test_what_is_said_of_layers_by_dft_is_true() -> None:
    """Edges are far below the reported 0.57 eV, the hop between layers is near it or above it."""
    layered = [point for point in read_points() if point.material == "Cs3Sb2I9 P-3m1"]
    assert {(point.hop.partition(",")[0], point.charge) for point in layered} == {
        (hop, charge) for hop in ("octahedron edge", "between layers") for charge in (0, 1)
    }
    for point in layered:
        assert point.dft_ev < 0.3 or not point.hop.startswith("octahedron edge")
        assert point.dft_ev > 0.5 or point.hop.startswith("octahedron edge")
