"""Adding a paper, as a curator does it at a terminal."""

from __future__ import annotations

import csv
import gzip
import json
import re
import shutil
from functools import partial
from pathlib import Path

import pytest

from pvkdb.computed import CALCULATIONS, GAPS, REPORT, load_computed, release_version

from ....conftest import read_only
from ....curated import REFERENCES
from ...store.files.exchanging import file_of
from ..conftest import Run
from ..test_commands import failed_clearly


def test_computed_results_are_loaded_unless_they_are_left_out(
    run: Run, environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A release of one relaxation."""
    release = tmp_path / "release"
    release.mkdir()
    shutil.copy(REPORT, release)
    file_of(release / GAPS.name)
    with gzip.open(CALCULATIONS) as stream:
        lines = (json.loads(line) for line in stream if b'"relax"' in line)
        file_of(release / CALCULATIONS.name, next(line for line in lines if line["structures"]))
    monkeypatch.setattr("pvkdb.computed.load_computed", partial(load_computed, folder=release))
    del environment["PVKDB_WITHOUT_COMPUTED"]
    literature = json.loads(run("init", "--without-computed", "--json").stdout)
    assert literature["computed"] is None
    bare = json.loads(run("upgrade", "--without-computed", "--json").stdout)
    assert bare.keys() == {"database", "before", "after"}
    computed = json.loads(run("upgrade", "--json").stdout)["computed"]
    assert (computed["added"], computed["removed"]) == (1, 0)
    version = computed["dataset_version"]
    assert version == f"{literature['dataset_version']}.{release_version(release)}"
    assert run("init").stderr.splitlines()[-1] == f"unchanged; dataset {version}"
    other = f"sqlite:///{tmp_path / 'other.sqlite'}"
    created = run("export", "structures", "--database", other)  # created on first use
    assert len(created.stdout.splitlines()) == 1 + 1
    assert version in created.stderr


@pytest.fixture
def templates(run: Run, tmp_path: Path) -> list[str]:
    """The forms for imports as they are printed: of a paper, and of three tables."""
    names = ["paper.yaml", "references.csv", "energetics.csv", "devices.csv"]
    for name in names:
        (tmp_path / name).write_text(run("import", "--template", name).stdout, encoding="utf-8")
    return names


@pytest.mark.usefixtures("initialised")
def test_the_template_goes_in_as_it_is(run: Run, templates: list[str]) -> None:
    dry = run("import", "paper.yaml", "--dry-run")
    assert "zhang" not in dry.stdout
    assert "example2026-e001" in dry.stdout
    assert "nothing was changed" in dry.stderr
    assert failed_clearly(run("history", "example2026-e001", code=3), "example2026-e001")
    report = json.loads(run("import", "paper.yaml", "--json").stdout)
    rows = ["example2026", "example2026-e001", "example2026-d001"]
    assert [change["id"] for change in report["changes"]] == rows
    again = run("import", "paper.yaml")
    assert again.stdout == ""
    assert "1 there already" in again.stderr
    history = json.loads(run("history", "example2026-e001", "--json").stdout)
    assert history["versions"][0]["recorded_by"] == "import of paper.yaml"
    assert history["versions"][0]["row"]["as_printed"] == "~25 kJ/mol"


@pytest.mark.usefixtures("initialised")
def test_every_csv_template_goes_in(run: Run, templates: list[str]) -> None:
    outcome = run("import", *templates[1:])
    for name in ("references", "energetics", "devices"):
        assert f"1 {name} added" in outcome.stderr


@pytest.mark.usefixtures("initialised")
def test_a_correction_shows_its_difference_and_its_history(run: Run, tmp_path: Path) -> None:
    text = run("export", "energetics").stdout
    rows = list(csv.DictReader(text.splitlines()))
    row = next(row for row in rows if row["id"] == "e-t2-r03-dfe")
    row.update(id="", supersedes="e-t2-r03-dfe", value_min_ev="-0.5", value_max_ev="-0.5")
    with (tmp_path / "c.csv").open("w", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(row))
        writer.writeheader()
        writer.writerow(row)
    shown = run("import", "c.csv").stdout
    assert "supersedes e-t2-r03-dfe" in shown
    assert "value_min_ev: -0.65 → -0.5" in shown
    history = run("history", "e-t2-r03-dfe").stdout
    assert "e-t2-r03-dfe (energetics, current)" in history
    assert "(energetics, unreviewed)" in history
    (waiting,) = json.loads(run("review", "--json").stdout)
    run("review", waiting["version"], "--by", "Ada")
    assert "e-t2-r03-dfe (energetics, superseded)" in run("history", "e-t2-r03-dfe").stdout
    assert "value_max_ev: -0.65 → -0.5" in history


@pytest.mark.usefixtures("initialised")
def test_problems_are_told_at_once_and_the_last_line_is_the_error(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text(
        "material,defect,quantity,value,method,references,source\n"
        "CsPbBr4,V_Br,E_A,0.3 eV,DFT,r36,Fig. 1\n"
        "CsPbBr3,V_Br,E_A,30 eV,DFT,r36,Fig. 1\n"
    )
    outcome = run("import", "bad.csv", code=2)
    lines = outcome.stderr.strip().splitlines()
    assert "bad.csv line 2, column material 'CsPbBr4'" in outcome.stderr
    assert "bad.csv line 3, column value '30 eV'" in outcome.stderr
    assert "2 problems" in lines[-1]
    assert "nothing was imported" in lines[-1]
    problems = json.loads(run("import", "bad.csv", "--json", code=2).stdout)["problems"]
    assert [problem["line"] for problem in problems] == [2, 3]


@pytest.mark.usefixtures("templates")
def test_a_read_only_store_is_exported_and_ranked(run: Run, medium: Path) -> None:
    database = ("--database", f"sqlite:///{medium}/loaded.sqlite")
    with read_only(medium):
        exported = run("export", "references", *database)
        assert len(list(csv.DictReader(exported.stdout.splitlines()))) == REFERENCES
        run("rank", "non-volatile-memory", "--json", *database)
        refused = run("import", "paper.yaml", *database, code=4)
    assert "may only be read; give its user the right to write there" in refused.stderr


@pytest.mark.usefixtures("initialised")
@pytest.mark.usefixtures("templates")
@pytest.mark.slow
def test_a_snapshot_and_what_an_import_changed_since(run: Run, tmp_path: Path) -> None:
    made = json.loads(run("snapshot", "old.zip", "--json").stdout)
    assert made["path"] == "old.zip"
    assert failed_clearly(run("snapshot", "old.zip", code=2), "old.zip exists")
    shutil.copy(tmp_path / "user.sqlite", tmp_path / "new.sqlite")
    same = run("diff", "old.zip", "sqlite:///new.sqlite")
    assert same.stdout == ""
    assert f"dataset {made['dataset_version']}" in same.stderr

    run("import", "paper.yaml")
    differing = run("diff", "old.zip", "sqlite:///user.sqlite", "--limit", "2", code=1)
    assert "energetics example2026-e001: added" in differing.stdout
    assert "rankings " not in differing.stdout  # unreviewed, it takes no place
    assert "at most 2 rows of a table" in differing.stdout
    document = run("diff", "old.zip", "sqlite:///user.sqlite", "--json", code=1)
    found = json.loads(document.stdout)
    assert found["old"] == made["dataset_version"] != found["new"]
    assert found["tables"]["references"] == {"added": 1}
    rows = {row["table"]: row for row in found["differences"] if row["change"] == "added"}
    assert rows["energetics"]["key"] == {"id": "example2026-e001"}
    assert rows["energetics"]["columns"]["as_printed"] == [None, "~25 kJ/mol"]
    assert len(found["differences"]) == sum(sum(each.values()) for each in found["tables"].values())
    assert failed_clearly(run("diff", "old.zip", "nothing", code=2), "nothing is not a snapshot")


@pytest.mark.usefixtures("initialised")
def test_a_draft_of_a_paper_is_refused_until_confirmed(run: Run, tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("Pt/CsPbBr3/Ag: a retention of 5 s.\n", encoding="utf-8")
    outcome = run("draft", "p.txt", "--output", "d.yaml")
    assert "1 values in 1 rows to confirm" in outcome.stderr
    written = (tmp_path / "d.yaml").read_text(encoding="utf-8")
    assert run("draft", "p.txt").stdout.replace("draft.yaml", "d.yaml") == written
    (draft,) = json.loads(run("draft", "p.txt", "--json").stdout)
    assert draft["rows"][0]["found"]["retention"]["sentence"].startswith("Pt/CsPbBr3/Ag")
    assert "nobody has confirmed" in run("import", "d.yaml", code=2).stderr
    (tmp_path / "empty.txt").write_text("", encoding="utf-8")
    assert failed_clearly(run("draft", "empty.txt", code=2), "empty.txt is empty")


@pytest.mark.usefixtures("initialised")
def test_references_of_a_selection_for_citing(run: Run, tmp_path: Path) -> None:
    cited = run("export", "references", "--format", "bibtex", "--where", "row=d-t4-r14").stdout
    (key,) = re.findall(r"@article{(r\d+),", cited)
    both = run("export", "references", "--where", f"key={key},r54", "--format", "csl").stdout
    items = json.loads(both)
    assert {item["id"] for item in items} == {key, "r54"}
    run("export", "references", "--where", "year_min=2026", "-o", "a.ris")
    assert set(re.findall(r"PY  - (.*)", (tmp_path / "a.ris").read_text())) <= {"2026"}
    run("export", "references", "--format", "csl", "-o", "a.json")
    assert json.loads((tmp_path / "a.json").read_text())[0]["id"] == "r1"
    filters = ("--where", "family=3D", "--where", "q=MAPbI3")
    rows = json.loads(run("export", "devices", *filters, "--json").stdout)
    assert rows
    assert all("MAPbI3" in f"{row['structure']} {row['absorber']}" for row in rows)
    assert failed_clearly(run("export", "devices", "--format", "ris", code=2), "no format of")
    assert failed_clearly(run("export", "devices", "--where", "form", code=2), "filter of devices")
    refused = run("export", "references", "--where", "year_min=new", code=2)
    assert failed_clearly(refused, "year_min='new' cannot be used")
