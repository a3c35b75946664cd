"""From a finished calculation to what the store keeps: structures and statements."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from sqlalchemy.orm import Session

from pvkdb.chemistry import parse_composition
from pvkdb.errors import FormulaError
from pvkdb.schemas.calculations import NebRequest
from pvkdb.store.base import Base
from pvkdb.store.calculations import Calculation
from pvkdb.store.energetics import Energetic
from pvkdb.store.registration import register_material
from pvkdb.store.structures import Structure
from pvkdb_pipelines.barrier import BarrierRun
from pvkdb_pipelines.compound_relaxation import RelaxationRun
from pvkdb_pipelines.health import Flaw
from pvkdb_pipelines.vacancy_relaxation import VacancyRun


def barrier_records(calculation: Calculation, run: BarrierRun) -> list[Base]:
    """The host, every image and the hop's activation energy, ready to be added in one go."""
    host = _structure(calculation, "host", run.host, run.result.space_group, parent=None)
    energies = run.result.image_energies_ev
    top = energies.index(max(energies))
    images = [
        _structure(calculation, f"image {index}", image, None, parent=host.id)
        for index, image in enumerate(run.images)
    ]
    images[top].role = "saddle"  # its id keeps its place on the path
    return [host, *images, _statement(calculation, run)]


def relaxation_records(
    session: Session, calculation: Calculation, run: RelaxationRun
) -> list[Base]:
    """The relaxed structure, if its compound is a material of the store's: a halide perovskite or
    a relative. A binary halide is kept in the result only, and so is a structure that became
    another one, which is no host for anything."""
    try:
        composition = parse_composition(run.result.formula)
    except FormulaError:
        return []
    if not all(Flaw(finding.partition(":")[0]).remark for finding in run.result.findings):
        return []
    material = register_material(session, composition, run.result.phase)
    calculation.material_id = material.id
    return [_structure(calculation, "host", run.atoms, run.result.space_group, parent=None)]


def vacancy_records(session: Session, calculation: Calculation, run: VacancyRun) -> list[Base]:
    """The cell with the lowest vacancy. Its formation energy needs chemical potentials, which
    other calculations give."""
    composition = parse_composition(run.result.formula)
    calculation.material_id = register_material(session, composition, run.result.phase).id
    return [_structure(calculation, "vacancy", run.atoms, None, parent=None)]


def _structure(
    calculation: Calculation, role: str, atoms: Atoms, space_group: str | None, parent: str | None
) -> Structure:
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


def _statement(calculation: Calculation, run: BarrierRun) -> Energetic:
    """Forward and reverse barrier span the interval, since the two ends differ in energy."""
    result = run.result
    request = NebRequest.model_validate(calculation.parameters)
    low, high = sorted((result.barrier_forward_ev, result.barrier_reverse_ev))
    charge = "neutral cell" if result.charge is None else f"charge {result.charge:+d}"
    return Energetic(
        id=f"e-{calculation.id}",
        material_id=calculation.material_id,
        defect=result.defect,
        species=result.species,
        charge=result.charge,
        quantity="E_A",
        scope="hop",
        value_min_ev=round(low, 4),
        value_max_ev=round(high, 4),
        approximate=False,
        method="MLIP",
        functional=request.potential.value,
        conditions=(
            f"{result.hop.hop_class}, {result.hop.length_ang:.2f} Å, {result.atoms_in_cell} atoms, "
            f"{charge}; forward {result.barrier_forward_ev:.3f} eV, "
            f"reverse {result.barrier_reverse_ev:.3f} eV"
        ),
        source=f"calculation {calculation.id}",
        calculation_id=calculation.id,
    )
