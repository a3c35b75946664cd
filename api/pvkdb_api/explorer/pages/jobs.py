"""Computing: the calculations, one of them with its log, and steering it."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from markupsafe import Markup

from pvkdb.errors import NotFoundError, StateError
from pvkdb.schemas.access import Scope
from pvkdb.schemas.tables import CalculationsRow
from pvkdb.store.base import utc_now
from pvkdb.store.collections import CALCULATIONS
from pvkdb.store.queue.jobs import find, log_lines
from pvkdb.store.queue.kept_files import file_store, files_of
from pvkdb_api.core.sessions import ReadSession, WriteSession, served_store
from pvkdb_api.explorer.computing.jobs import MARKS, Job, job_of, log_rows, overview, value_cell
from pvkdb_api.explorer.site.forms import Form, posted
from pvkdb_api.explorer.site.numbers import UNKNOWN, number
from pvkdb_api.explorer.site.rendering import environment, link, page, part, part_wanted
from pvkdb_api.explorer.site.times import minute
from pvkdb_api.explorer.tables.browse import browse
from pvkdb_api.explorer.tables.cells import Cell, anchor, field_cell, material_link, text_cell
from pvkdb_api.explorer.tables.table import Choice, Table
from pvkdb_api.operations import calculations

router = APIRouter(include_in_schema=False)

PATH = "/jobs"

#: A form that queues, cancels or retries.
QueueForm = Annotated[Form, Depends(posted(Scope.QUEUE))]


def _state(row: CalculationsRow) -> Markup:
    return Markup('<span class="tag {}">{}</span>').format(
        MARKS.get(row.state, ""), row.state.value
    )


def _moment_cell(name: str, heading: str) -> Cell:
    return Cell(heading, lambda row: minute(getattr(row, name)), name, unit="UTC")


_PLAIN = {
    "kind": "Kind",
    "potential": "Potential",
    "attempts": "Tries",
    "failure_message": "Failure in a sentence",
    "barrier_reverse_ev": "Barrier, backward",
    "residual_force_ev_per_ang": "Residual force",
}

TABLE = Table(
    collection=CALCULATIONS,
    path=PATH,
    title="Calculations",
    lead="What was asked for, what runs, and what came out. A failure is a result: it is kept "
    "with its reason.",
    cells={
        "id": Cell("Calculation", lambda row: anchor(link(PATH, row.id), row.id), "id"),
        "state": Cell("State", _state, "state"),
        "material": Cell("Material", lambda row: material_link(row.material)),
        "barrier_forward_ev": Cell(
            "Forward barrier",
            lambda row: number(row.barrier_forward_ev),
            unit="eV",
            numeric=True,
            meaning="Of the hop that limits the easiest path, from its own start; the activation "
            "energy of the whole path is on the page of the calculation.",
        ),
        "failure_kind": Cell(
            "Failure",
            lambda row: text_cell(row.failure_kind.value) if row.failure_kind else UNKNOWN,
            "failure_kind",
        ),
        **{
            name: field_cell(CalculationsRow, name, heading, CALCULATIONS.sortable)
            for name, heading in _PLAIN.items()
        },
        **{
            name: _moment_cell(name, heading)
            for name, heading in (
                ("created_at", "Asked for"),
                ("started_at", "Started"),
                ("finished_at", "Ended"),
            )
        },
    },
    shown=(
        "id",
        "kind",
        "material",
        "potential",
        "state",
        "barrier_forward_ev",
        "failure_kind",
        "created_at",
        "finished_at",
    ),
    choices=(
        Choice("state", "State"),
        Choice("kind", "Kind"),
        Choice("failure_kind", "Reason of failure"),
    ),
    texts=(("material", "Material"),),
    placeholder="formula, abbreviation",
    template="jobs.html",
)


@router.get(PATH)
def get_jobs(request: Request, session: ReadSession) -> Response:
    """The table of calculations, under the queue at a glance."""
    if part_wanted(request) == "overview":
        return part(request, "_overview.html", seen=overview(session), marks=MARKS)
    return browse(request, session, TABLE, seen=overview(session), marks=MARKS)


@router.get(PATH + "/{name}")
def get_job(
    request: Request,
    session: ReadSession,
    name: str,
    after: Annotated[int, Query(ge=0, lt=2**31)] = 0,
    said: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """One calculation; for its script, what is new in its log."""
    calculation = find(session, name)
    if part_wanted(request) == "live":
        return _live(request, session, calculation.id, after)
    if name != calculation.id:
        return RedirectResponse(link(PATH, calculation.id))
    job = job_of(session, calculation)
    return page(
        request,
        "job.html",
        job=job,
        log=log_rows(job.lines),
        marks=MARKS,
        now=utc_now(),
        again=_again(job),
        value_cell=value_cell,
        said=_SAID.get(said),
        may=Scope.QUEUE in request.state.caller.scopes,
    )


@router.get(PATH + "/{name}/files/{file}")
def get_file(request: Request, session: ReadSession, name: str, file: str) -> Response:
    """A file that a calculation kept, to be saved."""
    calculation = find(session, name)
    kept = {entry.name: entry.sha256 for entry in files_of(session, calculation.id)}
    if file not in kept:
        raise NotFoundError(f"calculation {calculation.id} has no file {file[:60]!r}")
    content = file_store(served_store(request).store).get(kept[file])
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(file, safe='')}"}
    return Response(content, media_type="application/octet-stream", headers=headers)


@router.post(PATH + "/{name}/cancel")
def cancel_job(request: Request, form: QueueForm, session: WriteSession, name: str) -> Response:
    """Cancel, as the service does for programs."""
    said = "cancel"
    try:
        calculations.cancel(request, session, name)
    except StateError:  # it ended meanwhile, which its page says
        said = "ended"
    return RedirectResponse(link(PATH, name, said=said), 303)


@router.post(PATH + "/{name}/retry")
def retry_job(request: Request, form: QueueForm, session: WriteSession, name: str) -> Response:
    """Queue again, as the service does for programs."""
    said = "retry"
    try:
        calculations.retry(request, session, name)
    except StateError:
        said = "ended"
    return RedirectResponse(link(PATH, name, said=said), 303)


#: What a page says of what was just done.
_SAID = {
    "new": "Queued.",
    "known": "The same calculation was asked for before: here it is.",
    "cancel": "Asked to stop.",
    "retry": "Queued again.",
    "ended": "Nothing was changed: it had ended meanwhile.",
}


def _again(job: Job) -> str:
    """The form for the same request."""
    given = {**job.parameters, **job.settings}
    kept = {name: str(value) for name, value in given.items() if value is not None}
    return link(f"{PATH}/new", **kept)


def _live(request: Request, session: ReadSession, name: str, after: int) -> Response:
    calculation = find(session, name)
    job = job_of(session, calculation)
    lines = log_lines(session, name, after)
    templates = environment()
    shown = {"job": job, "marks": MARKS}
    return JSONResponse(
        {
            "state": templates.get_template("_job_state.html").render(**shown),
            "log": templates.get_template("_log.html").render(log=log_rows(lines)),
            "last": lines[-1].line if lines else after,
            "value": calculation.state,
            "ended": job.ended,
        },
        headers={"Cache-Control": "no-store"},
    )
