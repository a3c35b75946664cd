"""Structures that the store keeps of a migration calculation."""

from __future__ import annotations

from pvkdb.store.curation.computed import ComputedStructure
from pvkdb_pipelines.migration.compute import MigrationRun
from pvkdb_pipelines.relaxations.record import computed_structure


def migration_structures(run: MigrationRun) -> dict[str, ComputedStructure]:
    """Return the host and the images of all paths by name."""
    images = {
        f"hop-{number}-image-{index}": computed_structure(image)
        for number, path in enumerate(run.paths, start=1)
        if path.band is not None
        for index, image in enumerate(path.band.images)
    }
    return {"host": computed_structure(run.crystal.cell, run.crystal.space_group), **images}
