"""Structures given by space group and Wyckoff positions, fitted to the radii of other ions.

A published cell belongs to one compound. For other ions its free parameters (cell lengths and free
coordinates) are fitted until the distances match their radii: distance least squares, W. M. Meier,
H. Villiger, Z. Kristallogr. 129, 411 (1969), doi:10.1524/zkri.1969.129.1-6.411. The space group is
kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from ase import Atoms
from ase.cell import Cell
from ase.data import atomic_numbers, covalent_radii
from ase.neighborlist import neighbor_list
from ase.spacegroup import Spacegroup
from scipy.optimize import least_squares

from pvkdb.chemistry.ions import A_SITE_ELEMENTS
from pvkdb.compositions.compounds import Compound, Role
from pvkdb_pipelines.geometry.symmetry import standard_cell
from pvkdb_pipelines.prototypes.molecules import placeholder
from pvkdb_pipelines.prototypes.radii import (
    HALIDES_OF_RADII,
    LARGE_CATION_OF_RADII,
    LATTICE_OF_RADII,
    contact_ang,
    radius_ang,
)

#: Halides up to the first distance (over the shortest one) attract and repel each other; those up
#: to the second one, of other polyhedra, only repel.
_HALIDE_SHELL, _HALIDE_REACH = 1.35, 1.8
#: Cations up to the first distance (over the shortest one) may repel each other. They do below the
#: second value, a share of the distance via a halide (0.62 in chains of face-sharing octahedra),
#: and below the third, a share of their covalent radii (relaxations refuse 0.75).
_CATION_REACH, _CATIONS_APART, _CATIONS_COVALENT = 1.5, 0.6, 0.85
#: Weights of a relative deviation: bonds of B, contacts of A that are too short or too long, the
#: same for contacts between halides, and deviations from the published shape. With these the
#: cells of 41 halides of all types lie 3 % (mean over the axes) from the measured ones.
_BOND, _A_SHORT, _A_LONG, _X_SHORT, _X_LONG, _SHAPE = 1.0, 1.0, 0.3, 0.4, 0.05, 0.05
#: Fractional coordinates closer than this are the same site.
_SAME_SITE = 1e-3
#: Radius of the contacts of a published structure, Å.
_REACH_ANG = 6.5


@dataclass(frozen=True)
class WyckoffSite:
    """An orbit of a space group: ion, Wyckoff letter with multiplicity, one position.

    ``coordination`` is the number of halides around a cation; 0 for halides.
    """

    role: Role
    wyckoff: str
    position: tuple[float, float, float]
    coordination: int = 0


@dataclass(frozen=True)
class WyckoffStructure:
    """A crystal structure in the setting of the International Tables (hexagonal axes for R).

    Attributes:
        number: Number of the space group.
        cell: Published a, b, c in Å and alpha, beta, gamma in degrees.
        sites: Occupied Wyckoff positions, cations first.
    """

    number: int
    cell: tuple[float, float, float, float, float, float]
    sites: tuple[WyckoffSite, ...]

    @property
    def wyckoff(self) -> str:
        """The occupied positions, e.g. ``A 2d, B 2a, X 6h``."""
        letters: dict[str, list[str]] = {}
        for site in self.sites:
            letters.setdefault(site.role, []).append(site.wyckoff)
        return ", ".join(f"{role} {' '.join(found)}" for role, found in letters.items())

    def fit(self, compound: Compound) -> Atoms:
        """Return the primitive cell of a compound, with free parameters fitted to radii.

        Raises:
            MissingRadiusError: an ion has no radius.
        """
        return self._expanded.fit(compound)

    def as_published(self, symbols: dict[Role, str]) -> Atoms:
        """Return the primitive cell with the published parameters, filled with elements."""
        return self._expanded.atoms(symbols, np.zeros(self._expanded.free))

    @cached_property
    def _expanded(self) -> _Expanded:
        return _Expanded(self)


class _Expanded:
    """All atoms of a cell as functions of the free parameters, and their contacts."""

    def __init__(self, structure: WyckoffStructure) -> None:
        self.structure = structure
        rotations, translations = Spacegroup(structure.number, setting=1).get_op()
        self.lengths = np.array(structure.cell[:3])
        # Unit vectors along the axes: only lengths are varied.
        self.directions = Cell.fromcellpar([1.0, 1.0, 1.0, *structure.cell[3:]]).array
        self.length_shares = length_shares(structure.number)
        orbits = [_orbit(site, rotations, translations) for site in structure.sites]
        self.bases = [basis for _, basis in orbits]
        operations = np.concatenate([images for images, _ in orbits])
        self.rotations, self.translations = rotations[operations], translations[operations]
        self.site_of = np.repeat(np.arange(len(orbits)), [len(images) for images, _ in orbits])
        self.origins = np.array([site.position for site in structure.sites], dtype=float)
        self.n_lengths = self.length_shares.shape[1]
        #: Number of free parameters: lengths first, then the coordinates of each site.
        self.free = self.n_lengths + sum(basis.shape[1] for basis in self.bases)

    def fit(self, compound: Compound) -> Atoms:
        """See :meth:`WyckoffStructure.fit`."""
        target, short, long = self._targets(compound)
        bonded = long == _BOND
        published = self._distances(np.zeros(self.free))
        scale = np.log(np.mean(target[bonded] / published[bonded]))
        start = np.zeros(self.free)
        start[: self.n_lengths] = scale

        def residuals(parameters: np.ndarray) -> np.ndarray:
            deviation = self._distances(parameters) / target - 1
            weights = self.multiplicity * np.where(deviation < 0, short, long)
            return np.concatenate([weights * deviation, _SHAPE * (parameters - start)])

        found = least_squares(residuals, start, method="lm", xtol=1e-6, ftol=1e-6)
        symbols = {role: placeholder(ion) for role, ion in compound.sites.items()}
        return self.atoms(symbols, found.x)

    def atoms(self, symbols: dict[Role, str], parameters: np.ndarray) -> Atoms:
        """Return the primitive cell with these elements, for values of the free parameters."""
        fractional, cell = self._place(parameters)
        elements = [symbols[self.structure.sites[index].role] for index in self.site_of]
        atoms = Atoms(elements, cell=cell, scaled_positions=fractional % 1.0, pbc=True)
        return standard_cell(atoms, symprec=1e-3, primitive=True)

    def _place(self, parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return fractional coordinates (atoms, 3) and cell (3, 3) for values of the parameters."""
        lengths = self.lengths * np.exp(self.length_shares @ parameters[: self.n_lengths])
        positions = self.origins.copy()
        first = self.n_lengths
        for index, basis in enumerate(self.bases):
            last = first + basis.shape[1]
            positions[index] += basis @ parameters[first:last]
            first = last
        images = np.einsum("nij,nj->ni", self.rotations, positions[self.site_of])
        return images + self.translations, lengths[:, None] * self.directions

    def _distances(self, parameters: np.ndarray) -> np.ndarray:
        fractional, cell = self._place(parameters)
        first, second, shift = self.contacts
        vectors = (fractional[second] + shift - fractional[first]) @ cell
        return np.asarray(np.linalg.norm(vectors, axis=1))

    @cached_property
    def contacts(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Contacts of one atom of every orbit.

        These are the nearest halides and other cations of a cation, and other halides of a halide:
        first and second atom, shape (contacts,), and the shift of the second one's cell.
        """
        fractional, cell = self._place(np.zeros(self.free))
        roles = np.array([self.structure.sites[i].role for i in self.site_of])
        halide = roles == "X"
        atoms = Atoms(f"H{len(roles)}", cell=cell, scaled_positions=fractional, pbc=True)
        i, j, d, s = neighbor_list("ijdS", atoms, _REACH_ANG)
        chosen = []
        for index, site in enumerate(self.structure.sites):
            representative = int(np.flatnonzero(self.site_of == index)[0])
            around = np.flatnonzero(i == representative)
            around = around[np.argsort(d[around], kind="stable")]
            halides, cations = around[halide[j[around]]], around[~halide[j[around]]]
            if site.role == "X":
                chosen.append(halides[d[halides] < _HALIDE_REACH * d[halides[0]]])
            else:
                chosen.append(halides[: site.coordination])
                chosen.append(cations[d[cations] < _CATION_REACH * d[cations[0]]])
        pairs = np.concatenate(chosen)
        return i[pairs], j[pairs], s[pairs]

    @cached_property
    def distant(self) -> np.ndarray:
        """Whether each contact is between halides beyond their first shell."""
        first, second, _ = self.contacts
        halide = np.array([site.role == "X" for site in self.structure.sites])[self.site_of]
        between = halide[first] & halide[second]
        published = self._distances(np.zeros(self.free))
        shortest = np.full(len(halide), np.inf)
        np.minimum.at(shortest, first[between], published[between])
        return np.asarray(between & (published > _HALIDE_SHELL * shortest[first]))

    @cached_property
    def multiplicity(self) -> np.ndarray:
        """Weight of each contact: the square root of the size of its orbit."""
        orbit_sizes = np.bincount(self.site_of)
        return np.asarray(np.sqrt(orbit_sizes[self.site_of[self.contacts[0]]] / orbit_sizes.min()))

    def _targets(self, compound: Compound) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return each contact's target distance, Å, and its weights when too short or too long."""
        ions = compound.sites
        sites = self.structure.sites
        to_halide = [_to_halide_ang(site, compound) for site in sites]
        covalent = [covalent_radii[atomic_numbers[placeholder(ions[site.role])]] for site in sites]
        targets = np.empty((len(sites), len(sites), 3))
        for i, j in np.ndindex(len(sites), len(sites)):
            roles = {sites[i].role, sites[j].role}
            if roles == {"X"}:
                distance = HALIDES_OF_RADII * 2 * radius_ang(ions["X"], 6)
                targets[i, j] = distance, _X_SHORT, _X_LONG
            elif "X" not in roles:
                apart = _CATIONS_APART * (to_halide[i] + to_halide[j])
                apart = max(apart, _CATIONS_COVALENT * (covalent[i] + covalent[j]))
                targets[i, j] = apart, _A_SHORT, 0.0
            elif "A" in roles and "B" in ions:
                targets[i, j] = to_halide[i], _A_SHORT, _A_LONG
            else:  # B, or A in a binary halide such as CsBr
                targets[i, j] = to_halide[i], _BOND, _BOND
        first, second, _ = self.contacts
        target, short, long = targets[self.site_of[first], self.site_of[second]].T
        return target, short, np.where(self.distant, 0.0, long)


def _to_halide_ang(site: WyckoffSite, compound: Compound) -> float:
    """Return the distance between an ion and the halides around it from their radii, Å."""
    ion = compound.sites[site.role]
    if site.role == "X":
        return 0.0
    large = ion.charge == 1 and ion.symbol in A_SITE_ELEMENTS
    share = LARGE_CATION_OF_RADII if large else LATTICE_OF_RADII
    return share * contact_ang(ion, site.coordination, compound.sites["X"])


def _orbit(
    site: WyckoffSite, rotations: np.ndarray, translations: np.ndarray
) -> tuple[list[int], np.ndarray]:
    """Return the operations that generate the images of a site, and its free displacements.

    The latter are a basis, shape (3, free coordinates), of the displacements that keep the site
    symmetry: the range of the mean of the rotations that keep the site.
    """
    position = np.array(site.position, dtype=float)
    images = rotations @ position + translations
    operations: list[int] = []
    for index, image in enumerate(images):
        offsets = images[operations] - image
        if not (np.abs(offsets - np.round(offsets)) < _SAME_SITE).all(axis=1).any():
            operations.append(index)
    if len(operations) != int(site.wyckoff[:-1]):
        raise ValueError(f"{site.wyckoff} at {site.position} has {len(operations)} images")
    offsets = images - position
    keeps = (np.abs(offsets - np.round(offsets)) < _SAME_SITE).all(axis=1)
    vectors, values, _ = np.linalg.svd(rotations[keeps].mean(axis=0))
    return operations, vectors[:, values > 0.5]


def length_shares(number: int) -> np.ndarray:
    """Return the free length (column) of each of a, b, c (row) in the crystal system."""
    if number >= 195:
        return np.ones((3, 1))
    if number >= 75:
        return np.array([[1.0, 0], [1, 0], [0, 1]])
    return np.eye(3)
