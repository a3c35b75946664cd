"""Commands as a user types them: results on stdout, one clear line on stderr when they fail."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pvkdb.cli.app import app
from pvkdb.errors import PvkdbError
from pvkdb.literature import read_curated
from pvkdb.schemas.tables import TABLES
from pvkdb.store.database import Store

from ...curated import DEVICES, REFERENCES
from ...each import for_each
from .conftest import Run


def failed_clearly(outcome: subprocess.CompletedProcess[str], *words: str) -> bool:
    """No traceback, nothing on standard output, one line that holds the words."""
    lines = outcome.stderr.strip().splitlines()
    assert "Traceback" not in outcome.stderr
    assert len(lines) == 1, outcome.stderr
    assert outcome.stdout == ""
    for word in words:
        assert word in lines[0]
    return True


def test_init_and_export(run: Run, tmp_path: Path) -> None:
    run("init")
    assert not [*tmp_path.glob("*-wal")]  # everything is in the file, which can be copied
    outcome = run("export", "energetics")
    rows = list(csv.DictReader(io.StringIO(outcome.stdout)))
    assert len(rows) == len(read_curated("energetics"))
    assert sum(row["source"].startswith("Table ") for row in rows) == 39  # Tables 1 and 2
    assert list(rows[0]) == TABLES["energetics"].columns()
    assert len(json.loads(run("export", "devices", "--format", "json").stdout)) == DEVICES
    run("init")  # again, without harm
    assert len(list(csv.reader(io.StringIO(run("export", "references").stdout)))) == REFERENCES + 1


def test_potentials_are_listed_with_what_was_measured() -> None:
    shown = CliRunner().invoke(app, ["potentials"]).stdout
    for name in ("chgnet", "sevennet-0", "sevennet-l3i5"):
        assert re.search(rf"{name} .*0\.\d\d eV \(\d+ values\)", shown)
    listed = json.loads(CliRunner().invoke(app, ["potentials", "--json"]).stdout)
    assert [each["name"] for each in listed][:3] == ["chgnet", "sevennet-0", "sevennet-l3i5"]


def test_a_narrow_terminal_cuts_no_digits(run: Run, environment: dict[str, str]) -> None:
    environment["COLUMNS"] = "40"
    shown = run("tolerance", "Cs0.05FA0.79MA0.16PbI2.49Br0.51", "MASnI3").stdout
    for number in ("0.971", "0.551", "3.67", "0.922", "3.88", "tau<4.18"):
        assert number in shown


def test_the_version_is_printed(run: Run) -> None:
    assert run("--version").stdout.startswith("pvkdb ")


@pytest.mark.usefixtures("initialised")
def test_the_ending_of_a_file_decides_its_format(run: Run, tmp_path: Path) -> None:
    run("export", "rankings", "--format", "parquet", "-o", "r.parquet")
    assert (tmp_path / "r.parquet").read_bytes()[:4] == b"PAR1"
    assert failed_clearly(run("export", "ions", "-o", "no/such/ions.csv", code=2), "no/such/")
    run("export", "ions", "-o", "ions.json")
    assert json.loads((tmp_path / "ions.json").read_text(encoding="utf-8"))
    clash = run("export", "ions", "-o", "ions.json", "--format", "csv", code=2)
    assert failed_clearly(clash, "csv, json", "must agree")
    assert failed_clearly(run("export", "ions", "--json", "--format", "csv", code=2), "must agree")


@for_each("json", ((), ("--json",)))
def test_tolerance_prints_what_it_can_and_names_the_rest(run: Run, json: tuple[str, ...]) -> None:
    outcome = run("tolerance", "CsPbBr3", "CsPbI4", "MAPbI3", "XyPbI3", *json, code=2)
    assert all(formula in outcome.stdout for formula in ("CsPbBr3", "MAPbI3"))
    assert all(formula in outcome.stderr for formula in ("'CsPbI4' does not", "'XyPbI3', char"))


@for_each(
    ("arguments", "words"),
    [
        (("neb", "XyPbI3"), ("XyPbI3", "character 1")),
        (("neb", "CsPbI4"), ("CsPbI4", "does not balance")),
        (("neb", "CsPbBr3", "--path", "x.cif"), ("x.cif", ".xyz")),
        (("neb", "CsPbBr3", "--from", "no.cif"), ("no.cif",)),
        (("neb", "CsPbBr3", "--potential", "chgnt"), ("chgnt", "did you mean 'chgnet'")),
        (("neb", "CsPbBr3", "--potential", "nothing:make"), ("'nothing'", "PYTHONPATH")),
        (("neb", "CsPbBr3", "--device", "tpu"), ("no device 'tpu'", "cpu, cuda")),
        (("neb", "CsPbBr3", "--phase", "cubic"), ("cubic", "Pnma")),
        (("neb", "CsPbBr3", "--plot", "x.gif"), ("x.gif", ".svg")),
        (("rank", "synaptic-trainig"), ("did you mean 'synaptic-training'",)),
        (("rank", "selector", "--weights", "tau=1"), ("no criterion 'tau'",)),
        (("rank", "selector", "--profile", "x.toml"), ("either", "x.toml")),
        (("rank", "--profile", "x.toml"), ("x.toml", "cannot be read")),
        (("rank", "selector", "--explain", "d-t4"), ("did you mean 'd-t4-r", "no candidate")),
        (("rank", "selector", "--screening", "r.json"), ("--materials",)),
        (("export", "energetcs"), ("did you mean 'energetics'",)),
        (("export", "ions", "--format", "xml"), ("xml", "csv")),
        (("init", "--database", "sqlite:////no/such/folder/x.sqlite"), ("/no/such/folder",)),
        (("rank", "selector", "--database", "sqlite:////no/such/x.sqlite"), ("/no/such",)),
        (("neb", "CsPbBr3", "--plot", "/proc/x.png"), ("/proc/x.png",)),
        (("init", "--database", "postgresql://a@127.0.0.1:1/b"), ("127.0.0.1", "--database")),
        (("import",), ("--template",)),
        (("import", "--template", "paper.yml"), ("paper.yaml",)),
        (("import", "no.yaml"), ("no.yaml", "No such file")),
        (("review", "v1"), ("nobody is named", "pvkdb review v1 --by")),
        (("structure", "Cs2Ag0.5Na0.5BiCl6"), ("no prototype", "--from")),
        (
            ("structure", "Cs0.9Rb0.1PbI3", "--units", "8"),
            ("take --units 20", "Cs0.875Rb0.125PbI3"),
        ),
        (("structure", "CsPbI3", "--ordered"), ("CsPbI3 is no mixture",)),
        (("structure", "CsPbI3", "--phase", "delt"), ("did you mean 'delta'",)),
        (("structure", "CsPbI3", "--format", "poscar", "-o", "a.cif"), ("must agree",)),
        (("structure", "CsPbI3", "-o", "no/such.cif"), ("no/such.cif cannot be written",)),
        (("structure", "CsPbI3", "--list", "--relaxed"), ("--list and --relaxed",)),
        (("structure", "CsPbI3", "--from", "no.cif"), ("no.cif cannot be read",)),
        (("crossbar", "--on-off", "10", "--devices"), ("goes alone; leave out --on-off",)),
        (("crossbar", "--on-off", "10", "--plot", "x.jpg"), ("must end in .png or .svg",)),
        (
            ("simulate", "CsPbBr3", "--stack", "ITO/CsPbBr3/Ag", "-o", "report.docx"),
            ("report.docx is not written: end it with .html, .pdf",),
        ),
        (("screen",), ("--list",)),
        (("screen", "no-such-plan"), ("shipped plans:", "lead-and-tin")),
        (("schedule", "nothing.toml"), ("nothing.toml cannot be read",)),
        (("schedule", "--due", "--once"), ("give one of them",)),
        (("schedule", "--json"), ("--json requires --due or --once",)),
        (("report", "9"), ("no run has the id '9'",)),
    ],
)
def test_bad_input_is_refused_with_the_reason(
    arguments: tuple[str, ...],
    words: tuple[str, ...],
    sqlite_store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PVKDB_DATABASE_URL", str(sqlite_store.url))
    outcome = CliRunner().invoke(app, arguments)
    assert isinstance(outcome.exception, PvkdbError), outcome.output
    assert outcome.stdout == ""
    for word in words:
        assert word in str(outcome.exception)
