"""Finished calculations travel from store to store, whole, once, and nothing else does."""

from __future__ import annotations

import copy
import gzip
import json
import re
import shutil
import zlib
from pathlib import Path
from typing import Any

import pytest

from pvkdb.computed import CALCULATIONS
from pvkdb.errors import InputError
from pvkdb.schemas.calculations import PotentialName
from pvkdb.schemas.calculations.relaxations import ElementRequest, ElementResult, content_key
from pvkdb.store.database import Store
from pvkdb.store.files import calculation_import
from pvkdb.store.files.calculation_import import ImportCounts, take_calculations
from pvkdb.store.files.exchange import write_calculations, write_queued
from pvkdb.store.models.calculations import Calculation, CalculationEvent
from pvkdb.store.models.energetics import Energetic
from pvkdb.store.models.structures import Structure
from pvkdb.store.queue import claims as queue

Line = dict[str, Any]


@pytest.fixture(scope="module")
def shipped() -> dict[str, Line]:
    """A computed line of each kind, as they are shipped."""
    found: dict[str, Line] = {}
    with gzip.open(CALCULATIONS) as stream:
        next(stream)
        for line in map(json.loads, stream):
            if line["state"] == "done" and (line["structures"] or line["kind"] == "element"):
                found.setdefault(line["kind"], line)
    return found


def file_of(path: Path, *lines: Line) -> Path:
    """A file of calculations."""
    head = {"format": "pvkdb calculations", "version": 1, "pvkdb_version": "0", "calculations": 0}
    head["calculations"] = len(lines)
    text = "".join(json.dumps(line) + "\n" for line in (head, *lines))
    path.write_bytes(gzip.compress(text.encode()))
    return path


def with_path(barrier: Line) -> Line:
    """The line of a barrier with the images of its first hop."""
    line = copy.deepcopy(barrier)
    (host,) = line["structures"]
    energies = line["result"]["hops"][0]["image_energies_ev"]
    for index, energy in enumerate(energies):
        image = copy.deepcopy(host)
        for column in ("symbols", "positions_ang"):
            image[column].pop()  # a bromine
        role = "saddle" if energy == max(energies) else f"image {index}"
        image.update(
            id=host["id"].replace("host", f"hop-1-image-{index}"),
            role=f"hop 1 {role}",
            parent_id=host["id"],
            space_group=None,
            energy_ev=-100 + energy,
        )
        line["structures"].append(image)
    return line


@pytest.fixture
def other(tmp_path: Path, migrated_sqlite: Path) -> Store:
    """Another store."""
    shutil.copy(migrated_sqlite, tmp_path / "other.sqlite")
    return Store(f"sqlite:///{tmp_path / 'other.sqlite'}")


def element(symbol: str) -> ElementRequest:
    return ElementRequest(symbol=symbol, potential=PotentialName.CHGNET)


def ended(store: Store, symbol: str, failure: str | None = None) -> str:
    """An element that was relaxed, or failed for this reason."""
    with store.session() as session:
        name = queue.enqueue(session, element(symbol))[0].id
        queue.claim(session, "a", name)
        if failure is None:
            result = ElementResult(
                symbol=symbol,
                energy_ev_per_atom=-1.1,
                atoms=1,
                volume_ang3_per_atom=73.0,
                space_group="Im-3m",
                structure_source="a test",
                steps=9,
                force_calls=10,
                cpu_seconds=0.5,
                wall_seconds=1.0,
            )
            queue.finish(session, name, "a", result.model_dump(mode="json"), {"ase": "3"})
        else:
            queue.fail(session, name, "a", failure, "a test")
    return name


def written(store: Store, path: Path) -> int:
    with store.session(read_only=True) as session:
        return write_calculations(session, path)[0]


def taken(store: Store, path: Path) -> ImportCounts:
    with store.session() as session:
        return take_calculations(session, path)


def state(store: Store, name: str) -> str:
    with store.session(read_only=True) as session:
        return session.get_one(Calculation, name).state


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
        assert barrier.result == shipped["neb"]["result"]
        images = len(shipped["neb"]["result"]["hops"][0]["image_energies_ev"])
        assert session.query(Structure).filter_by(calculation_id=key).count() == 1 + images
        energies = session.query(Energetic).filter_by(calculation_id=key).all()
        assert {row.id for row in energies} == {row["id"] for row in shipped["neb"]["energetics"]}
        (line,) = session.query(CalculationEvent).filter_by(calculation_id=key)
        assert line.message is not None
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


def test_a_calculation_twice_in_a_file_is_imported_once(
    empty_store: Store, tmp_path: Path, shipped: dict[str, Line]
) -> None:
    path = file_of(tmp_path / "file.gz", shipped["vacancy"], shipped["neb"], shipped["vacancy"])
    assert taken(empty_store, path) == ImportCounts(new=2, known=1, other_recipe=0)


