"""The desk: drafts of papers, decided field by field and entered into the store.

Decisions are added and never changed, each with its caller. What is entered goes through the checks
of every import, and counts in rankings once somebody else has confirmed it.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import PurePath
from typing import Any

from pydantic import ValidationError
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from pvkdb.errors import InputError, NotFoundError, StateError, unknown_name
from pvkdb.literature.drafts.budget import in_budget
from pvkdb.literature.drafts.proposals import Proposals, proposals_of
from pvkdb.literature.drafts.writing import REFERENCE
from pvkdb.literature.entries import TABLES, normal_doi
from pvkdb.literature.importing import MAX_SHOWN, ImportRefusedError, import_files
from pvkdb.operations import Reading
from pvkdb.schemas.imports import (
    DecideRequest,
    DeskCell,
    DeskDraft,
    DeskRow,
    DraftsRequest,
    DraftState,
    EnterRequest,
    FileProblem,
    ImportReport,
    Paper,
)
from pvkdb.store.curation.dataset import IMPORT, REVIEW, note_importer, unreviewed_imports
from pvkdb.store.curation.people import acting_person
from pvkdb.store.curation.registration import get_or_add
from pvkdb.store.curation.sources import Upload
from pvkdb.store.models.access import AuditEntry
from pvkdb.store.models.references import DraftDecision, PaperDraft
from pvkdb.store.security.audit import record

#: Fields of a row that a reader fills in if rules propose nothing.
_EXPECTED = {
    "references": REFERENCE,
    "devices": ("structure", "absorber", "source"),
    "energetics": ("material", "defect", "quantity", "value", "method", "source"),
}
#: Signs that end a line in YAML, but not in JSON.
_BREAKS = dict.fromkeys((0x2028, 0x2029), " ")
#: Fields of an import that name other rows or files.
_NOT_HERE = frozenset({"id", "number", "references", "raw_files", "supersedes"})
#: Field of a row that names the row of the same device, to which its values go.
SAME = "same_as"
#: What a decision does; an entry records the id of a row in the store.
_DONE = {"accept": "accepted", "correct": "corrected", "reject": "rejected", "enter": "entered"}


class DraftChangedError(StateError):
    """Somebody has changed the draft since it was read; ``problems`` are the changes."""

    def __init__(self, draft: PaperDraft, read: int) -> None:
        self.problems = [
            FileProblem(
                file=draft.name,
                column=each.cell,
                value=each.value or None,
                reason=f"{each.caller} {_DONE.get(each.action, 'reopened')} it",
            )
            for each in draft.decisions
            if each.revision > read
        ]
        since = "; ".join(f"{each.column}: {each.reason}" for each in self.problems[:5])
        super().__init__(
            f"draft {draft.id} was changed since you read it (revision {read}, now "
            f"{draft.revision}), so nothing was kept: {since}; read it again, then decide"
        )


def prepared(paper: Paper, seconds: float | None = None) -> Proposals:
    """Return what rules propose for a paper that was sent. Raises InputError."""
    if (paper.text is None) is (paper.pdf is None):
        raise InputError("give one of text and pdf")
    try:
        content = (paper.text or "").encode() if paper.pdf is None else base64.b64decode(paper.pdf)
    except ValueError as error:
        raise InputError(f"{paper.name} is neither text nor base64: {error}") from error
    upload = Upload(PurePath(paper.name).name, content)
    found = in_budget(proposals_of, upload, seconds=seconds)
    return found.model_copy(update={"by": paper.by})


def add_draft(found: Proposals, reading: Reading) -> DeskDraft:
    """Keep a paper with its proposals and return its draft; a text that is there keeps its own.

    What was rejected in any draft of the paper is not proposed again.
    """
    by = _named(found.by, f"brings {found.name}")
    digest = sha256(found.text.encode()).hexdigest()
    about = {each.field: each.value for each in found.rows[0].cells}
    paper = _paper_named(about.get("doi", ""), digest)
    same = select(PaperDraft).where(PaperDraft.digest == digest)
    with reading() as session:
        if (known := session.scalar(same)) is None:
            drafts = session.scalars(select(PaperDraft).where(PaperDraft.paper == paper))
            cells = [cell for each in drafts for cell in _cells(rows_of(each)).values()]
            rejected = {cell.mark for cell in cells if cell.decision == "reject"}
            for row in found.rows:
                row.cells = [cell for cell in row.cells if cell.mark not in rejected]
            rows = [row for row in found.rows if any(x.printed for x in row.cells)]
            made = PaperDraft(
                name=found.name,
                title=about.get("title", found.name),
                paper=paper,
                digest=digest,
                text=found.text,
                proposals={
                    "rows": [row.model_dump() for row in (found.rows[0], *rows)],
                    "further": [each.model_dump() for each in found.further],
                },
                undecided=sum(len(row.cells) for row in (found.rows[0], *rows)),
                revision=0,
                created_by=by,
            )
            known = get_or_add(session, same, lambda: made)
            _note(session, by, "draft paper", f"draft {known.id}")
        return _document(session, known, whole=True)


def drafts(request: DraftsRequest, reading: Reading) -> list[DeskDraft]:
    """Return the drafts, the newest first; one that is named has its text and rows.

    Raises:
        NotFoundError: there is no such draft.
    """
    with reading() as session:
        if request.draft is not None:
            return [_document(session, _find(session, request.draft), whole=True)]
        newest = session.scalars(select(PaperDraft).order_by(PaperDraft.id.desc()))
        return [_document(session, each) for each in newest]


def decide(request: DecideRequest, reading: Reading) -> DeskDraft:
    """Keep a decision on fields of a draft, and return the draft.

    Raises:
        NotFoundError: there is no such draft.
        InputError: a field does not exist, or the decision does not fit it.
        DraftChangedError: the draft is of another revision; names what changed.
    """
    with reading() as session:
        by = _named(request.by, f"decides on draft {request.draft}")
        draft = _find(session, request.draft)
        known = _cells(rows_of(draft))
        made = [(cell, *_checked(request, cell, known)) for cell in request.cells]
        _advance(session, draft, request.revision)
        for cell, action, value in made:
            _add(session, draft, by, action=action, cell=cell, value=value)
        said = f"draft {draft.id}: {request.action} {', '.join(request.cells)}"
        _note(session, by, "decide draft", said[:500])
        cells = _cells(rows_of(draft))
        draft.undecided = sum(bool(each.value) and not each.decision for each in cells.values())
        about = {name: each.decided or each.value for name, each in cells.items()}
        draft.title = about["reference.title"] or draft.name
        draft.paper = _paper_named(about["reference.doi"], draft.digest)
        session.flush()
        return _document(session, draft, whole=True)


def enter(request: EnterRequest, reading: Reading) -> ImportReport:
    """Import what a draft accepts, as files are imported, and return the changes.

    A row that was entered before is corrected by a new one if it was changed since.

    Raises:
        NotFoundError: there is no such draft.
        StateError: proposals wait for a decision, or nothing is to be entered.
        DraftChangedError: the draft is of another revision; names what changed.
        ImportRefusedError: a value cannot be imported; names each row and field.
    """
    with reading() as session:
        by = _named(request.by, f"enters draft {request.draft}")
        draft = _find(session, request.draft)
        try:
            with session.begin_nested():
                _advance(session, draft, request.revision)
                content, lines = _file(draft)
                name = re.sub(r"[^\w-]+", "-", PurePath(draft.name).stem)[:60]
                report = import_files(session, [Upload(f"{name}.yaml", content)])
                for change in report.changes:
                    version = None if change.action == "already there" else report.dataset_version
                    entry = {"action": "enter", "cell": lines[change.line], "value": change.id}
                    _add(session, draft, by, **entry, version=version)
        except InputError as error:
            session.refresh(draft)  # its revision went back with the savepoint
            if isinstance(error, ImportRefusedError):
                problems = [_in_row(each, lines) for each in error.problems]
                raise ImportRefusedError(problems) from error
            raise
        if report.changed:
            note_importer(session, report.dataset_version, by)
            _note(session, by, IMPORT, report.dataset_version)
        warnings = [_in_row(each, lines) for each in report.warnings]
        return report.model_copy(update={"warnings": warnings})


def fields_to_add(table: str) -> list[str]:
    """Return the fields that a reader may add to a row of a table."""
    return [name for name in TABLES[table].order if name not in _NOT_HERE]


def rows_of(draft: PaperDraft) -> list[DeskRow]:
    """Return the rows of a draft, proposed and added, with the decisions on their fields."""
    latest = {each.cell: each for each in draft.decisions}
    latest = {cell: each for cell, each in latest.items() if each.action != "reopen"}
    try:
        rows = [DeskRow.model_validate(each) for each in draft.proposals["rows"]]
    except (LookupError, TypeError, ValidationError) as error:
        reason = "was written by another program and cannot be read; bring its paper again"
        raise InputError(f"draft {draft.id} {reason}") from error
    known = {row.key for row in rows}
    for key in dict.fromkeys(cell.partition(".")[0] for cell in latest):
        if key not in known:
            rows.append(DeskRow(key=key, table=_table_of(key), cells=[]))
    for row in rows:
        row.entered_as = latest[row.key].value if row.key in latest else None
        cells = {cell.cell: cell for cell in row.cells}
        decided = [cell for cell in latest if cell.startswith(f"{row.key}.")]
        expected = [name for name in _EXPECTED[row.table] if name != "source" or not row.place]
        for cell in (*(f"{row.key}.{name}" for name in expected), *decided):
            cells.setdefault(cell, DeskCell(cell=cell, field=cell.partition(".")[2]))
        for cell in decided:
            made: Any = {"decision": latest[cell].action, "by": latest[cell].caller}
            cells[cell] = cells[cell].model_copy(update={**made, "decided": latest[cell].value})
        row.cells = [*cells.values()]
    return rows


def _document(session: Session, draft: PaperDraft, whole: bool = False) -> DeskDraft:
    entries = [each for each in draft.decisions if each.action == "enter"]
    versions = {each.version for each in entries}
    open_ones = unreviewed_imports(session) if entries else []
    waiting = [each.version for each in open_ones if each.version in versions]
    reviews = select(AuditEntry.caller).where(
        AuditEntry.action == REVIEW, AuditEntry.subject.in_(versions - {None})
    )
    reviewers = [] if waiting or not entries else sorted({*session.scalars(reviews)})
    latest = {each.cell: each.action for each in draft.decisions}
    state: DraftState = "to read"
    if entries and entries[-1].revision == draft.revision and not draft.undecided:
        state = "confirmed" if reviewers else "entered"
    elif not entries and not draft.undecided and not {"accept", "correct"} & {*latest.values()}:
        state = "rejected"
    return DeskDraft(
        **{name: getattr(draft, name) for name in ("id", "name", "title", "revision", "undecided")},
        state=state,
        created_by=draft.created_by,
        created_at=draft.created_at,
        entered_by=entries[-1].caller if entries else None,
        confirmed_by="; ".join(reviewers) or None,
        waiting=waiting,
        text=draft.text if whole else None,
        rows=rows_of(draft) if whole else None,
        further=draft.proposals.get("further") if whole else None,
    )


def _find(session: Session, number: int) -> PaperDraft:
    found = session.get(PaperDraft, number)
    if found is None:
        known = map(str, session.scalars(select(PaperDraft.id)))
        raise NotFoundError(unknown_name("draft", str(number), known))
    return found


def _named(by: str | None, does: str) -> str:
    if not (by or "").strip():
        raise InputError(f"nobody is named who {does}; the record needs a name: --by 'A. Reader'")
    return str(by).strip()


def _note(session: Session, by: str, action: str, subject: str) -> None:
    record(session, by, action, subject, **session.info.get("pvkdb_caller", {}))


def _paper_named(doi: str, digest: str) -> str:
    """Return the name of a paper by its DOI; if this is none, by its text."""
    try:
        return f"doi:{normal_doi(doi)}"
    except InputError:
        return f"text:{digest}"


def _table_of(key: str) -> Any:
    return "references" if key == "reference" else key.partition("-")[0]


def _cells(rows: Iterable[DeskRow]) -> dict[str, DeskCell]:
    return {cell.cell: cell for row in rows for cell in row.cells}


def _checked(request: DecideRequest, name: str, known: Mapping[str, DeskCell]) -> tuple[str, str]:
    """Return the action on a cell and the value that it leaves there. Raises InputError."""
    row, _, field = name.partition(".")
    cell = known.get(name)
    if cell is None:
        rows = {each.partition(".")[0] for each in known}
        if row not in rows and not re.fullmatch(r"(devices|energetics)-[1-9]\d{0,3}", row):
            raise InputError(unknown_name("row of this draft", row, rows))
        if field not in (fields := [*fields_to_add(_table_of(row)), SAME]):
            raise InputError(unknown_name(f"field of {row}", field, fields))
    value, proposed = (request.value or "").strip(), cell.value if cell else ""
    if field == SAME and value:
        others = {x.partition(".")[0] for x in known if _table_of(x) == _table_of(row)} - {row}
        if value not in others or known.get(f"{value}.{SAME}", DeskCell(cell="", field="")).decided:
            raise InputError(unknown_name(f"other row for {row}", value, others))
    if value and len(request.cells) > 1:
        raise InputError(f"value = {value!r} is for one field; name one, not {len(request.cells)}")
    if request.action == "correct" and not value:
        raise InputError(f"value is missing: write what {name} should say")
    if request.action == "correct" or (request.action == "accept" and value not in ("", proposed)):
        return "correct", value
    if not proposed and not (cell and cell.decision):
        raise InputError(f"nothing is proposed for {name}; correct it with a value, or leave it")
    return request.action, proposed if request.action == "accept" else ""


def _advance(session: Session, draft: PaperDraft, read: int) -> None:
    """Raise the revision of a draft by one, if it is the one that was read."""
    mine = update(PaperDraft).where(PaperDraft.id == draft.id, PaperDraft.revision == read)
    done = session.connection().execute(mine.values(revision=read + 1))
    session.refresh(draft)
    if not done.rowcount:
        raise DraftChangedError(draft, read)


def _add(session: Session, draft: PaperDraft, by: str, **decision: Any) -> None:
    decision |= {"caller": by, "person_id": acting_person(session, by).id}
    draft.decisions.append(DraftDecision(revision=draft.revision, **decision))


def _file(draft: PaperDraft) -> tuple[bytes, dict[int, str]]:
    """Return what a draft accepts as a file of an import, and the row on each of its lines.

    Raises:
        StateError: proposals wait for a decision, or nothing is to be entered.
    """
    rows = rows_of(draft)
    if waiting := [x.cell for x in _cells(rows).values() if x.value and not x.decision]:
        raise StateError(
            f"{len(waiting)} proposals wait for a decision: {', '.join(waiting[:5])}…; accept, "
            "correct or reject them"
        )
    newest = {(x.cell.partition(".")[0], x.action == "enter"): x.revision for x in draft.decisions}
    same = {row.key: cell.decided for row in rows for cell in row.cells if cell.field == SAME}
    lines: list[str] = []
    named: dict[int, str] = {}
    for row in sorted(rows, key=lambda each: [*TABLES].index(each.table)):
        group = [row, *(each for each in rows if same.get(each.key) == row.key)]
        content = {} if same.get(row.key) else _content(group)
        if row.entered_as and row.table != "references":
            if newest[row.key, True] > max(newest.get((each.key, False), 0) for each in group):
                continue  # as it was entered
            if not content:
                raise StateError(f"{row.key} is in the store as {row.entered_as}; correct it")
            content["supersedes"] = row.entered_as
        if content:
            begins = f"{row.table}:"
            if row.table != "references" and begins not in lines:
                lines.append(begins)
            lead = "reference: " if row.table == "references" else "- "
            lines.append(lead + json.dumps(content, ensure_ascii=False).translate(_BREAKS))
            named[len(lines)] = row.key
    if not {*named.values()} - {"reference"}:
        raise StateError(f"draft {draft.id} has nothing new to enter; accept a value of a row")
    if len(named) > MAX_SHOWN:
        raise StateError(f"draft {draft.id} has {len(named)} rows; at most {MAX_SHOWN} are entered")
    return "\n".join(lines).encode(), named


def _content(group: Sequence[DeskRow]) -> dict[str, str]:
    """Return the fields of a row for an import, with those of rows of the same device."""
    content: dict[str, str] = {}
    printed, places = [], []
    for row in group:
        for cell in row.cells:
            if not cell.decided or cell.field == SAME:
                continue
            if content.setdefault(cell.field, cell.decided) != cell.decided:
                raise StateError(
                    f"{row.key} and {group[0].key} are of the same device, and both have "
                    f"{cell.field}: {cell.decided!r} and {content[cell.field]!r}; reject one"
                )
            if cell.printed and cell.field != "structure":
                said = cell.printed if cell.decision == "accept" else cell.decided
                printed.append(f"{cell.field} {said}" if row.table == "devices" else said)
            places += [row.place] if row.place else []
    follows = {"source": "; ".join(dict.fromkeys(places)), "as_printed": "; ".join(printed)}
    return {name: text for name, text in follows.items() if text and content} | content


def _in_row(problem: FileProblem, lines: Mapping[int, str]) -> FileProblem:
    """Return a problem with the row of the draft in place of the line of the file."""
    row = lines.get(problem.line or 0)
    return problem.model_copy(update={"file": row, "line": None}) if row else problem
