"""Smallest supercells with a given distance between a defect and its periodic images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import ceil

import numpy as np
from ase import Atoms
from ase.build import make_supercell
from ase.geometry import minkowski_reduce

from pvkdb.errors import InputError

Matrix = tuple[tuple[int, int, int], tuple[int, int, int], tuple[int, int, int]]

#: Largest numbers of cells in the search.
_MOST_CELLS = 32
_MOST_SYMMETRIC_CELLS = 64
#: Tolerance for equal distances, Å, so that small strains do not change the chosen cell.
_SAME_ANG = 0.05


def distant_supercell(
    atoms: Atoms, distance_ang: float, most_atoms: int = 240
) -> tuple[Atoms, Matrix]:
    """Return the smallest supercell whose shortest lattice vector has at least this length.

    All sublattices are tried, in Hermite normal form, not only diagonal ones: the 20-atom Pnma
    perovskite (√2 × 2 × √2) gives 40 atoms in 2 × 2 × 2 octahedra. Of supercells of one size, the
    one with the longest shortest vector is chosen.

    Returns:
        The supercell, with Minkowski-reduced vectors, and these in units of ``atoms``' vectors.

    Raises:
        InputError: no such supercell has at most ``most_atoms`` atoms.

    Source: G. L. W. Hart, R. W. Forcade, Phys. Rev. B 77, 224115 (2008),
    doi:10.1103/PhysRevB.77.224115 (enumeration by Hermite normal forms).
    """
    cell = atoms.cell.array
    most = min(_MOST_CELLS, most_atoms // len(atoms))
    for count in range(_fewest_cells(cell, distance_ang), most + 1):
        matrix, shortest = _most_distant(cell, _hermite_normal_forms(count))
        if shortest >= distance_ang:
            return make_supercell(atoms, matrix), _as_matrix(matrix)
    raise InputError(
        f"no supercell of {atoms.symbols} with at most {most_atoms} atoms keeps a defect "
        f"{distance_ang:g} Å from its images; use a smaller distance"
    )


def round_supercell(atoms: Atoms, count: int) -> Atoms:
    """Return the supercell of ``count`` cells whose shortest lattice vector is the longest."""
    return make_supercell(atoms, _most_distant(atoms.cell.array, _hermite_normal_forms(count))[0])


def every_supercell(atoms: Atoms, count: int) -> Iterator[Atoms]:
    """Yield the supercells of ``count`` cells, one of each sublattice, with reduced vectors."""
    for hermite in _hermite_normal_forms(count):
        yield make_supercell(atoms, minkowski_reduce(hermite @ atoms.cell.array)[1] @ hermite)


def symmetric_supercell(cell: np.ndarray, rotations: np.ndarray, distance_ang: float) -> Matrix:
    """Return the smallest supercell that keeps the point symmetry and a distance between images.

    The symmetry of the crystal maps it onto itself, so that a defect relaxed on one site can be
    mapped to every equivalent site.

    Args:
        cell: Rows are the primitive vectors, shape (3, 3), Å.
        rotations: Rotations of the space group in fractional coordinates of ``cell``, shape
            (o, 3, 3).
        distance_ang: Least distance of an atom from its own images, Å.

    Returns:
        The Minkowski-reduced vectors of the supercell in those of ``cell``; of several smallest
        supercells, the one with the longest shortest vector.

    Raises:
        InputError: no supercell of up to 64 cells is large enough.
    """
    for count in range(_fewest_cells(cell, distance_ang), _MOST_SYMMETRIC_CELLS + 1):
        kept = [each for each in _hermite_normal_forms(count) if _is_kept(each, rotations)]
        enough = [each for each in kept if shortest_vector_ang(each @ cell) >= distance_ang]
        if enough:
            return _as_matrix(_most_distant(cell, enough)[0])
    raise InputError(
        f"no supercell of up to {_MOST_SYMMETRIC_CELLS} primitive cells keeps a defect "
        f"{distance_ang:g} Å from its images and the symmetry of the crystal; use a smaller "
        "distance"
    )


def given_supercell(
    vectors: np.ndarray, cell: np.ndarray, rotations: np.ndarray, distance_ang: float
) -> Matrix:
    """Return a supercell if it is as :func:`symmetric_supercell` returns them, but for its size.

    Args:
        vectors: Rows are its vectors in those of ``cell``, shape (3, 3).

    Raises:
        InputError: it has not the symmetry of the crystal, or is too small.
    """
    if not _is_kept(vectors, rotations):
        raise InputError(
            "this supercell has less symmetry than the crystal, whose equivalent sites would "
            "differ in it; use equal multiples of equivalent axes, or leave the supercell out"
        )
    shortest = shortest_vector_ang(vectors @ cell)
    if shortest < distance_ang:
        raise InputError(
            f"a defect in this supercell is {shortest:.1f} Å from its images, nearer than the "
            f"distance of {distance_ang:g} Å; use a larger supercell or a smaller distance"
        )
    return _as_matrix(vectors)


def _fewest_cells(cell: np.ndarray, distance_ang: float) -> int:
    """Return a number of cells below which no supercell has the distance.

    No lattice is denser than face-centred cubic, d³ = √2 V (C. F. Gauss, 1831).
    """
    densest = 2**0.5 * abs(float(np.linalg.det(cell)))
    return max(1, ceil(distance_ang**3 / densest - 1e-6))


def _is_kept(hermite: np.ndarray, rotations: np.ndarray) -> bool:
    """Whether all rotations map the sublattice with these vectors (rows) onto itself."""
    # A row v of lattice coordinates is rotated to v @ R.T.
    rotated = hermite @ np.transpose(rotations, (0, 2, 1)) @ np.linalg.inv(hermite)
    return bool(np.abs(rotated - np.rint(rotated)).max() < 1e-6)


def shortest_vector_ang(cell: np.ndarray) -> float:
    """Return the length of the shortest lattice vector, Å."""
    reduced, _ = minkowski_reduce(cell)
    return float(np.linalg.norm(reduced, axis=1).min())


def _most_distant(cell: np.ndarray, sublattices: Iterable[np.ndarray]) -> tuple[np.ndarray, float]:
    """Return the vectors of the sublattice whose shortest one is longest, and its length, Å."""
    best, longest = np.eye(3, dtype=int), 0.0
    for hermite in sublattices:
        reduced, operation = minkowski_reduce(hermite @ cell)
        shortest = float(np.linalg.norm(reduced, axis=1).min())
        if shortest > longest + _SAME_ANG:
            best, longest = np.rint(operation @ hermite).astype(int), shortest
    return best if np.linalg.det(best) > 0 else -best, longest


def _hermite_normal_forms(count: int) -> Iterator[np.ndarray]:
    """Return a matrix for each sublattice of index ``count``, with the vectors as rows."""
    for a in _divisors(count):
        for c in _divisors(count // a):
            f = count // a // c
            for b in range(c):
                for d in range(f):
                    for e in range(f):
                        yield np.array([[a, b, d], [0, c, e], [0, 0, f]])


def _divisors(number: int) -> list[int]:
    return [divisor for divisor in range(1, number + 1) if number % divisor == 0]


def _as_matrix(matrix: np.ndarray) -> Matrix:
    rows = [tuple(int(value) for value in row) for row in matrix]
    return rows[0], rows[1], rows[2]  # type: ignore[return-value]
