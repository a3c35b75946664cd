"""The page that drafts an import from a paper: values with their sentences, ticked and imported."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy.orm import Session

from pvkdb.errors import InputError, MissingExtraError
from pvkdb.literature.drafts import Draft, draft_paper
from pvkdb.literature.importing import ImportRefusedError
from pvkdb.schemas.access import Scope
from pvkdb.schemas.imports import FileProblem
from pvkdb.store.curation.sources import Upload
from pvkdb_api.core.sessions import WriteSession
from pvkdb_api.explorer.site.forms import Form, posted
from pvkdb_api.explorer.site.rendering import page, part
from pvkdb_api.operations.imports import import_upload

router = APIRouter(include_in_schema=False)

PATH = "/draft"

#: A form of a caller who may import.
DraftForm = Annotated[Form, Depends(posted(Scope.IMPORT))]


@router.get(PATH)
def get_form(request: Request) -> Response:
    """Return the form that takes a paper."""
    return _page(request)


@router.post(PATH)
def post_paper(request: Request, form: DraftForm) -> Response:
    """Return the draft of an uploaded paper; nothing is imported."""
    if not (uploads := form.uploads.get("paper")):
        return _page(request, problem="Choose a file: PDF, HTML or text.")
    try:
        return _page(request, draft_paper(uploads[0]))
    except (InputError, MissingExtraError) as error:
        return _page(request, problem=str(error))


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


def _page(request: Request, draft: Draft | None = None, problem: str = "") -> Response:
    may_import = Scope.IMPORT in request.state.caller.scopes
    status = 422 if problem else 200
    return page(request, "draft.html", status, draft=draft, problem=problem, may_import=may_import)
