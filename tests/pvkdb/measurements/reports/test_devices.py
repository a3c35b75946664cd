"""A measured device goes into the store with its raw files, once a person has filled it in."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest
from sqlalchemy import text

from pvkdb.errors import InputError
from pvkdb.literature.importing import ImportRefusedError, import_files
from pvkdb.measurements import Report, Request, measure
from pvkdb.measurements.reports.devices import device_paper, device_yaml
from pvkdb.store.collections import DEVICES
from pvkdb.store.curation.sources import Upload
from pvkdb.store.database import Store
from pvkdb.store.queue.kept_files import file_store

FILLED = {
    '"?"  # A. Example; B. Sample': "A. Tester",
    '"?"  # of the paper or data': "Raw data of a device",
    '"?"  # 2026': "2026",
    '"?"  # ITO/SnO2/CsPbBr3/Ag, from the bottom to the top': "ITO/CsPbBr3/Ag",
    '"?"  # CsPbBr3, as in the structure': "CsPbBr3",
    '"?"  # unknown if the absorber is not a perovskite; may be left out': "CsPbBr3",
    '"?"  # 2T vertical, 2T lateral or 3T; may be left out': "2T vertical",
    '"?"  # see docs/reference/tables.md; may be left out': "",
    '"?"  # non-volatile, volatile or both; may be left out': "non-volatile",
}


def sha256(upload: Upload) -> str:
    return hashlib.sha256(upload.content).hexdigest()


@pytest.fixture
def paper(report: Report, sweep: Upload, tmp_path: Path) -> Path:
    """The device that was written beside its raw file, which is in a folder."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "sweep.csv").write_bytes(sweep.content)
    path = tmp_path / "device.yaml"
    path.write_text(device_yaml(report, {sha256(sweep): "data/sweep.csv"}, path.name), "utf-8")
    return path


def fill(paper: Path) -> None:
    written = paper.read_text("utf-8")
    for left, right in FILLED.items():
        assert left in written
        written = written.replace(left, right)
    paper.write_text(written, "utf-8")


def refused(store: Store, *paths: Path | Upload) -> list[str]:
    with store.session() as session, pytest.raises(ImportRefusedError) as refusal:
        import_files(session, paths)
    assert not (kept := folder(store)).exists() or not [*kept.rglob("*")], "a file was kept"
    return [str(problem) for problem in refusal.value.problems]


def folder(store: Store) -> Path:
    return Path(file_store(store).url)


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PVKDB_FILES_URL", str(tmp_path / "files"))


pytestmark = pytest.mark.usefixtures("files")


def test_what_the_files_do_not_say_is_open_and_refused(store: Store, paper: Path) -> None:
    problems = refused(store, paper)
    assert len(problems) == len(FILLED)
    assert all("is left open; write what it is" in problem for problem in problems)


def test_a_filled_device_keeps_all_that_it_says(store: Store, paper: Path, sweep: Upload) -> None:
    fill(paper)
    with store.session() as session:
        import_files(session, [paper], dry_run=True)
        session.rollback()
    assert not folder(store).exists()
    with store.session() as session:
        assert import_files(session, [paper]).changed == 2
    with store.session(read_only=True) as session:
        (device,) = DEVICES.load(session, ["tester2026-d001"])
    assert 0.7 < (device.v_set_min_v or 0) < (device.v_set_max_v or 0) < 0.9
    assert -0.7 < (device.v_reset_min_v or 0) < -0.6
    assert device.on_off_ratio == pytest.approx(100, rel=0.01)
    assert "cycles × devices: 8 × 1" in (device.as_printed or "")
    assert "sweep.csv line " in (device.as_printed or "")
    assert device.raw_files == f"{sha256(sweep)} sweep.csv"
    assert file_store(store).get(sha256(sweep)) == sweep.content
    assert device.source.startswith("pvkdb measure ")


def test_another_or_a_missing_file_is_refused(store: Store, paper: Path) -> None:
    fill(paper)
    raw = paper.parent / "data" / "sweep.csv"
    raw.write_bytes(raw.read_bytes() + b"0,0\n")
    (problem,) = refused(store, paper)
    assert "it is not the measured file" in problem
    raw.unlink()
    (problem,) = refused(store, paper)
    assert "data/sweep.csv is neither beside device.yaml nor in the store" in problem
    wrong = paper.read_text("utf-8").replace('raw_files: "', 'raw_files: "x')
    (problem,) = refused(store, Upload("device.yaml", wrong.encode()))
    assert "does not name a raw file; write SHA-256 and name" in problem


def test_a_raw_file_of_the_store_is_not_sent_again(
    store: Store, paper: Path, sweep: Upload
) -> None:
    fill(paper)
    file_store(store).put(sweep.content)
    shutil.rmtree(paper.parent / "data")
    with store.session() as session:
        assert import_files(session, [paper]).changed == 2
        assert session.scalar(text("SELECT raw_files FROM devices WHERE raw_files IS NOT NULL"))


def test_bounds_and_several_values_keep_their_kind() -> None:
    cells = "".join(f"{n},9e4,5e3,8e4,5e3,9e4,5e3\n" for n in range(6))
    cycles = measure([Upload("c.csv", cells.encode())])
    (row,) = device_paper(cycles, {name: "c.csv" for _, name in cycles.files})["devices"]
    assert row["endurance"] == "> 3 cycles"
    assert row["on_off_ratio"] == "18"
    decay = "t (s),I (A)\n" + "".join(f"{n},{1 / n}\n" for n in range(1, 30))
    other = decay.replace(",1.0\n", ",1.01\n")
    both = measure([Upload("a.csv", decay.encode()), Upload("b.csv", other.encode())])
    (row,) = device_paper(both, dict.fromkeys((s for _, s in both.files), "x"))["devices"]
    assert row["retention"].startswith("? ")
    assert " or " in row["as_printed"]


def test_files_without_a_field_of_a_device_are_refused() -> None:
    pulses = "pulse,G (S)\n" + "".join(f"{n},{1 - 0.9**n}\n" for n in range(1, 30))
    report = measure([Upload("a.csv", pulses.encode())], Request())
    with pytest.raises(InputError, match="no metric of these files is a field of a device"):
        device_paper(report, {})
