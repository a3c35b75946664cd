"""Where an SCF of pw.x starts: the last structure's waves and density, moved with its atoms.

Within one run pw.x does the same from structure to structure (``pot_extrapolation = 'atomic'``):
what free atoms have at the old places is taken off, and added at the new ones.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.units import Bohr
from scipy.integrate import simpson
from scipy.interpolate import CubicSpline
from scipy.io import FortranFile

from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import FailureKind
from pvkdb_pipelines.geometry.hosts import longest

#: Largest displacement of an atom, Å, up to which this is a better start than that of atoms.
_NEAR_ANG = 0.7
#: Radius up to which pw.x itself integrates the densities of atoms, bohr.
_RADIUS_BOHR = 10.0
#: Points at which the transform of an atom's density is computed; between them it is interpolated.
_TRANSFORM_POINTS = 1000


def same_cell(last: Atoms, new: Atoms) -> bool:
    """Whether two structures have the same atoms, wherever they are, in the same cell."""
    return list(last.symbols) == list(new.symbols) and not (last.cell != new.cell).any()


def start_of(
    saved: Path, pseudopotentials: Mapping[str, Path], last: Atoms | None, new: Atoms
) -> dict[str, str]:
    """Return where waves and density start, for the namelist ``electrons``; {}: from atoms.

    The density that the last run saved in a folder is moved; ``pseudopotentials`` are files (UPF)
    of the elements.
    """
    if last is None or not same_cell(last, new):
        return {}
    if longest(last.positions - new.positions) >= _NEAR_ANG:
        return {}
    density = saved / "charge-density.dat"
    if not density.is_file():  # pw.x with HDF5 keeps it otherwise
        return {"startingwfc": "file"}
    move_density(density, pseudopotentials, last, new)
    return {"startingwfc": "file", "startingpot": "file"}


def move_density(file: Path, pseudopotentials: Mapping[str, Path], old: Atoms, new: Atoms) -> None:
    """Change ``charge-density.dat`` of a structure into an estimate for another one.

    The file has the layout of pw.x 6 and 7; of two spins the magnetization stays. Both structures
    have the same atoms and cell; the pseudopotentials (UPF) have the densities of atoms.
    """
    with FortranFile(file) as saved:
        header = saved.read_ints("i4")  # Γ only?, number of waves, of spins
        reciprocal = saved.read_reals()  # 1/bohr
        indices = saved.read_ints("i4")
        densities = [saved.read_record("c16") for _ in range(header[2])]
    waves = indices.reshape(-1, 3) @ reciprocal.reshape(3, 3)
    volume = (2 * np.pi) ** 3 / abs(np.linalg.det(reciprocal.reshape(3, 3)))
    for element in sorted(set(old.symbols)):
        places = np.flatnonzero(old.symbols == element)
        change = sum(
            np.exp(-1j * (waves @ new.positions[place] / Bohr))
            - np.exp(-1j * (waves @ old.positions[place] / Bohr))
            for place in places
        )
        densities[0] = densities[0] + _of_atom(pseudopotentials[element], waves) * change / volume
    with FortranFile(file, "w") as saved:
        for record in (header, reciprocal, indices, *densities):
            saved.write_record(record)


def _of_atom(pseudopotential: Path, waves: np.ndarray) -> np.ndarray:
    """Return the Fourier transform of an atom's density, in electrons, for waves (n, 3), 1/bohr."""
    tags = ("PP_R", "PP_RAB", "PP_RHOATOM")
    radii, weights, density = (_numbers(pseudopotential, tag) for tag in tags)
    near = radii <= _RADIUS_BOHR
    lengths = np.linalg.norm(waves, axis=1)
    points = np.linspace(0, lengths.max(), _TRANSFORM_POINTS)
    shells = np.sinc(np.outer(points, radii[near]) / np.pi) * (density * weights)[near]
    return np.asarray(CubicSpline(points, simpson(shells, dx=1.0, axis=1))(lengths))


def _numbers(pseudopotential: Path, tag: str) -> np.ndarray:
    """Return the numbers of a section of a UPF file, in version 1 or 2 of the format."""
    text = pseudopotential.read_text(encoding="utf-8", errors="replace")
    found = re.search(rf"<{tag}(?:\s[^>]*)?>(.*?)</{tag}>", text, re.DOTALL)
    if found is None:
        raise CalculationFailedError(
            FailureKind.PSEUDOPOTENTIAL_MISSING,
            f"{pseudopotential} has no section {tag}, so it is no UPF file; install those of SSSP",
        )
    return np.array(found.group(1).split(), dtype=float)
