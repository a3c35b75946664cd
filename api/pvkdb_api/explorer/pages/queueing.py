"""The form that queues a migration barrier."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from pvkdb.display.times import span
from pvkdb.errors import InputError, unknown_name
from pvkdb.schemas.access import Scope
from pvkdb.store.base import utc_now
from pvkdb.store.queue.workers import worker_signs
from pvkdb_api.core.refusals import ParameterError
from pvkdb_api.core.sessions import ReadSession, WriteSession
from pvkdb_api.explorer.computing import queue_form as queueing
from pvkdb_api.explorer.computing.queue_form import Asking
from pvkdb_api.explorer.site.forms import Form, posted
from pvkdb_api.explorer.site.rendering import link, page, part_wanted
from pvkdb_api.explorer.site.times import seconds_between
from pvkdb_api.operations import calculations

router = APIRouter(include_in_schema=False)

PATH = "/jobs/new"


@router.get(PATH)
def get_form(request: Request, session: ReadSession) -> Response:
    """The form, filled in as the address says; for its script, what a formula allows."""
    typed = {name: text.strip() for name, text in request.query_params.items() if text.strip()}
    for name in typed:
        if name not in queueing.FIELDS:
            known = queueing.FIELDS
            raise ParameterError(name[:60], unknown_name("parameter", name[:60], known))
    if part_wanted(request) == "formula":
        known_now = queueing.known_of(typed.get("formula", ""))
        return JSONResponse(
            None if known_now is None else asdict(known_now), headers={"Cache-Control": "no-store"}
        )
    return _form(request, session, Asking(typed))


@router.post(PATH)
def queue(
    request: Request,
    form: Annotated[Form, Depends(posted(Scope.QUEUE))],
    session: WriteSession,
) -> Response:
    """Queue what the form asks for, as the service does for programs, or say what is wrong."""
    asked = queueing.read({**form.texts, **{name: form.files[name] for name in form.files}})
    if asked.request is None:
        return _form(request, session, asked, 422)
    try:
        calculation, new = calculations.queue(request, session, asked.request)
    except InputError as error:
        name = getattr(error, "parameter", "formula")
        if name == "phase" and asked.request.host is not None:
            name = "cif_phase"
        return _form(request, session, Asking(asked.typed, None, {name: str(error)}), 422)
    said = "new" if new else "known"
    return RedirectResponse(link("/jobs", calculation.id, said=said), 303)


def _form(request: Request, session: ReadSession, asked: Asking, status: int = 200) -> Response:
    signs = worker_signs(session)
    return page(
        request,
        "queue.html",
        status,
        asked=asked,
        known=queueing.known_of(asked.value("formula")),
        families=queueing.FAMILIES,
        potentials=queueing.POTENTIALS,
        default_potential=queueing.DEFAULT_POTENTIAL,
        settings=[*queueing.settings()],
        changed=any(asked.value(name) or name in asked.problems for name in queueing.SETTINGS),
        brought=any(name in asked.typed or name in asked.problems for name in ("cif", "cif_phase")),
        may=Scope.QUEUE in request.state.caller.scopes,
        here=request.url.path + (f"?{request.url.query}" if request.url.query else ""),
        signs=signs,
        ago=None if signs.last_seen is None else span(seconds_between(signs.last_seen, utc_now())),
    )
