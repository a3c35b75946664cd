"""The barrier of a result is that of the most directions that cost little more than one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import FailureKind
from pvkdb.schemas.calculations.migration import NebRequest, NebResult
from pvkdb_pipelines.migration.defects.defects import DefectStates
from pvkdb_pipelines.migration.host.host import Crystal
from pvkdb_pipelines.migration.paths.paths import Path
from pvkdb_pipelines.migration.result.percolation import Threshold
from pvkdb_pipelines.migration.result.results import migration_result
from pvkdb_pipelines.migration.sites.hops import HopClass

#: The states and the hop of a vacancy.
Vacancy = tuple[DefectStates, HopClass]


def result_of(vacancy: Vacancy, heights_ev: dict[str, float], **more: float) -> NebResult:
    """The result over thresholds of given heights, and with what failed, if all else is lower."""
    states, hop = vacancy
    path = Path(hop, failure=CalculationFailedError(FailureKind.NEB_NOT_CONVERGED, "a test"))
    zero, host = states.lowest_ev, states.stage.host
    found = {name: Threshold(zero + height, 0) for name, height in heights_ev.items()}
    bounds = {**found, **{name: Threshold(zero + height, 0) for name, height in more.items()}}
    crystal = Crystal(host, host, ((1, 0, 0), (0, 1, 0), (0, 0, 1)), "Fm-3m", 7.0, 32)
    request = NebRequest(formula="CsPbBr3", phase="Pnma")
    return migration_result(
        request, crystal, states, [path], found, bounds=bounds,
        describe=lambda hop: "edge", cutoff_ang=3.0,
        drop_ev_per_formula=0.0, spent={"force_calls": 1, "cpu_seconds": 1.0, "wall_seconds": 1.0},
    )  # fmt: skip


@pytest.fixture(scope="module")
def copper(emt: object, metal_vacancy: Callable[[str], Vacancy]) -> Vacancy:
    return metal_vacancy("Cu")


@pytest.mark.parametrize(
    ("heights_ev", "dimensions", "barrier_ev"),
    [
        ({"1D": 0.30, "2D": 0.32, "3D": 0.35}, 3, 0.35),  # a tilted perovskite
        ({"1D": 0.30, "2D": 0.32, "3D": 0.90}, 2, 0.32),  # layers
        ({"1D": 0.30}, 1, 0.30),  # chains
    ],
)
def test_the_barrier_is_of_all_directions_of_about_one_height(
    copper: Vacancy, heights_ev: dict[str, float], dimensions: int, barrier_ev: float
) -> None:
    result = result_of(copper, heights_ev)
    assert result.dimensionality == dimensions
    assert result.e_a_ev == pytest.approx(barrier_ev)
    assert not result.upper_bound


def test_a_failed_hop_that_could_be_easier_makes_an_upper_bound(copper: Vacancy) -> None:
    heights = {"1D": 0.30, "2D": 0.32, "3D": 0.35}
    assert result_of(copper, heights, **{"3D": 0.31}).upper_bound
