"""Of many hops only some are followed; the thresholds are those of all."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pytest
from ase.build import bulk
from ase.optimize import BFGS
from hypothesis import given
from hypothesis import strategies as st

from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import FailureKind
from pvkdb.schemas.migration import NebSettings
from pvkdb_pipelines.migration.decisive import MARGIN_EV, MOST_IN_FULL, find_paths
from pvkdb_pipelines.migration.defects import DefectStates
from pvkdb_pipelines.migration.hops import HopClass, Pair
from pvkdb_pipelines.migration.paths import Begun, Path, PathFinder
from pvkdb_pipelines.migration.percolation import Edge, thresholds

from .conftest import hops_of, relaxed_vacancies, silent

AXES = dict(zip("abc", np.eye(3), strict=True))
NEIGHBOURS = [(1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 0, 0)]
SITES = 6


@dataclass
class KnownAnswers:
    """Finds the saddles that it was told, and counts how many it was asked for.

    Hops in ``better`` uncover a lower state of their start: all estimates were made with the
    higher one, and lie as far above what they are then.
    """

    saddles_ev: dict[Pair, float | None]
    estimates_ev: dict[Pair, float | None]
    better: frozenset[Pair] = frozenset()
    too_high_ev: float = 0.0
    states: SimpleNamespace = field(
        default_factory=lambda: SimpleNamespace(
            stage=SimpleNamespace(sites=SimpleNamespace(positions=[0] * SITES))
        )
    )
    improved: set[int] = field(default_factory=set)
    asked: int = 0

    def begin(self, hop: HopClass, on_step: object) -> Begun:
        estimate = self.estimates_ev[hop.members[0]]
        if estimate is not None and hop.start not in self.improved:
            estimate += self.too_high_ev
        return Begun([], None, self.ends_ev(hop), estimate)

    def ends_ev(self, hop: HopClass) -> tuple[float, float]:
        first, second = (-1.0 if site in self.improved else -0.5 for site in (hop.start, hop.end))
        return first, second

    def outdated(self, hop: HopClass, begun: Begun) -> bool:
        return begun.ends_ev != self.ends_ev(hop)

    def find(self, hop: HopClass, on_step: object, begun: Begun | None = None) -> Path:
        self.asked += 1
        if hop.members[0] in self.better:
            self.improved.add(hop.start)
        saddle = self.saddles_ev[hop.members[0]]
        if saddle is None:
            return Path(hop, failure=CalculationFailedError(FailureKind.NEB_NOT_CONVERGED, "no"))
        return Path(hop, saddle_ev=saddle)

    def paths(self, hops: list[HopClass], *, every: bool = False) -> list[Path]:
        return find_paths(
            self, hops, every=every, loosely=lambda *part: silent, closely=lambda *part: silent
        )


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
    estimates = {
        pair: None if off is None else saddles[pair] + off
        for pair, off in ((pair, draw(off)) for pair in pairs)
    }
    failed = draw(st.sets(st.sampled_from(pairs), max_size=5))
    return KnownAnswers(
        {pair: None if pair in failed else saddle for pair, saddle in saddles.items()}, estimates
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


@given(networks(), st.data())
def test_lower_states_that_turn_up_on_the_way_count(answers, data):
    pairs = list(answers.saddles_ev)
    some = data.draw(st.sets(st.sampled_from(pairs), max_size=3))
    moving = KnownAnswers(answers.saddles_ev, answers.estimates_ev, frozenset(some), 0.4)
    hops = classes(pairs)
    paths = moving.paths(hops)
    for path in paths:
        if path.bypassed and path.hop.start in moving.improved:  # judged by the final states
            assert path.estimate_ev == answers.estimates_ev[path.hop.members[0]]


LOW = [(0, 0, (1, 0, 0)), (0, 0, (0, 1, 0)), (0, 0, (0, 0, 1))]
HIGH = [(0, 1 + index % 5, NEIGHBOURS[index // 5]) for index in range(20)]


def test_hops_over_high_saddles_are_bypassed_where_low_ones_lead_everywhere():
    saddles = dict.fromkeys(LOW, 0.2) | dict.fromkeys(HIGH, 0.9)
    answers = KnownAnswers(saddles, dict(saddles))
    paths = answers.paths(classes([*HIGH, *LOW]))
    assert answers.asked == 3
    assert all(path.bypassed and path.estimate_ev == 0.9 for path in paths[:20])
    assert all(not path.bypassed and path.estimate_ev == 0.2 for path in paths[20:])


def test_a_hop_without_an_estimate_is_bypassed_without_one():
    saddles = dict.fromkeys(LOW, -0.6) | dict.fromkeys(HIGH, 0.9)
    answers = KnownAnswers(saddles, dict.fromkeys(LOW, -0.6) | dict.fromkeys(HIGH))
    paths = answers.paths(classes([*HIGH, *LOW]))
    assert all(path.bypassed and path.estimate_ev is None for path in paths[:20])


def test_few_hops_are_all_followed_and_many_if_asked_for():
    saddles = {pair: 0.1 * index for index, pair in enumerate(HIGH)}
    few = KnownAnswers(saddles, dict(saddles))
    few.paths(classes(HIGH[:MOST_IN_FULL]))
    assert few.asked == MOST_IN_FULL
    many = KnownAnswers(saddles, dict(saddles))
    many.paths(classes(HIGH), every=True)
    assert many.asked == len(HIGH)


def test_a_site_without_a_state_fails_its_hops_and_nothing_else(metal_vacancy, emt):
    states, hop = metal_vacancy("Al")
    failure = CalculationFailedError(FailureKind.ENDPOINT_NOT_CONVERGED, "a test")
    lost = DefectStates(states.stage, states.hessian, {}, {0: failure})
    finder = PathFinder(lost, emt, NebSettings())
    hops = [hop] * (MOST_IN_FULL + 1)
    announce = lambda *part: silent  # noqa: E731
    paths = find_paths(finder, hops, every=False, loosely=announce, closely=announce)
    assert [path.failure.kind for path in paths] == [failure.kind] * len(hops)


def test_an_alloy_without_symmetry_has_the_thresholds_of_all_its_hops(emt):
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
    loose: list[tuple[int, int]] = []

    def loosely(part: int, parts: int):
        loose.append((part, parts))
        return silent

    def found(*, every: bool) -> list[Path]:
        finder = PathFinder(states, emt, NebSettings())
        return find_paths(finder, hops, every=every, loosely=loosely, closely=lambda *part: silent)

    sites = len(states.stage.sites.positions)
    some = found(every=False)
    assert loose == [(part, len(hops)) for part in range(len(hops))]
    everything = found(every=True)
    assert bottlenecks(some, sites) == pytest.approx(bottlenecks(everything, sites), abs=0.005)
    assert any(path.bypassed for path in some)
    for path in some:
        full = everything[hops.index(path.hop)]
        assert full.saddle_ev is None or full.saddle_ev > path.estimate_ev - MARGIN_EV
