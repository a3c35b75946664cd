"""The desk: the queue of papers, and one of them with what is proposed beside its text.

Every form is sent at once and works without a script; ``js/desk.js`` sends it by keys.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse
from markupsafe import Markup, escape
from sqlalchemy import select
from sqlalchemy.orm import Session

from pvkdb.errors import AccessError, InputError, MissingExtraError, NotFoundError, StateError
from pvkdb.literature import desk
from pvkdb.literature.drafts.budget import in_budget
from pvkdb.literature.drafts.proposals import Proposals, proposals_of
from pvkdb.literature.importing import ImportRefusedError
from pvkdb.operations import find
from pvkdb.schemas import Model, validated
from pvkdb.schemas.access import Scope
from pvkdb.schemas.imports import (
    DecideRequest,
    DeskCell,
    DeskDraft,
    DeskRow,
    DraftsRequest,
    EnterRequest,
    ReviewRequest,
)
from pvkdb.store.base import utc_now
from pvkdb.store.collections import DEVICES, ENERGETICS
from pvkdb.store.curation.dataset import unreviewed_imports
from pvkdb.store.curation.sources import Upload
from pvkdb.store.models.references import Reference
from pvkdb_api.core.sessions import PreparingTurn, ReadSession, WriteSession
from pvkdb_api.explorer.site.forms import Form, posted, require_scope
from pvkdb_api.explorer.site.rendering import PART, link, page
from pvkdb_api.operations.writes import written

router = APIRouter(include_in_schema=False)

PATH = "/draft"

#: A form of a caller who may import; the texts of papers are for such callers alone.
DraftForm = Annotated[Form, Depends(posted(Scope.IMPORT))]


def _reader(request: Request) -> None:
    require_scope(request, Scope.IMPORT, {})


@router.get(PATH)
def get_queue(request: Request, session: ReadSession) -> Response:
    """Return the queue of drafts, the form that takes a paper, and imports without a review."""
    return _queue(request, session)


@router.get(PATH + "/{draft}", dependencies=[Depends(_reader)])
def get_draft(request: Request, draft: int, session: ReadSession) -> Response:
    """Return a draft with its text, its proposals and the decisions on them."""
    return _desk(request, session, draft)


def _proposals(form: DraftForm, seconds: PreparingTurn) -> Proposals | str:
    """Return what is proposed for a paper that was sent, or why nothing is."""
    try:
        uploads = form.uploads.get("paper") or [Upload("pasted.txt", form.get("text").encode())]
        return in_budget(proposals_of, uploads[0], seconds=seconds)
    except (InputError, MissingExtraError) as error:
        return str(error)


@router.post(PATH)
def post_paper(
    request: Request,
    # Before the session, so that nobody waits for the database meanwhile.
    found: Annotated[Proposals | str, Depends(_proposals)],
    session: WriteSession,
) -> Response:
    """Bring a paper to the desk, and go to its draft."""
    if isinstance(found, str):
        return _queue(request, session, found)
    draft = written(request, session, find("add_draft"), found)
    return RedirectResponse(link(PATH, str(draft.id)), 303)


@router.post(PATH + "/review")
def post_review(request: Request, form: DraftForm, session: WriteSession) -> Response:
    """Confirm an import, of a draft or another one."""
    problem = ""
    try:
        written(request, session, find("review"), _asked(ReviewRequest, form))
    except (InputError, NotFoundError, AccessError) as error:
        problem = str(error)
    if form.get("draft").isdecimal():
        return _desk(request, session, int(form.get("draft")), problem, 422 if problem else 200)
    return _queue(request, session, problem)


@router.post(PATH + "/{draft}")
def post_decision(request: Request, draft: int, form: DraftForm, session: WriteSession) -> Response:
    """Keep a decision on a draft, or enter it; a draft that has changed is refused with 409."""
    report = None
    try:
        if form.get("action") == "enter":
            asked = _asked(EnterRequest, form, draft=draft)
            report = written(request, session, find("enter"), asked)
        else:
            cells = _cells(_document(session, draft), form)
            decision = _asked(DecideRequest, form, draft=draft, cells=cells)
            written(request, session, find("decide"), decision)
    except ImportRefusedError as error:
        return _desk(request, session, draft, "Not entered.", 422, problems=error.problems)
    except InputError as error:
        status = 409 if isinstance(error, StateError) else 422
        return _desk(request, session, draft, str(error), status)
    if report is not None or request.headers.get(PART):
        return _desk(request, session, draft, report=report)
    return RedirectResponse(f"{link(PATH, str(draft))}#{cells[0]}", 303)


def _asked(model: type[Model], form: Form, **known: Any) -> Model:
    """Return the request that a form makes. Raises InputError."""
    given = {name: text for name, text in form.texts.items() if name in model.model_fields}
    return validated(model, {**given, **known})


def _cells(draft: DeskDraft, form: Form) -> list[str]:
    """Return the fields that a form decides on: one, a new one, or the open ones of a row."""
    if form.get("cell"):
        return [form.get("cell")]
    rows = [row for row in draft.rows or () if form.get("rest") in (row.key, "all")]
    if rows:
        return [x.cell for row in rows for x in row.cells if x.value and not x.decision]
    row, table = form.get("row"), form.get("table")
    if table in ("devices", "energetics"):
        keys = [each.key for each in draft.rows or () if each.table == table]
        row = f"{table}-{1 + max((int(key.rpartition('-')[2]) for key in keys), default=0)}"
    first = "structure" if table == "devices" else "material"
    return [f"{row}.{form.get('field') or first}"]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A part of the text of a paper, with its proposals, and values that are not proposed."""

    text: Markup
    rows: list[DeskRow]
    further: list[DeskCell]


