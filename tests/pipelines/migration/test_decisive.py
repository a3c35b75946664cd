"""Of many hops only some are followed; the thresholds are those of all."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
from ase.build import bulk
from ase.optimize import BFGS
from hypothesis import given
from hypothesis import strategies as st

from pvkdb.schemas.migration import NebSettings
from pvkdb_pipelines.migration import decisive
from pvkdb_pipelines.migration.decisive import MARGIN_EV, MOST_IN_FULL, find_paths
from pvkdb_pipelines.migration.hops import HopClass, Pair
from pvkdb_pipelines.migration.paths import Begun, Path, PathFinder
from pvkdb_pipelines.migration.percolation import Edge, thresholds

from .conftest import hops_of, relaxed_vacancies, silent

AXES = dict(zip("abc", np.eye(3), strict=True))
NEIGHBOURS = [(1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 0, 0)]
SITES = 6


@dataclass
class KnownAnswers:
    """Finds the saddles that it was told, and counts how many it was asked for."""

    saddles_ev: dict[Pair, float]
    estimates_ev: dict[Pair, float | None]
    states: SimpleNamespace
    asked: int = 0

    def begin(self, hop: HopClass, on_step: object) -> Begun:
        return Begun([], None, (0.0, 0.0), self.estimates_ev[hop.members[0]])

    def find(self, hop: HopClass, on_step: object, begun: Begun | None = None) -> Path:
        self.asked += 1
        return Path(hop, saddle_ev=self.saddles_ev[hop.members[0]])


@st.composite
def networks(draw: st.DrawFn) -> KnownAnswers:
    """Hops between sites and their images, with estimates as far off as they may be."""
    site = st.integers(0, SITES - 1)
    pair = st.tuples(site, site, st.sampled_from(NEIGHBOURS)).filter(
        lambda found: found[0] != found[1] or found[2] != (0, 0, 0)
    )
    pairs = draw(st.lists(pair, min_size=MOST_IN_FULL + 1, max_size=50, unique=True))
    height, off = st.floats(0.0, 1.0), st.one_of(st.none(), st.floats(-0.3, MARGIN_EV))
    saddles = {pair: draw(height) for pair in pairs}
    offs = {pair: draw(off) for pair in pairs}
    estimates = {pair: None if off is None else saddles[pair] + off for pair, off in offs.items()}
    states = SimpleNamespace(stage=SimpleNamespace(sites=SimpleNamespace(positions=[0] * SITES)))
    return KnownAnswers(saddles, estimates, states)


def classes(pairs: list[Pair]) -> list[HopClass]:
    return [HopClass(i, j, vector, 4.0, ((i, j, vector),), ()) for i, j, vector in pairs]


def bottlenecks(paths: list[Path], sites: int) -> dict[str, float]:
    edges = [
        Edge(pair, path.saddle_ev, index)
        for index, path in enumerate(paths)
        if path.saddle_ev is not None
        for pair in path.hop.members
    ]
    return {name: found.saddle_ev for name, found in thresholds(sites, edges, AXES).items()}


@given(networks())
def test_thresholds_are_those_of_all_hops(answers):
    hops = classes(list(answers.saddles_ev))
    paths = find_paths(answers, hops, lambda part, parts: silent)
    assert [path.hop for path in paths] == hops
    everything = [answers.find(hop, silent) for hop in hops]
    assert bottlenecks(paths, SITES) == bottlenecks(everything, SITES)
    for path in paths:
        assert (path.saddle_ev is None) == (path.estimate_ev is not None)


def test_hops_over_high_saddles_are_not_followed_where_low_ones_lead_everywhere():
    low = [(0, 0, (1, 0, 0)), (0, 0, (0, 1, 0)), (0, 0, (0, 0, 1))]
    high = [(0, 1 + index % 5, NEIGHBOURS[index // 5]) for index in range(20)]
    saddles = dict.fromkeys(low, 0.2) | dict.fromkeys(high, 0.9)
    states = SimpleNamespace(stage=SimpleNamespace(sites=SimpleNamespace(positions=[0] * SITES)))
    answers = KnownAnswers(saddles, dict(saddles), states)
    paths = find_paths(answers, classes([*high, *low]), lambda part, parts: silent)
    assert answers.asked == 3
    assert [path.estimate_ev for path in paths[:20]] == [0.9] * 20


def test_few_hops_are_all_followed():
    pairs = [(0, 1 + index % 5, NEIGHBOURS[index // 5]) for index in range(MOST_IN_FULL)]
    saddles = {pair: 0.1 * index for index, pair in enumerate(pairs)}
    states = SimpleNamespace(stage=SimpleNamespace(sites=SimpleNamespace(positions=[0] * SITES)))
    answers = KnownAnswers(saddles, dict(saddles), states)
    find_paths(answers, classes(pairs), lambda part, parts: silent)
    assert answers.asked == MOST_IN_FULL


def test_an_alloy_without_symmetry_has_the_thresholds_of_all_its_hops(emt, monkeypatch):
    alloy = bulk("Cu", "fcc", a=3.65) * (2, 2, 2)
    alloy.symbols[0] = "Ni"
    strain = np.eye(3) + np.random.default_rng(2145).uniform(-0.06, 0.06, (3, 3))
    alloy.set_cell(alloy.cell.array @ strain, scale_atoms=True)
    alloy.calc = emt.calculator()
    with BFGS(alloy, logfile=None) as optimizer:
        assert optimizer.run(fmax=0.005, steps=200)
    states = relaxed_vacancies(alloy, "Cu", emt)
    hops = hops_of(states.stage, 3.9)[:21]  # three of them to second neighbours
    assert len(hops) > MOST_IN_FULL
    seen: list[tuple[int, int]] = []

    def begin(part: int, parts: int):
        seen.append((part, parts))
        return silent

    sites = len(states.stage.sites.positions)
    some = find_paths(PathFinder(states, emt, NebSettings()), hops, begin)
    assert seen == [(part, 2 * len(hops)) for part in range(2 * len(hops))]
    monkeypatch.setattr(decisive, "MOST_IN_FULL", len(hops))
    everything = find_paths(PathFinder(states, emt, NebSettings()), hops, begin)
    assert bottlenecks(some, sites) == pytest.approx(bottlenecks(everything, sites), abs=0.005)
    left = [path for path in some if path.estimate_ev is not None]
    assert left
    for path in left:
        full = everything[hops.index(path.hop)]
        assert full.saddle_ev is None or full.saddle_ev > path.estimate_ev - MARGIN_EV
