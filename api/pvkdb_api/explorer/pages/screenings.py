"""Pages of screenings: the list of runs, and one run with its report."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import select
from sqlalchemy.orm import Session

from pvkdb.errors import NotFoundError
from pvkdb.operations.fields import Text
from pvkdb.schemas.runs import RunState
from pvkdb.schemas.screening import CandidateSelection, ScreenedCandidate
from pvkdb.store.base import utc_now
from pvkdb.store.models.materials import Composition
from pvkdb.store.models.screenings import ScreeningRun
from pvkdb.store.queue.jobs import count
from pvkdb.store.runs.report.page import sections
from pvkdb.store.runs.screening_reports import read_report, selected
from pvkdb.store.runs.screening_runs import find_run, listed, run_document
from pvkdb_api.core.sessions import ReadSession
from pvkdb_api.explorer.site.markup import minute
from pvkdb_api.explorer.site.rendering import link, page, part, part_wanted

router = APIRouter(include_in_schema=False)

PATH = "/screenings"

#: Runs, and candidates, on a page.
RUNS, CANDIDATES = 50, 50
#: Candidates on it before a click.
FIRST = 10

#: Classes of the tags of states.
MARKS = {
    RunState.DONE: "good",
    RunState.FAILED: "bad",
    RunState.RUNNING: "open",
    RunState.INTERRUPTED: "open",
}

Empty = Literal[""]


@router.get(PATH)
def get_screenings(
    request: Request,
    session: ReadSession,
    plan: Text | Empty = "",
    state: RunState | Empty = "",
    before: Annotated[int | None, Query(ge=1, lt=2**31)] = None,
) -> Response:
    """Show the runs of every plan, the newest first."""
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
    start: Annotated[int | None, Query(ge=0, lt=2**31)] = None,
) -> Response:
    """Show one run: its state, report, candidates, and differences from the run before."""
    run = find_run(session, name)
    if part_wanted(request) == "state":
        return part(request, "_run_state.html", **_state(session, run))
    if name != str(run.id):
        return RedirectResponse(link(PATH, str(run.id)))
    report = unreadable = None
    if run.report is not None:
        try:
            report = read_report(run)
        except NotFoundError as error:  # the report is of another version
            unreadable = str(error)
    texts = {"stage": stage, "reason": reason, "family": family}
    given = {"outcome": outcome, "lead_free": lead_free, **texts}
    chosen = CandidateSelection(
        passed={"passed": True, "fell": False}.get(outcome),
        lead_free={"true": True, "false": False}.get(lead_free),
        **{name: text or None for name, text in texts.items()},
    )
    rows = [] if report is None else selected(report, chosen)
    end = FIRST if start is None else start + CANDIDATES
    shown = rows[start or 0 : end]

    def address(**changes: str | int | None) -> str:
        return link(PATH, str(run.id), **{**given, **changes})

    def candidates_of(**changes: str | None) -> str:
        return f"{address(**changes)}#candidates"

    return page(
        request,
        "screening.html",
        **_state(session, run),
        **({"report": None} if report is None else {**sections(report, rows), "rows": shown}),
        unreadable=unreadable,
        given=given,
        total=len(rows),
        start=start,
        address=address,
        candidates_of=candidates_of,
        later=address(start=0 if start is None else end) if end < len(rows) else None,
        families=[] if report is None else sorted({row.family for row in report.candidates}),
        compositions=_addresses(session, shown),
    )


def _addresses(session: Session, rows: Iterable[ScreenedCandidate]) -> dict[str, str]:
    """Return the addresses of the candidates' compositions, for those in the store."""
    wanted = select(Composition.formula).where(
        Composition.formula.in_([row.formula for row in rows])
    )
    return {formula: link("/compositions", formula) for formula in session.scalars(wanted)}


def _state(session: ReadSession, run: ScreeningRun) -> dict[str, Any]:
    ledger = run_document(run)
    running = ledger.state is RunState.RUNNING
    return {
        "run": ledger,
        "marks": MARKS,
        "now": utc_now(),
        "lease": run.lease_until,
        "queue": count(session) if running else None,
    }
