"""Adding papers: reference, abstract and open full text of each, as files to import and to draft.

Nothing is written to the store.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from html import escape
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from pvkdb.errors import InputError, NotFoundError, PvkdbError, ServiceError, writing
from pvkdb.literature.cells import Cells
from pvkdb.literature.drafts.budget import in_budget
from pvkdb.literature.drafts.documents import read_document
from pvkdb.literature.drafts.words import words
from pvkdb.literature.entries import normal_doi, reference_row
from pvkdb.literature.papers.records import (
    ARXIV_DOI,
    PaperRecord,
    arxiv,
    crossref,
    europe_pmc,
    openalex,
)
from pvkdb.literature.papers.services import PaperService
from pvkdb.schemas.tables import ReferencesRow
from pvkdb.store.files.table_files import write_table

PaperStatus = Literal["new", "known", "retracted", "not found", "failed"]
_ARXIV = re.compile(
    r"(?:https?://arxiv\.org/(?:abs|pdf)/|arxiv:\s*|10\.48550/arxiv\.)?"
    r"(\d{4}\.\d{4,5}|[a-z-]+(?:\.[a-z]{2})?/\d{7})(?:v\d+)?(?:\.pdf)?",
    re.IGNORECASE,
)
#: Licences under which a full text is fetched, as OpenAlex and Europe PMC write them.
_OPEN = re.compile(r"cc[ -]?(?:by|0)|public[ -]domain", re.IGNORECASE)

Services = Mapping[str, PaperService]
#: Gives the key of a known publication; what may be wrong with a row, its cells then say.
Known = Callable[[Cells, ReferencesRow], "str | None"]


@dataclass
class PaperOutcome:
    """What became of one paper; ``reference`` and ``text`` are files to import and to draft.

    A known paper (``reason``: its key) gets no reference, a retracted one no file.
    """

    paper: str
    status: PaperStatus = "failed"
    reason: str = ""
    doi: str = ""
    title: str = ""
    reference: str = ""
    text: str = ""
    notes: list[str] = field(default_factory=list)


def add_papers(
    papers: Sequence[str],
    services: Services,
    known: Known,
    folder: Path,
    *,
    full_text: bool = False,
    show: Callable[[PaperOutcome], object] = lambda outcome: None,
) -> list[PaperOutcome]:
    """Write the files of papers to a folder, and return what became of each.

    Args:
        papers: DOIs, numbers of arXiv, and files of papers that name their DOI.
        services: The services by name.
        known: Gives the key of a paper that the bibliography has.
        folder: Where the files go.
        full_text: Whether to fetch full texts that have an open licence.
        show: Called after each paper; the failure of one stops no other.

    Raises:
        InputError: the folder cannot be written.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    outcomes = []
    for paper in papers:
        outcome = PaperOutcome(paper)
        try:
            records = _records(_name_of(paper), services, outcome.notes, full_text)
            row = _row(outcome, records, known)
            if row is not None:
                base = folder / re.sub(r"[^\w.-]+", "_", outcome.doi)
                if outcome.status == "new":
                    outcome.reference = f"{base}.csv"
                    _write(outcome.reference, write_table("references", [row], "csv"))
                outcome.text = paper if Path(paper).is_file() else ""
                if full_text and not outcome.text:
                    outcome.text = _full_text(records, services, base, outcome.notes)
                outcome.text = outcome.text or _abstract(records, row, base, outcome.notes)
        except PvkdbError as error:
            outcome.status = "not found" if isinstance(error, NotFoundError) else "failed"
            outcome.reason = str(error)
        outcomes.append(outcome)
        show(outcome)
    return outcomes


def _name_of(paper: str) -> str:
    """Return the DOI or the number of arXiv that is given, or that a file names."""
    if not Path(paper).is_file():
        return paper
    document = in_budget(read_document, Path(paper))
    stamps = (re.search(r"arXiv:\d{4}\.\d{4,5}", each.text) for each in document.sentences[:50])
    stamp = next(filter(None, stamps), None)
    if name := document.reference.get("doi") or (stamp and stamp[0]):
        return name
    raise InputError(f"{paper} names no DOI; add it by its DOI, and draft from the file")


