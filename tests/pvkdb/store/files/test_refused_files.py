"""Files of calculations that are spoilt, false or hostile are refused whole."""

from __future__ import annotations

import copy
import gzip
import json
import re
import zlib
from pathlib import Path
from typing import Any

import pytest

from pvkdb.errors import InputError
from pvkdb.store.database import Store
from pvkdb.store.files import calculation_import
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.energetics import Energetic
from pvkdb.store.models.structures import Structure

from ....queueing import Queue
from .exchanging import Line, element, ended, file_of, sent, taken, written

#: Before anything is written.
pytestmark = pytest.mark.parametrize("empty_store", ["sqlite"], indirect=True)


def test_what_a_file_says_about_its_rows_is_not_believed(empty_store, tmp_path, shipped):
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


CRASHED = {"state": "failed", "failure_kind": "crashed", "result": None}
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
    "an end in 9999": ("neb", {"finished_at": "9999-12-31T23:59:59Z"}, "ended at 9999-12-31"),
    "an end before its start": ("relax", {"started_at": "2026-12-31T00:00:00Z"}, "before its st"),
    "an end before pvkdb": ("relax", {"finished_at": "0001-01-01T00:00:00+14:00"}, "finished_at"),
    "an end in no time zone": ("relax", {"finished_at": "2026-11-01T00:00:00"}, "finished_at"),
    "a megabyte of versions": ("neb", {"versions": {"a": "1" * 2**20}}, "versions has 1,048,5"),
    "control characters": ("neb", {"result.optimizer": "\x00"}, "control characters"),
    "a failure of the machine": ("element", CRASHED, "is not exchanged"),
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


def test_not_a_number_is_refused(empty_store, tmp_path, shipped):
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


def test_more_lines_than_announced_are_refused(empty_store, tmp_path, shipped):
    path = file_of(tmp_path / "file.gz", shipped["element"], shipped["element"])
    head, *lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    path.write_bytes(gzip.compress(head.replace(b"2}", b"1}") + b"".join(lines)))
    with pytest.raises(InputError, match="line 3: the first line announces 1 calculations"):
        taken(empty_store, path)


def test_a_spoilt_file_of_the_queue_queues_nothing(empty_store, other, tmp_path):
    path = tmp_path / "queue.gz"
    queue = Queue(other)
    queue.put(element("Rb"), depends_on=[queue.put(element("K"))])
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


def _with_a_foreign_structure(lines: list[bytes]) -> list[bytes]:
    first = json.loads(lines[1])
    first["material"] = {"formula": "CsPbBr3", "phase": "Pnma"}
    nothing = dict.fromkeys(("space_group", "parent_id", "energy_ev"))
    where = {"cell_ang": [[6, 0, 0], [0, 6, 0], [0, 0, 6]], "positions_ang": [[0, 0, 0]]}
    host = {"id": "theirs-host", "role": "host", "origin": "a test", "symbols": ["Cs"]}
    first["structures"] = [host | where | nothing]
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
def test_a_spoilt_file_is_refused_whole(empty_store, other, tmp_path, spoil, words):
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