def test_what_a_file_says_about_its_rows_is_not_believed(
    empty_store: Store, tmp_path: Path, shipped: dict[str, Line]
) -> None:
    lines = copy.deepcopy((shipped["neb"], shipped["vacancy"], shipped["relax"]))
    for line in lines:
        for row in line["energetics"]:
            row.update(method="DFT", functional="HSE06", source="r12", soc=True, species="Pb")
            row.update(charge=2, scope="reported", approximate=True, bound="lower")
        for row in line["structures"]:
            row.update(origin="X-ray diffraction", role="start")
    assert taken(empty_store, file_of(tmp_path / "file.gz", *lines)).new == 3
    with empty_store.session(read_only=True) as session:
        for row in session.query(Energetic):
            assert (row.method, row.species, row.charge, row.soc) == ("MLIP", "Br", None, None)
            assert (row.bound, row.approximate) == (None, False)
            assert row.source == f"calculation {row.calculation_id}"
            assert row.functional in ("chgnet", "sevennet-0")
        for structure in session.query(Structure):
            assert " from the " in structure.origin
            assert structure.role in ("host", "vacancy")


#: What is changed in a shipped line, and what the refusal names.
ATTACKS: dict[str, tuple[str, dict[str, Any], str]] = {
    "another formula": ("neb", {"result.formula": "CsPbI3"}, "formula is 'CsPbI3'"),
    "another phase": ("relax", {"result.phase": "Pnma"}, "phase is 'Pnma'"),
    "another defect": ("neb", {"result.defect": "V_I"}, "defect is 'V_I'"),
    "another species": ("neb", {"result.species": "I"}, "species"),
    "another element": ("element", {"result.symbol": "Cl"}, "symbol is 'Cl'"),
    "a charge": ("neb", {"result.charge": 1}, "charge"),
    "a barrier of 8 keV": ("neb", {"result.e_a_ev": 8117.0}, "e_a_ev"),
    "another bottleneck": ("neb", {"result.e_a_ev": 0.3}, "e_a_ev"),
    "a negative barrier": ("neb", {"result.hops.0.barrier_forward_ev": -0.2}, "barrier_forward_ev"),
    "a barrier that is not its saddle's": ("neb", {"result.hops.0.saddle_ev": 0.2}, "of hop 1"),
    "images without energies": ("neb", {"result.hops.0.images": 3}, "a path of 3 images"),
    "a negative force": ("neb", {"result.hops.0.residual_force_ev_per_ang": -1}, "residual_force"),
    "no distance": ("neb", {"result.distance_ang": 0.0}, "distance_ang"),
    "a hop that is not there": ("neb", {"result.percolation.0.hop": 999}, "no hop limits"),
    "a huge energy": ("relax", {"result.energy_ev_per_formula": -1e4}, "eV an atom"),
    "no volume": ("relax", {"result.volume_ang3_per_formula": 0.0}, "volume_ang3_per_formula"),
    "a dense crystal": ("relax", {"result.volume_ang3_per_formula": 5.0}, "Å³ an atom"),
    "a site that was not asked for": ("vacancy", {"result.sites.0.site": 3}, "sites"),
    "no sites": ("vacancy", {"result.sites": []}, "sites"),
    "another number of atoms": ("vacancy", {"result.atoms_in_cell": 80}, "atoms_in_cell"),
    "text for a number": ("element", {"result.atoms": "many"}, "atoms"),
    "nothing": ("element", {"result": None}, "what is done has a result"),
    "another key": ("element", {"parameters.symbol": "K"}, "key does not follow"),
    "a kind that is not its own": ("element", {"kind": "relax"}, "the kind 'relax'"),
    "another material": ("neb", {"material.formula": "CsPbI3"}, "is not the material"),
    "a material's phase": ("relax", {"material.phase": "Pnma"}, "is not the material"),
    "another energy": ("neb", {"energetics.0.value_max_ev": 0.01}, "is not what follows"),
    "one energy more": ("relax", {"energetics": "neb"}, "another calculation"),
    "a formation energy of 1 keV": ("vacancy", {"energetics.0.value_max_ev": 1e3}, "1000.0 eV is"),
    "a structure's energy": ("relax", {"structures.0.energy_ev": -1.0}, "the energy of its"),
    "a space group": ("relax", {"structures.0.space_group": "P1"}, "the space group of its"),
    "another atom": ("relax", {"structures.0.symbols.0": "K"}, "the composition of its"),
    "no cell": ("relax", {"structures.0.cell_ang": [[1, 0, 0], [2, 0, 0], [0, 0, 1]]}, "no solid"),
    "a flat cell": ("relax", {"structures.0.cell_ang": [[1, 0, 0]]}, "3 × 3"),
    "two atoms in one place": ("relax", {"structures.0.positions_ang.1": "first"}, "Å apart"),
    "a giant": ("relax", {"structures.0": "giant"}, "at most"),
    "no structure": ("neb", {"structures": []}, "'host' is missing"),
    "control characters": ("neb", {"result.optimizer": "\x00"}, "control characters"),
    "a failure of the machine": (
        "element",
        {"state": "failed", "failure_kind": "crashed", "result": None},
        "is not exchanged",
    ),
}


