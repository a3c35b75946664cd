"""One defect on a network, exactly: its diffusion, activation energy and drift.

Defects that never meet move like one, so that this is the dilute limit of :mod:`.kmc` without its
noise. In the stationary state the conductances π_i Γ_ij dissipate least (Kipnis and Varadhan 1986,
doi 10.1007/BF01210789); sites are eliminated without subtractions (Grassmann, Taksar and Heyman
1985, doi 10.1287/opre.33.5.1107), so that rates may differ by any number of decades.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import inf
from typing import NamedTuple

import numpy as np

from pvkdb.kinetics.hopping import Array
from pvkdb.simulation.network import HopNetwork, Hopping, Integers

__all__ = ["DiluteDiffusion", "diffusion", "drift_velocity_m_per_s"]


class AxisDiffusion(NamedTuple):
    """Diffusion along one direction: m²/s, and E_A = −∂ ln D / ∂(1/k_B T) in eV.

    E_A is the mean saddle of the hops by their ``shares`` in the dissipation (by class), less the
    mean energy of the sites. Without a path it is infinite.
    """

    coefficient_m2_per_s: float
    e_a_ev: float
    shares: dict[int, float]


class DiluteDiffusion(NamedTuple):
    """The diffusion tensor of one defect, Cartesian, as a sum over hops: shape (m, 3, 3), m²/s."""

    network: HopNetwork
    occupation: Array
    flows_m2_per_s: Array

    @property
    def tensor_m2_per_s(self) -> Array:
        """The tensor, shape (3, 3)."""
        return np.asarray(self.flows_m2_per_s.sum(axis=0))

    def along(self, direction: Sequence[float] | Array) -> AxisDiffusion:
        """Return the diffusion along a Cartesian direction."""
        unit = np.asarray(direction) / np.linalg.norm(direction)
        flows = self.flows_m2_per_s @ unit @ unit
        if (total := float(flows.sum())) == 0.0:
            return AxisDiffusion(0.0, inf, {})
        shares = np.bincount(self.network.classes, flows / total).tolist()
        saddle = float(flows @ self.network.saddles_ev) / total
        e_a_ev = saddle - float(self.occupation @ self.network.energies_ev)
        return AxisDiffusion(total, e_a_ev, {each: s for each, s in enumerate(shares) if s})


def diffusion(hopping: Hopping) -> DiluteDiffusion:
    """Return the diffusion of one defect without a field."""
    hopping = replace(hopping, field_v_per_m=(0.0, 0.0, 0.0))
    network, rates, occupation = hopping.network, hopping.rates_hz(), hopping.occupation()
    crossings, _ = _crossings(network)
    sources = np.zeros(network.positions.shape)
    np.add.at(sources, network.start, rates[:, None] * crossings)
    found, (ways, sources, exits) = np.zeros_like(sources), _eliminated(network, rates, sources)
    for site in np.flatnonzero(exits):
        found[site] = (sources[site] + ways[site, :site] @ found[:site]) / exits[site]
    # With these shifts of the sites the mean hop from each is zero, and none remembers the last.
    steps = (crossings + found[network.end] - found[network.start]) @ network.cell_ang * 1e-10
    weights = occupation[network.start] * rates / 2
    flows = weights[:, None, None] * steps[:, :, None] * steps[:, None, :]
    return DiluteDiffusion(network, occupation, flows)


def drift_velocity_m_per_s(hopping: Hopping) -> Array:
    """Return the drift velocity of one defect, Cartesian, shape (3,)."""
    network, rates, weights = hopping.network, hopping.rates_hz(), hopping.occupation()
    crossings, parts = _crossings(network)
    ways, _, exits = _eliminated(network, rates, np.zeros(network.positions.shape))
    found = np.ones(len(weights))
    for site in np.flatnonzero(exits):
        found[site] = found[:site] @ ways[:site, site]
    # The field moves no defect to another part: each keeps its weight.
    found *= (np.bincount(parts, weights) / np.bincount(parts, found).clip(1e-300))[parts]
    return np.asarray(found[network.start] * rates @ crossings @ network.cell_ang * 1e-10)


def _crossings(network: HopNetwork) -> tuple[Integers, Integers]:
    """Return the cells that each hop crosses, shape (m, 3), and the connected part of each site.

    A site counts to the cell in which the easiest hops reach it, so that only hops that close a
    path through the crystal cross cells: no mean changes, and fast hops to and fro do not drown
    what leads on.
    """
    parts = np.arange(len(network.positions))
    cells = np.zeros((len(parts), 3), dtype=np.int64)
    for hop in np.argsort(network.saddles_ev, kind="stable"):
        start, end = network.start[hop], network.end[hop]
        if parts[start] != parts[end]:
            joined = parts == parts[end]
            cells[joined] += cells[start] - network.shift[hop] - cells[end]
            parts[joined] = parts[start]
    return network.shift + cells[network.end] - cells[network.start], parts


def _eliminated(network: HopNetwork, rates: Array, sources: Array) -> tuple[Array, Array, Array]:
    """Eliminate each site for those before it: the rates to them, sources, exit rates.

    Column k has the rates into k over its exit rate, which is zero for the first site of a part.
    """
    ways, exits = np.zeros((len(sources),) * 2), np.zeros(len(sources))
    np.add.at(ways, (network.start, network.end), rates)
    for site in range(len(sources) - 1, 0, -1):
        exits[site] = ways[site, :site].sum()
        if exits[site] > 0:
            into = ways[:site, site] = ways[:site, site] / exits[site]
            ways[:site, :site] += np.outer(into, ways[site, :site])
            sources[:site] += np.outer(into, sources[site])
    return ways, sources, exits
