"""One defect exactly: by hand, by its derivative, and by Einstein's relation."""

from __future__ import annotations

from dataclasses import replace
from math import exp, inf, log

import numpy as np
import pytest

from pvkdb.kinetics.hopping import BOLTZMANN_EV_PER_K, diffusion_coefficient_m2_per_s
from pvkdb.schemas.calculations.migration import NebResult
from pvkdb.simulation.dilute import diffusion, drift_velocity_m_per_s
from pvkdb.simulation.network import HopNetwork, Hopping, network_of

from .conftest import lattice

KT = BOLTZMANN_EV_PER_K * 300.0


@pytest.mark.parametrize(
    ("name", "jumps", "length"),
    [("simple cubic", 6, 4e-10), ("face-centred cubic", 12, 4e-10 / 2**0.5)],
)
def test_a_cubic_lattice_has_einsteins_coefficient(name: str, jumps: int, length: float) -> None:
    expected = diffusion_coefficient_m2_per_s(0.3, 300.0, 1e12, length, jumps, 3)
    tensor = diffusion(Hopping(lattice(name), 300.0, 1e12)).tensor_m2_per_s
    assert tensor == pytest.approx(expected * np.eye(3), rel=1e-12, abs=1e-30)


def chain() -> HopNetwork:
    """Two sites of 0 and 0.05 eV, one after the other along x, saddles of 0.3 and 0.4 eV."""
    hops = [((0, 1, (0, 0, 0)), 0.3, 0), ((1, 0, (1, 0, 0)), 0.4, 1)]
    return HopNetwork(np.eye(3) * 10, [[0, 0, 0], [0.3, 0, 0]], [0.0, 0.05], hops)


def test_a_chain_of_two_sites_is_that_worked_by_hand() -> None:
    """Conductances in series: 1/D = (1/g₁ + 1/g₂) / L², g = ν exp(−S/kT) / Z."""
    parts = 1 + exp(-0.05 / KT)
    one, two = (1e12 * exp(-saddle / KT) / parts for saddle in (0.3, 0.4))
    found = diffusion(Hopping(chain(), 300.0, 1e12)).along((1, 0, 0))
    assert found.coefficient_m2_per_s == pytest.approx(1e-18 / (1 / one + 1 / two), rel=1e-12)
    share = (1 / one) / (1 / one + 1 / two)
    assert found.shares == pytest.approx({0: share, 1: 1 - share}, rel=1e-9)
    mean_site = 0.05 * exp(-0.05 / KT) / parts
    assert found.e_a_ev == pytest.approx(0.3 * share + 0.4 * (1 - share) - mean_site, rel=1e-12)


def test_its_drift_in_a_strong_field_is_that_worked_by_hand() -> None:
    """The current through two barriers in turn, at 4e7 V/m: rates forward and backward."""
    hopping = Hopping(chain(), 300.0, 1e12, (4e7, 0.0, 0.0))
    up, over, down, back = hopping.rates_hz()  # 0→1, 1→0', 1→0, 0'→1
    at_start = (over + down) / (over + down + up + back)
    expected = 1e-9 * (at_start * up - (1 - at_start) * down)
    assert drift_velocity_m_per_s(hopping) == pytest.approx([expected, 0.0, 0.0], rel=1e-12)


def test_without_a_path_nothing_diffuses() -> None:
    found = diffusion(Hopping(chain(), 300.0, 1e12)).along((0, 1, 0))
    assert (found.coefficient_m2_per_s, found.e_a_ev, found.shares) == (0.0, inf, {})


def test_slow_hops_are_not_lost_beside_fast_ones() -> None:
    """Dimers that flip 10^34 times before a step along y: D of that step alone."""
    hops = [((0, 1, (0, 0, 0)), 0.1, 0), ((0, 1, (0, 1, 0)), 2.1, 1), ((0, 0, (1, 0, 0)), 0.1, 2)]
    network = HopNetwork(np.eye(3) * 10, [[0, 0, 0], [0.3, 0.4, 0]], [0.0, 0.0], hops)
    found = diffusion(Hopping(network, 300.0, 1e12)).along((0, 1, 0))
    assert found.coefficient_m2_per_s == pytest.approx(1e-18 * 1e12 * exp(-2.1 / KT) / 2)
    assert found.e_a_ev == pytest.approx(2.1)


def test_along_each_axis_it_lies_between_the_saddles_and_is_the_slope_of_ln_d(
    caesium_lead_bromide: NebResult,
) -> None:
    network = network_of(caesium_lead_bromide)
    cases = [Hopping(network, 300.0 * (1 + part), 1e12) for part in (-1e-4, 0, 1e-4)]
    for axis, vector in zip("abc", network.cell_ang, strict=True):
        cold, middle, hot = (diffusion(case).along(vector) for case in cases)
        assert network.saddles_ev.min() < middle.e_a_ev < network.saddles_ev.max()
        assert middle.e_a_ev > caesium_lead_bromide.threshold_ev(axis)  # harder hops share the way
        slope = log(hot[0] / cold[0]) / (1 / (KT * (1 - 1e-4)) - 1 / (KT * (1 + 1e-4)))
        assert middle.e_a_ev == pytest.approx(slope, abs=1e-8)
        assert sum(middle.shares.values()) == pytest.approx(1)
    assert diffusion(cases[1]).along(network.cell_ang[0]).e_a_ev == pytest.approx(0.2294, abs=5e-4)


def test_higher_saddles_slow_all_hops_alike(caesium_lead_bromide: NebResult) -> None:
    network = network_of(caesium_lead_bromide)
    before, after = (
        diffusion(Hopping(each, 300.0, 1e12)).tensor_m2_per_s
        for each in (network, network.raised(0.1))
    )
    assert after == pytest.approx(before * exp(-0.1 / KT), rel=1e-9, abs=1e-25)
    assert (network.raised(-1.0).saddles_ev >= network.energies_ev[network.start]).all()


def test_mobility_and_diffusion_obey_einstein(caesium_lead_bromide: NebResult) -> None:
    hopping = Hopping(network_of(caesium_lead_bromide), 300.0, 1e12)
    tensor = diffusion(hopping).tensor_m2_per_s
    for axis in np.eye(3):
        velocity = drift_velocity_m_per_s(replace(hopping, field_v_per_m=1e4 * axis))
        assert velocity == pytest.approx(tensor @ axis * 1e4 / KT, rel=1e-6, abs=1e-12)
