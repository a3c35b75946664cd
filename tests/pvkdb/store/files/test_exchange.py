"""Finished calculations travel from store to store, whole, once, and nothing else does."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from pvkdb.errors import InputError
from pvkdb.schemas.calculations import PotentialName
from pvkdb.schemas.calculations.migration import NebRequest
from pvkdb.schemas.calculations.relaxations import ElementRequest
from pvkdb.store.database import Store
from pvkdb.store.files.exchange import ImportCounts, take_calculations, write_calculations
from pvkdb.store.migrate import upgrade
from pvkdb.store.models.calculations import Calculation, CalculationEvent
from pvkdb.store.models.energetics import Energetic
from pvkdb.store.models.structures import Structure
from pvkdb.store.queue import claims as queue

from ....pipelines.dft.barriers import stored_barrier


@pytest.fixture
def other(tmp_path: Path) -> Store:
    """Another store."""
    store = Store(f"sqlite:///{tmp_path / 'other.sqlite'}")
    upgrade(store)
    return store


def element(symbol: str) -> ElementRequest:
    return ElementRequest(symbol=symbol, potential=PotentialName.CHGNET)


def ended(store: Store, symbol: str, failure: str | None = None) -> str:
    """An element that was relaxed, or failed for this reason."""
    with store.session() as session:
        name = queue.enqueue(session, element(symbol))[0].id
        queue.claim(session, "a", name)
        if failure is None:
            queue.finish(session, name, "a", {"symbol": symbol, "wall_seconds": 1.0}, {"ase": "3"})
        else:
            queue.fail(session, name, "a", failure, "a test")
    return name


def written(store: Store, path: Path) -> int:
    with store.session(read_only=True) as session:
        return write_calculations(session, path)


def taken(store: Store, path: Path) -> ImportCounts:
    with store.session() as session:
        return take_calculations(session, path)


def state(store: Store, name: str) -> str:
    with store.session(read_only=True) as session:
        return session.get_one(Calculation, name).state


def test_a_barrier_arrives_with_all_that_it_gave_and_goes_out_again_as_it_came(
    empty_store: Store, other: Store, tmp_path: Path
) -> None:
    key = stored_barrier(other)
    with other.session() as session:
        session.add(
            Energetic(
                id=f"e-{key}-a",
                material_id="CsPbBr3-Pnma",
                defect="V_Br",
                species="Br",
                quantity="E_A",
                scope="percolation",
                value_min_ev=0.2,
                value_max_ev=0.2,
                approximate=False,
                method="MLIP",
                source="a test",
                calculation_id=key,
            )
        )
    ended(other, "K")
    first, second = tmp_path / "first.gz", tmp_path / "second.gz"
    assert written(other, first) == 2
    assert taken(empty_store, first) == ImportCounts(new=2, known=0, other_recipe=0)
    assert taken(empty_store, first) == ImportCounts(new=0, known=2, other_recipe=0)
    assert written(empty_store, second) == 2
    assert first.read_bytes() == second.read_bytes()
    with empty_store.session(read_only=True) as session:
        barrier = session.get_one(Calculation, key)
        assert (barrier.state, barrier.material_id) == ("done", "CsPbBr3-Pnma")
        assert session.query(Structure).filter_by(calculation_id=key).count() == 3
        (statement,) = session.query(Energetic).filter_by(calculation_id=key)
        assert statement.value_min_ev == 0.2
        (line,) = session.query(CalculationEvent).filter_by(calculation_id=key)
        assert line.message is not None
        assert line.message.startswith("taken from first.gz, where it ended at 20")


def test_barriers_travel_without_their_paths_where_those_are_not_wanted(
    empty_store: Store, other: Store, tmp_path: Path
) -> None:
    key = stored_barrier(other)
    with other.session() as session:
        image = session.get_one(Structure, f"{key}-hop-1-image-0")
        copied = ("material_id", "origin", "calculation_id", "atoms")
        copied += ("cell_ang", "symbols", "positions_ang")
        columns = {name: getattr(image, name) for name in copied}
        session.add(Structure(id=f"{key}-host", role="host", **columns))
    with other.session(read_only=True) as session:
        write_calculations(session, tmp_path / "file.gz", paths=False)
        result = session.get_one(Calculation, key).result
    assert taken(empty_store, tmp_path / "file.gz").new == 1
    with empty_store.session(read_only=True) as session:
        assert session.get_one(Calculation, key).result == result
        roles = [entry.role for entry in session.query(Structure).filter_by(calculation_id=key)]
        assert roles == ["host"]
    written(other, tmp_path / "whole.gz")  # adds what was left out, once
    assert taken(empty_store, tmp_path / "whole.gz") == ImportCounts(new=1, known=0, other_recipe=0)
    assert taken(empty_store, tmp_path / "whole.gz") == ImportCounts(new=0, known=1, other_recipe=0)
    assert taken(empty_store, tmp_path / "file.gz") == ImportCounts(new=0, known=1, other_recipe=0)
    with empty_store.session(read_only=True) as session:
        assert session.query(Structure).filter_by(calculation_id=key).count() == 4


def test_what_was_asked_for_is_answered_and_what_waited_for_it_goes_on(
    empty_store: Store, other: Store, tmp_path: Path
) -> None:
    ended(other, "K")
    written(other, tmp_path / "file.gz")
    with empty_store.session() as session:
        asked = queue.enqueue(session, element("K"))[0].id
        waits = queue.enqueue(session, element("Rb"), depends_on=[asked])[0].id
    assert state(empty_store, waits) == "waiting"
    assert taken(empty_store, tmp_path / "file.gz").new == 1
    assert (state(empty_store, asked), state(empty_store, waits)) == ("done", "queued")


def test_what_the_store_computes_or_has_is_left_alone(
    empty_store: Store, other: Store, tmp_path: Path
) -> None:
    ended(other, "K")
    ended(other, "Rb", "relaxation not converged")
    ended(other, "Cs", "relaxation not converged")
    ended(other, "Na", "crashed")  # of the surroundings: not written
    assert written(other, tmp_path / "file.gz") == 3
    with empty_store.session() as session:
        running = queue.enqueue(session, element("K"))[0].id
        queue.claim(session, "a", running)
        asked_again = queue.enqueue(session, element("Rb"))[0].id
    assert taken(empty_store, tmp_path / "file.gz") == ImportCounts(new=1, known=2, other_recipe=0)
    assert state(empty_store, running) == "running"
    assert state(empty_store, asked_again) == "queued"
    with empty_store.session(read_only=True) as session:
        failed = session.query(Calculation).filter_by(state="failed").one()
        assert failed.failure_kind == "relaxation not converged"
        assert failed.parameters["symbol"] == "Cs"


def test_what_this_version_computes_in_another_way_is_left_out(
    empty_store: Store, other: Store, tmp_path: Path
) -> None:
    name = ended(other, "K")
    with other.session() as session:
        session.get_one(Calculation, name).key = "0" * 64
        unknown = NebRequest(formula="CsPbI3")
        strange = queue.submit(session, unknown)[0]
        queue.claim(session, "a", strange.id)
        queue.finish(session, strange.id, "a", {}, {})
        strange.parameters = {**strange.parameters, "temperature": 300}
    written(other, tmp_path / "file.gz")
    assert taken(empty_store, tmp_path / "file.gz") == ImportCounts(new=0, known=0, other_recipe=2)
    with empty_store.session(read_only=True) as session:
        assert session.query(Calculation).count() == 0


def _with_a_foreign_structure(lines: list[bytes]) -> list[bytes]:
    first = json.loads(lines[1])
    first["material"] = {"formula": "CsPbBr3", "phase": "Pnma"}
    first["structures"] = [
        {
            "id": "theirs-host",
            "space_group": None,
            "role": "host",
            "origin": "a test",
            "parent_id": None,
            "energy_ev": None,
            "cell_ang": [[6, 0, 0], [0, 6, 0], [0, 0, 6]],
            "symbols": ["Cs"],
            "positions_ang": [[0, 0, 0]],
        }
    ]
    return [lines[0], json.dumps(first).encode() + b"\n", lines[2]]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda lines: lines[:-1], "holds 1 of 2 calculations: it was cut short"),
        (lambda lines: lines[1:], "first line is not that of a file of calculations, version 1"),
        (lambda lines: [], "first line is not"),
        (lambda lines: [lines[0], lines[1], b"{}\n"], "line 3: key: Field required"),
        (_with_a_foreign_structure, "'theirs-host' belongs to another calculation"),
        (lambda lines: [lines[0], lines[1].replace(b'"done"', b'"doing"'), lines[2]], "line 2: st"),
    ],
)
def test_a_spoilt_file_is_refused_whole(
    empty_store: Store, other: Store, tmp_path: Path, spoil, words: str
) -> None:
    ended(other, "K")
    ended(other, "Rb")
    path = tmp_path / "file.gz"
    written(other, path)
    with gzip.open(path) as stream:
        lines = stream.readlines()
    assert json.loads(lines[0])["calculations"] == 2
    path.write_bytes(gzip.compress(b"".join(spoil(lines))))
    with pytest.raises(InputError, match=words):
        taken(empty_store, path)
    with empty_store.session(read_only=True) as session:
        assert session.query(Calculation).count() == 0


def test_a_file_that_is_none_is_refused(empty_store: Store, other: Store, tmp_path: Path) -> None:
    ended(other, "K")
    path = tmp_path / "file.gz"
    written(other, path)
    path.write_bytes(path.read_bytes()[:-20])
    for broken in (path, tmp_path / "missing.gz", Path(__file__)):
        with pytest.raises(InputError, match="pvkdb jobs export FILE"):
            taken(empty_store, broken)
    with pytest.raises(InputError, match="cannot be written"):
        written(other, tmp_path / "no" / "folder.gz")


def test_a_file_that_cannot_be_finished_leaves_the_old_one(
    other: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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
