"""Screenings: the runs of plans, and one of them with its funnel and its candidates."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from pvkdb.errors import NotFoundError
from pvkdb.schemas.runs import RunState
from pvkdb.store.base import utc_now
from pvkdb.store.models.screenings import ScreeningRun
from pvkdb.store.queue.jobs import Selection, count
from pvkdb.store.runs.screening_reports import (
    CandidateSelection,
    candidates,
    read_report,
    screening_document,
)
from pvkdb.store.runs.screening_runs import find_run, listed, run_document
from pvkdb_api.core.sessions import ReadSession
from pvkdb_api.explorer.computing.screenings import (
    KINDS,
    MARKS,
    filled,
    funnel_data,
    material_addresses,
)
from pvkdb_api.explorer.site.rendering import link, page, part, part_wanted
from pvkdb_api.explorer.site.times import minute
from pvkdb_api.listing.queries import Text

router = APIRouter(include_in_schema=False)

PATH = "/screenings"

#: Runs, and candidates, on a page.
RUNS, CANDIDATES = 50, 50

Empty = Literal[""]


@router.get(PATH)
def get_screenings(
    request: Request,
    session: ReadSession,
    plan: Text | Empty = "",
    state: RunState | Empty = "",
    before: Annotated[int | None, Query(ge=1, lt=2**31)] = None,
) -> Response:
    """The runs of every plan, the newest first."""
    runs, total = listed(session, RUNS + 1, plan=plan or None, state=state or None, before=before)
    later = None
    if len(runs) > RUNS:
        later = link(PATH, plan=plan or None, state=state or None, before=runs[RUNS - 1].id)
    return page(
        request,
        "screenings.html",
        runs=[run_document(run) for run in runs[:RUNS]],
        total=total,
        plan=plan,
        state=state,
        before=before,
        later=later,
        states=[*RunState],
        marks=MARKS,
        minute=minute,
    )


@router.get(PATH + "/{name}")
def get_screening(
    request: Request,
    session: ReadSession,
    name: str,
    outcome: Literal["", "passed", "fell"] = "",
    stage: Text | Empty = "",
    reason: Text | Empty = "",
    family: Text | Empty = "",
    lead_free: Literal["", "true", "false"] = "",
    start: Annotated[int, Query(ge=0, lt=2**31)] = 0,
) -> Response:
    """One run: its state, its funnel, why candidates fell, who is left, what is different."""
    run = find_run(session, name)
    if part_wanted(request) == "state":
        return part(request, "_run_state.html", **_state(session, run))
    if name != str(run.id):
        return RedirectResponse(link(PATH, str(run.id)))
    try:
        document = screening_document(run)
        report = read_report(run) if document.stages else None
        unreadable = None
    except NotFoundError as error:  # the report is of another version
        document, report, unreadable = None, None, str(error)
    given = {
        "outcome": outcome,
        "stage": stage,
        "reason": reason,
        "family": family,
        "lead_free": lead_free,
    }
    chosen = CandidateSelection(
        {"passed": True, "fell": False}.get(outcome),
        stage or None,
        reason or None,
        family or None,
        {"true": True, "false": False}.get(lead_free),
    )
    rows = [] if report is None else candidates(report, chosen)
    shown = rows[start : start + CANDIDATES]

    def address(**changes: str | int | None) -> str:
        kept = {**given, **changes}
        return link(PATH, str(run.id), **{key: value or None for key, value in kept.items()})

    more = start + CANDIDATES < len(rows)
    return page(
        request,
        "screening.html",
        **_state(session, run),
        document=document,
        unreadable=unreadable,
        given=given,
        chosen=any(given.values()),
        total=len(rows),
        rows=shown,
        start=start,
        address=address,
        later=address(start=start + CANDIDATES) if more else None,
        families=[] if report is None else sorted({row.family for row in report.candidates}),
        materials=material_addresses(session, shown),
        funnel=None if document is None else funnel_data(document),
        kinds=KINDS,
        filled=filled(rows),
    )


def _state(session: ReadSession, run: ScreeningRun) -> dict[str, Any]:
    ledger = run_document(run)
    running = ledger.state is RunState.RUNNING
    return {
        "run": ledger,
        "marks": MARKS,
        "now": utc_now(),
        "lease": run.lease_until,
        "queue": count(session, Selection()) if running else None,
    }
