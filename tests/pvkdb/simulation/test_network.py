"""All sites and hops of a crystal from one of each kind, and their rates."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pvkdb.errors import InputError
from pvkdb.kinetics.hopping import BOLTZMANN_EV_PER_K
from pvkdb.schemas.calculations.migration import NebResult
from pvkdb.simulation.network import HopNetwork, Hopping, network_of
from pvkdb_pipelines.migration.result.percolation import HopEdge, thresholds

from .conftest import Released


def percolation(network: HopNetwork) -> dict[str, float]:
    """The bottlenecks of a network by the code that computes them for a result."""
    one_way = slice(0, len(network.start) // 2)
    names = ("start", "end", "shift", "saddles_ev", "classes")
    hops = zip(*(getattr(network, name)[one_way].tolist() for name in names), strict=True)
    edges = [HopEdge((i, j, tuple(shift)), saddle, hop) for i, j, shift, saddle, hop in hops]
    found = thresholds(len(network.positions), edges, dict(zip("abc", np.eye(3), strict=True)))
    return {name: threshold.saddle_ev for name, threshold in found.items()}


def check(result: NebResult) -> None:
    """Assert that the rebuilt network has the sites, hops and bottlenecks of its result."""
    network = network_of(result)
    assert len(network.positions) == sum(site.multiplicity for site in result.sites)
    known = [each.hop for each in result.hops if each.saddle_ev is not None]
    assert len(network.start) == 2 * sum(hop.multiplicity for hop in known)
    lengths = np.linalg.norm(network.steps_m, axis=1) * 1e10
    stored = np.array([each.hop.length_ang for each in result.hops])[network.classes]
    assert lengths == pytest.approx(stored, abs=2e-3)
    limits = {str(each.direction): each.e_a_ev for each in result.percolation}
    assert percolation(network) == pytest.approx(limits, abs=1e-9)
    assert network.charge_number == 1  # a halide leaves a positive site


def test_a_rebuilt_network_has_the_sites_hops_and_bottlenecks_of_its_result(
    released: Released, caesium_lead_bromide: NebResult
) -> None:
    """Orthorhombic, monoclinic, tetragonal and centred."""
    check(caesium_lead_bromide)
    check(released["Cs2MnBr4", "I4/mmm", "chgnet"])  # became C2/m
    check(released["K2IrCl6", "P4/mnc", "chgnet"])  # no path along c


@pytest.mark.slow
def test_all_networks_of_the_release_are_rebuilt(released: Released) -> None:
    assert len(released) == 197
    for result in released.values():
        check(result)


def test_a_result_of_another_space_group_is_refused(caesium_lead_bromide: NebResult) -> None:
    other = caesium_lead_bromide.model_copy(update={"space_group": "Pm-3m"})
    with pytest.raises(InputError, match=r"Pm-3m of CsPbBr3 gives site Br1 .*pvkdb neb CsPbBr3"):
        network_of(other)


@pytest.mark.parametrize("field", [0.0, 1e6, 1e8, 1e10])
def test_forward_to_backward_is_as_boltzmann(caesium_lead_bromide: NebResult, field: float) -> None:
    """Detailed balance: also where a field of 1e10 V/m has removed the barriers."""
    network = network_of(caesium_lead_bromide)
    direction = np.array([0.6, 0.0, 0.8])
    pairs = np.arange(-3, 4)
    rates = Hopping(network, 300.0, 1e12, field * direction, pair_ev=0.1).rates_hz(pairs)
    half = len(rates) // 2
    energies = network.energies_ev[network.end] - network.energies_ev[network.start]
    work = network.steps_m @ direction * field
    rise = np.add.outer((energies - work)[:half], 0.1 * pairs)
    ratio = np.log(rates[:half] / rates[half:, ::-1])  # a hop back parts as many pairs
    assert ratio == pytest.approx(-rise / (BOLTZMANN_EV_PER_K * 300.0), rel=1e-12, abs=1e-12)
    assert (rates <= 1e12).all()


def test_a_field_helps_along_it_and_only_for_a_charge() -> None:
    network = HopNetwork(np.eye(3) * 5, [[0, 0, 0]], [0.0], [((0, 0, (1, 0, 0)), 0.3, 0)])
    hopping = Hopping(network, 300.0, 1e12, (1e7, 0.0, 0.0))
    forward, backward = hopping.rates_hz()
    tilt = 1e7 * 5e-10 / 2 / (BOLTZMANN_EV_PER_K * 300.0)
    still = replace(hopping, field_v_per_m=(0.0, 0.0, 0.0)).rates_hz()[0]
    assert (forward / still, backward / still) == pytest.approx((np.exp(tilt), np.exp(-tilt)))
    network.charge_number = 0.0
    assert hopping.rates_hz() == pytest.approx([still, still])
