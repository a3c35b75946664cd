"""Of many hops only some are followed; the thresholds are those of all."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from ase.build import bulk
from ase.optimize import BFGS
from hypothesis import given
from hypothesis import strategies as st

from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import FailureKind
from pvkdb.schemas.migration import NebSettings
from pvkdb_pipelines.migration import decisive, search
from pvkdb_pipelines.migration.decisive import MARGIN_EV, MOST_IN_FULL, find_paths
from pvkdb_pipelines.migration.defects import DefectStates
from pvkdb_pipelines.migration.hops import HopClass, Pair
from pvkdb_pipelines.migration.paths import Path, PathFinder
from pvkdb_pipelines.migration.percolation import Edge, thresholds

from .conftest import hops_of, relaxed_vacancies, silent

AXES = dict(zip("abc", np.eye(3), strict=True))
NEIGHBOURS = [(1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 0, 0)]
SITES = 6


@dataclass
class KnownAnswers:
    """Finds the saddles that it was told, and counts its long searches.

    Hops with a top are hard. Those in ``better`` uncover a lower state of their start.
    """

    saddles_ev: dict[Pair, float | None]
    tops_ev: dict[Pair, float]
    better: frozenset[Pair] = frozenset()
    improved: set[int] = field(default_factory=set)
    searched: int = 0
    sites: int = SITES

    def ends_ev(self, hop: HopClass) -> tuple[float, float]:
        first, second = (-0.6 if site in self.improved else -0.5 for site in (hop.start, hop.end))
        return first, second

    def find(self, hop: HopClass, on_step: object, *, thorough: bool = True) -> Path:
        top_ev = self.tops_ev.get(hop.members[0])
        if top_ev is not None:
            if not thorough:
                return Path(hop, bypassed=True, estimate_ev=top_ev)
            self.searched += 1
        if hop.members[0] in self.better:
            self.improved.add(hop.start)
        saddle = self.saddles_ev[hop.members[0]]
        if saddle is None:
            return Path(hop, failure=CalculationFailedError(FailureKind.NEB_NOT_CONVERGED, "no"))
        return Path(hop, saddle_ev=saddle)

    def paths(self, hops: list[HopClass], *, every: bool = False) -> list[Path]:
        return find_paths(self, hops, lambda *part: silent, every=every)


@st.composite
def networks(draw: st.DrawFn) -> KnownAnswers:
    """Hops between sites and their images; the tops of hard ones are as far off as they may be."""
    site = st.integers(0, SITES - 1)
    pair = st.tuples(site, site, st.sampled_from(NEIGHBOURS)).filter(
        lambda found: found[0] != found[1] or found[2] != (0, 0, 0)
    )
    pairs = draw(st.lists(pair, min_size=MOST_IN_FULL + 1, max_size=50, unique=True))
    saddles = {pair: draw(st.floats(0.0, 1.0)) for pair in pairs}
    off = st.one_of(st.none(), st.floats(-0.3, MARGIN_EV))
    tops = {pair: saddles[pair] + by for pair in pairs if (by := draw(off)) is not None}
    failed = draw(st.sets(st.sampled_from(pairs), max_size=5))
    return KnownAnswers(
        {pair: None if pair in failed else saddle for pair, saddle in saddles.items()}, tops
    )


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
    paths = answers.paths(hops)
    assert [path.hop for path in paths] == hops
    everything = answers.paths(hops, every=True)
    assert bottlenecks(paths, SITES) == bottlenecks(everything, SITES)
    for path in paths:
        assert path.bypassed + (path.saddle_ev is not None) + (path.failure is not None) == 1


LOW = [(0, 0, (1, 0, 0)), (0, 0, (0, 1, 0)), (0, 0, (0, 0, 1))]
HIGH = [(0, 1 + index % 5, NEIGHBOURS[index // 5]) for index in range(20)]


def test_hard_hops_are_bypassed_where_low_saddles_lead_everywhere():
    saddles = dict.fromkeys(LOW, 0.2) | dict.fromkeys(HIGH, 0.9)
    answers = KnownAnswers(saddles, dict.fromkeys(HIGH, 1.0))
    paths = answers.paths(classes([*HIGH, *LOW]))
    assert answers.searched == 0
    assert all(path.bypassed and path.estimate_ev == 1.0 for path in paths[:20])
    assert all(path.saddle_ev == 0.2 for path in paths[20:])


def test_a_hard_hop_that_may_be_lower_is_followed_and_keeps_what_was_seen_of_it():
    saddles = dict.fromkeys(LOW, 0.2) | dict.fromkeys(HIGH, 0.9)
    answers = KnownAnswers(saddles | {LOW[0]: 0.15}, {LOW[0]: 0.3})
    paths = answers.paths(classes([*HIGH, *LOW]))
    assert (paths[20].saddle_ev, paths[20].estimate_ev, answers.searched) == (0.15, 0.3, 1)


def test_a_hop_with_a_lower_end_than_it_was_judged_by_is_followed():
    saddles = dict.fromkeys(LOW, 0.2) | dict.fromkeys(HIGH, 0.9)
    hard = {HIGH[0]: 1.0, HIGH[1]: 1.1}
    assert KnownAnswers(saddles, hard).paths(classes([*HIGH, *LOW]))[0].bypassed
    moving = KnownAnswers(saddles, hard, better=frozenset([LOW[2]]))
    paths = moving.paths(classes([*HIGH, *LOW]))
    assert [path.bypassed for path in paths[:2]] == [False, False]


def test_few_hops_are_all_followed_and_many_if_asked_for():
    saddles = {pair: 0.1 * index for index, pair in enumerate(HIGH)}
    few = KnownAnswers(saddles, dict(saddles))
    few.paths(classes(HIGH[:MOST_IN_FULL]))
    assert few.searched == MOST_IN_FULL
    many = KnownAnswers(saddles, dict(saddles))
    many.paths(classes(HIGH), every=True)
    assert many.searched == len(HIGH)


def test_a_site_without_a_state_fails_its_hops_and_nothing_else(metal_vacancy, emt):
    states, hop = metal_vacancy("Al")
    failure = CalculationFailedError(FailureKind.ENDPOINT_NOT_CONVERGED, "a test")
    lost = DefectStates(states.stage, states.hessian, {}, {0: failure})
    finder = PathFinder(lost, emt, NebSettings())
    hops = [hop] * (MOST_IN_FULL + 1)
    paths = find_paths(finder, hops, lambda *part: silent)
    assert [path.failure.kind for path in paths] == [failure.kind] * len(hops)


def test_an_alloy_without_symmetry_has_the_thresholds_of_all_its_hops(emt, monkeypatch):
    monkeypatch.setattr(search, "_MOST_STEPS_UP", 2)  # no saddle is found at once
    monkeypatch.setattr(decisive, "MARGIN_EV", 0.05)  # metals are stiff
    alloy = bulk("Cu", "fcc", a=3.65) * (2, 2, 2)
    alloy.symbols[0] = "Ni"
    strain = np.eye(3) + np.random.default_rng(2145).uniform(-0.06, 0.06, (3, 3))
    alloy.set_cell(alloy.cell.array @ strain, scale_atoms=True)
    alloy.calc = emt.calculator()
    with BFGS(alloy, logfile=None) as optimizer:
        assert optimizer.run(fmax=0.005, steps=200)
    states = relaxed_vacancies(alloy, "Cu", emt)
    hops = hops_of(states.stage, 3.9)[:19]  # the last one to a second neighbour
    assert len(hops) > MOST_IN_FULL
    announced: list[tuple[int, int]] = []

    def announce(part: int, parts: int):
        announced.append((part, parts))
        return silent

    sites = len(states.stage.sites.positions)
    some = find_paths(PathFinder(states, emt, NebSettings()), hops, announce)
    assert announced[: len(hops)] == [(part, len(hops)) for part in range(len(hops))]
    every = find_paths(PathFinder(states, emt, NebSettings()), hops, announce, every=True)
    assert bottlenecks(some, sites) == pytest.approx(bottlenecks(every, sites), abs=0.005)
    assert any(path.bypassed for path in some)
    for path, full in zip(some, every, strict=True):
        if path.bypassed and full.saddle_ev is not None:
            assert full.saddle_ev > path.estimate_ev - 0.05
