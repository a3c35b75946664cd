"""Papers from services that answer, fail, contradict each other or know of a retraction."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

import pvkdb
from pvkdb.errors import InputError
from pvkdb.literature.drafts import draft_paper
from pvkdb.literature.importing import import_files
from pvkdb.literature.papers import services as module
from pvkdb.literature.papers.services import KEPT_DAYS, PaperService
from pvkdb.store.database import Store
from pvkdb.store.models.references import Reference

from .conftest import Add
from .library import DOI, OTHER, Library, crossref, europe_pmc, openalex, shapes

CROSSREF, OPENALEX = f"/crossref/works/{DOI}", f"/openalex/works/doi:{DOI}"
ARTICLE = "<article><front/><body><p>The on/off ratio of the device is 50.</p></body></article>"


def test_a_paper_becomes_a_reference_to_import_and_a_text_to_draft(
    library: Library, add: Add, sqlite_store: Store
) -> None:
    library.answers = {CROSSREF: crossref(), OPENALEX: openalex(publication_year=2023)}
    (paper,) = add(f"https://doi.org/{DOI.upper()}")
    assert (paper.status, paper.doi) == ("new", DOI)
    assert paper.notes == ["years differ: Crossref 2024, OpenAlex 2023"]
    with sqlite_store.session() as session:
        report = import_files(session, [Path(paper.reference)])
        held = session.get_one(Reference, report.changes[0].id)
        assert (held.key, held.doi, held.title) == ("kim2024", DOI, "A memristor of CsPbBr₃")
        assert (authors := held.authors) == "S.-G. Kim; J.M. van Own; The Consortium"
        assert (held.journal, held.year, held.volume, held.pages) == ("J. Ex.", 2024, "7", "11–19")
    draft = draft_paper(Path(paper.text))
    assert {"on_off_ratio", "v_set"} <= draft.rows[0].found.keys()
    assert draft.rows[0].cells["structure"] == "ITO/CsPbBr3/Ag"
    assert (draft.reference["doi"], draft.reference["authors"]) == (DOI, authors)
    assert library.agents == {f"pvkdb/{pvkdb.__version__} (mailto:me@own.org)"}


@pytest.mark.parametrize(
    ("of_crossref", "of_openalex", "said"),
    [
        ({"updated-by": [{"type": "retraction", "DOI": "10.1000/r"}]}, {}, "retraction 10.1000/r"),
        ({"update-to": [{"type": "Withdrawal", "DOI": "10.1000/w"}]}, {}, "it is itself the"),
        ({"updated-by": [{"type": "correction", "DOI": "10.1000/c"}]}, {}, ""),
        ({}, {"is_retracted": True}, "retracted by OpenAlex"),
    ],
)
def test_a_retracted_paper_is_named_and_gets_no_file(
    library: Library, add: Add, of_crossref: Any, of_openalex: Any, said: str
) -> None:
    library.answers = {CROSSREF: crossref(**of_crossref), OPENALEX: openalex(**of_openalex)}
    (paper,) = add(DOI)
    assert said in paper.reason
    assert (paper.status, not paper.text) == ("retracted" if said else "new", bool(said))


def test_a_paper_of_the_store_is_known_by_a_doi_seen_on_a_page_and_by_title_and_year(
    library: Library, add: Add, sqlite_store: Store
) -> None:
    seen = "10.1039/d4nr01395f"  # r106, which the review prints without a DOI
    with sqlite_store.session() as session:
        r106, r4 = (session.get_one(Reference, key) for key in ("r106", "r4"))
        for doi, row in ((seen, r106), (OTHER, r4)):
            people = [{"given": "A.", "family": (row.authors or "").split(";")[0].split()[-1]}]
            work: dict[str, Any] = {"title": [row.title], "author": people}
            work["issued"] = {"date-parts": [[row.year]]}
            library.answers[f"/crossref/works/{doi}"] = crossref(doi, **work)
    found = add(seen, OTHER)
    assert [(one.status, one.reason) for one in found] == [("known", "r106"), ("known", "r4")]
    assert [one.reference for one in found] == ["", ""]
    assert all(Path(one.text).exists() for one in found)


@pytest.mark.parametrize(
    ("licence", "of_openalex", "ending"),
    [
        ("cc by", {}, ".xml"),
        ("", {"license": "cc-by-nc", "pdf_url": "/openalex/x.pdf"}, ".pdf"),
        ("", {"license": "publisher-specific-oa", "pdf_url": "/openalex/x.pdf"}, ".html"),
        ("", {"license": "cc-by", "pdf_url": "http://elsewhere.org/x.pdf"}, ".html"),
        ("", {"license": "cc-by", "pdf_url": "/openalex/landing"}, ".html"),
    ],
)
def test_a_full_text_comes_under_an_open_licence_and_only_when_wanted(
    library: Library, add: Add, licence: str, of_openalex: dict[str, str], ending: str
) -> None:
    location = dict(of_openalex)
    if location.get("pdf_url", "").startswith("/"):
        location["pdf_url"] = library.base + location["pdf_url"]
    library.answers = {
        CROSSREF: crossref(),
        OPENALEX: openalex(best_oa_location=location),
        "/europepmc/search": europe_pmc(license=licence),
        "/europepmc/PMC77/fullTextXML": ARTICLE,
        "/openalex/x.pdf": b"%PDF-1.7 of our own",
        "/openalex/landing": "<html>Please accept cookies</html>",
    }
    (paper,) = add(DOI)
    assert paper.text.endswith(".html")
    assert library.asked["/europepmc/search"] == 0
    (paper,) = add(DOI, full_text=True)
    assert paper.text.endswith(ending)
    assert ("not fetched" in paper.notes[-1]) == (ending == ".html")


FAULTS: list[tuple[Any, str]] = [
    (500, "Crossref answered with status 500"),
    ((429, {"Retry-After": "3600"}), "Crossref answered with status 429 and asks to wait 3600 s"),
    ("hang", "Crossref cannot be reached"),
    ('{"status": "ok", "mess', "Crossref gave an unreadable answer"),
    ({"message": "no work"}, "Crossref gave an unreadable answer"),
    ({"message": {"author": 7}}, "Crossref gave an unreadable answer"),
]


@pytest.mark.parametrize(("fault", "reason"), FAULTS)
def test_a_failure_stops_no_other_paper_and_the_same_command_resumes(
    library: Library, add: Add, fault: Any, reason: str
) -> None:
    other = f"/crossref/works/{OTHER}"
    library.answers = {CROSSREF: fault, other: crossref(OTHER)}
    failed, missing, new = add(DOI, "10.1000/nobody", OTHER)
    assert (failed.status, missing.status, new.status) == ("failed", "not found", "new")
    assert failed.reason.startswith(reason)
    library.answers[CROSSREF] = crossref()
    assert [one.status for one in add(DOI, OTHER)] == ["new", "new"]
    assert library.asked[other] == 1
    for kept in (Path(new.text).parent / "kept").iterdir():
        old = time.time() - (KEPT_DAYS + 1) * 86400
        os.utime(kept, (old, old))
    add(OTHER)
    assert library.asked[other] == 2  # it may have been retracted


def test_what_one_service_lacks_another_has_if_busy_later(library: Library, add: Add) -> None:
    busy = [(429, {"Retry-After": "0"}), openalex(abstract_inverted_index=None)]
    library.answers = {CROSSREF: 500, OPENALEX: busy, "/europepmc/search": europe_pmc()}
    (paper,) = add(DOI)
    assert (paper.status, paper.notes) == ("new", ["Crossref answered with status 500"])
    assert "Kept by Europe PMC." in Path(paper.text).read_text(encoding="utf-8")
    assert library.asked[OPENALEX] == 2


def test_requests_to_a_service_are_a_pause_apart_repetitions_too(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(module.SERVICES, "Crossref", ("PVKDB_CROSSREF_URL", "", 50.0))
    pauses: list[float] = []
    monkeypatch.setattr("pvkdb.client._io.carriers.time.sleep", pauses.append)
    library.answers[CROSSREF] = [503, crossref()]
    service = PaperService("Crossref", "me@own.org", tmp_path)
    service.read(f"works/{DOI}", len)
    service.close()
    assert [pause for pause in pauses if pause > 40] == pytest.approx([50], abs=10)


@pytest.mark.parametrize(
    ("name", "more", "doi", "journal"),
    [
        ("arXiv:2305.00001v2", "", "10.48550/arxiv.2305.00001", "arXiv:2305.00001"),
        ("10.48550/arXiv.2305.00001", "", "10.48550/arxiv.2305.00001", "arXiv:2305.00001"),
        (
            "https://arxiv.org/abs/2305.00001",
            f"<arxiv:doi>{DOI}</arxiv:doi><arxiv:journal_ref>J. Ex. 7</arxiv:journal_ref>",
            *(DOI, "J. Ex."),
        ),
    ],
)
def test_a_preprint_is_cited_by_its_number_until_a_journal_has_it(
    library: Library, add: Add, name: str, more: str, doi: str, journal: str
) -> None:
    feed = shapes()["arxiv"].replace("</entry>", f"{more}</entry>")
    library.answers = {"/arxiv/api/query": feed, CROSSREF: crossref()}
    (paper,) = add(name)
    assert (paper.status, paper.doi) == ("new", doi)
    assert f",{journal}," in Path(paper.reference).read_text(encoding="utf-8")


def test_an_answer_of_arxiv_without_the_paper_is_no_paper(library: Library, add: Add) -> None:
    library.answers["/arxiv/api/query"] = [
        *("Rate exceeded.", '<!DOCTYPE feed [<!ENTITY a "aa">]><feed/>'),
        shapes()["arxiv"].replace("abs/2305.00001v2", "errors#id"),
    ]
    assert [add("2305.00001")[0].status for _ in range(3)] == ["failed", "failed", "not found"]


def test_a_file_is_added_by_the_doi_it_names(library: Library, add: Add, tmp_path: Path) -> None:
    named, nameless = tmp_path / "named.html", tmp_path / "nameless.txt"
    named.write_text(f"<html><p>doi:{DOI}</p><p>An on/off ratio of 50.</p></html>")
    nameless.write_text("A text that names nothing.")
    library.answers[CROSSREF] = crossref()
    first, second, third = add(str(named), str(nameless), "no such name")
    assert (first.status, first.text) == ("new", str(named))
    assert "names no DOI" in second.reason
    assert "no DOI, no number of arXiv and no file" in third.reason


@pytest.mark.parametrize("contact", ["", "me", "me@own", "me@own.org\r\nX: 1"])
def test_services_are_asked_with_a_contact_address_alone(contact: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="PVKDB_MAILTO"):
        PaperService("Crossref", contact, tmp_path)
