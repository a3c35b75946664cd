"""A finished barrier in a store, made by hand: a path of three images in a cell of four atoms."""

from __future__ import annotations

from ase import Atoms

from pvkdb.schemas.calculations import PotentialName
from pvkdb.schemas.calculations.migration import NebRequest
from pvkdb.store.database import Store
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.queue import claims as queue

from ...queueing import submitted
from ...structures import structure_row
from ..migration.results import hop_barrier, migration_result_of


def vacancy_path() -> list[Atoms]:
    """A bromine that moves to the vacancy beside it along the edge of an octahedron."""
    images = []
    for share in (0.0, 0.5, 1.0):
        atoms = Atoms(
            "CsPbBr2",
            scaled_positions=[
                (0, 0, 0),
                (0.5, 0.5, 0.5),
                (0.5, 0.5, 0),
                (0.5 * (1 - share), 0.5 * share, 0.5),
            ],
            cell=[6.0] * 3,
            pbc=True,
        )
        images.append(atoms)
    return images


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
                f"{key}-{name}",
                image,
                material_id=calculation.material_id,
                role=role,
                origin="a test",
                calculation_id=key,
                energy_ev=energy,
            )
            for image, energy, name, role in zip(
                vacancy_path(),
                (0.0, 0.2, 0.0),
                ("hop-1-image-0", "hop-1-image-1", "hop-1-image-2"),
                ("hop 1 image 0", "hop 1 saddle", "hop 1 image 2"),
                strict=True,
            )
        ]
        queue.finish(session, key, "a", result.model_dump(mode="json"), {}, structures)
