"""Finished calculations travel from store to store, whole, once, and nothing else does."""

from __future__ import annotations

import copy
import gzip
from pathlib import Path

import pytest

from pvkdb.errors import InputError
from pvkdb.schemas.calculations.relaxations import ElementRequest, content_key
from pvkdb.store.database import Store
from pvkdb.store.files.calculation_import import ImportCounts
from pvkdb.store.files.exchange import write_calculations
from pvkdb.store.models.calculations import Calculation, CalculationEvent
from pvkdb.store.models.energetics import Energetic
from pvkdb.store.models.structures import Structure

from ....queueing import Queue
from .exchanging import Line, element, ended, file_of, sent, taken, with_path, written


def test_a_barrier_arrives_with_all_that_it_gave_and_goes_out_again_as_it_came(
    empty_store: Store, other: Store, tmp_path: Path, shipped: dict[str, Line]
) -> None:
    taken(other, file_of(tmp_path / "given.gz", with_path(shipped["neb"]), shipped["vacancy"]))
    ended(other, "K")
    first, second = tmp_path / "first.gz", tmp_path / "second.gz"
    assert written(other, first) == 3
    assert taken(empty_store, first) == ImportCounts(new=3, known=0, other_recipe=0)
    assert taken(empty_store, first) == ImportCounts(new=0, known=3, other_recipe=0)
    assert written(empty_store, second) == 3
    assert first.read_bytes() == second.read_bytes()
    key = shipped["neb"]["key"][:12]
    with empty_store.session(read_only=True) as session:
        barrier = session.get_one(Calculation, key)
        assert (barrier.state, barrier.material_id) == ("done", "CsPbBr3-Pnma")
        assert barrier.created_at == barrier.started_at  # not the time of the import
        assert barrier.result == shipped["neb"]["result"]
        images = len(shipped["neb"]["result"]["hops"][0]["image_energies_ev"])
        assert session.query(Structure).filter_by(calculation_id=key).count() == 1 + images
        energies = session.query(Energetic).filter_by(calculation_id=key).all()
        assert {row.id for row in energies} == {row["id"] for row in shipped["neb"]["energetics"]}
        (line,) = session.query(CalculationEvent).filter_by(calculation_id=key)
        assert line.message.startswith("taken from first.gz, where it ended at 20")


def test_barriers_travel_without_their_paths_where_those_are_not_wanted(
    empty_store: Store, other: Store, tmp_path: Path, shipped: dict[str, Line]
) -> None:
    taken(other, file_of(tmp_path / "given.gz", with_path(shipped["neb"])))
    key = shipped["neb"]["key"][:12]
    with other.session(read_only=True) as session:
        write_calculations(session, tmp_path / "file.gz", paths=False)
        structures = session.query(Structure).count()
    assert taken(empty_store, tmp_path / "file.gz").new == 1
    with empty_store.session(read_only=True) as session:
        roles = [entry.role for entry in session.query(Structure).filter_by(calculation_id=key)]
        assert roles == ["host"]
    written(other, tmp_path / "whole.gz")  # adds what was left out, once
    assert taken(empty_store, tmp_path / "whole.gz") == ImportCounts(new=1, known=0, other_recipe=0)
    assert taken(empty_store, tmp_path / "whole.gz") == ImportCounts(new=0, known=1, other_recipe=0)
    assert taken(empty_store, tmp_path / "file.gz") == ImportCounts(new=0, known=1, other_recipe=0)
    with empty_store.session(read_only=True) as session:
        assert session.query(Structure).filter_by(calculation_id=key).count() == structures


def test_a_calculation_twice_in_a_file_is_imported_once(empty_store, tmp_path, shipped):
    path = file_of(tmp_path / "file.gz", shipped["vacancy"], shipped["neb"], shipped["vacancy"])
    assert taken(empty_store, path) == ImportCounts(new=2, known=1, other_recipe=0)


def test_what_was_asked_for_is_answered_and_what_waited_for_it_goes_on(
    empty_store: Store, other: Store, tmp_path: Path
) -> None:
    ended(other, "K")
    written(other, tmp_path / "file.gz")
    queue = Queue(empty_store)
    asked = queue.put(element("K"))
    waits = queue.put(element("Rb"), depends_on=[asked])
    assert queue.states(waits) == ["waiting"]
    assert taken(empty_store, tmp_path / "file.gz").new == 1
    assert queue.states(asked, waits) == ["done", "queued"]


