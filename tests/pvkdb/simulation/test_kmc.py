"""Kinetic Monte Carlo against what is known exactly. Most runs are long, and slow tests."""

from __future__ import annotations

from dataclasses import replace
from math import exp, log

import numpy as np
import pytest

from pvkdb.errors import InputError
from pvkdb.kinetics.hopping import BOLTZMANN_EV_PER_K
from pvkdb.schemas.calculations.migration import NebResult
from pvkdb.simulation.dilute import diffusion, drift_velocity_m_per_s
from pvkdb.simulation.network import HopNetwork, Hopping, network_of

from .conftest import lattice

kmc = pytest.importorskip(
    "pvkdb.simulation.kmc", reason="numba is not installed", exc_type=ImportError
)

KT = BOLTZMANN_EV_PER_K * 300.0
CUBIC = Hopping(lattice("simple cubic"), 300.0, 1e12)


def test_hops_keep_defects_apart_between_the_electrodes(monkeypatch: pytest.MonkeyPatch) -> None:
    """In Python, without compiling: 20 defects in 27 sites of which the upper third is a gap."""
    monkeypatch.setattr(kmc, "_run", kmc._hop)
    pushed = replace(CUBIC, field_v_per_m=(1e8, 0.0, 0.0), pair_ev=0.05)
    arguments = (pushed, (3, 3, 6), 20, 7, 0, lambda fractions: fractions[:, 2] > 0.6)
    walkers, again = (kmc.Walkers(*arguments) for _ in range(2))
    assert (walkers.fractions[walkers.places, 2] <= 0.6).all()
    start = walkers.fractions[walkers.places]
    seconds, hops, squares = walkers.run(200)
    assert (hops, squares) == (200, pytest.approx(200 * 16e-20))
    assert len(set(walkers.places.tolist())) == 20
    across = (walkers.fractions[walkers.places] - start)[:, 0] * 12e-10
    assert walkers.moved[:, 0] == pytest.approx(across)  # nobody went through an electrode
    assert walkers.ions.sum(axis=0) == pytest.approx(-walkers.moved.sum(axis=0))
    assert again.run(200) == (seconds, hops, squares)  # by the seed
    assert walkers.run(10**6, low=-1, high=5)[1] < 10**5
    inside = (walkers.fractions[walkers.places, 2] > 0.6).sum()
    assert inside >= 5
    assert walkers.run(10**6, seconds=0.0)[:2] == (0.0, 0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "factor"), [("simple cubic", 0.6531), ("face-centred cubic", 0.7815)]
)
def test_the_correlation_factor_of_a_vacancy(name: str, factor: float) -> None:
    """Montet, Phys. Rev. B 1973, 7, 650 (doi 10.1103/PhysRevB.7.650)."""
    walkers = kmc.Walkers(Hopping(lattice(name), 300.0, 1e12), (24, 24, 24))
    found = kmc.bulk_motion(walkers, 10_000_000)
    assert found.correlation_error < 0.001
    assert found.correlation_factor == pytest.approx(factor, abs=0.003)


@pytest.mark.slow
def test_the_diffusion_of_a_vacancy_is_the_exact_one(caesium_lead_bromide: NebResult) -> None:
    """The tensor within 4 %, and E_A along each axis within 3 meV, between the saddles."""
    network = network_of(caesium_lead_bromide)
    cold, hot = (Hopping(network, kelvin, 1e12) for kelvin in (300.0, 500.0))
    both = [kmc.bulk_motion(kmc.Walkers(each, (6, 5, 6)), 3 * 10**6) for each in (cold, hot)]
    found = [each.tensor_m2_per_s for each in both]
    exact = [diffusion(each).tensor_m2_per_s for each in (cold, hot)]
    for one, other in zip(found, exact, strict=True):
        assert one.diagonal() == pytest.approx(other.diagonal(), rel=0.04)  # of 10^4 steps
    ends = 1 / KT, 1 / (BOLTZMANN_EV_PER_K * 500.0)
    for axis in range(3):
        slope, known = (
            log(each[1][axis, axis] / each[0][axis, axis]) / (ends[0] - ends[1])
            for each in (found, exact)
        )
        assert slope == pytest.approx(known, abs=0.003)
        assert network.saddles_ev.min() < slope < network.saddles_ev.max()