def _records(name: str, services: Services, notes: list[str], full_text: bool) -> list[PaperRecord]:
    """Return what the services say of a paper, the one that knows best first.

    Raises:
        InputError: the name is none.
        NotFoundError: no service knows it.
        ServiceError: those that may know it failed.
    """
    found: list[PaperRecord] = []
    failures: list[str] = []

    def ask(
        service: str, path: str, read: Callable[[bytes], PaperRecord], **parameters: str
    ) -> None:
        try:
            found.append(services[service].read(path, read, **parameters))
        except NotFoundError:
            pass
        except ServiceError as error:
            failures.append(str(error))

    if match := _ARXIV.fullmatch(name):
        number = match[1].lower()
        ask("arXiv", "api/query", partial(arxiv, number=number), id_list=number)
        doi = found[0].reference["doi"] if found else ARXIV_DOI + number
    else:
        try:
            doi = normal_doi(name)
        except InputError:
            raise InputError(f"{name!r} is no DOI, no number of arXiv and no file") from None
    if not doi.startswith(ARXIV_DOI):
        ask("Crossref", f"works/{quote(doi, safe='')}", crossref)
    ask("OpenAlex", f"works/doi:{quote(doi)}", openalex)
    if full_text or not any(each.abstract for each in found):
        asked = {"query": f'DOI:"{doi}"', "resultType": "core", "format": "json"}
        ask("Europe PMC", "search", partial(europe_pmc, doi=doi), **asked)
    if not found and failures:
        raise ServiceError(f"{'; '.join(failures)}; the same command resumes")
    if not found:
        raise NotFoundError(f"no service knows {doi}; check it")
    notes += failures
    # The journal's own reference is Crossref's; of a preprint, arXiv's.
    return sorted(found, key=lambda one: one.service == "arXiv" and not doi.startswith(ARXIV_DOI))


def _row(
    outcome: PaperOutcome, records: Sequence[PaperRecord], known: Known
) -> ReferencesRow | None:
    """Return the reference for an import, and set the status; None if the paper is retracted.

    Raises:
        InputError: the import would refuse the reference.
    """
    cells: dict[str, str] = {}
    for record in reversed(records):
        cells |= record.reference
    outcome.doi, outcome.title = cells["doi"], cells.get("title", "")
    if retracted := [each.retracted for each in records if each.retracted]:
        outcome.status, outcome.reason = "retracted", "; ".join(retracted)
        return None
    years = {each.service: year for each in records if (year := each.reference.get("year"))}
    if len(set(years.values())) > 1:
        outcome.notes.append("years differ: " + ", ".join(f"{n} {y}" for n, y in years.items()))
    reader = Cells(cells)
    row = reference_row(reader)
    key = None if reader.problems else known(reader, row)
    if reader.problems:
        raise InputError("; ".join(f"{each.column} {each.reason}" for each in reader.problems))
    outcome.notes += [f"{doubt.column} {doubt.reason}" for doubt in reader.doubts]
    outcome.status, outcome.reason = ("known", key) if key else ("new", "")
    return row


def _full_text(
    records: Sequence[PaperRecord], services: Services, base: Path, notes: list[str]
) -> str:
    """Write the first full text that has an open licence, and return its file; '' if none has."""
    for record in (each for each in reversed(records) if each.full_text):
        where = f"full text of {record.service} under {record.licence or 'no licence'}"
        if not _OPEN.match(record.licence):
            notes.append(f"{where} not fetched")
            continue
        try:
            content = services[record.service].read(record.full_text, _article)
        except PvkdbError as error:
            notes.append(f"{where} not fetched: {error}")
            continue
        notes.append(where)
        path = f"{base}{'.pdf' if content.startswith(b'%PDF') else '.xml'}"
        _write(path, content)
        return path
    return ""


def _article(content: bytes) -> bytes:
    if content.startswith(b"%PDF") or b"<article" in content[:5000]:
        return content
    raise ValueError("it is neither a PDF nor an article in XML")


def _abstract(
    records: Sequence[PaperRecord], row: ReferencesRow, base: Path, notes: list[str]
) -> str:
    """Write the abstract as a page whose head has the reference, as drafts read it."""
    abstract = next((each.abstract for each in records if each.abstract), "")
    if not abstract:
        notes.append("no service has an abstract; draft from a file of the paper")
        return ""
    cells = {tag: str(getattr(row, column) or "") for tag, column in words()["meta"].items()}
    head = "".join(f'<meta name="{tag}" content="{escape(cells[tag])}">\n' for tag in cells)
    body = f"<h1>Abstract</h1>\n<p>{escape(abstract)}</p>"
    path = f"{base}.html"
    page = f"<html>\n<head>\n{head}</head>\n<body>\n{body}\n</body>\n</html>\n"
    _write(path, page.encode())
    return path


def _write(path: str, content: bytes) -> None:
    with writing(path):
        Path(path).write_bytes(content)
