"""The page that measures raw files of an instrument, and imports a device made of them.

What measures (pandas, SciPy) takes a second to load and 130 MB: the first file does it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from markupsafe import Markup

from pvkdb.display.pages import SHEET_TYPES
from pvkdb.errors import InputError, MissingExtraError
from pvkdb.literature.importing import ImportRefusedError
from pvkdb.measurements.forms import shipped
from pvkdb.schemas.access import Scope
from pvkdb.store.curation.sources import Upload
from pvkdb_api.core.sessions import WriteSession
from pvkdb_api.explorer.site.forms import Form, posted
from pvkdb_api.explorer.site.rendering import page, part
from pvkdb_api.operations.writes import import_upload

if TYPE_CHECKING:
    from pvkdb.measurements import Report

router = APIRouter(include_in_schema=False)

PATH = "/measurements"

#: The arguments that have several values.
_SEVERAL = ("areas_m2", "temperatures_k", "thicknesses_m", "exponent_range_v")

#: A form of a caller who may import.
MeasureForm = Annotated[Form, Depends(posted(Scope.IMPORT))]


def measured(form: MeasureForm) -> Report:
    """Return the report of the files of a form. Raises InputError."""
    from pvkdb.measurements import Request, measure, parse_columns

    uploads = form.uploads.get("files", [])
    if not uploads or len({upload.name for upload in uploads}) < len(uploads):
        raise InputError("choose files of an instrument, at least one, with different names")
    given: dict[str, Any] = {}
    for name, condition in shipped("conditions.csv").items():
        if numbers := _numbers(form.get(name), condition):
            argument = condition["argument"]
            given[argument] = numbers if argument in _SEVERAL else numbers[0]
    given |= {"electrodes": form.get("electrodes"), "drop_bad": bool(form.get("drop_bad"))}
    columns, kind = parse_columns(form.get("columns")), form.get("kind") or None
    return measure(uploads, Request(kind, columns, **given))


@router.get(PATH)
def get_form(request: Request) -> Response:
    """Return the form that takes files of an instrument."""
    return _page(request)


@router.post(PATH)
def post_files(request: Request, form: MeasureForm) -> Response:
    """Return the report of uploaded files, in the page or as a file; nothing is kept."""
    from pvkdb.measurements.reports.page import report_file, report_page

    try:
        report, ending = measured(form), form.get("action")
        if ending in SHEET_TYPES:
            named = {"Content-Disposition": f"attachment; filename=measurements.{ending}"}
            return Response(report_file(report, ending), 200, named, SHEET_TYPES[ending])
        return _page(request, shown=Markup(report_page(report)))
    except (InputError, MissingExtraError) as error:
        return _page(request, problem=str(error))


@router.post(PATH + "/import")
def post_device(
    request: Request,
    form: MeasureForm,
    # Before the session, so that nobody waits for the database meanwhile.
    report: Annotated[Any, Depends(measured)],
    session: WriteSession,
) -> Response:
    """Return what the import of the measured device changes, or would change, or its problems."""
    from pvkdb.measurements.reports.devices import device_paper

    names = {sha256: name for name, sha256 in report.files}
    files = {upload.name: upload for upload in form.uploads["files"]}
    paper = json.dumps(device_paper(report, names, form.texts)).encode()
    upload, dry_run = Upload("device.json", paper, files), form.get("action") != "import"
    try:
        report = import_upload(request, session, upload, dry_run=dry_run)
    except ImportRefusedError as error:
        return part(request, "_draft_report.html", report=None, problems=error.problems)
    if not dry_run:
        request.state.dataset_version = report.dataset_version
    return part(request, "_draft_report.html", report=report, problems=())


def _numbers(text: str, condition: Mapping[str, str]) -> list[float]:
    try:
        return [float(part) * float(condition["factor"]) for part in re.findall(r"[^,;\s]+", text)]
    except ValueError as error:
        label, unit = condition["label"], condition["unit"]
        raise InputError(f"{label}: {text[:40]!r} is not a number; write it in {unit}") from error


def _page(request: Request, shown: str = "", problem: str = "") -> Response:
    from pvkdb.measurements.reading import KINDS

    return page(
        request,
        "measurements.html",
        422 if problem else 200,
        kinds=KINDS,
        conditions=shipped("conditions.csv"),
        fields=shipped("fields.csv"),
        shown=shown,
        problem=problem,
        may_import=Scope.IMPORT in request.state.caller.scopes,
    )