def attacked(shipped: dict[str, Line], kind: str, changes: dict[str, Any]) -> Line:
    """A shipped line with changes."""
    line = copy.deepcopy(shipped[kind])
    for path, value in changes.items():
        *parents, last = (int(part) if part.isdigit() else part for part in path.split("."))
        place: Any = line
        for part in parents:
            place = place[part]
        if value == "first":
            value = place[0]
        if value == "giant":
            many = 60_000
            value = {**place[0], "symbols": ["Cs"] * many, "positions_ang": [[0, 0, 0]] * many}
        place[last] = shipped["neb"]["energetics"] if value == "neb" else value
    return line


def test_a_result_that_is_not_of_its_request_or_of_this_world_is_refused(
    empty_store: Store, tmp_path: Path, shipped: dict[str, Line]
) -> None:
    held = {}
    for attack, (kind, changes, words) in ATTACKS.items():
        good = shipped["vacancy" if kind != "vacancy" else "relax"]
        path = file_of(tmp_path / "file.gz", good, attacked(shipped, kind, changes))
        try:
            held[attack] = str(taken(empty_store, path))
        except InputError as error:
            if not re.search(rf"line 3: .*({words}).*nothing was taken", str(error)):
                held[attack] = str(error)
        with empty_store.session(read_only=True) as session:
            assert session.query(Calculation).count() == session.query(Structure).count() == 0
    assert held == {}


def test_not_a_number_is_refused(
    empty_store: Store, tmp_path: Path, shipped: dict[str, Line]
) -> None:
    for word in (float("nan"), float("inf")):
        line = copy.deepcopy(shipped["neb"])
        line["result"]["sites"][0]["position"][0] = word
        with pytest.raises(InputError, match=r"line 2: (NaN|Infinity) is not a number"):
            taken(empty_store, file_of(tmp_path / "file.gz", line))


