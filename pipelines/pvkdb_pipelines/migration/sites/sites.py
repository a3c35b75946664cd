"""The sites between which a defect moves: where they are, and what stands or is missing there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, chemical_symbols
from scipy.spatial import Voronoi

from pvkdb.errors import CalculationFailedError, InputError
from pvkdb.schemas.calculations import FailureKind
from pvkdb_pipelines.migration.sites.operations import Action, Operations, act

DefectKind = Literal["vacancy", "interstitial"]

#: Corners of Voronoi cells closer to one another than this are one interstitial site, Å.
_MERGED_ANG = 0.6
#: Interstitial sites are sought at least this far from every atom, Å.
_ROOM_ANG = 1.4


@dataclass(frozen=True)
class Sites:
    """All sites of one defect in a supercell.

    Attributes:
        kind: Whether an atom is missing or added.
        symbol: Element of that atom.
        positions: Cartesian, shape (n, 3), Å.
        atoms: For vacancies the atom of the host on each site, shape (n,); empty otherwise.
        action: What the host's symmetry does to the sites.
    """

    kind: DefectKind
    symbol: str
    positions: np.ndarray
    atoms: np.ndarray
    action: Action

    @property
    def distinct(self) -> list[int]:
        """One site of each kind that symmetry tells apart."""
        return [int(site) for site in np.unique(self.action.orbits)]


def parse_defect(name: str) -> tuple[DefectKind, str]:
    """A vacancy (``V_Br``) or an interstitial (``Br_i``, ``Ag_i``).

    Raises:
        InputError: it is written otherwise, or holds no element.
    """
    before, _, behind = name.partition("_")
    kind: DefectKind = "vacancy" if before == "V" else "interstitial"
    symbol = behind if before == "V" else before
    if symbol not in chemical_symbols[1:] or (before != "V" and behind != "i"):
        raise InputError(
            f"defect {name!r} is not known; write a vacancy as V_Br, an interstitial as Br_i or "
            "Ag_i (with the symbol of its element)"
        )
    return kind, symbol


def vacancy_sites(host: Atoms, symbol: str, operations: Operations) -> Sites:
    """Every atom of an element.

    Raises:
        CalculationFailedError: the host has none (``NO_HOP``).
    """
    atoms = np.flatnonzero(host.numbers == atomic_numbers[symbol])
    if len(atoms) == 0:
        raise CalculationFailedError(
            FailureKind.NO_HOP,
            f"{host.get_chemical_formula()} has no {symbol} that could be missing; choose an "
            "element of it",
        )
    positions = host.positions[atoms]
    return Sites("vacancy", symbol, positions, atoms, act(operations, positions))


def interstitial_sites(
    host: Atoms, symbol: str, operations: Operations, room_ang: float = _ROOM_ANG
) -> Sites:
    """Candidate sites of an added atom: the corners of the host's Voronoi cells.

    A corner is as far from four or more atoms as it can be. Corners close to one another are
    merged, and the rest of their orbits under the symmetry is added. Which of the candidates hold
    an atom, a relaxation tells.

    Raises:
        CalculationFailedError: no corner is far enough from the atoms (``NO_HOP``).
    """
    corners = _merged(_voronoi_corners(host, room_ang), host)
    if len(corners) == 0:
        raise CalculationFailedError(
            FailureKind.NO_HOP,
            f"{host.get_chemical_formula()} has no place for {symbol} at least {room_ang} Å from "
            "every atom",
        )
    positions, _ = closed_sites(list(corners), operations)
    return Sites("interstitial", symbol, positions, np.array([], int), act(operations, positions))


def _voronoi_corners(host: Atoms, room_ang: float) -> np.ndarray:
    """Corners in the cell, those with the most room first, shape (n, 3), Å."""
    shifts = np.stack(np.meshgrid(*[[-1, 0, 1]] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    images = (host.positions[None, :, :] + (shifts @ host.cell.array)[:, None, :]).reshape(-1, 3)
    corners = Voronoi(images).vertices
    scaled = corners @ np.linalg.inv(host.cell.array)
    inside = np.all((scaled > -1e-6) & (scaled < 1 - 1e-6), axis=1)
    corners = corners[inside]
    room = np.linalg.norm(corners[:, None, :] - images[None, :, :], axis=2).min(axis=1)
    order = np.lexsort((*np.round(corners, 3).T, -np.round(room, 3)))
    return np.asarray(corners[order][room[order] >= room_ang])


def _merged(corners: np.ndarray, host: Atoms) -> np.ndarray:
    """One of each group of close corners, the one with the most room."""
    kept: list[np.ndarray] = []
    for corner in corners:
        if all(_distance(corner, other, host.cell.array) > _MERGED_ANG for other in kept):
            kept.append(corner)
    return np.array(kept).reshape(-1, 3)


def closed_sites(
    points: Sequence[np.ndarray], operations: Operations
) -> tuple[np.ndarray, dict[int, int]]:
    """Points and all their images under the symmetry, those next to one another merged.

    A point next to a symmetry element is pulled onto it.

    Returns:
        The sites, shape (n, 3), Å, and by the place of each point that was no image of an earlier
        one the index of its site.
    """
    sites: list[np.ndarray] = []
    kept: dict[int, int] = {}
    for place, point in enumerate(points):
        if any(_distance(point, site, operations.cell) < _MERGED_ANG for site in sites):
            continue
        settled = _on_its_symmetry(point, operations)
        kept[place] = len(sites)
        sites.append(settled)
        for index in range(len(operations)):
            image = operations.moved(index, settled[None, :])[0]
            if all(_distance(image, site, operations.cell) > _MERGED_ANG / 3 for site in sites):
                sites.append(image)
    return np.array(sites), kept


def _on_its_symmetry(point: np.ndarray, operations: Operations) -> np.ndarray:
    """The mean of a point and those of its images that are next to it."""
    near = []
    for index in range(len(operations)):
        image = operations.moved(index, point[None, :])[0]
        step = _step(point, image, operations.cell)
        if np.linalg.norm(step) < _MERGED_ANG:
            near.append(step)
    return np.asarray(point + np.mean(near, axis=0))


def _distance(one: np.ndarray, other: np.ndarray, cell: np.ndarray) -> float:
    return float(np.linalg.norm(_step(one, other, cell)))


def _step(one: np.ndarray, other: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """Shortest vector between two points of a cell that is not very skewed."""
    scaled = (other - one) @ np.linalg.inv(cell)
    return np.asarray((scaled - np.rint(scaled)) @ cell)
