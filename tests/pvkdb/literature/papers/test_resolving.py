"""Missing DOIs: proposed with a score, confirmed by a person, kept by later releases."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pvkdb.cli.app import app
from pvkdb.errors import ServiceError
from pvkdb.literature import load_literature
from pvkdb.literature.papers import resolving
from pvkdb.literature.papers.resolving import MOST_FAILURES, propose, score, without_doi
from pvkdb.literature.papers.services import PaperService
from pvkdb.schemas.tables import ReferencesRow
from pvkdb.store.database import Store
from pvkdb.store.models.references import DatasetVersion, Reference

from .library import DOI, OTHER, Library, crossref

WORKS = "/crossref/works"
#: As the review prints r4: E. L. Unger et al., J. Mater. Chem. A 5, 11401 (2017).
TITLE = "Roadmap and roadblocks for the band gap tunability of metal halide perovskites"
UNGER = {"author": [{"given": "E. L.", "family": "Unger"}], "issued": {"date-parts": [[2017]]}}
FITTING = crossref("10.1000/FITS", title=[TITLE.upper()], **UNGER)["message"]
FOUND = {"message": {"items": [crossref(OTHER, **UNGER)["message"], FITTING]}}


def row(title: str, year: int | None, authors: str | None) -> ReferencesRow:
    return ReferencesRow(key="x", title=title, year=year, authors=authors)


def test_the_score_falls_with_title_author_and_year() -> None:
    ours = row("Ion migration in CsPbBr₃/Ionenwanderung in CsPbBr₃", 2020, "C. Müller; D. Own")
    same = row("Ion Migration in CsPbBr<sub>3</sub>", 2020, "Clara Muller")
    year, other = {"year": 2023}, {"authors": None, "title": "Fish of the North Sea"}
    changes = ({}, {"year": 2021}, year, {**year, "authors": "E. Wu"}, {**year, **other})
    values = [score(ours, same.model_copy(update=each)) for each in changes]
    assert values[:4] == pytest.approx([1, 0.925, 0.85, 0.7])
    assert values[4] < resolving.LEAST_SCORE


def test_the_review_lacks_dois_and_failures_in_a_row_end_the_asking(
    library: Library, services: dict[str, PaperService], sqlite_store: Store
) -> None:
    with sqlite_store.session(read_only=True) as session:
        rows = without_doi(session)
    assert {"r4", "r402"} < {each.key for each in rows}
    assert "r106" not in {each.key for each in rows}  # seen on an open page
    library.answers[WORKS] = [FOUND, 500, FOUND, 404, {"message": {"items": [{}]}}, FOUND, 500]
    found = propose(rows[:6], services["Crossref"])
    assert [one.note for one in found if one.note.startswith("failed")] == [
        "failed: Crossref answered with status 500",
        "failed: Crossref does not know it",
        "failed: Crossref gave an unreadable answer: is not a DOI; write 10.1039/d5cs01222h",
    ]
    asked = library.asked[WORKS]
    with pytest.raises(ServiceError, match=f"{MOST_FAILURES} times in a row"):
        propose(rows[6:], services["Crossref"])
    assert library.asked[WORKS] == asked + MOST_FAILURES


@pytest.fixture
def small(sqlite_store: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The store, of which only r4 and r5 are asked for."""
    with sqlite_store.session(read_only=True) as session:
        two = [row for row in without_doi(session) if row.key in ("r4", "r5")]
    monkeypatch.setattr(resolving, "without_doi", lambda session: two)
    monkeypatch.setenv("PVKDB_DATABASE_URL", f"sqlite:///{sqlite_store.sqlite_path}")
    monkeypatch.setenv("PVKDB_MAILTO", "me@own.org")
    return sqlite_store


def test_a_confirmed_doi_enters_and_stays(library: Library, small: Store, tmp_path: Path) -> None:
    library.answers[WORKS] = [FOUND, {"message": {"items": []}}]
    file, folder = tmp_path / "dois.csv", str(tmp_path)
    asked = ["references", "resolve", "--output", str(file), "--folder", folder]
    shown = CliRunner().invoke(app, asked)
    assert shown.exit_code == 0, shown.output
    lines = file.read_text(encoding="utf-8").splitlines()
    assert lines[1].startswith(",r4,10.1000/fits,1.00,")
    assert f"next: {OTHER}" in lines[1]
    assert lines[2].startswith(",r5,,,")
    with small.session() as session:
        assert session.get_one(Reference, "r4").doi is None
    again = CliRunner().invoke(app, asked)
    assert "may hold what is confirmed" in str(again.exception)
    accept = ["references", "resolve", "--accept", str(file), "--json"]
    assert "no row with yes" in str(CliRunner().invoke(app, accept).exception)
    file.write_text("\n".join([lines[0], f"yes{lines[1]}", lines[2]]), encoding="utf-8")
    report = json.loads(CliRunner().invoke(app, accept).stdout)
    change = report["changes"][0]
    assert (change["action"], change["id"]) == ("supersede", "r4")
    assert change["differences"] == [{"column": "doi", "before": None, "after": "10.1000/fits"}]
    with small.session() as session:
        held = session.get_one(Reference, "r4")
        held.title = "as an older release had it"
        load_literature(session)  # a newer one, which does not print the DOI either
        assert (held.title, held.doi) == (TITLE, "10.1000/fits")
        version = session.get_one(DatasetVersion, held.recorded_in)
        assert version.description == "import of dois.csv"


def test_papers_are_added_from_the_command_line(
    library: Library, small: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.answers[f"{WORKS}/{DOI}"] = crossref()
    add = ["papers", "add", DOI, OTHER, "--folder", str(tmp_path / "p")]
    shown = CliRunner().invoke(app, add)
    assert "pvkdb draft" in shown.output
    assert isinstance(shown.exception, ServiceError)
    assert OTHER in str(shown.exception)
    found = json.loads(CliRunner().invoke(app, [*add, "--json"]).stdout)
    assert [one["status"] for one in found] == ["new", "not found"]
    monkeypatch.delenv("PVKDB_MAILTO")
    assert "--mailto" in str(CliRunner().invoke(app, add).exception)
