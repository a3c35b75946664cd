"""From a computed barrier to what the store keeps: structures and one statement on E_A."""

from __future__ import annotations

import numpy as np
from ase import Atoms

from pvkdb.schemas.calculations import NebRequest
from pvkdb.store.base import Base
from pvkdb.store.calculations import Calculation
from pvkdb.store.energetics import Energetic
from pvkdb.store.structures import Structure
from pvkdb_pipelines.barrier import BarrierRun


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


def _structure(
    calculation: Calculation, role: str, atoms: Atoms, space_group: str | None, parent: str | None
) -> Structure:
    request = NebRequest.model_validate(calculation.parameters)
    energy = atoms.get_potential_energy() if atoms.calc is not None else None
    return Structure(
        id=f"{calculation.id}-{role.replace(' ', '-')}",
        material_id=calculation.material_id,
        space_group=space_group,
        role=role,
        origin=f"{request.potential.value} from the {request.phase} prototype",
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
