"""Hops of a halide vacancy along the edges of octahedra, sorted into symmetry classes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list

from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import FailureKind, Hop
from pvkdb_pipelines.symmetry import space_group

#: Neighbours of B up to this multiple of its shortest B–X distance are its octahedron.
_SHELL = 1.35
#: Halides seen from B under a smaller angle share an edge (90° ideal); 180° are opposite.
_CIS_BELOW_DEG = 135.0

_Vector = tuple[int, int, int]
_Pair = tuple[int, int, _Vector]
#: Rotation (3, 3), atom to which each atom is mapped (n,), and periodic image of it (n, 3).
_Operation = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class HopClass:
    """Symmetry-equivalent hops, and the one that stands for them.

    Attributes:
        from_site: Index of the vacant halide site.
        to_site: Index of the halide that jumps.
        lattice_vector: Periodic image of ``to_site`` that is the neighbour, in cell vectors.
        length_ang: Distance of the two sites, Å.
        equivalent_ends: Whether a symmetry operation of the host maps one site to the other, so
            that the vacancy has the same energy on both.
        members: All equivalent pairs of sites, each counted once whichever way it is hopped.
    """

    from_site: int
    to_site: int
    lattice_vector: _Vector
    length_ang: float
    equivalent_ends: bool
    members: tuple[_Pair, ...]

    @property
    def multiplicity(self) -> int:
        """Equivalent pairs of sites in the cell."""
        return len(self.members)

    def as_hop(self) -> Hop:
        """The hop as the result of a calculation records it."""
        return Hop(
            from_site=self.from_site,
            to_site=self.to_site,
            lattice_vector=self.lattice_vector,
            length_ang=round(self.length_ang, 6),
            hop_class="octahedron edge",
            multiplicity=self.multiplicity,
        )


def octahedron_edge_hops(host: Atoms, b: str, x: str, symprec: float = 1e-2) -> list[HopClass]:
    """Find the symmetry-distinct hops of a vacancy between two halides of one octahedron.

    Hops are orbits of pairs under the space group of ``host`` and under reversal. Give a cell
    in which a halide and its neighbours are different atoms, such as 2 × 2 × 2 octahedra, and
    symmetrise it first: with noise of 1e-3 Å the classes fall apart.

    Args:
        host: Perovskite without vacancy.
        b, x: Element symbols on the B and X sites.
        symprec: Tolerance of the symmetry search, Å.

    Returns:
        The classes by increasing length, then by indices; the first is the shortest hop.

    Raises:
        CalculationFailedError: B is not in octahedra of X, or there is no edge (``NO_HOP``).
    """
    edges = octahedron_edges(host, b, x)
    if not edges:
        raise CalculationFailedError(
            FailureKind.NO_HOP,
            f"no two {x} around one {b} share an octahedron edge in {host.symbols}; "
            "check the relaxed structure",
        )
    operations = _site_operations(host, symprec)
    remaining = set(edges)
    classes = []
    for start in edges:
        if start not in remaining:
            continue
        orbit = {_undirected(_apply(start, operation)) for operation in operations}
        if not orbit <= remaining:
            raise CalculationFailedError(
                FailureKind.NO_HOP,
                f"the {len(edges)} {x}–{x} edges of {host.symbols} are not closed under its "
                f"symmetry at {symprec} Å; symmetrise the host before looking for hops",
            )
        remaining -= orbit
        members = tuple(sorted(orbit))
        i, j, vector = members[0]
        same_orbit = any(atom[i] == j for _, atom, _ in operations)
        classes.append(HopClass(i, j, vector, _length(host, members[0]), same_orbit, members))
    # Rounding keeps lengths that symmetry makes equal in the order of their indices.
    return sorted(classes, key=lambda hop: (round(hop.length_ang, 4), hop.from_site, hop.to_site))


def reference_hop(classes: list[HopClass]) -> HopClass:
    """The hop by which hosts and potentials are compared: the shortest between equivalent halides.

    The shortest edge of all is another class in each potential, since six lengths lie within 3 %;
    comparing it would compare different hops. Among the edges between symmetry-equivalent halides
    (8d-8d in Pnma: two, 2 to 4 % apart) the shorter is the same in all. Its ends have the same
    energy, so forward and reverse barriers must agree. Where no edge joins equivalent halides,
    the shortest of all is taken.
    """
    return next((hop for hop in classes if hop.equivalent_ends), classes[0])


def octahedron_edges(host: Atoms, b: str, x: str) -> list[_Pair]:
    """All pairs of halides that share an octahedron edge, each once: (i, j, image of j).

    A perovskite has 12 for each formula unit.

    Raises:
        CalculationFailedError: Some B has not six X neighbours (``NO_HOP``).
    """
    edges = set()
    for centre, ligands in _octahedra(host, b, x):
        if len(ligands) != 6:
            raise CalculationFailedError(
                FailureKind.NO_HOP,
                f"{b}{centre} has {len(ligands)} {x} neighbours within {_SHELL} times its "
                "shortest bond, not six: the relaxed host is no perovskite",
            )
        for (i, image_i, bond_i), (j, image_j, bond_j) in combinations(ligands, 2):
            cosine = bond_i @ bond_j / (np.linalg.norm(bond_i) * np.linalg.norm(bond_j))
            if cosine > np.cos(np.radians(_CIS_BELOW_DEG)):
                edges.add(_undirected((i, j, _vector(image_j - image_i))))
    return sorted(edges)


def _octahedra(
    host: Atoms, b: str, x: str
) -> Iterator[tuple[int, list[tuple[int, np.ndarray, np.ndarray]]]]:
    """For each B, its index and its ligands: index, periodic image, bond vector in Å."""
    reach = 0.75 * (host.get_volume() / max(1, host.symbols.count(b))) ** (1 / 3)
    first, second, images, bonds = neighbor_list("ijSD", host, {(b, x): reach})
    symbols = np.array(host.get_chemical_symbols())
    for centre in np.flatnonzero(symbols == b):
        around = np.flatnonzero((first == centre) & (symbols[second] == x))
        lengths = np.linalg.norm(bonds[around], axis=1)
        shell = around[lengths < _SHELL * lengths.min(initial=np.inf)]
        yield int(centre), [(int(second[k]), images[k], bonds[k]) for k in shell]


def _site_operations(host: Atoms, symprec: float) -> list[_Operation]:
    """Symmetry operations of the host, as permutations of its atoms."""
    scaled = host.get_scaled_positions(wrap=False)
    group = space_group(host, symprec)
    operations: list[_Operation] = []
    for rotation, translation in zip(group.rotations, group.translations, strict=True):
        moved = scaled @ rotation.T + translation
        offsets = moved[:, None, :] - scaled[None, :, :]
        images = np.rint(offsets)
        misfit = np.linalg.norm((offsets - images) @ host.cell.array, axis=2)
        misfit[host.numbers[:, None] != host.numbers[None, :]] = np.inf
        atom = misfit.argmin(axis=1)
        operations.append((rotation, atom, images[np.arange(len(host)), atom].astype(int)))
    return operations


def _apply(pair: _Pair, operation: _Operation) -> _Pair:
    """Image of a pair under a symmetry operation."""
    rotation, atom, image = operation
    i, j, vector = pair
    moved = rotation @ np.array(vector) + image[j] - image[i]
    return int(atom[i]), int(atom[j]), _vector(moved)


def _undirected(pair: _Pair) -> _Pair:
    """The same pair whichever end it is named from."""
    i, j, (u, v, w) = pair
    return min(pair, (j, i, (-u, -v, -w)))


def _length(host: Atoms, pair: _Pair) -> float:
    i, j, vector = pair
    shift = np.array(vector) @ host.cell.array
    return float(np.linalg.norm(host.positions[j] + shift - host.positions[i]))


def _vector(values: np.ndarray) -> _Vector:
    u, v, w = (int(value) for value in np.rint(values))
    return u, v, w
