"""The pages of calculations: the queue, one calculation with its log, and the queue form."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import RedirectResponse
from markupsafe import Markup

from pvkdb.display.numbers import computed_ev
from pvkdb.errors import InputError, NotFoundError, StateError
from pvkdb.operations import declared
from pvkdb.schemas.access import Scope
from pvkdb.schemas.calculations.migration import HOST_PHASES, NebRequest
from pvkdb.schemas.calculations.simulations import SimulationQuestion
from pvkdb.schemas.tables import CalculationsRow
from pvkdb.store.collections import CALCULATIONS
from pvkdb.store.queue.jobs import find
from pvkdb.store.queue.kept_files import file_store, files_of
from pvkdb.store.queue.monitoring import worker_signs
from pvkdb_api.core.sessions import ReadSession, WriteSession, served_store
from pvkdb_api.explorer.computing import queue_form, simulation_form
from pvkdb_api.explorer.computing.jobs import (
    MARKS,
    JobPage,
    job_page,
    last_sign,
    log_rows,
    queue_overview,
    result_part,
    value_cell,
)
from pvkdb_api.explorer.computing.queue_form import FilledForm, formula_choices
from pvkdb_api.explorer.site.assets import download
from pvkdb_api.explorer.site.forms import Form, posted
from pvkdb_api.explorer.site.markup import UNKNOWN, minute, number
from pvkdb_api.explorer.site.parameters import given_parameters
from pvkdb_api.explorer.site.rendering import environment, link, page, part, part_json, part_wanted
from pvkdb_api.explorer.tables.browse import browse
from pvkdb_api.explorer.tables.cells import (
    TableColumn,
    calculation_link,
    composition_link,
    field_columns,
    text_cell,
)
from pvkdb_api.explorer.tables.table import ChoiceFilter, TablePage, choice_filters
from pvkdb_api.operations import calculations

router = APIRouter(include_in_schema=False)

PATH = "/jobs"

#: A form that queues, cancels or retries.
QueueForm = Annotated[Form, Depends(posted(Scope.QUEUE))]

#: Messages after an action, by the parameter ``said`` of the page.
_MESSAGES = {
    "new": "Queued.",
    "known": "This calculation already exists; it was not queued again.",
    "cancel": "Cancellation requested.",
    "retry": "Queued again.",
    "ended": "Nothing was changed, because the calculation has already ended.",
}


def _state(row: CalculationsRow) -> Markup:
    return Markup('<span class="tag {}">{}</span>').format(
        MARKS.get(row.state, ""), row.state.value
    )


def _time_column(name: str, heading: str) -> TableColumn:
    return TableColumn(heading, lambda row: minute(getattr(row, name)), name, unit="UTC")


TABLE = TablePage(
    collection=CALCULATIONS,
    path=PATH,
    title="Calculations",
    lead="Queued, running, finished and failed calculations. Failures are kept with their reason.",
    columns={
        "id": TableColumn("Calculation", lambda row: calculation_link(row.id), "id"),
        "state": TableColumn("State", _state, "state"),
        "material": TableColumn("Material", lambda row: composition_link(row.material)),
        "barrier_forward_ev": TableColumn(
            "Forward barrier",
            lambda row: number(computed_ev(row.barrier_forward_ev)),
            unit="eV",
            numeric=True,
            meaning="Barrier of the hop that limits the easiest path, from its own start; the page "
            "of the calculation shows the activation energy of the whole path.",
        ),
        "failure_kind": TableColumn(
            "Failure",
            lambda row: text_cell(row.failure_kind.value) if row.failure_kind else UNKNOWN,
            "failure_kind",
        ),
        **field_columns(
            CalculationsRow,
            (
                *("kind", "potential", "attempts", "failure_message", "barrier_reverse_ev"),
                "residual_force_ev_per_ang",
            ),
            CALCULATIONS.sortable,
            barrier_reverse_ev="Reverse barrier",
        ),
        "created_at": _time_column("created_at", "Submitted"),
        "started_at": _time_column("started_at", "Started"),
        "finished_at": _time_column("finished_at", "Ended"),
    },
    default_columns="id,kind,material,potential,state,barrier_forward_ev,failure_kind,created_at,"
    "finished_at",
    default_sort="-open,-created_at",
    choices=(*choice_filters("state", "kind"), ChoiceFilter("failure_kind", "Reason of failure")),
    texts=(("material", "Material"),),
    placeholder="formula, abbreviation",
    template="jobs.html",
)


@router.get(PATH)
def get_jobs(request: Request, session: ReadSession) -> Response:
    """Return the state of the queue and the table of calculations."""
    if part_wanted(request) == "overview":
        return part(request, "_overview.html", queue=queue_overview(session), marks=MARKS)
    return browse(request, session, TABLE, queue=queue_overview(session), marks=MARKS)


@router.get(PATH + "/new")
def get_form(request: Request, session: ReadSession) -> Response:
    """Return the queue form filled in from the address, or only the choices of a formula."""
    typed = given_parameters(request, queue_form.FIELDS)
    if part_wanted(request) == "formula":
        return part_json(formula_choices(typed.get("formula", "")))
    return _barrier_form(request, session, FilledForm(typed))


@router.post(PATH + "/new")
def queue(request: Request, form: QueueForm, session: WriteSession) -> Response:
    """Queue the calculation that a form requests, or return the form with its problems."""
    filled = queue_form.read_form({**form.texts, **form.files})
    if filled.request is None:
        return _barrier_form(request, session, filled)
    try:
        calculation, new = calculations.queue(request, session, declared()["neb"], filled.request)
    except InputError as error:
        name = getattr(error, "parameter", "formula")
        if name == "phase" and filled.request.host is not None:
            name = "cif_phase"
        refused = FilledForm[NebRequest](filled.typed, None, {name: str(error)})
        return _barrier_form(request, session, refused)
    return _message(calculation.id, "new" if new else "known")


@router.get(PATH + "/new/simulation")
def get_simulation_form(request: Request, session: ReadSession) -> Response:
    """Return the form that queues the simulation of a device, filled in from the address."""
    typed = given_parameters(request, simulation_form.FIELDS)
    return _simulation_form(request, session, FilledForm(typed))


@router.post(PATH + "/new/simulation")
def queue_simulation(request: Request, form: QueueForm, session: WriteSession) -> Response:
    """Queue the simulation that a form requests, or return the form with its problems."""
    filled = simulation_form.read_form(form.texts)
    if filled.request is None:
        return _simulation_form(request, session, filled)
    try:
        calculation, new = calculations.queue(
            request, session, declared()["simulation"], filled.request
        )
    except (InputError, NotFoundError) as error:
        return _simulation_form(request, session, simulation_form.refused(filled, session, error))
    return _message(calculation.id, "new" if new else "known")


@router.get(PATH + "/{name}")
def get_job(
    request: Request,
    session: ReadSession,
    name: str,
    after: Annotated[int, Query(ge=0, lt=2**31)] = 0,
    said: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """Return the page of a calculation, or only its state and the new lines of its log."""
    calculation = find(session, name)
    if part_wanted(request) == "live":
        return _live(job_page(session, calculation, after), after)
    if name != calculation.id:
        return RedirectResponse(link(PATH, calculation.id))
    job = job_page(session, calculation)
    return page(
        request,
        "job.html",
        job=job,
        log=log_rows(job.lines),
        marks=MARKS,
        last_sign=last_sign(job.signs),
        submit_again=_submit_again(job),
        value_cell=value_cell,
        **result_part(session, job.calculation),
        message=_MESSAGES.get(said),
        may_queue=Scope.QUEUE in request.state.caller.scopes,
    )


@router.get("/calculations/{name}")
def get_calculation(name: str) -> Response:
    """Redirect to the page of a calculation by the name of its table."""
    return RedirectResponse(link(PATH, name), HTTPStatus.PERMANENT_REDIRECT)


@router.get(PATH + "/{name}/files/{file}")
def get_file(request: Request, session: ReadSession, name: str, file: str) -> Response:
    """Return a file of a calculation as a download."""
    calculation = find(session, name)
    kept = {entry.name: entry.sha256 for entry in files_of(session, calculation.id)}
    if file not in kept:
        raise NotFoundError(f"calculation {calculation.id} has no file {file[:60]!r}")
    return download(file, file_store(served_store(request).store).get(kept[file]))


@router.post(PATH + "/{name}/{action}")
def steer_job(
    request: Request,
    form: QueueForm,
    session: WriteSession,
    name: str,
    action: Literal["cancel", "retry"],
) -> Response:
    """Cancel a calculation, or queue it again; redirect to its page with a message."""
    try:
        calculations.steer(request, session, action, name)
    except StateError:
        return _message(name, "ended")
    return _message(name, action)


def _message(name: str, message: str) -> Response:
    """Redirect to the page of a calculation with a message."""
    return RedirectResponse(link(PATH, name, said=message), 303)


def _simulation_form(
    request: Request, session: ReadSession, form: FilledForm[SimulationQuestion]
) -> Response:
    return _form_page(
        request,
        session,
        form,
        "queue_simulation.html",
        labels=simulation_form.LABELS,
        ions=simulation_form.input_fields(currents=False),
        electronic=simulation_form.input_fields(currents=True),
        potentials=queue_form.POTENTIALS,
        barriers=simulation_form.barriers_of(form, session),
    )


def _barrier_form(request: Request, session: ReadSession, form: FilledForm[NebRequest]) -> Response:
    used = form.typed.keys() | form.problems.keys()
    return _form_page(
        request,
        session,
        form,
        "queue.html",
        choices=formula_choices(form.value("formula")),
        families=HOST_PHASES,
        potentials=queue_form.POTENTIALS,
        default_potential=queue_form.DEFAULT_POTENTIAL,
        settings=[*queue_form.settings()],
        labels={name: label for name, (label, _) in queue_form.SETTINGS.items()},
        changed=bool(used & queue_form.SETTINGS.keys()),
        uploaded=bool(used & {"cif", "cif_phase"}),
    )


def _form_page(
    request: Request, session: ReadSession, form: FilledForm[Any], template: str, **values: Any
) -> Response:
    signs = worker_signs(session)
    query = request.url.query
    return page(
        request,
        template,
        422 if form.problems else 200,
        form=form,
        may_queue=Scope.QUEUE in request.state.caller.scopes,
        here=request.url.path + (f"?{query}" if query else ""),
        signs=signs,
        last_sign=last_sign(signs),
        **values,
    )


def _submit_again(job: JobPage) -> str:
    """Return the address of the queue form, filled in with the request of a calculation."""
    given = {**job.parameters, **job.settings}
    return link(f"{PATH}/new", **{name: v if v is None else str(v) for name, v in given.items()})


def _live(job: JobPage, after: int) -> Response:
    templates = environment()
    return part_json(
        {
            "state": templates.get_template("_job_state.html").render(job=job, marks=MARKS),
            "log": templates.get_template("_log.html").render(log=log_rows(job.lines)),
            "last": job.lines[-1].line if job.lines else after,
            "value": job.calculation.state,
            "ended": job.ended,
        }
    )
