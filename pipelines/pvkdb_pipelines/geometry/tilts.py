"""Tilts of octahedra: by how much they are turned, and those of two structures of one cell apart.

Octahedra that share corners tilt in patterns: about an axis they alternate in the plane across it,
and along it they are in phase or out of phase (A. M. Glazer, Acta Cryst. B 28, 3384 (1972),
doi:10.1107/S0567740872007976). Those that stand apart, as in Cs2SnX6, are on the same lattice.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from itertools import combinations
from typing import NamedTuple

import numpy as np
from ase import Atoms
from scipy.spatial.transform import Rotation

from pvkdb.errors import InputError
from pvkdb_pipelines.geometry.neighbours import neighbours

#: Two structures lie in one pattern of tilts where no amplitude differs by more, degrees: up to 4.1
#: between ends and saddle points of hops whose host keeps its tilts, 5.2 and 7.4 in CsPbCl3 and
#: Cs2AgBiBr6 where it does not (cells of 35 to 41 atoms, docs/validation/dft_hops).
ONE_PATTERN_DEG = 4.5
#: The longest bond of an octahedron over its shortest; the way to the next octahedron of a shared
#: corner in pairs of bonds (that of a shared edge is 0.71); and how far it may be from its place.
_LONGEST_BOND, _NEXT, _OFF_LATTICE = 1.5, (0.8, 1.2), 0.25


class HostOctahedra(NamedTuple):
    """The n octahedra of a host that are compared, with their axes, one in a row.

    ``bonds`` are indices of B and X atoms, shape (2, n, 6), ``cells`` those of the X atoms, shape
    (n, 6, 3). ``signs`` are those of the octahedra in each pattern that repeats with the cell, by
    axis and phase; none where octahedra share edges or faces.
    """

    bonds: np.ndarray
    cells: np.ndarray
    axes: np.ndarray
    signs: Mapping[tuple[str, str], np.ndarray]

    def vectors(self, atoms: Atoms) -> np.ndarray:
        """Return the bonds in a structure, shape (n, 6, 3), Å."""
        b, x = atoms.positions[self.bonds]
        return np.asarray(x + self.cells @ atoms.cell.array - b)


class TiltChange(NamedTuple):
    """Rotation of octahedra: the amplitude of each pattern, and the rest (RMS)."""

    patterns_deg: Mapping[tuple[str, str], float]
    rest_deg: float

    @property
    def largest_deg(self) -> float:
        """The largest amplitude; where the cell holds no pattern, the whole rotation (RMS)."""
        return max(map(abs, self.patterns_deg.values()), default=self.rest_deg)

    @property
    def one_pattern(self) -> bool:
        """Whether it changes no pattern of tilts, or makes none: :data:`ONE_PATTERN_DEG`."""
        return self.largest_deg <= ONE_PATTERN_DEG


def octahedra_of(
    host: Atoms, b: AbstractSet[str], x: AbstractSet[str], moving: int | None = None
) -> HostOctahedra:
    """Return the octahedra of B and six X, without those that miss an X or hold the moving atom.

    Raises:
        InputError: none is left.
    """
    is_b, is_x = (np.isin(host.get_chemical_symbols(), [*kind]) for kind in (b, x))
    near, kept = neighbours(host, 5.5).between(is_b, is_x), []
    for centre in np.unique(near.first):
        own = np.flatnonzero(near.first == centre)
        own = own[near.distance[own] < _LONGEST_BOND * near.distance[own].min()]
        if len(own) == 6 and moving not in near.second[own]:
            kept.append(own)
    if not kept:
        raise InputError(
            f"{host.symbols}: every octahedron misses an X or holds the moving atom; compare tilts "
            "in a larger cell"
        )
    bonds, cells = np.array([near.first[kept], near.second[kept]]), near.cell[kept]
    vectors = HostOctahedra(bonds, cells, np.eye(3), {}).vectors(host)
    step_ang = 2 * float(np.linalg.norm(vectors, axis=2).mean())
    # Tilts turn bonds, and not the way from one B to the next.
    ways = neighbours(host, _NEXT[1] * step_ang).between(is_b, is_b)
    along = host.positions[ways.second] + ways.cell @ host.cell.array - host.positions[ways.first]
    along = along[ways.distance > _NEXT[0] * step_ang]
    axes = _axes(along if len(along) else vectors.reshape(-1, 3), vectors[0])
    step_ang = float(np.linalg.norm(along, axis=1).mean()) if len(along) else step_ang
    return HostOctahedra(bonds, cells, axes, _signs(host, bonds[0, :, 0], axes, step_ang))


def tilt_change(first: Atoms, second: Atoms, among: HostOctahedra) -> TiltChange:
    """Return by how much octahedra are turned from one structure to another of the same atoms.

    The rotation vector of each is the best fit of its bonds (W. Kabsch, Acta Cryst. A 32, 922
    (1976), doi:10.1107/S0567739476001873); amplitudes are a least-squares fit to those of all.

    Raises:
        InputError: the structures have other atoms.
    """
    if list(first.symbols) != list(second.symbols):
        raise InputError(
            f"{first.symbols} and {second.symbols} are compared: give the same atoms in one order"
        )
    return _turned(among.vectors(first), among.vectors(second), among)


def tilts(atoms: Atoms, among: HostOctahedra) -> TiltChange:
    """Return by how much octahedra are turned from the axes, each bond from the nearest one."""
    bonds = among.vectors(atoms)
    along = bonds @ among.axes.T
    nearest = np.abs(along) == np.abs(along).max(axis=2, keepdims=True)
    return _turned(np.where(nearest, along, 0) @ among.axes, bonds, among)


def _turned(first: np.ndarray, second: np.ndarray, among: HostOctahedra) -> TiltChange:
    """Return the rotation between bonds, each of shape (n, 6, 3)."""
    pairs = zip(second, first, strict=True)
    turned = np.degrees([Rotation.align_vectors(*pair)[0].as_rotvec() for pair in pairs])
    rest = turned @ among.axes.T
    patterns: dict[tuple[str, str], float] = {}
    for number, axis in enumerate("abc"):
        names = [name for name in among.signs if name[0] == axis]
        table = np.array([among.signs[name] for name in names]).reshape(-1, len(rest)).T
        fitted = np.linalg.lstsq(table, rest[:, number], rcond=None)[0]
        rest[:, number] -= table @ fitted
        patterns |= dict(zip(names, fitted.tolist(), strict=True))
    return TiltChange(patterns, float(np.sqrt((rest**2).sum(axis=1).mean())))


def _axes(along: np.ndarray, octahedron: np.ndarray) -> np.ndarray:
    """Return three axes as a rotation, of vectors that each are along one of them.

    The first guess is from the bonds of an octahedron: the three pairs at the widest angles.
    """
    widest = sorted(combinations(octahedron, 2), key=lambda pair: float(pair[0] @ pair[1]))[:3]
    means = np.array([one - other for one, other in widest])
    for _ in range(3):
        left, _, right = np.linalg.svd(means / np.linalg.norm(means, axis=1)[:, None])
        axes = left @ right
        parts = along @ axes.T
        nearest = np.abs(parts).argmax(axis=1)
        signed = along * np.sign(np.take_along_axis(parts, nearest[:, None], axis=1))
        means = np.array([signed[nearest == k].sum(axis=0) for k in range(3)])
    return np.asarray(axes * np.sign(np.linalg.det(axes)))


def _signs(
    host: Atoms, centres: np.ndarray, axes: np.ndarray, step_ang: float
) -> dict[tuple[str, str], np.ndarray]:
    """Return the signs of octahedra in the patterns that repeat with the cell."""
    steps = np.round(host.cell.array @ axes.T / step_ang)
    places = host.get_scaled_positions(wrap=False)[centres]
    away = (places - places[0]) @ steps
    on_lattice = np.abs(away - np.round(away)).max() <= _OFF_LATTICE
    counted = {
        (axis, phase): np.where(np.arange(3) == number, along, 1)
        for number, axis in enumerate("abc")
        for phase, along in (("in phase", 0), ("out of phase", 1))
        if on_lattice
    }
    return {
        name: (-1.0) ** (np.round(away) @ each)
        for name, each in counted.items()
        if not (steps @ each % 2).any()
    }