@pytest.mark.slow
def test_drift_is_the_exact_one_and_obeys_einstein() -> None:
    pushed = replace(CUBIC, field_v_per_m=(2e7, 0.0, 0.0))
    found = kmc.bulk_motion(kmc.Walkers(pushed, (12, 12, 12), 40), 6_000_000)
    one, error = found.velocity_m_per_s[0], found.velocity_error_m_per_s[0]
    crowded = 1 - 39 / 12**3  # a site is free with this chance
    assert error < 0.01 * one
    assert one == pytest.approx(crowded * drift_velocity_m_per_s(pushed)[0], abs=4 * error)
    mobility = diffusion(CUBIC).tensor_m2_per_s[0, 0] / KT
    assert one / 2e7 == pytest.approx(crowded * mobility, rel=0.03)  # qFΔr is 0.3 kT


@pytest.mark.slow
def test_pairs_are_as_frequent_as_their_energy_says() -> None:
    """Two defects on a ring of eight sites, 0.03 eV apart from each other when neighbours."""
    ring = HopNetwork(np.eye(3) * 4, [[0, 0, 0]], [0.0], [((0, 0, (1, 0, 0)), 0.3, 0)])
    walkers = kmc.Walkers(Hopping(ring, 300.0, 1e12, pair_ev=0.03), (8, 1, 1), 2)
    beside, samples = 0, 20_000
    for _ in range(samples):
        walkers.run(10**6, seconds=20 / 1e12 * exp(0.3 / KT))  # twenty hops or so
        beside += abs(int(walkers.places[0]) - int(walkers.places[1])) in (1, 7)
    weight = 8 * exp(-0.03 / KT)
    assert beside / samples == pytest.approx(weight / (weight + 20), abs=0.008)  # 0.29 without


@pytest.mark.slow
def test_a_profile_relaxes_in_the_time_of_its_slowest_mode() -> None:
    """From one half of a layer: the first cosine decays as exp(−π² D t / L²), crowded or not."""
    layers, left, right = 20, [], []
    tau = (layers * 4e-10) ** 2 / np.pi**2 / diffusion(CUBIC).tensor_m2_per_s[0, 0]
    for seed in range(60):
        half = (200, seed, 0, lambda fractions: fractions[:, 0] >= 0.5)
        walkers = kmc.Walkers(CUBIC, (layers, 8, 8), *half)
        for mode in (left, right):
            heights = walkers.fractions[walkers.places, 0] + 0.5 / layers
            mode.append(np.cos(np.pi * heights).mean())
            walkers.run(10**9, seconds=tau / 2)
    assert np.mean(right) / np.mean(left) == pytest.approx(exp(-0.5), rel=0.03)


@pytest.mark.slow
def test_a_gap_fills_by_drift_and_is_lost_by_diffusion() -> None:
    layer = kmc.Layer(0, 40e-9, 8e-9, 1.0, 0.01)
    filled, lost = kmc.gap_times(CUBIC, layer, 20)
    pushed = replace(CUBIC, field_v_per_m=(1 / 40e-9, 0.0, 0.0))
    crossing = 40e-9 / drift_velocity_m_per_s(pushed)[0]
    # Half of them start within 0.3 to 0.55 of the layer below the gap.
    assert 0.2 * crossing < np.median(filled) < 0.7 * crossing
    relaxed = 40e-9**2 / np.pi**2 / diffusion(CUBIC).tensor_m2_per_s[0, 0]
    assert 0.02 * relaxed < np.median(lost) < relaxed
    assert len(set(filled)) == 20
    weak = kmc.Layer(0, 40e-9, 8e-9, 0.001, 0.01)
    assert np.isinf(kmc.gap_times(CUBIC, weak, 2)).all()  # the even spread stays


def test_what_cannot_fill_and_what_is_too_large_is_refused() -> None:
    with pytest.raises(InputError, match=r"of 6 nm fills in 10 nm .*: give a gap below half"):
        kmc.gap_times(CUBIC, kmc.Layer(0, 1e-8, 6e-9, 1.0, 0.01))
    with pytest.raises(InputError, match=r"2,040,000 sites are more than 2,000,000"):
        kmc.Walkers(CUBIC, (200, 200, 51))
