"""The page that drafts an import from a paper: values with their sentences, ticked and imported."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy.orm import Session

from pvkdb.errors import AccessError, InputError, MissingExtraError, NotFoundError
from pvkdb.literature.drafts import Draft, draft_paper
from pvkdb.literature.importing import ImportRefusedError
from pvkdb.operations import find
from pvkdb.schemas import validated
from pvkdb.schemas.access import Scope
from pvkdb.schemas.imports import FileProblem, ReviewRequest
from pvkdb.store.curation.dataset import unreviewed_imports
from pvkdb.store.curation.sources import Upload
from pvkdb_api.core.sessions import ReadSession, WriteSession
from pvkdb_api.explorer.site.forms import Form, posted
from pvkdb_api.explorer.site.rendering import page, part
from pvkdb_api.operations.imports import import_upload
from pvkdb_api.operations.writes import written

router = APIRouter(include_in_schema=False)

PATH = "/draft"

#: A form of a caller who may import.
DraftForm = Annotated[Form, Depends(posted(Scope.IMPORT))]


@router.get(PATH)
def get_form(request: Request, session: ReadSession) -> Response:
    """Return the form that takes a paper, and the imports that wait for a review."""
    return _page(request, session)


def _draft(form: DraftForm) -> Draft | str:
    """Return the draft of an uploaded paper, or why there is none."""
    try:
        uploads = form.uploads.get("paper")
        return draft_paper(uploads[0]) if uploads else "Choose a file: PDF, HTML or text."
    except (InputError, MissingExtraError) as error:
        return str(error)


@router.post(PATH)
def post_paper(
    request: Request, draft: Annotated[Draft | str, Depends(_draft)], session: ReadSession
) -> Response:
    """Return the draft of an uploaded paper; it is made before the session opens."""
    if isinstance(draft, str):
        return _page(request, session, problem=draft)
    return _page(request, session, draft)


@router.post(PATH + "/review")
def post_review(request: Request, form: DraftForm, session: WriteSession) -> Response:
    """Confirm an import; the page then lists those that still wait."""
    try:
        written(request, session, find("review"), validated(ReviewRequest, form.texts))
    except (InputError, NotFoundError, AccessError) as error:
        return _page(request, session, problem=str(error))
    return _page(request, session)


@router.post(PATH + "/import")
def post_values(request: Request, form: DraftForm, session: WriteSession) -> Response:
    """Return what the import of the ticked values changes, or would change, or its problems."""
    upload = Upload("draft.json", form.get("paper").encode())
    if upload.content.strip() == b"{}":
        nothing = FileProblem(
            file=upload.name, reason="no value is ticked; tick those that are right"
        )
        return part(request, "_draft_report.html", report=None, problems=[nothing])
    return import_part(request, session, upload, form)


def import_part(request: Request, session: Session, upload: Upload, form: Form) -> Response:
    """Return what an import changes, or would change before it is confirmed, or its problems."""
    dry_run = form.get("action") != "import"
    try:
        report = import_upload(request, session, upload, dry_run=dry_run)
    except ImportRefusedError as error:
        return part(request, "_draft_report.html", report=None, problems=error.problems)
    if not dry_run:
        request.state.dataset_version = report.dataset_version
    return part(request, "_draft_report.html", report=report, problems=())


def _page(
    request: Request, session: Session, draft: Draft | None = None, problem: str = ""
) -> Response:
    return page(
        request,
        "draft.html",
        422 if problem else 200,
        draft=draft,
        problem=problem,
        waiting=unreviewed_imports(session),
        may_import=Scope.IMPORT in request.state.caller.scopes,
    )
