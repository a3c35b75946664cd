"""The periodic graph of sites and hops on which a defect moves, and the rates of its hops.

A result has one hop of each class, in the standard setting of its space group. The operations of
that setting, of spglib's database (doi 10.1080/27660400.2024.2384822), give the others.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from pvkdb.chemistry import ion
from pvkdb.errors import InputError
from pvkdb.kinetics.hopping import Array, Numbers, hop_rate_hz
from pvkdb.schemas.calculations.migration import NebResult

__all__ = ["HopNetwork", "Hopping", "network_of"]

Integers = npt.NDArray[np.int64]
#: Two sites and the cell of the second.
Pair = tuple[int, int, tuple[int, int, int]]

#: Points closer than this are one site, Å; results keep four decimals of a fraction of the cell.
_SAME_ANG = 0.02
#: Lengths of one hop differ by less in its members, Å, for the same reason.
_ROUNDED_ANG = 0.005


class HopNetwork:
    """Sites of a periodic cell (n), and hops between them in both directions (m).

    ``cell_ang`` has the vectors of the cell as rows, ``positions`` (n, 3) is in fractions of it,
    ``energies_ev`` (n,) are those of the defect. A hop leads from the site ``start`` to ``end`` in
    the cell ``shift`` (m, 3), over ``saddles_ev`` on the same scale; ``classes`` are the numbers of
    equivalent hops. ``charge_number`` is that of the defect.
    """

    def __init__(
        self,
        cell_ang: npt.ArrayLike,
        positions: npt.ArrayLike,
        energies_ev: npt.ArrayLike,
        hops: Iterable[tuple[Pair, float, int]],
        charge_number: float = 1.0,
    ) -> None:
        """Take each hop in one direction: sites and cell, saddle in eV, class."""
        pairs, saddles, classes = zip(*hops, strict=True)
        one, other, shifts = (np.array(part) for part in zip(*pairs, strict=True))
        self.cell_ang, self.positions = np.array(cell_ang, float), np.array(positions, float)
        self.energies_ev, self.charge_number = np.array(energies_ev, float), charge_number
        self.start, self.end = np.concatenate([one, other]), np.concatenate([other, one])
        self.shift = np.concatenate([shifts, -shifts])
        self.saddles_ev, self.classes = np.tile(saddles, 2), np.tile(classes, 2)

    @property
    def steps_m(self) -> Array:
        """Displacement of each hop, Cartesian, shape (m, 3), m."""
        step = self.positions[self.end] + self.shift - self.positions[self.start]
        return np.asarray(step @ self.cell_ang * 1e-10)

    @property
    def across_m(self) -> Array:
        """Vectors from one plane of cells to the next, across each axis, shape (3, 3), m."""
        normals = np.linalg.inv(self.cell_ang).T
        return np.asarray(normals / (normals**2).sum(axis=1, keepdims=True) * 1e-10)

    def raised(self, by_ev: float) -> HopNetwork:
        """Return the network with other saddles, none below its two sites."""
        sites = np.maximum(self.energies_ev[self.start], self.energies_ev[self.end])
        network = copy(self)
        network.saddles_ev = np.maximum(self.saddles_ev + by_ev, sites)
        return network


@dataclass(frozen=True, slots=True)
class Hopping:
    """A network at a temperature (K), with one attempt frequency (Hz) for all hops, in a field.

    ``pair_ev`` is the energy of two defects one hop apart.
    """

    network: HopNetwork
    temperature_k: float
    attempt_frequency_hz: float
    field_v_per_m: Sequence[float] | Array = (0.0, 0.0, 0.0)
    pair_ev: float = 0.0

    def occupation(self) -> Array:
        """Return the share of time on each site in equilibrium without a field, shape (n,)."""
        energies = self.network.energies_ev
        weights = hop_rate_hz(energies - energies.min(), self.temperature_k, 1.0)
        return np.asarray(weights / weights.sum())

    def rates_hz(self, pairs: Numbers = 0.0) -> Array:
        """Return the rate of each hop that makes a number of pairs, shape (m,) and that of it.

        A field lowers the barrier of a hop by Δr by q F·Δr / 2; half of the energy of new pairs
        adds to it. No barrier is below zero or the rise of energy, so that forward over backward
        is exp(−ΔE / k_B T) in every field.

        Raises:
            InputError: temperature or attempt frequency are out of range.
        """
        network, new = self.network, np.asarray(pairs) * self.pair_ev
        own = network.energies_ev[network.start]
        work = network.charge_number * network.steps_m @ np.asarray(self.field_v_per_m, float)
        rise = np.add.outer(network.energies_ev[network.end] - own - work, new)
        saddle = np.add.outer(network.saddles_ev - own - work / 2, new / 2)
        barrier = np.maximum(np.maximum(saddle, rise), 0.0)
        return hop_rate_hz(barrier, self.temperature_k, self.attempt_frequency_hz)


def network_of(result: NebResult) -> HopNetwork:
    """Return all sites and hops of a migration result, in its conventional cell.

    Hops without a barrier are left out. The charge is that of the ion, or of its vacancy.

    Raises:
        InputError: the space group does not give the sites and hops that the result counts.
    """
    from ase.geometry import cellpar_to_cell

    rotations, translations = _operations(result.space_group)
    cell = cellpar_to_cell(result.lattice_parameters)
    positions, names, energies = np.zeros((0, 3)), list[str](), list[float]()
    for site in result.sites:
        first = len(positions)
        for image in (rotations @ np.array(site.position) + translations) % 1.0:
            if _sites_at(image[None, :], positions[first:], cell)[0][0] < 0:
                positions = np.vstack([positions, image])
        count = len(positions) - first
        _require(count == site.multiplicity, f"site {site.name} {count} times", result)
        names += [site.name] * count
        energies += [site.energy_ev] * count

    def orbit(start: Array, end: Array) -> frozenset[Pair]:
        (ones, here), (others, there) = (
            _sites_at(rotations @ point + translations, positions, cell) for point in (start, end)
        )
        listed = zip(ones.tolist(), others.tolist(), (there - here).tolist(), strict=True)
        return frozenset(min((i, j, (u, v, w)), (j, i, (-u, -v, -w))) for i, j, (u, v, w) in listed)

    kinds, hops = np.array(names), list[tuple[Pair, float, int]]()
    for number, barrier in enumerate(result.hops):
        hop = barrier.hop
        if barrier.saddle_ev is None:
            continue
        starts = positions[kinds == hop.start]
        ends = starts + np.array(hop.direction)
        found, whole = _sites_at(ends, positions, cell)
        fitting = (found >= 0) & (kinds[found] == hop.end)
        length = np.linalg.norm((positions[found] + whole - starts) @ cell, axis=1)
        # edges of two kinds of octahedra may be as alike as points of one site
        off = np.where(fitting, abs(length - hop.length_ang), np.inf)
        fitting &= off < off.min() + _ROUNDED_ANG
        orbits = {orbit(*points) for points in zip(starts[fitting], ends[fitting], strict=True)}
        orbits = {each for each in orbits if len(each) == hop.multiplicity}
        _require(len(orbits) == 1, f"hop {number + 1} in {len(orbits)} ways", result)
        hops += [(pair, barrier.saddle_ev, number) for pair in sorted(*orbits)]
    charge = ion(result.species).charge * (-1 if result.defect.startswith("V_") else 1)
    return HopNetwork(cell, positions, energies, hops, charge)


@cache
def _operations(symbol: str) -> tuple[Integers, Array]:
    """Return rotations and translations of a space group in its standard setting."""
    import spglib

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # spglib 2.7 on its own errors
        types = (spglib.get_spacegroup_type(hall) for hall in range(1, 531))
        hall = next(each.hall_number for each in types if each.international_short == symbol)
        found = spglib.get_symmetry_from_database(hall)
    return found["rotations"], found["translations"]


def _sites_at(points: Array, sites: Array, cell: Array) -> tuple[Integers, Integers]:
    """Return the site at each point, −1 where there is none, and the cell in which it lies."""
    if not len(sites):
        return np.full(len(points), -1), np.zeros((len(points), 3), dtype=np.int64)
    offsets = points[:, None, :] - sites
    whole = np.rint(offsets)
    distances = np.linalg.norm((offsets - whole) @ cell, axis=2)
    nearest, rows = distances.argmin(axis=1), np.arange(len(points))
    found = np.where(distances[rows, nearest] < _SAME_ANG, nearest, -1)
    return found, whole[rows, nearest].astype(np.int64)


def _require(right: bool, given: str, result: NebResult) -> None:
    if not right:
        raise InputError(
            f"the symmetry {result.space_group} of {result.formula} gives {given}, other than the "
            f"result has; compute the barriers again with: pvkdb neb {result.formula}"
        )
