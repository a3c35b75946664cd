"""The page on predictions is that of its numbers, and its numbers decide about weights."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import pvkdb.literature
from pvkdb.schemas.metrics import METRICS
from pvkdb.suitability import shipped_profile, shipped_profiles
from pvkdb.suitability.evidence.support import SupportTable, support_table, unsupported
from validation.pages import as_json, read
from validation.prediction.dynamics import compared
from validation.prediction.make import NUMBERS, PAGE, SUPPORT
from validation.prediction.networks import compute_networks
from validation.prediction.page import render
from validation.prediction.points import COMPUTED, HOPS, MEASURED, ONE
from validation.prediction.results import Results, compute, support_of

from ..test_agreement import pairs

STALE = "run: python -m validation.prediction.make"


@pytest.fixture(scope="module")
def results() -> Results:
    return read(Results, NUMBERS)


def test_the_numbers_are_those_of_the_literature_of_today(results: Results) -> None:
    assert compute(dict(results.points.networks)) == results, STALE


@pytest.mark.long
def test_the_networks_are_those_of_the_hops_of_today(results: Results) -> None:
    pytest.importorskip("numba", reason="numba is not installed (extra 'simulation')")
    assert compute_networks() == results.points.networks, STALE


def test_the_page_and_what_rankings_read_are_made_of_the_numbers(results: Results) -> None:
    assert PAGE.read_text(encoding="utf-8") == render(results, compared()), STALE
    assert SUPPORT.read_text(encoding="utf-8") == as_json(results.support()), STALE
    assert support_table() == results.support()


def test_molecular_dynamics_agrees_with_the_hops_of_its_potential() -> None:
    """Within a factor of ten: the attempt frequency alone is open by as much."""
    runs = compared()
    assert runs
    for each in runs:
        assert each.run.result.hops >= 30
        assert each.slow / 10 < each.run.result.d_m2_per_s < each.fast


def test_no_shipped_profile_weighs_what_measured_devices_do_not_support(results: Results) -> None:
    """The rule of the page: weight needs intervals above zero."""
    table = results.support()
    for name in shipped_profiles():
        profile = shipped_profile(name)
        assert unsupported((*profile.devices, *profile.materials), table) == [], name
    for entry in results.comparisons:
        decides = entry.readings[ONE]
        assert entry.support.supported == all(
            each.low is not None and each.low > 0 for each in (decides.order, decides.ranks)
        )


def test_weight_given_silently_is_noticed(results: Results) -> None:
    """The guard itself: a profile with such a weight is caught, one of a supported metric not."""
    profile = shipped_profile("non-volatile-memory")
    heavy = [each.model_copy(update={"weight": 1.0}) for each in profile.materials]
    assert unsupported(heavy, results.support()) == ["modelled_retention_s"]
    agreed = [entry.model_copy(update={"supported": True}) for entry in results.support().metrics]
    table = SupportTable(page="", metrics=tuple(agreed))
    assert unsupported(heavy, table) == []


def test_support_takes_agreement_in_the_right_direction() -> None:
    x = np.arange(12.0)
    noise = np.random.default_rng(3).normal(size=12)
    assert support_of("modelled_retention_s", pairs(x, x + noise)).supported
    turned = support_of("modelled_retention_s", pairs(x, -x + noise))
    assert not turned.supported
    assert "does not lie above zero" in turned.reason
    tested = support_of("modelled_retention_s", pairs(x, x, bound=[True] * 12))
    assert not tested.supported
    assert "12 lower bounds" in tested.reason
    few = support_of("modelled_retention_s", pairs(x, x, group=["a", "b", "c"] * 4))
    assert not few.supported
    assert "too few" in few.reason


def test_every_modelled_metric_is_compared(results: Results) -> None:
    modelled = {name for name, metric in METRICS.items() if metric.modelled}
    assert set(MEASURED) == modelled
    assert {entry.metric for entry in results.support().metrics} == modelled


def printed() -> Iterator[dict[str, str]]:
    path = Path(pvkdb.literature.__file__).parent / "devices.csv"
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def test_measured_values_are_those_of_table_4(results: Results) -> None:
    """Read from the curated file itself, without the store."""
    rows = {row["id"]: row for row in printed()}
    compared = 0
    for point in results.points.points:
        row = rows.get(point.device)
        if row is None:
            continue
        if point.metric == "modelled_retention_s":
            assert point.measured == float(row["retention_s"])
            assert point.bound == (row["retention_qualifier"] != "~")  # ref. 161: ~2.8 years
            compared += 1
        if point.metric == "modelled_set_voltage_v":
            ends = sorted(abs(float(row[name])) for name in ("v_set_min_v", "v_set_max_v"))
            assert [point.measured_min, point.measured_max] == ends
            compared += 1
    assert compared >= 25
    listed = {point.device for point in results.points.points} | set(results.points.without_barrier)
    retaining = {name for name, row in rows.items() if row["retention_s"] or row["v_set_min_v"]}
    assert retaining <= listed  # nobody is left out without a word


def test_all_hops_shift_windows_by_the_factors_of_their_material(results: Results) -> None:
    points = results.points
    assert {point.material for point in points.points} > set(points.networks)
    for point in points.points:
        assert all(0 < low <= high for low, high in point.windows.values())
        network = points.networks.get(point.material)
        known = set() if network is None else {HOPS, COMPUTED}
        assert set(point.windows) == {ONE} | known
        if network is not None and point.metric == "modelled_retention_s":
            longer = point.windows[HOPS][0] / point.windows[ONE][0]
            assert longer == pytest.approx(network.longer[1], rel=1e-3)


def test_the_page_says_what_was_assumed_and_who_is_missing(results: Results) -> None:
    text = PAGE.read_text(encoding="utf-8")
    for assumed in results.points.assumptions:
        assert assumed.source in text
    for name, label in results.points.without_barrier.items():
        assert f"- {name}: {label}" in text
    assert "d-t4-r07" in results.points.without_barrier  # MAPbCl3 has no activation energy
