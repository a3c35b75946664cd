"""Missing DOIs of references: proposals by bibliographic match, which a person confirms.

Crossref ranks the candidates; the score says how well the best one fits, and is pvkdb's own:
0.7 × similarity of the titles (letters and digits, :class:`difflib.SequenceMatcher`) + 0.15 for the
first author + 0.15 for the year (half if one year apart, as online and in print).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, fields
from difflib import SequenceMatcher
from pathlib import Path

from sqlalchemy.orm import Session

from pvkdb.errors import InputError, NotFoundError, ServiceError, unknown_name
from pvkdb.literature.entries import same_authors
from pvkdb.literature.papers.records import crossref_reference
from pvkdb.literature.papers.services import PaperService
from pvkdb.literature.publications import words_of
from pvkdb.schemas import parse_json
from pvkdb.schemas.tables import ReferencesRow
from pvkdb.schemas.tables.columns import csv_cell
from pvkdb.store.collections import REFERENCES
from pvkdb.store.curation.sources import Upload
from pvkdb.store.files.bibliography import reference_text
from pvkdb.store.files.table_files import write_table

#: Failures in a row after which no more is asked.
MOST_FAILURES = 5
#: Least score of a proposal; below it, nothing is proposed.
LEAST_SCORE = 0.6
_FIELDS = "DOI,title,author,issued,container-title,short-container-title,volume,page"


@dataclass
class DoiProposal:
    """The DOI that a reference may have, with its score, for a person who writes yes or no."""

    confirmed: str = ""
    key: str = ""
    doi: str = ""
    score: str = ""
    reference: str = ""
    candidate: str = ""
    note: str = ""


def without_doi(session: Session) -> list[ReferencesRow]:
    """Return the references that have a title, but no DOI that is printed or seen."""
    rows = REFERENCES.iterate(session, {})
    titled = (row for row in rows if row.title and not row.title.startswith("["))
    return [row for row in titled if not (row.doi or row.doi_seen)]


def propose(
    rows: Sequence[ReferencesRow],
    service: PaperService,
    show: Callable[[str], object] = lambda line: None,
) -> list[DoiProposal]:
    """Return a proposal of Crossref for each reference, the best first.

    The failure of one stops no other: its note begins with ``failed``.

    Raises:
        ServiceError: one request after the other failed; what was answered before is kept.
    """
    found = []
    failures = 0
    for row in rows:
        proposal = DoiProposal(key=row.key, reference=reference_text(row))
        try:
            _fill(proposal, row, service)
            failures = 0
        except (NotFoundError, ServiceError) as error:
            proposal.note = f"failed: {error}"
            if (failures := failures + 1) == MOST_FAILURES:
                again = f"{failures} times in a row; the same command resumes"
                raise ServiceError(f"{error}, {again}") from error
        found.append(proposal)
        show(f"{row.key}: {proposal.doi} {proposal.score} {proposal.note}")
    return sorted(found, key=lambda one: one.score, reverse=True)


def score(row: ReferencesRow, candidate: ReferencesRow) -> float:
    """Return how well a candidate fits a reference, from 0 to 1; see the module."""
    # The review prints some titles in two languages; a short part names no paper.
    parts = [words_of(part) for part in (row.title or "").split("/")]
    ours = [words_of(row.title), *(part for part in parts if len(part) > 20)]
    theirs = words_of(candidate.title)
    title = max(SequenceMatcher(None, each, theirs, autojunk=False).ratio() for each in ours)
    author = bool(candidate.authors) and same_authors(row.authors, candidate.authors)
    apart = abs(row.year - candidate.year) if row.year and candidate.year else -1
    return 0.7 * title + 0.15 * author + {0: 0.15, 1: 0.075}.get(apart, 0.0)


def _fill(proposal: DoiProposal, row: ReferencesRow, service: PaperService) -> None:
    def read(content: bytes) -> list[tuple[float, ReferencesRow]]:
        works = parse_json(content)["message"]["items"]
        cells = [{**each, "key": each["doi"]} for each in map(crossref_reference, works)]
        rows = [ReferencesRow.model_validate(each) for each in cells]
        return [(score(row, each), each) for each in rows]

    asked = {"query.bibliographic": proposal.reference, "rows": "5", "select": _FIELDS}
    candidates = service.read("works", read, **asked)
    candidates.sort(key=lambda one: -one[0])
    listed = ", ".join(f"{each.key} {value:.2f}" for value, each in candidates[1:3])
    proposal.note = f"next: {listed}" if listed else ""
    if candidates and candidates[0][0] >= LEAST_SCORE:
        proposal.score, proposal.doi = f"{candidates[0][0]:.2f}", candidates[0][1].key
        proposal.candidate = reference_text(candidates[0][1])
    else:
        proposal.note = "nothing found that fits"


def proposals_text(proposals: Sequence[DoiProposal]) -> str:
    """Return proposals as CSV."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([each.name for each in fields(DoiProposal)])
    writer.writerows(map(csv_cell, astuple(one)) for one in proposals)
    return text.getvalue()


def accepted(session: Session, path: Path) -> Upload:
    """Return the proposals of a file with ``yes`` in ``confirmed`` as an import of references.

    Raises:
        InputError: the file or a row of it cannot be used, or nothing is confirmed.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    held = {row.key: row for row in REFERENCES.iterate(session, {})}
    chosen = []
    for line, cells in enumerate(csv.DictReader(lines), start=2):
        said, key = (str(cells.get(name) or "").strip() for name in ("confirmed", "key"))
        if said.lower() not in ("yes", "no", "") or key not in held:
            reason = unknown_name("key", key, held) if key not in held else "write yes or no"
            raise InputError(f"{path} line {line}, confirmed {said!r}: {reason}")
        if said.lower() == "yes":
            chosen.append(held[key].model_copy(update={"doi": cells.get("doi") or None}))
    if not chosen:
        raise InputError(f"{path} has no row with yes in its column confirmed; nothing to accept")
    return Upload(path.name, write_table("references", chosen, "csv", raw=True))
