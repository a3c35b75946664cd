"""Checks that an imported structure is solid matter and the one of its result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np

from pvkdb.chemistry import parse_composition
from pvkdb.schemas.calculations.bounds import ATOM_ANG3, CalculationResult
from pvkdb.schemas.calculations.electrons import PairRequest, PairResult
from pvkdb.schemas.calculations.kinds import SAME_EV
from pvkdb.schemas.calculations.migration import CompleteNebRequest, NebResult
from pvkdb.schemas.calculations.relaxations import (
    MOST_ATOMS,
    CalculationRequest,
    RelaxRequest,
    RelaxResult,
    VacancyRequest,
    VacancyResult,
)
from pvkdb.store.files.structure_reading import elements_of
from pvkdb.store.models.structures import Structure

#: Shortest distance of two atoms, Å: half of the bond of H2, the shortest there is.
_CLOSEST_ANG = 0.35


def require_structure(
    request: CalculationRequest, result: CalculationResult, row: Structure
) -> None:
    """Check that a structure is one of solid matter, and has the atoms that its result names.

    Raises:
        ValueError: names the structure and what is wrong with it.
    """
    if row.atoms > MOST_ATOMS:
        raise ValueError(f"{row.id} has {row.atoms:,} atoms; at most {MOST_ATOMS:,} are accepted")
    cell, positions = np.array(row.cell_ang), np.array(row.positions_ang)
    if cell.shape != (3, 3) or positions.shape != (row.atoms, 3):
        raise ValueError(f"{row.id} needs a cell of 3 × 3 and {row.atoms} × 3 positions")
    volume = abs(float(np.linalg.det(cell))) / row.atoms
    if not ATOM_ANG3[0] <= volume <= ATOM_ANG3[1]:
        raise ValueError(f"{row.id} has {volume:.3g} Å³ an atom, which no solid has")
    fractions = positions @ np.linalg.inv(cell)
    for start in range(0, row.atoms, 200):  # not all pairs of a large cell at once
        apart = fractions[start : start + 200, None] - fractions
        squares = (((apart - np.round(apart)) @ cell) ** 2).sum(axis=-1)
        np.fill_diagonal(squares[:, start:], np.inf)
        if squares.min() < _CLOSEST_ANG**2:
            raise ValueError(f"{row.id} has atoms {squares.min() ** 0.5:.2g} Å apart")
    wrong = _not_of_the_result(request, result, row)
    if wrong is not None:
        raise ValueError(f"{row.id} does not have the {wrong} of its result")


def _not_of_the_result(
    request: CalculationRequest, result: CalculationResult, row: Structure
) -> str | None:
    """Return what a structure and its result do not have in common; None if nothing."""
    found = Counter(row.symbols)
    space_group = row.space_group
    energy = row.energy_ev
    match request, result:
        case RelaxRequest(), RelaxResult():
            atoms = round(result.formula_units * result.atoms_per_formula)
            energy = result.formula_units * result.energy_ev_per_formula
            space_group, host = result.space_group, None
        case VacancyRequest(), VacancyResult():
            atoms, energy = result.atoms_in_cell - 1, result.lowest.energy_ev
            found[request.halide] += 1
            host = request.host
        case PairRequest(), PairResult():
            atoms, energy = result.atoms_in_cell - 1 - request.charge, result.lowest.cell_ev
            found.update({request.cation: 1, request.halide: request.charge})
            host = request.host
        case CompleteNebRequest(), NebResult():
            added = -1 if result.defect.startswith("V_") else 1
            atoms, host = result.atoms_in_cell, request.host
            if row.role == "host":
                atoms, space_group = atoms - added, result.space_group
            else:
                found[result.species] -= added
        case _:
            return None  # a structure of DFT is in its result
    wanted: Mapping[str, float] = Counter(host.symbols) if host else {}
    wanted = wanted or elements_of(parse_composition(request.formula))
    units = found.total() / sum(wanted.values())
    if row.atoms != atoms:
        return "number of atoms"
    if any(abs(found[name] - units * wanted.get(name, 0)) > SAME_EV for name in {*found, *wanted}):
        return "composition"
    if row.energy_ev is None or abs(row.energy_ev - (energy or 0)) > SAME_EV * atoms:
        return "energy"
    return None if row.space_group == space_group else "space group"
