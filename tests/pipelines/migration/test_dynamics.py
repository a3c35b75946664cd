"""Molecular dynamics: paths and intervals on walks with known diffusion, and a run of copper."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk

from pvkdb.errors import InputError
from pvkdb.schemas.calculations import CalculationDocument, FailureKind, PotentialName
from pvkdb.schemas.calculations.dynamics import MdRequest, MdResult, MdSettings
from pvkdb.schemas.calculations.kinds import require_fit
from pvkdb_pipelines.geometry.hosts import host_of
from pvkdb_pipelines.migration import dynamics
from pvkdb_pipelines.migration.dynamics import compute_dynamics, path_diffusion, vacancy_path
from pvkdb_pipelines.potentials.loading import metered
from pvkdb_pipelines.potentials.potential import Potential
from pvkdb_pipelines.work.tasks import compute

from ..conftest import fails

FRAMES, FRAME_PS = 2000, 0.02


def walk(random: np.random.Generator, hops: float, returns: float) -> tuple[np.ndarray, int]:
    """A vacancy on a simple cubic lattice of 1 Å; ``returns`` hops lead back a frame later."""
    count = random.poisson(hops)
    steps = np.eye(3)[random.integers(0, 3, count)] * random.choice([-1, 1], (count, 1))
    path = np.zeros((FRAMES + 1, 3))
    np.add.at(path, random.integers(1, FRAMES + 1, count), steps)
    path = path.cumsum(axis=0)
    back = random.integers(1, FRAMES, random.poisson(returns))
    path[back] += [1, 0, 0]
    return path, max(count + 2 * len(back), dynamics.FEWEST_HOPS)


@pytest.mark.parametrize(("hops", "returns"), [(35, 0), (35, 15), (300, 0)])
def test_the_interval_holds_the_known_coefficient_of_random_walks(hops: int, returns: int) -> None:
    """95 % intervals of 150 walks: 0.87 to 1 is within four standard errors."""
    random, known = np.random.default_rng(11), 1e-8 * hops / (6 * FRAMES * FRAME_PS)
    found = [
        path_diffusion(path, FRAME_PS, number)
        for path, number in (walk(random, hops, returns) for _ in range(150))
    ]
    inside = np.mean([each.d_min_m2_per_s <= known <= each.d_max_m2_per_s for each in found])
    assert 0.87 <= inside <= 1.0
    assert np.mean([each.d_m2_per_s for each in found]) == pytest.approx(known, rel=0.1)
    last = found[-1]
    assert last.msd_ang2[0] == pytest.approx(6e8 * known * last.lags_ps[0], rel=0.9)


def test_a_path_is_unwrapped_and_vibrations_are_no_hops() -> None:
    """One ion of a ring of three sites follows the vacancy around the cell, twice."""
    cell = np.diag([12.0, 12.0, 12.0])
    sites = np.array([[0.0, 0, 0], [4.0, 0, 0], [8.0, 0, 0]])
    random = np.random.default_rng(3)
    held = [0, 1]  # sites of the two ions; the vacancy is at site 2
    frames = []
    for _ in range(6):
        frames += [sites[held] + random.normal(0, 0.3, (2, 3)) for _ in range(5)]
        empty = ({0, 1, 2} - set(held)).pop()
        held[held.index((empty + 1) % 3)] = empty  # the ion above it moves down
    path, hops = vacancy_path(frames, sites, cell)
    assert hops == 5
    assert path[-1] == pytest.approx([5 * 4.0, 0, 0])  # farther than the cell
    assert path[:5] == pytest.approx(np.zeros((5, 3)))


def request(**settings: float) -> MdRequest:
    given = {"temperature_k": 1200, "picoseconds": 0.4, "settle_ps": 0.1, "step_fs": 4.0}
    return MdRequest(
        formula="Cu4",
        phase="fcc",
        defect="V_Cu",
        host=host_of(bulk("Cu", "fcc", a=3.59, cubic=True)),
        potential=PotentialName.CHGNET,
        settings=MdSettings(**{**given, "distance_ang": 7.0, **settings}),
    )


def test_too_few_hops_are_a_typed_failure_that_says_what_to_do(emt: Potential) -> None:
    with fails(FailureKind.TOO_FEW_HOPS, r"longer, \d+ ps or more"):
        compute_dynamics(request(picoseconds=0.08, settle_ps=0.0), potential=emt)
    other = request().model_copy(update={"defect": "V_Br"})
    with pytest.raises(InputError, match="has no Br"):
        compute_dynamics(other, potential=emt)


def test_a_run_is_that_of_its_seed_and_temperature(emt, monkeypatch):
    """Copper does not hop within 0.1 ps: a path with hops takes the place of its own."""
    path, hops = walk(np.random.default_rng(2), 60, 0)
    monkeypatch.setattr(dynamics, "metered", lambda _, *rest: metered(emt, *rest))
    monkeypatch.setattr(
        dynamics,
        "vacancy_path",
        lambda frames, *_: (path[:: FRAMES // (len(list(frames)) - 1)], hops),
    )
    wanted = request(picoseconds=0.1, settle_ps=0.02)
    first, other = (
        compute_dynamics(each).result
        for each in (wanted, request(picoseconds=0.1, settle_ps=0.02, seed=1))
    )
    require_fit(wanted, first)
    parameters = wanted.model_dump(mode="json")
    document = CalculationDocument.model_construct(kind="md", parameters=parameters)
    queued = MdResult.model_validate(compute(document, None).result)
    assert first.temperature_k == queued.temperature_k != other.temperature_k
    assert first.d_m2_per_s == queued.d_m2_per_s
    assert 400 < first.temperature_k < 1300  # half of its heat has gone into the bonds
    assert first.atoms_in_cell == 31
    assert first.force_calls >= 30  # 0.12 ps in steps of 4 fs
    assert first.d_min_m2_per_s < first.d_m2_per_s < first.d_max_m2_per_s
