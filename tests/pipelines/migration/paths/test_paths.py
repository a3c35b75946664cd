"""Saddles of vacancies in metals, found in several ways, are those that symmetry fixes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ase.constraints import FixAtoms
from ase.optimize import BFGS

from pvkdb.schemas.calculations import FailureKind
from pvkdb.schemas.calculations.migration import NebSettings
from pvkdb_pipelines.migration.paths.band import check_band
from pvkdb_pipelines.migration.paths.nudging import interpolate, relax_band
from pvkdb_pipelines.migration.paths.paths import PathFinder
from pvkdb_pipelines.migration.sites.hops import HopClass

from ..conftest import silent


def symmetric_saddle_ev(states, hop, emt) -> float:
    """Half-way between equivalent sites symmetry forbids a force along the hop."""
    ends = states.stage.ends(hop, states.of(hop.start), states.of(hop.end))
    middle = ends.initial.copy()
    middle.positions = (ends.initial.positions + ends.final.positions) / 2
    middle.set_constraint(FixAtoms([states.stage.moving_atom(hop)]))
    middle.calc = emt.calculator()
    with BFGS(middle, logfile=None) as optimizer:
        assert optimizer.run(fmax=0.005, steps=200)
    return float(middle.get_potential_energy())


def turned(hop: HopClass) -> HopClass:
    """The same hop from its other end."""
    u, v, w = hop.vector
    return replace(hop, start=hop.end, end=hop.start, vector=(-u, -v, -w))


@pytest.mark.parametrize(
    ("metal", "lowest", "highest"),
    # Experiment: 0.61 (Al), 0.70 (Cu), 1.04 eV (Ni) (P. Ehrhart, Landolt-Börnstein III/25, 1991).
    [("Al", 0.3, 0.8), ("Cu", 0.5, 0.9), ("Ni", 0.8, 1.3)],
)
def test_every_way_leads_to_the_saddle_of_the_symmetric_midpoint(
    metal, lowest, highest, metal_vacancy, emt
):
    states, hop = metal_vacancy(metal)
    expected = symmetric_saddle_ev(states, hop, emt)
    finder = PathFinder(states)
    half = finder.find(hop, silent)
    full = finder.find(replace(hop, exchanges=()), silent)
    back = finder.find(turned(hop), silent)
    assert (half.by_half, full.by_half) == (True, False)
    for path in (half, full, back):
        assert path.failure is None
        assert path.saddle_ev == pytest.approx(expected, abs=0.005)
        assert not path.monotonic
        assert path.band.residual <= 0.01
        assert path.band.energies_ev[0] == 0.0
        # Equivalent ends: as high from both.
        assert path.band.barrier_forward_ev == pytest.approx(path.band.barrier_reverse_ev, abs=1e-6)
    assert back.saddle_ev == pytest.approx(half.saddle_ev, abs=0.001)
    assert lowest < half.band.barrier_forward_ev < highest

    ends = states.stage.ends(hop, states.of(hop.start), states.of(hop.end))
    band = relax_band(interpolate(ends.initial, ends.final, 5), emt, 0.01, 300, climb=True)
    check_band(band)
    for barrier_ev in (band.barrier_forward_ev, band.barrier_reverse_ev):
        assert barrier_ev + states.lowest_ev == pytest.approx(expected, abs=0.002)
    assert band.residual <= 0.01
    assert np.argmax(band.energies_ev) == 3
    assert abs(band.tangent_forces[3]) < 0.01


def test_a_recheck_from_a_rattled_path_keeps_the_lower_of_two_saddles(metal_vacancy, emt):
    states, hop = metal_vacancy("Al")
    finder = PathFinder(states)
    path = finder.find(hop, silent)
    checked = finder.recheck(path, silent)
    assert checked.recheck_ev == pytest.approx(path.saddle_ev, abs=0.003)
    assert checked.saddle_ev <= path.saddle_ev
    too_high = replace(path, saddle_ev=path.saddle_ev + 0.3)
    checked = finder.recheck(too_high, silent)
    assert checked.saddle_ev == pytest.approx(path.saddle_ev, abs=0.003)
    assert checked.recheck_ev == too_high.saddle_ev


def test_recheck_that_finds_nothing_says_why_and_keeps_the_path(metal_vacancy, emt):
    states, hop = metal_vacancy("Al")
    path = PathFinder(states).find(hop, silent)
    hasty = PathFinder(replace(states, settings=NebSettings(max_steps_neb=1)))
    checked = hasty.recheck(path, silent)
    assert checked.rechecked
    assert checked.recheck_failure.kind == FailureKind.NEB_NOT_CONVERGED
    assert (checked.recheck_ev, checked.saddle_ev) == (None, path.saddle_ev)


def test_a_lower_state_that_a_path_uncovers_takes_the_place_of_its_site(metal_vacancy, emt):
    """The fault: the vacancy was left on a shoulder, 0.1 Å off its minimum."""
    states, hop = metal_vacancy("Cu")
    good = states.of(0)
    stage = states.stage
    off = stage.with_defect(0, good)
    off.rattle(0.06, seed=2)
    off.calc = emt.calculator()
    states.by_site[0] = stage.state_of(0, off, 1)
    assert states.lowest_ev > good.energy_ev + 0.02
    finder = PathFinder(states)
    path = finder.find(replace(hop, exchanges=()), silent)
    assert path.failure is None
    assert finder.improved == {0}
    assert states.lowest_ev == pytest.approx(good.energy_ev, abs=0.002)
    moved = (states.of(0).displacements - good.displacements)[stage.kept(0)]
    assert np.abs(moved - moved.mean(axis=0)).max() < 0.02  # a shift of all atoms costs nothing


def test_a_hop_that_fails_is_a_path_with_its_reason(metal_vacancy, emt):
    states, hop = metal_vacancy("Cu")
    few = NebSettings(max_steps_neb=1, fmax_neb_ev_per_ang=1e-3)
    path = PathFinder(replace(states, settings=few)).find(hop, silent)
    assert (path.band, path.saddle_ev) == (None, None)
    assert path.failure.kind == FailureKind.NEB_NOT_CONVERGED
