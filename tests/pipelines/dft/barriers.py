"""A finished barrier in a store, made by hand: a path of three images in a cell of four atoms.

And what comes back from a folder that was run by hand.
"""

from __future__ import annotations

from pathlib import Path

from ase import Atoms

from pvkdb.schemas.calculations import PotentialName
from pvkdb.schemas.calculations.migration import NebRequest
from pvkdb.store.database import Store
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.queue import claims as queue
from pvkdb_pipelines.dft.by_hand.imports import import_results

from ...queueing import submitted
from ...structures import structure_row
from ..migration.results import hop_barrier, migration_result_of


def taken_back(store: Store, key: str, folder: Path) -> Calculation:
    """What was run by hand in a folder, for a calculation; detached."""
    with store.session() as session:
        found = import_results(session, session.get_one(Calculation, key), folder)
        session.flush()
        session.expunge(found)
        return found


def vacancy_path() -> list[Atoms]:
    """A bromine that moves to the vacancy beside it along the edge of an octahedron."""
    still = [(0, 0, 0), (0.5, 0.5, 0.5), (0.5, 0.5, 0)]
    moving = [(0.5, 0, 0.5), (0.25, 0.25, 0.5), (0, 0.5, 0.5)]
    return [
        Atoms("CsPbBr2", scaled_positions=[*still, place], cell=[6.0] * 3, pbc=True)
        for place in moving
    ]


def queued_barrier(store: Store) -> str:
    """Ask for it; gives the id."""
    request = NebRequest(formula="CsPbBr3", phase="Pnma", potential=PotentialName.CHGNET)
    return submitted(store, request)


def stored_barrier(store: Store) -> str:
    """Put it into a store; gives the id."""
    key = queued_barrier(store)
    finish_barrier(store, key)
    return key


def finish_barrier(store: Store, key: str) -> None:
    """Record it as a worker would."""
    result = migration_result_of("CsPbBr3", hop_barrier(0.2))
    with store.session() as session:
        queue.claim(session, "a", key)
        calculation = session.get_one(Calculation, key)
        structures = [
            structure_row(
                f"{key}-hop-1-image-{number}",
                image,
                material_id=calculation.material_id,
                role=f"hop 1 {role}",
                origin="a test",
                calculation_id=key,
                energy_ev=energy,
            )
            for number, (image, energy, role) in enumerate(
                zip(vacancy_path(), (0.0, 0.2, 0.0), ("image 0", "saddle", "image 2"), strict=True)
            )
        ]
        queue.finish(session, key, "a", result.model_dump(mode="json"), {}, structures)
