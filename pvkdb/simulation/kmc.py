"""Kinetic Monte Carlo of many defects on a network, one hop after the other without rejections.

Bortz, Kalos and Lebowitz 1975, doi 10.1016/0021-9991(75)90060-1: a tree of sums of rates draws the
defect that hops. Defects exclude each other from a site, and may interact with those one hop away.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import ceil, inf, log
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt
from numba import njit

from pvkdb.errors import InputError
from pvkdb.kinetics.hopping import Array
from pvkdb.simulation.network import Hopping

__all__ = ["BulkMotion", "Layer", "Walkers", "bulk_motion", "gap_times"]

#: Most sites of a box, and most hops in which a gap fills or is lost.
MOST_SITES, MOST_HOPS = 2_000_000, 3_000_000
#: Fewest defects in a layer; with fewer, shares of them are coarse.
FEWEST_DEFECTS = 24


def _hop(
    state: tuple[Any, ...], hops: int, seconds: float, low: int, high: int
) -> tuple[float, int, float]:
    """Move the defects of :class:`Walkers` in place; see :meth:`Walkers.run`."""
    rates, neighbours, steps, inside, places, occupant, near, moved, ions, random = state
    defects, slots = len(places), neighbours.shape[1]
    basis, alone, leaves = rates.shape[0], rates.shape[2] // 2, 1
    interacting = alone > 0 and defects > 1
    while leaves < defects:
        leaves *= 2
    tree, weights = np.zeros(2 * leaves), np.zeros((defects, slots))
    stale = np.arange(defects + 1 + 2 * slots * (1 + slots))  # defects whose rates have changed
    within, count, elapsed, squares, done = 0, defects, 0.0, 0.0, 0
    for site in places:
        within += inside[site]
    while True:
        for defect in stale[:count]:
            site, total = places[defect], 0.0
            for slot in range(slots):
                target, weights[defect, slot] = neighbours[site, slot], 0.0
                if occupant[target] == -1:
                    change = alone + near[target] - 1 - near[site] if interacting else alone
                    weights[defect, slot] = rates[site % basis, slot, change]
                    total += weights[defect, slot]
            node = leaves + defect
            tree[node] = total
            while node > 1:
                node //= 2
                tree[node] = tree[2 * node] + tree[2 * node + 1]
        if done >= hops or not low < within < high or tree[1] == 0.0:
            return elapsed, done, squares
        elapsed -= log(1.0 - random.random()) / tree[1]
        if elapsed > seconds:
            return seconds, done, squares
        left, node = random.random() * tree[1], 1
        while node < leaves:
            node *= 2
            if left >= tree[node] and tree[node + 1] > 0.0:
                left -= tree[node]
                node += 1
        defect, chosen = node - leaves, -1
        for slot in range(slots):
            if weights[defect, slot] > 0.0:
                chosen = slot
                if left < weights[defect, slot]:
                    break
                left -= weights[defect, slot]
        site = places[defect]
        target = neighbours[site, chosen]
        places[defect], occupant[site], occupant[target] = target, -1, defect
        for axis in range(3):
            step = steps[site % basis, chosen, axis]
            squares += step * step
            moved[defect, axis] += step
            ions[site, axis] = ions[target, axis] - step
            ions[target, axis] = 0.0
        within += inside[target] - inside[site]
        done, count, stale[0] = done + 1, 1, defect
        if defects == 1:
            continue
        for change, centre in ((-1, site), (1, target)):
            for other in neighbours[centre]:
                near[other] += change
                if occupant[other] >= 0:
                    stale[count], count = occupant[other], count + 1
                # Beside the target is the defect itself; most sites have no other beside them.
                if interacting and near[other] > max(change, 0):
                    for further in neighbours[other]:
                        if occupant[further] >= 0:
                            stale[count], count = occupant[further], count + 1


_run = cast("Callable[..., tuple[float, int, float]]", njit(cache=True)(_hop))


class Walkers:
    """Defects on random sites of a box of cells, by their occupation in equilibrium.

    The box is periodic; two electrodes end it ``between`` cells along an axis, by its number. Its
    sites where ``gap`` is true, by their fractions of the box, are empty at the start.

    Attributes:
        fractions: Sites in fractions of the box, shape (sites, 3).
        places: Site of each defect, shape (defects,).
        moved, ions: Displacement of each defect, and of the ion on each site, Cartesian, m.

    Raises:
        InputError: the box has too many sites.
    """

    def __init__(
        self,
        hopping: Hopping,
        cells: Sequence[int],
        defects: int = 1,
        seed: int = 0,
        between: int | None = None,
        gap: Callable[[Array], npt.NDArray[np.bool_]] = lambda fractions: fractions[:, 0] < 0,
    ) -> None:
        network, random = hopping.network, np.random.default_rng(seed)
        basis = len(network.positions)
        if (sites := basis * int(np.prod(cells))) > MOST_SITES:
            raise InputError(
                f"{sites:,} sites are more than {MOST_SITES:,}; give a thinner layer or a larger "
                "share of vacancies"
            )
        starts, corners = network.start, np.indices(cells).reshape(3, -1).T
        slots = np.array([(starts[:hop] == start).sum() for hop, start in enumerate(starts)])
        shape = (basis, int(slots.max()) + 1)
        # Behind the last site is none: nothing hops there.
        neighbours = np.full((len(corners), *shape), sites, dtype=np.int32)
        for hop, slot in enumerate(slots):
            ends = corners + network.shift[hop]
            inner = ends % cells
            wrapped = np.ravel_multi_index(tuple(inner.T), tuple(cells)) * basis + network.end[hop]
            past = np.array(False) if between is None else (ends != inner)[:, between]
            neighbours[:, starts[hop], slot] = np.where(past, sites, wrapped)
        self._table, steps = (starts, slots), np.zeros((*shape, 3))
        steps[self._table] = network.steps_m
        self.fractions = ((corners[:, None] + network.positions) / cells).reshape(-1, 3)
        inside = np.append(gap(self.fractions), False).astype(int)
        weights = (1 - inside[:-1]) * np.tile(hopping.occupation(), len(corners))
        places = random.choice(sites, defects, replace=False, p=weights / weights.sum())
        self.places = places.astype(np.int32)
        occupant = np.append(np.full(sites, -1), -2)
        occupant[self.places] = np.arange(defects)
        none = np.full((1, shape[1]), sites, dtype=np.int32)
        neighbours = np.vstack([neighbours.reshape(sites, -1), none])
        near = (occupant[neighbours] >= 0).sum(axis=1)
        self.moved, self.ions = np.zeros((defects, 3)), np.zeros((sites + 1, 3))
        self._state: tuple[Any, ...] = (
            *(neighbours, steps, inside, self.places, occupant, near),
            *(self.moved, self.ions, random),
        )
        self.hopping = hopping

    def run(
        self, hops: int, seconds: float = inf, low: int = -1, high: int = 2**31
    ) -> tuple[float, int, float]:
        """Hop until a limit, or until no more than ``low`` or ``high`` defects are in the gap.

        Returns:
            Elapsed time in s, hops, and the sum of their squared lengths in m².
        """
        slots = self._state[1].shape[1]
        pairs = np.arange(-slots, slots + 1) if self.hopping.pair_ev else np.zeros(1)
        rates = np.zeros((*self._state[1].shape[:2], len(pairs)))
        rates[self._table] = self.hopping.rates_hz(pairs)
        return _run((rates, *self._state), hops, seconds, low, high)


class BulkMotion(NamedTuple):
    """Diffusion of a defect without a field, drift, and correlation factor of the ions.

    That is their mean square displacement over the one of hops without memory.
    """

    tensor_m2_per_s: Array
    velocity_m_per_s: Array
    velocity_error_m_per_s: Array
    correlation_factor: float
    correlation_error: float


def bulk_motion(walkers: Walkers, hops: int = 2_000_000) -> BulkMotion:
    """Return the motion of defects: ions in 100 windows of a run, defects in 100 parts of each."""
    rows = []
    for _ in range(100):
        walkers.ions[:] = 0.0
        outer, total, elapsed, squares = np.zeros((3, 3)), np.zeros(3), 0.0, 0.0
        for _ in range(100):
            walkers.moved[:] = 0.0
            seconds, _, square = walkers.run(hops // 10_000)
            outer += walkers.moved.T @ walkers.moved
            total += walkers.moved.sum(axis=0)
            elapsed, squares = elapsed + seconds * len(walkers.moved), squares + square
        rows.append((outer / elapsed / 2, (walkers.ions**2).sum() / squares, total / elapsed))
    tensor, factor, velocity = (np.array(part) for part in zip(*rows, strict=True))
    drift = velocity.mean(axis=0), velocity.std(axis=0) / 10
    return BulkMotion(tensor.mean(axis=0), *drift, float(factor.mean()), float(factor.std()) / 10)


class Layer(NamedTuple):
    """A layer between two blocking electrodes, with a gap at one that vacancies are pushed into.

    ``axis`` is that across it, by number; ``share`` that of vacant sites.
    """

    axis: int
    thickness_m: float
    gap_m: float
    bias_v: float
    share: float


def gap_times(hopping: Hopping, layer: Layer, seeds: int = 20) -> Array:
    """Return the times in which the gap fills and is lost again, shape (2, seeds), s.

    The bias pushes vacancies into the gap until half of them are in it; without it they leave,
    until half of the excess over an even spread is left. Infinite beyond ``MOST_HOPS``.

    Raises:
        InputError: such a gap cannot fill, or the layer has too many sites.
    """
    network, axis, share = hopping.network, layer.axis, layer.gap_m / layer.thickness_m
    if not (0 < share < 0.5 and 0 < layer.share <= 0.5 and layer.bias_v):
        raise InputError(
            f"no gap of {layer.gap_m * 1e9:g} nm fills in {layer.thickness_m * 1e9:g} nm at "
            f"{layer.bias_v:g} V with {layer.share:g} of the sites vacant: give a gap below half "
            "of the layer, a bias, and a share above 0 and up to 0.5"
        )
    heights = np.linalg.norm(network.across_m, axis=1)
    # Two hops wide, so that no defect meets itself.
    cells = np.ceil(2 * np.linalg.norm(network.steps_m, axis=1).max() / heights).astype(int)
    cells[axis] = max(2, round(layer.thickness_m / heights[axis]))
    while (defects := round(len(network.positions) * cells.prod() * layer.share)) < FEWEST_DEFECTS:
        cells += np.arange(3) != axis
    push = np.copysign(layer.bias_v, network.charge_number) / layer.thickness_m
    pushed = replace(hopping, field_v_per_m=push * network.across_m[axis] / heights[axis])
    released = int(defects * (0.5 + share) / 2)
    found = np.full((2, seeds), inf)
    for seed in range(seeds):
        gap = lambda fractions: fractions[:, axis] > 1 - share  # noqa: E731
        walkers = Walkers(pushed, cells.tolist(), defects, seed, axis, gap)
        seconds, hops, _ = walkers.run(MOST_HOPS, high=ceil(defects / 2))
        if hops < MOST_HOPS:
            found[0, seed] = seconds
            walkers.hopping = hopping
            seconds, hops, _ = walkers.run(MOST_HOPS, low=released)
            found[1, seed] = seconds if hops < MOST_HOPS else inf
    return found