def test_a_bomb_is_refused_before_it_fills_memory_or_disk(
    empty_store: Store, tmp_path: Path, shipped: dict[str, Line], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bomb.gz"
    packer = zlib.compressobj(wbits=31)
    zeros = b"0" * 2**20
    path.write_bytes(b"".join(packer.compress(zeros) for _ in range(512)) + packer.flush())
    read = 0
    original = gzip.GzipFile.readline

    def counted(stream: gzip.GzipFile, size: int = -1) -> bytes:
        nonlocal read
        line = original(stream, size)
        read += len(line)
        return line

    monkeypatch.setattr(gzip.GzipFile, "readline", counted)
    with pytest.raises(InputError, match="unpacks to a line of more than"):
        taken(empty_store, path)
    assert read < 40 * 2**20
    # Many short lines instead of one long line.
    monkeypatch.setattr(calculation_import, "_MOST_SHRUNK", 1)
    file_of(path, *[shipped["vacancy"]] * 400)
    with pytest.raises(InputError, match="which no file of calculations of its size does"):
        taken(empty_store, path)


def test_more_lines_than_announced_are_refused(
    empty_store: Store, tmp_path: Path, shipped: dict[str, Line]
) -> None:
    path = file_of(tmp_path / "file.gz", shipped["element"], shipped["element"])
    head, *lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    path.write_bytes(gzip.compress(head.replace(b"2}", b"1}") + b"".join(lines)))
    with pytest.raises(InputError, match="line 3: the first line announces 1 calculations"):
        taken(empty_store, path)


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


def sent(store: Store, path: Path) -> tuple[int, int]:
    """Numbers of queued calculations that were written, and left out."""
    with store.session() as session:
        number, left_out = write_queued(session, path)
    return number, len(left_out)


def compute(store: Store, symbol: str, failure: str | None = None) -> None:
    """Compute an element that is queued."""
    assert state(store, element(symbol).key()[:12]) == "queued"
    ended(store, symbol, failure)


def test_queued_calculations_end_once_by_the_results_of_another_store(
    empty_store: Store, other: Store, tmp_path: Path
) -> None:
    """A laptop and a cluster without a connection."""
    queue_file, results = tmp_path / "queue.gz", tmp_path / "results.gz"
    with empty_store.session() as session:
        first, bad, running = (
            queue.enqueue(session, element(symbol), priority=3)[0].id
            for symbol in ("K", "Rb", "Cs")
        )
        after_first, after_bad, _ = (
            queue.enqueue(session, element(symbol), depends_on=[name])[0].id
            for symbol, name in (("Na", first), ("Sn", bad), ("Pb", running))
        )
        queue.claim(session, "a", running)
    assert sent(empty_store, queue_file) == (4, 1)  # Pb waits for what is computed here
    assert taken(other, queue_file) == ImportCounts(new=0, known=0, other_recipe=0, queued=4)
    assert taken(other, queue_file) == ImportCounts(new=0, known=4, other_recipe=0)
    assert [state(other, name) for name in (first, after_first)] == ["queued", "waiting"]
    compute(other, "K")
    compute(other, "Na")
    compute(other, "Rb", "relaxation not converged")
    assert written(other, results) == 3
    assert taken(empty_store, results) == ImportCounts(new=3, known=0, other_recipe=0)
    ends = [state(empty_store, name) for name in (first, after_first, bad, after_bad)]
    assert ends == ["done", "done", "failed", "failed"]
    assert taken(empty_store, results) == ImportCounts(new=0, known=3, other_recipe=0)
    with empty_store.session(read_only=True) as session:
        assert session.get_one(Calculation, first).priority == 3
        events = session.query(CalculationEvent).filter_by(calculation_id=first)
        log = [entry.event for entry in events.order_by(CalculationEvent.id)]
        assert log == ["queued", "exported", "done"]


def test_an_old_failure_does_not_end_what_was_queued_again(
    empty_store: Store, other: Store, tmp_path: Path
) -> None:
    queue_file, results = tmp_path / "queue.gz", tmp_path / "results.gz"
    with empty_store.session() as session:
        name = queue.enqueue(session, element("K"))[0].id
    sent(empty_store, queue_file)
    taken(other, queue_file)
    compute(other, "K", "relaxation not converged")
    written(other, results)
    taken(empty_store, results)
    with empty_store.session() as session:
        queue.requeue(session, name)
    assert taken(empty_store, results).known == 1
    assert state(empty_store, name) == "queued"
    sent(empty_store, queue_file)  # a second attempt elsewhere
    assert taken(empty_store, results).new == 1
    assert state(empty_store, name) == "failed"


def test_a_spoilt_file_of_the_queue_queues_nothing(
    empty_store: Store, other: Store, tmp_path: Path
) -> None:
    path = tmp_path / "queue.gz"
    with other.session() as session:
        first = queue.enqueue(session, element("K"))[0].id
        queue.enqueue(session, element("Rb"), depends_on=[first])
    sent(other, path)
    with gzip.open(path) as stream:
        head, *lines = stream.readlines()
    for changed, words in (
        (lines[::-1], "waits for one that is not above it"),
        ([lines[0], lines[0]], "is there twice"),
        (lines[:1], "cut short"),
        ([lines[0].replace(b'"K"', b'"Cs"'), lines[1]], "key does not follow"),
        ([lines[0].replace(b'"priority":0', b'"priority":1e30'), lines[1]], "priority"),
        ([lines[0].replace(b'"K"', b'"\\u0007"'), lines[1]], "control characters"),
    ):
        path.write_bytes(gzip.compress(b"".join((head, *changed))))
        with pytest.raises(InputError, match=words):
            taken(empty_store, path)
    with empty_store.session(read_only=True) as session:
        assert session.query(Calculation).count() == 0


def test_what_this_version_computes_in_another_way_is_left_out(
    empty_store: Store, tmp_path: Path, shipped: dict[str, Line]
) -> None:
    recipe = copy.deepcopy(shipped["element"])
    recipe["key"] = content_key(1, recipe["parameters"])
    setting = copy.deepcopy(shipped["element"])
    setting["parameters"]["temperature"] = 300
    setting["key"] = content_key(ElementRequest.recipe, setting["parameters"])
    unknown = copy.deepcopy(shipped["element"])
    unknown.update(kind="phonons", parameters={"kind": "phonons"})
    unknown["key"] = content_key(1, unknown["parameters"])
    path = file_of(tmp_path / "file.gz", recipe, setting, unknown)
    assert taken(empty_store, path) == ImportCounts(new=0, known=0, other_recipe=3)
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
        (lambda lines: [lines[0], b"[" * 10**5, lines[2]], "line 2: it is nested too deeply"),
        (
            lambda lines: [lines[0], lines[1].replace(b'{"key"', b'{"kind":"neb","key"'), lines[2]],
            "line 2: the name 'kind' occurs twice",
        ),
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
