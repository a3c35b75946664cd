"""The discrete equations of drift and diffusion on the mesh of a stack, and Newton's method.

Scharfetter and Gummel, IEEE Trans. Electron Devices 1969, 16, 64 (doi 10.1109/T-ED.1969.16566), on
finite volumes: Poisson's equation and all species are solved together, on a banded matrix.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.constants import elementary_charge, epsilon_0, pi
from scipy.linalg import LinAlgError, solve_banded

from pvkdb.kinetics.hopping import BOLTZMANN_EV_PER_K, Array
from pvkdb.simulation.stack import NO_ION, Contact, Stack

#: A density below which no relative change counts, per m³.
FLOOR = 1e6
#: Newton's steps, and the relative changes below which the next is exact, and below which it ends.
_MOST_NEWTON, _NEAR, _SMALL = 15, 1e-3, 1e-8
#: Numbers of an exact step: in a contact layer the current is the small difference of two fluxes
#: that are 10⁹ times larger. A machine without numbers of 80 bits takes the same for all steps.
_WIDE: Any = np.longdouble
#: Field below which the image force is smoothed to zero, V/m.
_SOFT_V_PER_M = 1e5


class State(NamedTuple):
    """A state: rows of ``values`` are potential in V, share of filled traps, densities per m³.

    The potential is zero in the left electrode.
    """

    values: Array
    temperature_k: float

    @property
    def densities(self) -> Array:
        """Electrons, holes, then ions, per m³."""
        found: Array = self.values[2:]
        return found


class Equations:
    """The equations of a stack. Species are electrons, holes, then ions.

    An edge lies between two nodes; those of an interface carry no ions.
    """

    def __init__(self, stack: Stack, points: int, temperature_k: float) -> None:
        self.stack = stack
        # Potentials of both ends at 0 V: small at the left one, and so is their rounding there.
        self._own = 0.0, stack.left.work_function_ev - stack.right.work_function_ev
        self.x, self.layer = stack.mesh(points)
        self.h = np.diff(self.x)
        self.volume = np.convolve(self.h, [0.5, 0.5])
        self._inner = np.diff(self.layer) == 0
        self.permittivity = epsilon_0 * self._nodes("permittivity")[:-1]
        self._doping = 1e6 * (self._nodes("donors_per_cm3") - self._nodes("acceptors_per_cm3"))
        self._direct = 1e-6 * self._nodes("recombination_cm3_per_s")
        depth = self.x - self.x[np.searchsorted(self.layer, self.layer)]
        light = np.exp(-depth / (1e-9 * self._nodes("absorption_nm")))
        self._generation = 1e6 * self._nodes("generation_per_cm3_s") * light
        most = max(len(each.ions) for each in stack.layers)
        padded = [(*each.ions, *[NO_ION] * (most - len(each.ions))) for each in stack.layers]
        self._ions = list(zip(*padded, strict=True))
        charges = [[-1, 1, *(ion.charge for ion in ions)] for ions in padded]
        self.charges = np.array(charges, float)[self.layer].T
        self.shape = len(self.charges) + 2, len(self.x)
        self._signs = -self.charges[:, :-1]
        traps = [each.traps for each in stack.layers]
        found = [[getattr(each, name) for name in each.__slots__[:4]] for each in traps]
        density, self._level, *catch = np.array(found)[self.layer].T
        self._traps, self._catch = 1e6 * density, 1e-6 * np.array(catch)
        self._empty = np.array([each.donor for each in traps])[self.layer]
        self.at(temperature_k)
        size = len(self.charges) + 1
        self._blocks = np.zeros((3, len(self.x), size, size))
        self._residual = np.zeros((len(self.x), size), _WIDE)
        self._width = 2 * size - 1
        node, row, column = np.indices((len(self.x), size, size)).reshape(3, -1)
        self._places = []
        for to in (node - 1, node, node + 1):
            kept = (to >= 0) & (to < len(self.x))
            band = self._width + (node - to) * size + row - column
            self._places.append((kept, band[kept], (to * size + column)[kept]))

    def _nodes(self, name: str) -> Array:
        """Return a field of the layers at each node."""
        values: Array = np.array([getattr(each, name) for each in self.stack.layers])[self.layer]
        return values

    def at(self, temperature_k: float) -> None:
        """Set all that depends on the temperature."""
        self.temperature_k = temperature_k
        self.kt = kt = BOLTZMANN_EV_PER_K * temperature_k
        edges = np.array([self._nodes("affinity_ev"), self._nodes("ionisation_ev")])
        sides = np.array([[1.0], [-1.0]])
        names = ("electron", "hole")
        states = 1e6 * np.array([self._nodes(f"{each}_states_per_cm3") for each in names])
        self._offsets = np.zeros_like(self.charges)
        self._offsets[:2] = edges + sides * kt * np.log(states) - self.stack.left.work_function_ev
        self._intrinsic = states.prod(axis=0) * np.exp((edges[0] - edges[1]) / kt)
        self._shallow = states * np.exp(sides * (edges - self._level) / kt)
        speeds = [1e-4 * self._nodes(f"{each}_mobility_cm2_per_v_s")[:-1] * kt for each in names]
        for ions in self._ions:
            found = np.array([ion.diffusion_at(temperature_k) for ion in ions])
            speeds.append(found[self.layer[:-1]])
        exchange = np.zeros((len(speeds), len(self.h)))
        exchange[:2] = self._nodes("exchange_m_per_s")[:-1]
        self._speeds = np.where(self._inner, np.array(speeds) / self.h, exchange)

    def equilibrium(self) -> State:
        """Return the state in the dark at 0 V in which ions have not moved yet."""
        ends = ((self.stack.left, 0, 1), (self.stack.right, -1, -2))
        psi = np.interp(self.x, self.x[[0, -1]], self._own)
        rows = [[1e6 * ion.density_per_cm3 for ion in ions] for ions in self._ions]
        ions = np.array(rows).reshape(-1, len(self.stack.layers))[:, self.layer]
        fixed = (self.charges[2:] * ions).sum(axis=0) + self._doping
        band, stiff = np.zeros((3, len(psi))), self.permittivity / self.h / elementary_charge
        for _ in range(2000):
            powers = np.array([[1.0], [-1.0]]) * (psi + self._offsets[:2]) / self.kt
            n, p = np.exp(np.minimum(powers, 70))
            filled, _ = self._filling(np.array([n, p]), 0.0, 0.0)
            charge = p - n + fixed + self._traps * (self._empty - filled)
            slope = self.volume * (n + p + self._traps * filled * (1 - filled))
            band[0, 1:] = band[2, :-1] = stiff
            band[1] = -np.convolve(stiff, [1, 1]) - slope / self.kt
            right = -np.diff(stiff * np.diff(psi), prepend=0, append=0) - self.volume * charge
            step = solve_banded((1, 1), band[:, 1:-1], right[1:-1])
            psi[1:-1] += np.clip(step, -2 * self.kt, 2 * self.kt)
            for contact, node, inner in ends:
                slope = (psi[inner] - psi[node]) / self.h[node]
                psi[node] = image_lowering_v(contact, slope)[0] + self._own[node]
            if np.abs(step).max() < 1e-10:
                break
        return State(np.vstack([psi, filled, n, p, ions]), self.temperature_k)

    def _filling(self, densities: Array, before: Array | float, rate: float) -> tuple[Array, Array]:
        """Return the share of filled traps after 1/rate s, and the rate of its change."""
        (catch_n, catch_p), (free_n, free_p) = self._catch, self._shallow
        total = rate + catch_n * (densities[0] + free_n) + catch_p * (densities[1] + free_p)
        return (rate * before + catch_n * densities[0] + catch_p * free_p) / total, total

    def _fluxes(self, psi: Array, densities: Array) -> tuple[Array, Array, Array, Array]:
        """Return fluxes through edges, their derivatives to densities and to the far potential."""
        step = self._signs * (np.diff(psi) + np.diff(self._offsets)) / self.kt
        forward, slope = bernoulli(step)
        left, right = self._speeds * (forward + step), -self._speeds * forward
        near, far = densities[:, :-1], densities[:, 1:]
        turn = self._speeds * self._signs / self.kt * (near * (slope + 1) - far * slope)
        return left * near + right * far, left, right, turn

    def solve(
        self, guess: State, base: State, span_s: float, voltage_v: float, light: float
    ) -> tuple[State, Array, Array] | None:
        """Return the state with y = base + span · dy/dt, and currents of charges and displacement.

        Currents are per edge, from left to right, in A/m². None where Newton's method fails.
        """
        psi, densities = guess.values[0].copy(), guess.densities.copy()
        for _ in range(_MOST_NEWTON):
            self._blocks[:] = 0.0
            self._transport(psi, densities, base, span_s)
            self._recombination(densities, base, span_s, light)
            self._poisson(psi, densities)
            self._contacts(psi, densities, voltage_v)
            step = self._linear(densities)
            if step is None:
                return None
            psi += np.clip(step[:, 0], -1, 1) * self.kt
            moved = densities + step[:, 1:].T * (densities + FLOOR)
            densities = np.maximum(moved, densities / 10)
            if np.abs(step).max() < _NEAR and psi.dtype != _WIDE:
                psi, densities = psi.astype(_WIDE), densities.astype(_WIDE)
            elif np.abs(step).max() < _SMALL:
                filled, _ = self._filling(densities, base.values[1], 1 / span_s)
                flux = (self.charges[:, :-1] * self._fluxes(psi, densities)[0]).sum(axis=0)
                field = -np.diff(psi - base.values[0]) / self.h
                currents = (elementary_charge * flux, self.permittivity * field / span_s)
                values = np.vstack([psi, filled, densities]).astype(float)
                charges, displacement = (each.astype(float) for each in currents)
                return State(values, self.temperature_k), charges, displacement
        return None

    def _transport(self, psi: Array, densities: Array, base: State, span: float) -> None:
        (low, middle, high), residual = self._blocks, self._residual
        flux, left, right, turn = (part.T for part in self._fluxes(psi, densities))
        residual[:, 1:] = (self.volume * (densities - base.densities) / span).T
        residual[:-1, 1:] += flux
        residual[1:, 1:] -= flux
        each = np.arange(1, residual.shape[1])
        middle[:, each, each] = (self.volume / span)[:, None]
        middle[:-1, each, each] += left
        middle[1:, each, each] -= right
        high[:-1, each, each], low[1:, each, each] = right, -left
        middle[:-1, 1:, 0] -= turn
        middle[1:, 1:, 0] -= turn
        high[:-1, 1:, 0] = low[1:, 1:, 0] = turn

    def _recombination(self, densities: Array, base: State, span: float, light: float) -> None:
        """Band to band, by traps and their charge, and light."""
        middle, residual, (n, p) = self._blocks[1], self._residual, densities[:2]
        (catch_n, catch_p), (free_n, free_p) = self._catch, self._shallow
        filled, rate = self._filling(densities, base.values[1], 1 / span)
        by_n, by_p = catch_n * (1 - filled) / rate, -catch_p * filled / rate
        pull_n, pull_p = self.volume * self._traps * self._catch
        net = self.volume * (self._direct * (n * p - self._intrinsic) - light * self._generation)
        residual[:, 1] += net + pull_n * (n * (1 - filled) - free_n * filled)
        residual[:, 2] += net + pull_p * (p * filled - free_p * (1 - filled))
        on_n, on_p = self.volume * self._direct * p, self.volume * self._direct * n
        middle[:, 1, 1] += on_n + pull_n * (1 - filled - (n + free_n) * by_n)
        middle[:, 1, 2] += on_p - pull_n * (n + free_n) * by_p
        middle[:, 2, 1] += on_n + pull_p * (p + free_p) * by_n
        middle[:, 2, 2] += on_p + pull_p * (filled + (p + free_p) * by_p)
        traps = self.volume * self._traps
        residual[:, 0] = -traps * (self._empty - filled)
        middle[:, 0, 1], middle[:, 0, 2] = traps * by_n, traps * by_p

    def _poisson(self, psi: Array, densities: Array) -> None:
        """Gauss's law, in elementary charges per m²; the traps have added theirs."""
        (low, middle, high), residual = self._blocks, self._residual
        stiff = self.permittivity / self.h / elementary_charge
        charge = (self.charges * densities).sum(axis=0) + self._doping
        residual[:, 0] -= self.volume * charge + np.diff(stiff * np.diff(psi), prepend=0, append=0)
        middle[:, 0, 0] = np.convolve(stiff, [1, 1])
        high[:-1, 0, 0] = low[1:, 0, 0] = -stiff
        middle[:, 0, 1:] -= (self.volume * self.charges).T

    def _contacts(self, psi: Array, densities: Array, voltage: float) -> None:
        """Potential, electrons and holes at both ends, in equilibrium with the metal."""
        (low, middle, high), residual = self._blocks, self._residual
        ends = ((self.stack.left, 0, 1, 0.0, high), (self.stack.right, -1, -2, voltage, low))
        for contact, node, inner, fermi, beside in ends:
            width = self.h[node]
            lowered, slope = image_lowering_v(contact, (psi[inner] - psi[node]) / width)
            middle[node, :3], beside[node, :3] = 0.0, 0.0
            middle[node, [0, 1, 2], [0, 1, 2]] = 1.0
            residual[node, 0] = psi[node] - self._own[node] - fermi - lowered
            middle[node, 0, 0], beside[node, 0, 0] = 1 + slope / width, -slope / width
            for row, side in ((0, 1), (1, -1)):
                power = side * (psi[node] + self._offsets[row, node] - fermi) / self.kt
                bound = np.exp(min(power, 80.0))
                residual[node, 1 + row] = densities[row, node] - bound
                middle[node, 1 + row, 0] = -side * bound / self.kt

    def _linear(self, densities: Array) -> Array | None:
        """Return Newton's step in units of kT/q and of the densities, a row a node."""
        blocks, residual, (nodes, size) = self._blocks, self._residual, self._residual.shape
        scale = np.vstack([np.full(nodes, self.kt), densities + FLOOR]).T
        blocks[1] *= scale[:, None, :]
        blocks[0, 1:] *= scale[:-1, None, :]
        blocks[2, :-1] *= scale[1:, None, :]
        rows = np.abs(blocks).max(axis=(0, 3))
        blocks /= rows[None, :, :, None]
        band = np.zeros((2 * self._width + 1, nodes * size))
        for block, (kept, row, column) in zip(blocks, self._places, strict=True):
            band[row, column] = block.reshape(-1)[kept]
        sides, right = (self._width, self._width), -(residual / rows).ravel().astype(float)
        try:
            found = solve_banded(sides, band, right, True, True, False)
        except LinAlgError:
            return None
        return found.reshape(nodes, size) if np.isfinite(found).all() else None


def image_lowering_v(contact: Contact, slope_v_per_m: float) -> tuple[float, float]:
    """Return by how much the image force raises a contact's potential, V, and its derivative, m.

    The slope is that of the potential into the device: above zero it pulls in electrons.
    """
    permittivity = 4 * pi * epsilon_0 * contact.image_permittivity
    scale, size = np.sqrt(elementary_charge / permittivity), abs(slope_v_per_m) + _SOFT_V_PER_M
    change = scale * (size**-0.5 - 0.5 * abs(slope_v_per_m) * size**-1.5)
    return float(scale * slope_v_per_m / np.sqrt(size)), float(change)


def bernoulli(x: Array) -> tuple[Array, Array]:
    """Return B(x) = x/(e^x − 1) and its derivative."""
    small = np.abs(x) < 1e-3
    safe = np.where(small, 1.0, np.minimum(x, 700))
    grown = np.expm1(safe)
    value = np.where(small, 1 - x / 2 + x**2 / 12, safe / grown)
    return value, np.where(small, -0.5 + x / 6 - x**3 / 180, (1 - safe / grown - safe) / grown)
