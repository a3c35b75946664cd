"""What the store keeps of a migration, and what comes out of it again."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable

import numpy as np
import pytest
from ase.io import read

from pvkdb.errors import InputError, NotFoundError
from pvkdb.schemas.calculations import PotentialName
from pvkdb.schemas.calculations.migration import NebRequest
from pvkdb.store.curation.computed import computed_rows
from pvkdb.store.database import Store
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.energetics import Energetic
from pvkdb.store.models.structures import Structure
from pvkdb.store.queue import claims as queue
from pvkdb.store.rows.from_models import calculation_document
from pvkdb_pipelines.migration.compute import MigrationRun
from pvkdb_pipelines.migration.plots.pictures import plot_graph, plot_path
from pvkdb_pipelines.migration.result.stored import path_text, stored_host, stored_path

from ...queueing import submitted

pytestmark = pytest.mark.slow


@pytest.fixture
def run(cspbbr3_migration: Callable[[PotentialName], MigrationRun]) -> MigrationRun:
    return cspbbr3_migration(PotentialName.CHGNET)


def recorded(store: Store, run: MigrationRun) -> str:
    """Put a finished calculation into a store, as a worker does."""
    request = NebRequest(formula="CsPbBr3", potential=PotentialName.CHGNET)
    key = submitted(store, request)
    with store.session() as session:
        queue.claim(session, "a")
        calculation = session.get_one(Calculation, key)
        records = computed_rows(session, calculation, request, run.result, run.structures())
        queue.finish(session, key, "a", run.result.model_dump(mode="json"), run.versions, records)
    return key


def test_a_migration_is_recorded_whole(empty_store, run):
    sent = pickle.dumps(run)  # as from a compute node
    assert len(sent) < 1_000_000  # the weights of CHGNet are megabytes
    arrived = pickle.loads(sent)
    result = arrived.result
    assert result == run.result
    key = recorded(empty_store, arrived)
    with empty_store.session() as session:
        host = session.get_one(Structure, f"{key}-host")
        assert (host.atoms, host.space_group, host.parent_id) == (40, "Pnma", None)
        images = session.query(Structure).filter(Structure.role != "host").all()
        assert len(images) == sum(len(hop.image_energies_ev) for hop in result.hops)
        assert {image.parent_id for image in images} == {host.id}
        roles = {image.role for image in images}
        for number, hop in enumerate(result.hops, start=1):
            assert {f"hop {number} image 0", f"hop {number} saddle"} <= roles
            energies = hop.image_energies_ev
            saddle = session.get_one(Structure, f"{key}-hop-{number}-image-{np.argmax(energies)}")
            assert saddle.role == f"hop {number} saddle"
            start = session.get_one(Structure, f"{key}-hop-{number}-image-0")
            assert saddle.energy_ev - start.energy_ev == pytest.approx(max(energies), abs=1e-5)

            statement = session.get_one(Energetic, f"e-{key}-hop-{number}")
            assert (statement.method, statement.scope, statement.defect) == ("MLIP", "hop", "V_Br")
            barriers = sorted([hop.barrier_forward_ev, hop.barrier_reverse_ev])
            assert [statement.value_min_ev, statement.value_max_ev] == pytest.approx(
                barriers, abs=1e-4
            )
        for threshold in result.percolation:
            statement = session.get_one(Energetic, f"e-{key}-{threshold.direction}")
            assert (statement.scope, statement.direction) == ("percolation", threshold.direction)
            assert statement.value_min_ev == statement.value_max_ev
            assert statement.value_max_ev == pytest.approx(threshold.e_a_ev, abs=1e-4)
            assert "39 atoms, neutral cell" in statement.conditions
            assert "octahedron edge" in statement.conditions
            assert "hop that failed" not in statement.conditions
        assert session.query(Energetic).count() == len(result.hops) + len(result.percolation)


def test_statements_say_what_takes_trust_from_them(sqlite_store, run):
    """A hop that failed has neither path nor statement; a bound and another host are told."""
    failed = run.result.hops[-1].model_copy(update={"outcome": "failed", "saddle_ev": None})
    doubtful = run.result.model_copy(
        update={
            "hops": [*run.result.hops[:-1], failed],
            "upper_bound": True,
            "host_left_for": "Pm, 7 meV a formula unit lower",
        }
    )
    paths = [*run.paths[:-1], type(run.paths[-1])(run.paths[-1].hop)]
    other = MigrationRun(doubtful, run.crystal, paths, run.versions)
    key = recorded(sqlite_store, other)
    last = len(doubtful.hops)
    with sqlite_store.session() as session:
        assert session.get(Energetic, f"e-{key}-hop-{last}") is None
        statement = session.get_one(Energetic, f"e-{key}-3D")
        assert "a hop that failed might be easier" in statement.conditions
        assert (statement.value_min_ev, statement.bound) == (None, "upper")
        assert "left Pnma for Pm" in statement.conditions
        with pytest.raises(NotFoundError, match=f"hop {last} "):
            stored_path(session, key, last)


def test_paths_come_out_as_files_that_ase_reads(sqlite_store, run):
    result = run.result
    key = recorded(sqlite_store, run)
    with sqlite_store.session() as session:
        document = calculation_document(session.get_one(Calculation, key))
        everything = path_text(session, document, result, None)
        second = path_text(session, document, result, 2)
        for wrong in (0, len(result.hops) + 1):
            with pytest.raises(InputError, match="does not exist"):
                path_text(session, document, result, wrong)
    frames = read(io.StringIO(everything), ":", format="extxyz")
    assert len(frames) == sum(len(hop.image_energies_ev) for hop in result.hops)
    hop = read(io.StringIO(second), ":", format="extxyz")
    assert [frame.info["image"] for frame in hop] == list(range(len(hop)))
    assert {frame.info["hop"] for frame in hop} == {2}
    assert hop[0].info["hop_class"] == "octahedron edge"
    expected = run.paths[1].band
    energies = np.array([frame.get_potential_energy() for frame in hop])
    assert energies - energies[0] == pytest.approx(expected.energies_ev, abs=1e-5)
    for frame, image in zip(hop, expected.images, strict=True):
        assert frame.positions == pytest.approx(image.positions, abs=1e-6)
        assert frame.cell.array == pytest.approx(image.cell.array, abs=1e-6)
        assert frame.get_chemical_symbols() == image.get_chemical_symbols()


def test_host_comes_out_with_its_symmetry(sqlite_store, run, tmp_path):
    """Pictures draw the graph of hops from it: the same classes as in the calculation."""
    key = recorded(sqlite_store, run)
    with sqlite_store.session() as session:
        host = stored_host(session, key)
        images = stored_path(session, key, 1)
        with pytest.raises(NotFoundError, match="no host"):
            stored_host(session, "none")
    assert host.positions == pytest.approx(run.crystal.cell.positions, abs=1e-6)
    for ending, start in ((".png", b"\x89PNG"), (".svg", b"<?xml")):
        graph = plot_graph(run.result, host, tmp_path / f"graph{ending}")
        path = plot_path(run.result, run.result.hops[0], images, tmp_path / f"path{ending}")
        for file in (graph, path):
            assert file.read_bytes().startswith(start)
            assert file.stat().st_size > 5000
    assert "V_Br" in (tmp_path / "graph.svg").read_text()
    assert "octahedron edge" in (tmp_path / "path.svg").read_text()
    with pytest.raises(InputError, match=r"\.png nor \.svg"):
        plot_path(run.result, run.result.hops[0], images, tmp_path / "path.pdf")
    interstitial = run.result.model_copy(update={"defect": "Ag_i"})
    with pytest.raises(InputError, match="vacancies only"):
        plot_graph(interstitial, host, tmp_path / "graph.png")
