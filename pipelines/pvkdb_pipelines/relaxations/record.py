"""Structures that the store keeps of finished relaxations and vacancies."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from sqlalchemy.orm import Session

from pvkdb.chemistry import parse_composition
from pvkdb.errors import FormulaError
from pvkdb.schemas.calculations.relaxations import RelaxResult, VacancyResult
from pvkdb.store.base import Base
from pvkdb.store.curation.registration import register_material
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.structures import Structure
from pvkdb_pipelines.relaxations.relaxation import RelaxationRun


def relaxation_records(
    session: Session, calculation: Calculation, run: RelaxationRun[RelaxResult]
) -> list[Base]:
    """Return the relaxed structure if its compound is a halide perovskite or a relative.

    Binary halides, and structures that changed into another one, are kept in the result only.
    """
    try:
        composition = parse_composition(run.result.formula)
    except FormulaError:
        return []
    if not all(finding.remark for finding in run.result.findings):
        return []
    material = register_material(session, composition, run.result.phase)
    calculation.material_id = material.id
    return [stored_structure(calculation, "host", run.atoms, run.result.space_group, parent=None)]


def vacancy_records(
    session: Session, calculation: Calculation, run: RelaxationRun[VacancyResult]
) -> list[Base]:
    """Return the cell with the lowest vacancy.

    Its formation energy needs chemical potentials from other calculations.
    """
    composition = parse_composition(run.result.formula)
    calculation.material_id = register_material(session, composition, run.result.phase).id
    return [stored_structure(calculation, "vacancy", run.atoms, None, parent=None)]


def stored_structure(
    calculation: Calculation, role: str, atoms: Atoms, space_group: str | None, parent: str | None
) -> Structure:
    """Return the row of a structure of a calculation."""
    potential, phase = (calculation.parameters[name] for name in ("potential", "phase"))
    energy = atoms.get_potential_energy() if atoms.calc is not None else None
    return Structure(
        id=f"{calculation.id}-{role.replace(' ', '-')}",
        material_id=calculation.material_id,
        space_group=space_group,
        role=role,
        origin=f"{potential} from the {phase} prototype",
        parent_id=parent,
        calculation_id=calculation.id,
        atoms=len(atoms),
        energy_ev=None if energy is None else float(energy),
        cell_ang=np.round(atoms.cell.array, 8).tolist(),
        symbols=atoms.get_chemical_symbols(),
        positions_ang=np.round(atoms.positions, 8).tolist(),
    )
