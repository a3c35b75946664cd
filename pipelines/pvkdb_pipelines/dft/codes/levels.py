"""Kohn–Sham levels of a run of pw.x, from the file that it writes beside its wave functions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from ase.units import Hartree


@dataclass(frozen=True, slots=True)
class Levels:
    """Levels by spin and k-point, and how many are occupied in an insulator.

    Attributes:
        levels_ev: Shape (spins, k-points, bands), eV, ascending.
        kpoints: Shape (k-points, 3), in units of the reciprocal lattice vectors.
        occupied: Occupied bands of each spin; of paired electrons one number for both.
        electrons: Valence electrons of the cell.
    """

    levels_ev: np.ndarray
    kpoints: np.ndarray
    occupied: tuple[int, ...]
    electrons: float

    @property
    def highest_ev(self) -> np.ndarray:
        """Highest occupied level, shape (spins, k-points), eV."""
        return np.array([s[:, n - 1] for s, n in zip(self.levels_ev, self.occupied, strict=True)])

    @property
    def lowest_ev(self) -> np.ndarray:
        """Lowest empty level, shape (spins, k-points), eV."""
        return np.array([s[:, n] for s, n in zip(self.levels_ev, self.occupied, strict=True)])


def read_levels(file: Path) -> Levels:
    """Read ``data-file-schema.xml`` of pw.x 6.4 or later.

    With spin–orbit coupling a level holds one electron, otherwise two, or one of each spin.
    """
    output = ElementTree.parse(file).getroot().find("output")
    assert output is not None
    bands = output.find("band_structure")
    assert bands is not None

    def number(name: str) -> float:
        return float(bands.findtext(name) or 0)

    points = bands.findall("ks_energies")
    levels = np.array([_numbers(each, "eigenvalues") for each in points]) * Hartree
    electrons = number("nelec")
    if (bands.findtext("lsda") or "").strip() == "true":
        moment = float(output.findtext("magnetization/total") or 0)
        up = round((electrons + moment) / 2)
        occupied: tuple[int, ...] = (up, round(electrons) - up)
        split = round(number("nbnd_up"))
        by_spin = np.array([levels[:, :split], levels[:, split:]])
    else:
        single = (bands.findtext("noncolin") or "").strip() == "true"
        occupied = (round(electrons) if single else round(electrons / 2),)
        by_spin = levels[np.newaxis]
    # In units of 2π/alat; the rows are the reciprocal vectors in the same units.
    basis = output.find("basis_set/reciprocal_lattice")
    assert basis is not None
    reciprocal = np.array([_numbers(basis, f"b{axis}") for axis in (1, 2, 3)])
    kpoints = np.array([_numbers(each, "k_point") for each in points])
    return Levels(by_spin, kpoints @ np.linalg.inv(reciprocal), occupied, electrons)


def _numbers(parent: ElementTree.Element, name: str) -> list[float]:
    return [float(part) for part in (parent.findtext(name) or "").split()]
