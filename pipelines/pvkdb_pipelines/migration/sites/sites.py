"""The sites between which a defect moves: positions, and the atom that is missing or added."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols
from scipy.spatial import Voronoi

from pvkdb.errors import CalculationFailedError, InputError
from pvkdb.schemas.calculations import FailureKind
from pvkdb_pipelines.migration.sites.operations import Action, SymmetryOperations, act

DefectKind = Literal["vacancy", "interstitial"]

#: Corners of Voronoi cells closer than this are one interstitial site, Å.
_MERGED_ANG = 0.6
#: Least distance of interstitial sites from every atom, Å.
_ROOM_ANG = 1.4


@dataclass(frozen=True)
class DefectSites:
    """All sites of one defect in a supercell.

    Attributes:
        operations: The host with its symmetry.
        kind: ``vacancy`` or ``interstitial``.
        symbol: Element of the missing or added atom; in a mixture, of the one that the cell lacks.
        positions: Cartesian, shape (n, 3), Å.
        atoms: For vacancies, the atom of the host on each site, shape (n,); otherwise empty.
    """

    operations: SymmetryOperations
    kind: DefectKind
    symbol: str
    positions: np.ndarray
    atoms: np.ndarray

    @cached_property
    def action(self) -> Action:
        """Action of the host's symmetry on the sites."""
        return act(self.operations, self.positions)

    @property
    def distinct(self) -> list[int]:
        """One site of each symmetry-distinct kind."""
        return [int(site) for site in np.unique(self.action.orbits)]


def parse_defect(name: str) -> tuple[DefectKind, str]:
    """Parse the name of a vacancy (``V_Br``) or an interstitial (``Br_i``, ``Ag_i``).

    Raises:
        InputError: the name has another form or contains no element.
    """
    before, _, behind = name.partition("_")
    kind: DefectKind = "vacancy" if before == "V" else "interstitial"
    symbol = behind if before == "V" else before
    if symbol not in chemical_symbols[1:] or (before != "V" and behind != "i"):
        raise InputError(
            f"defect {name!r} is unknown; write a vacancy as V_Br, an interstitial as Br_i or "
            "Ag_i (with the symbol of its element)"
        )
    return kind, symbol


def vacancy_sites(
    operations: SymmetryOperations, symbol: str, others: AbstractSet[str] = frozenset()
) -> DefectSites:
    """Return the sites of all atoms of an element, and of ``others`` that share its site.

    Raises:
        CalculationFailedError: the host does not contain it (``NO_HOP``).
    """
    host = operations.host
    atoms = np.flatnonzero(np.isin(host.symbols, [symbol, *others]))
    if symbol not in host.symbols:
        raise CalculationFailedError(
            FailureKind.NO_HOP,
            f"{host.get_chemical_formula()} contains no {symbol}; choose one of its elements",
        )
    return DefectSites(operations, "vacancy", symbol, host.positions[atoms], atoms)


def interstitial_sites(
    operations: SymmetryOperations, symbol: str, room_ang: float = _ROOM_ANG
) -> DefectSites:
    """Return candidate sites of an added atom: the corners of the host's Voronoi cells.

    A corner has locally the largest distance from four or more atoms. Close corners are merged, and
    their symmetry-equivalent points are added. A relaxation shows which candidates are minima.

    Raises:
        CalculationFailedError: no corner is far enough from the atoms (``NO_HOP``).
    """
    host = operations.host
    corners = _merged(_voronoi_corners(host, room_ang), host)
    if len(corners) == 0:
        raise CalculationFailedError(
            FailureKind.NO_HOP,
            f"{host.get_chemical_formula()} has no site for {symbol} at least {room_ang} Å from "
            "every atom",
        )
    positions, _ = closed_sites(list(corners), operations)
    return DefectSites(operations, "interstitial", symbol, positions, np.array([], int))


def _voronoi_corners(host: Atoms, room_ang: float) -> np.ndarray:
    """Return the corners in the cell, those farthest from atoms first, shape (n, 3), Å."""
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
    """Return the corner farthest from atoms of each group of close corners."""
    kept: list[np.ndarray] = []
    for corner in corners:
        if all(_distance(corner, other, host.cell.array) > _MERGED_ANG for other in kept):
            kept.append(corner)
    return np.array(kept).reshape(-1, 3)


def closed_sites(
    points: Sequence[np.ndarray], operations: SymmetryOperations
) -> tuple[np.ndarray, dict[int, int]]:
    """Return points with all their symmetry images, close ones merged.

    A point next to a symmetry element is moved onto it.

    Returns:
        The sites, shape (n, 3), Å, and the index of the site of each point that is not an image of
        an earlier one, by the index of the point.
    """
    sites: list[np.ndarray] = []
    kept: dict[int, int] = {}
    for place, point in enumerate(points):
        if any(_distance(point, site, operations.cell) < _MERGED_ANG for site in sites):
            continue
        centred = _on_its_symmetry(point, operations)
        kept[place] = len(sites)
        sites.append(centred)
        for index in range(len(operations)):
            image = operations.moved(index, centred[None, :])[0]
            if all(_distance(image, site, operations.cell) > _MERGED_ANG / 3 for site in sites):
                sites.append(image)
    return np.array(sites), kept


def _on_its_symmetry(point: np.ndarray, operations: SymmetryOperations) -> np.ndarray:
    """Return the mean of a point and its close symmetry images, which map onto each other."""
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
    """Return the shortest vector between two points of a cell that is not very skewed."""
    scaled = (other - one) @ np.linalg.inv(cell)
    return np.asarray((scaled - np.rint(scaled)) @ cell)
