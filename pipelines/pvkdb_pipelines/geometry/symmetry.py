"""Space groups and symmetrised cells of ASE atoms, by spglib."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import spglib
from ase import Atoms

from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import FailureKind


@dataclass(frozen=True)
class SpaceGroup:
    """The space group of a structure, with its operations on that cell.

    Attributes:
        number: Number in the International Tables, 1 to 230.
        symbol: Short Hermann-Mauguin symbol, e.g. ``"Pnma"``.
        rotations: Rotations in fractional coordinates, shape (operations, 3, 3).
        translations: Translations in fractional coordinates, shape (operations, 3).
        equivalent_atoms: First equivalent atom of each atom, shape (atoms,).
    """

    number: int
    symbol: str
    rotations: np.ndarray
    translations: np.ndarray
    equivalent_atoms: np.ndarray


def space_group(atoms: Atoms, symprec: float) -> SpaceGroup:
    """Find the space group of periodic atoms within ``symprec`` Å.

    Raises:
        CalculationFailedError: spglib finds no symmetry (``SYMMETRY_CHANGED``).

    Source: A. Togo, K. Shinohara, I. Tanaka, Sci. Technol. Adv. Mater. Meth. 4, 2384822
    (2024), doi:10.1080/27660400.2024.2384822.
    """
    with _spglib_errors(atoms, symprec):
        dataset = spglib.get_symmetry_dataset(_spglib_cell(atoms), symprec=symprec)
    if dataset is None:
        raise _no_symmetry(atoms, symprec)
    return SpaceGroup(
        number=int(dataset.number),
        symbol=str(dataset.international),
        rotations=np.asarray(dataset.rotations),
        translations=np.asarray(dataset.translations),
        equivalent_atoms=np.asarray(dataset.equivalent_atoms),
    )


def standard_cell(atoms: Atoms, symprec: float, *, primitive: bool = False) -> Atoms:
    """Symmetrise a structure into the standard setting of its space group.

    Noise of positions and cell within ``symprec`` (Å) is removed. Elements keep the order of their
    first appearance. For Pnma the long axis of the perovskite is b.

    Raises:
        CalculationFailedError: spglib finds no symmetry (``SYMMETRY_CHANGED``).
    """
    with _spglib_errors(atoms, symprec):
        found = spglib.standardize_cell(
            _spglib_cell(atoms), to_primitive=primitive, no_idealize=False, symprec=symprec
        )
    if found is None:
        raise _no_symmetry(atoms, symprec)
    cell, scaled, numbers = found
    ranks = {number: rank for rank, number in reversed(list(enumerate(atoms.numbers)))}
    order = np.argsort([ranks[number] for number in numbers], kind="stable")
    return Atoms(numbers[order], cell=cell, scaled_positions=scaled[order], pbc=True)


def _spglib_cell(atoms: Atoms) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return atoms.cell.array, atoms.get_scaled_positions(wrap=False), atoms.numbers


@contextmanager
def _spglib_errors(atoms: Atoms, symprec: float) -> Iterator[None]:
    """Convert spglib's exceptions into typed failures; until 2.x it returns None instead."""
    # Its C library also prints a warning for every failed attempt.
    os.environ.setdefault("SPGLIB_WARNING", "OFF")
    with warnings.catch_warnings():
        # spglib 2.7 and 2.8 warn about their old error handling at every call.
        warnings.filterwarnings(
            "ignore", message="Set OLD_ERROR_HANDLING", category=DeprecationWarning
        )
        try:
            yield
        except spglib.SpglibError as error:
            raise _no_symmetry(atoms, symprec) from error


def _no_symmetry(atoms: Atoms, symprec: float) -> CalculationFailedError:
    return CalculationFailedError(
        FailureKind.SYMMETRY_CHANGED,
        f"no space group found for {atoms.symbols} within {symprec} Å; "
        "check for overlapping atoms or use another tolerance",
    )