def paragraphs(draft: DeskDraft) -> list[Paragraph]:
    """Return the text of a draft with its proposals marked, each row beside the first of them."""
    text, rows = draft.text or "", [row for row in draft.rows or () if row.table != "references"]
    others = draft.further or []
    spans = [part.span() for part in re.finditer(r"[^\n](?:.|\n(?!\n))*", text)]
    starts = [first for first, _ in spans]
    marks: dict[int, set[tuple[int, int]]] = defaultdict(set)
    here: dict[int, list[DeskRow]] = defaultdict(list)
    more: dict[int, list[DeskCell]] = defaultdict(list)
    for cell in (*others, *(cell for row in rows for cell in row.cells)):
        # One as long as its sentence is the sentence itself.
        if cell.start is not None and cell.end and cell.end - cell.start < len(cell.sentence):
            marks[bisect_right(starts, cell.start) - 1].add((cell.start, cell.end))
    for row in rows:
        here[bisect_right(starts, _begin(row.cells)) - 1].append(row)
    for each in others:
        more[bisect_right(starts, _begin([each])) - 1].append(each)
    parts = [
        Paragraph(Markup().join(_marked(text, *span, marks[place])), here[place], more[place])
        for place, span in enumerate(spans)
    ]
    return [*parts, Paragraph(Markup(), here[-1], [])]


def _begin(cells: Sequence[DeskCell]) -> int:
    """Return where the first figure of a row is in the text; -1 for a row that a reader added."""
    return next((x.start for x in cells if x.printed and x.start is not None), -1)


def _marked(text: str, start: int, end: int, spans: Iterable[tuple[int, int]]) -> Iterator[Markup]:
    """Yield a part of a text with the longest of its spans marked."""
    at = start
    for first, last in sorted(spans, key=lambda span: (span[0], -span[1])):
        if at <= first:
            yield escape(text[at:first])
            yield Markup("<mark>{}</mark>").format(text[first:last])
            at = last
    yield escape(text[at:end])


def _document(session: Session, draft: int) -> DeskDraft:
    asked = validated(DraftsRequest, {"draft": draft})
    return desk.drafts(asked, lambda: nullcontext(session))[0]


def _known_rows(session: Session, draft: DeskDraft) -> list[Any]:
    """Return the rows of the same DOI that the store has, but not from this draft."""
    rows = draft.rows or []
    dois = [x.decided or x.value for row in rows for x in row.cells if x.cell == "reference.doi"]
    keys = tuple(session.scalars(select(Reference.key).where(Reference.doi.in_(dois))))
    if not keys:
        return []
    by = {"reference": keys}
    cited: list[Any] = [*DEVICES.iterate(session, by), *ENERGETICS.iterate(session, by)]
    entered = {row.entered_as for row in rows}
    return [each for each in cited if each.id not in entered]


def _desk(
    request: Request,
    session: Session,
    number: int,
    problem: str = "",
    status: int = 200,
    **more: Any,
) -> Response:
    found = _document(session, number)
    template = "_desk.html" if request.headers.get(PART) else "desk.html"
    shown: dict[str, Any] = {"problem": problem, "problems": (), "report": None, **more}
    fields = {name: desk.fields_to_add(name) for name in ("references", "devices", "energetics")}
    shown |= {"draft": found, "parts": paragraphs(found), "known": _known_rows(session, found)}
    return page(request, template, status, fields=fields, **shown)


def _queue(request: Request, session: Session, problem: str = "") -> Response:
    may_import = Scope.IMPORT in request.state.caller.scopes
    return page(
        request,
        "draft.html",
        422 if problem else 200,
        problem=problem,
        drafts=desk.drafts(DraftsRequest(), lambda: nullcontext(session)) if may_import else [],
        waiting=unreviewed_imports(session),
        may_import=may_import,
        now=utc_now(),
    )