def test_what_the_store_computes_or_has_is_left_alone(empty_store, other, tmp_path):
    ended(other, "K")
    ended(other, "Rb", "relaxation not converged")
    ended(other, "Cs", "relaxation not converged")
    ended(other, "Na", "crashed")  # of the surroundings: not written
    assert written(other, tmp_path / "file.gz") == 3
    queue = Queue(empty_store)
    running, asked_again = queue.put(element("K")), queue.put(element("Rb"))
    queue.claim("a", running)
    assert taken(empty_store, tmp_path / "file.gz") == ImportCounts(new=1, known=2, other_recipe=0)
    assert queue.states(running, asked_again) == ["running", "queued"]
    with empty_store.session(read_only=True) as session:
        failed = session.query(Calculation).filter_by(state="failed").one()
        assert failed.failure_kind == "relaxation not converged"
        assert failed.parameters["symbol"] == "Cs"


def compute(store: Store, symbol: str, failure: str | None = None) -> None:
    """Compute an element that is queued."""
    assert Queue(store).states(element(symbol).key()[:12]) == ["queued"]
    ended(store, symbol, failure)


def test_queued_calculations_end_once_by_the_results_of_another_store(empty_store, other, tmp_path):
    """A laptop and a cluster without a connection."""
    queue_file, results = tmp_path / "queue.gz", tmp_path / "results.gz"
    queue = Queue(empty_store)
    first, bad, running = (queue.put(element(name), priority=3) for name in ("K", "Rb", "Cs"))
    after_first, after_bad, _ = (
        queue.put(element(symbol), depends_on=[name])
        for symbol, name in (("Na", first), ("Sn", bad), ("Pb", running))
    )
    queue.claim("a", running)
    assert sent(empty_store, queue_file) == (4, 1)  # Pb waits for what is computed here
    assert taken(other, queue_file) == ImportCounts(new=0, known=0, other_recipe=0, queued=4)
    assert taken(other, queue_file) == ImportCounts(new=0, known=4, other_recipe=0)
    assert Queue(other).states(first, after_first) == ["queued", "waiting"]
    compute(other, "K")
    compute(other, "Na")
    compute(other, "Rb", "relaxation not converged")
    assert written(other, results) == 3
    assert taken(empty_store, results) == ImportCounts(new=3, known=0, other_recipe=0)
    ends = queue.states(first, after_first, bad, after_bad)
    assert ends == ["done", "done", "failed", "failed"]
    assert taken(empty_store, results) == ImportCounts(new=0, known=3, other_recipe=0)
    assert queue.entry(first).priority == 3
    assert queue.log(first) == ["queued", "exported", "done"]


def test_an_old_failure_does_not_end_what_was_queued_again(empty_store, other, tmp_path):
    queue_file, results = tmp_path / "queue.gz", tmp_path / "results.gz"
    queue = Queue(empty_store)
    name = queue.put(element("K"))
    sent(empty_store, queue_file)
    taken(other, queue_file)
    compute(other, "K", "relaxation not converged")
    written(other, results)
    taken(empty_store, results)
    queue.requeue(name)
    assert taken(empty_store, results).known == 1
    assert queue.states(name) == ["queued"]
    sent(empty_store, queue_file)  # a second attempt elsewhere
    assert taken(empty_store, results).new == 1
    assert queue.states(name) == ["failed"]


def test_what_this_version_computes_in_another_way_is_left_out(empty_store, tmp_path, shipped):
    recipe, setting, unknown = (copy.deepcopy(shipped["element"]) for _ in range(3))
    recipe["key"] = content_key(1, recipe["parameters"])
    setting["parameters"]["temperature"] = 300
    setting["key"] = content_key(ElementRequest.recipe, setting["parameters"])
    unknown.update(kind="phonons", parameters={"kind": "phonons"})
    unknown["key"] = content_key(1, unknown["parameters"])
    path = file_of(tmp_path / "file.gz", recipe, setting, unknown)
    assert taken(empty_store, path) == ImportCounts(new=0, known=0, other_recipe=3)
    with empty_store.session(read_only=True) as session:
        assert session.query(Calculation).count() == 0


def test_a_file_that_cannot_be_finished_leaves_the_old_one(other, tmp_path, monkeypatch):
    ended(other, "K")
    path = tmp_path / "file.gz"
    written(other, path)
    before = path.read_bytes()

    def full(stream: gzip.GzipFile, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(gzip.GzipFile, "write", full)
    with pytest.raises(InputError, match=r"file\.gz cannot be written: No space left on device"):
        written(other, path)
    assert [entry.name for entry in tmp_path.glob("file*")] == ["file.gz"]
    assert path.read_bytes() == before
