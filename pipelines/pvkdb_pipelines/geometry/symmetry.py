"""Space groups and symmetrised cells of ASE atoms, by spglib."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

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
    dataset = _found(spglib.get_symmetry_dataset, atoms, symprec)
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
    cell, scaled, numbers = _found(
        spglib.standardize_cell, atoms, symprec, to_primitive=primitive, no_idealize=False
    )
    ranks = {number: rank for rank, number in reversed(list(enumerate(atoms.numbers)))}
    order = np.argsort([ranks[number] for number in numbers], kind="stable")
    return Atoms(numbers[order], cell=cell, scaled_positions=scaled[order], pbc=True)


def _found(ask: Callable[..., Any], atoms: Atoms, symprec: float, **options: bool) -> Any:
    """Return what a function of spglib finds; until 2.x it returns None where it fails."""
    # Its C library also prints a warning for every failed attempt.
    os.environ.setdefault("SPGLIB_WARNING", "OFF")
    cell = atoms.cell.array, atoms.get_scaled_positions(wrap=False), atoms.numbers
    found = None
    with warnings.catch_warnings():
        # spglib 2.7 and 2.8 warn about their old error handling at every call.
        warnings.filterwarnings(
            "ignore", message="Set OLD_ERROR_HANDLING", category=DeprecationWarning
        )
        with suppress(spglib.SpglibError):
            found = ask(cell, symprec=symprec, **options)
    if found is None:
        raise CalculationFailedError(
            FailureKind.SYMMETRY_CHANGED,
            f"no space group found for {atoms.symbols} within {symprec} Å; "
            "check for overlapping atoms or use another tolerance",
        )
    return found
