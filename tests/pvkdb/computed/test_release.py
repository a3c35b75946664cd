"""The computed results in the box: loaded at once, known by their version, of this version."""

from __future__ import annotations

import pytest
from sqlalchemy import distinct, func, select

from pvkdb.cli.commands.demo import FORMULAS
from pvkdb.computed import load_computed, release_version
from pvkdb.schemas.calculations import PotentialName
from pvkdb.schemas.calculations.migration import NebRequest
from pvkdb.store.curation.dataset import current_version
from pvkdb.store.database import Store
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.energetics import Energetic
from pvkdb.store.models.materials import Material
from pvkdb.store.models.structures import Structure
from pvkdb.store.queue.claims import submit


@pytest.mark.slow
def test_a_new_store_has_structures_and_barriers(store: Store) -> None:
    with store.session() as session:
        literature = current_version(session)
        report = load_computed(session)
    assert (report.added, report.own) == (3_048, 0)
    assert report.dataset_version == f"{literature}.{release_version()}"
    with store.session() as session:
        assert current_version(session) == report.dataset_version
        versions = session.execute(
            select(Calculation.recorded_in, func.count()).group_by("recorded_in")
        )
        assert [tuple(row) for row in versions] == [(report.dataset_version, 3_048)]
        compositions = select(func.count(distinct(Material.composition_id)))
        structures = compositions.join(Structure, Structure.material_id == Material.id)
        barriers = compositions.join(Energetic, Energetic.material_id == Material.id).where(
            Energetic.scope == "percolation"
        )
        assert session.scalar(structures) == 1_020
        assert session.scalar(barriers) == 54
        again = load_computed(session)
        assert (again.added, again.dataset_version) == (0, report.dataset_version)
        # The demonstration still has something to compute.
        for formula in FORMULAS:
            for potential in PotentialName:
                assert submit(session, NebRequest(formula=formula, potential=potential))[1]


def test_the_version_names_the_files() -> None:
    assert release_version() == "computed-af019e7a4d"
