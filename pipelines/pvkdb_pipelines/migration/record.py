"""Rows that the store keeps of a migration calculation: structures, hops and bottlenecks."""

from __future__ import annotations

from sqlalchemy.orm import Session

from pvkdb.schemas.calculations.migration import HopBarrier, NebResult
from pvkdb.store.base import Base
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.energetics import Energetic
from pvkdb_pipelines.migration.compute import MigrationRun
from pvkdb_pipelines.relaxations.record import stored_structure

_DECIMALS = 4


def migration_records(session: Session, calculation: Calculation, run: MigrationRun) -> list[Base]:
    """Return the rows to store: host, path images, and the energy of each hop and bottleneck."""
    result = run.result
    crystal = run.crystal
    host = stored_structure(calculation, "host", crystal.cell, crystal.space_group, parent=None)
    records: list[Base] = [host]
    for number, path in enumerate(run.paths, start=1):
        if path.band is None:
            continue
        energies = path.band.energies_ev
        top = int(energies.argmax())
        for index, image in enumerate(path.band.images):
            structure = stored_structure(
                calculation, f"hop {number} image {index}", image, None, parent=host.id
            )
            if index == top:
                structure.role = f"hop {number} saddle"  # its id keeps its position on the path
            records.append(structure)
    records += [
        _hop(calculation, result, number, barrier)
        for number, barrier in enumerate(result.hops, start=1)
        if barrier.saddle_ev is not None
    ]
    records += _bottlenecks(calculation, result)
    return records


def _hop(
    calculation: Calculation, result: NebResult, number: int, barrier: HopBarrier
) -> Energetic:
    """Return the energy row of a hop: an interval from its lower to its higher barrier."""
    forward, reverse = barrier.barrier_forward_ev or 0.0, barrier.barrier_reverse_ev or 0.0
    hop = barrier.hop
    return _statement(
        calculation,
        result,
        f"hop-{number}",
        direction=None,
        low=min(forward, reverse),
        high=max(forward, reverse),
        conditions=(
            f"{hop.hop_class}, {hop.start} to {hop.end}, {hop.length_ang:.2f} Å; forward "
            f"{forward:.3f} eV, reverse {reverse:.3f} eV"
        ),
    )


def _bottlenecks(calculation: Calculation, result: NebResult) -> list[Base]:
    found: list[Base] = []
    for threshold in result.percolation:
        hop = result.hops[threshold.hop].hop
        energy = _statement(
            calculation,
            result,
            threshold.direction,
            direction=threshold.direction,
            low=threshold.e_a_ev,
            high=threshold.e_a_ev,
            conditions=f"limited by {hop.hop_class}, {hop.start} to {hop.end}, "
            f"{hop.length_ang:.2f} Å",
        )
        if result.upper_bound:
            energy.conditions = f"{energy.conditions}; a hop that failed might be easier"
        found.append(energy)
    return found


def _statement(
    calculation: Calculation,
    result: NebResult,
    name: str,
    *,
    direction: str | None,
    low: float,
    high: float,
    conditions: str,
) -> Energetic:
    caveat = ""
    if result.host_left_for is not None:
        caveat = f"; the host left {result.phase} for {result.host_left_for}"
    charge = "neutral cell" if result.charge is None else f"charge {result.charge:+d}"
    return Energetic(
        id=f"e-{calculation.id}-{name}",
        material_id=calculation.material_id,
        direction=direction,
        defect=result.defect,
        species=result.species,
        charge=result.charge,
        quantity="E_A",
        scope="hop" if direction is None else "percolation",
        value_min_ev=round(low, _DECIMALS),
        value_max_ev=round(high, _DECIMALS),
        approximate=False,
        method="MLIP",
        functional=str(calculation.parameters["potential"]),
        conditions=f"{conditions}; {result.atoms_in_cell} atoms, {charge}{caveat}",
        source=f"calculation {calculation.id}",
        calculation_id=calculation.id,
    )
