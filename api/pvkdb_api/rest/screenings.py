"""Screenings: the runs of plans with their funnels, candidates and reports."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from pvkdb.errors import NotFoundError
from pvkdb.schemas.responses import Page
from pvkdb.schemas.runs import RunDocument, RunState, ScreeningDocument
from pvkdb.schemas.screening import CandidateSummary
from pvkdb.store.runs.screening_reports import (
    CandidateSelection,
    candidates,
    read_report,
    screening_document,
)
from pvkdb.store.runs.screening_runs import find_run, listed, report_of, run_document
from pvkdb_api.core.etags import CONDITIONAL, answer
from pvkdb_api.core.paths import API
from pvkdb_api.core.sessions import DatasetVersion, ReadSession
from pvkdb_api.listing.cursors import read_cursor, unreadable, write_cursor
from pvkdb_api.listing.parameters import MOST_ROWS, Text

router = APIRouter(prefix=f"{API}/screenings", tags=["screenings"])

RunName = Annotated[
    Text, Path(description="Number of a run, or the name of a plan for its newest run.")
]
Limit = Annotated[
    int, Query(ge=0, le=MOST_ROWS, description="Rows on a page; 0 only counts.", examples=[100])
]
Cursor = Annotated[
    str | None, Query(max_length=4000, description="next_cursor of the page before.")
]


def _selection(
    passed: Annotated[bool | None, Query(description="Whether they passed every stage.")] = None,
    stage: Annotated[Text | None, Query(description="The stage that rejected them.")] = None,
    reason: Annotated[Text | None, Query(description="The reason of the rejection.")] = None,
    family: Annotated[Text | None, Query(description="Their structure family.")] = None,
    lead_free: Annotated[bool | None, Query(description="Whether they are free of lead.")] = None,
) -> CandidateSelection:
    return CandidateSelection(passed, stage, reason, family, lead_free)


@router.get(
    "",
    summary="List runs of screenings",
    operation_id="list_screenings",
    response_model=Page[RunDocument],
    responses=CONDITIONAL,
)
def list_screenings(
    request: Request,
    session: ReadSession,
    version: DatasetVersion,
    plan: Annotated[Text | None, Query(description="Name of the plan.")] = None,
    state: Annotated[RunState | None, Query(description="State of the run.")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """Runs of all plans, newest first, with counts and the differences from the run before."""
    bound = {"plan": plan, "state": state}
    before = None if cursor is None else _place("screenings", bound, cursor, 1)[0]
    runs, total = listed(session, limit + 1, plan=plan, state=state, before=before)
    shown = runs[:limit]
    more = len(runs) > limit > 0
    page = Page[RunDocument](
        data=[run_document(run) for run in shown],
        total=total,
        next_cursor=write_cursor("screenings", bound, json.dumps([shown[-1].id])) if more else None,
        dataset_version=version,
    )
    return answer(request, page.model_dump_json())


@router.get(
    "/{run}",
    summary="One run of a screening: its funnel, reasons of rejections, cost",
    operation_id="get_screening",
    response_model=ScreeningDocument,
    responses=CONDITIONAL,
)
def get_screening(request: Request, session: ReadSession, run: RunName) -> Response:
    """A run without a report has no funnel; `state` and `failure` give the reason."""
    return answer(request, screening_document(find_run(session, run)).model_dump_json())


@router.get(
    "/{run}/candidates",
    summary="Candidates of a run: passed ones by rank, then the others by stage",
    operation_id="list_screening_candidates",
    response_model=Page[CandidateSummary],
    responses=CONDITIONAL,
)
def list_candidates(
    request: Request,
    session: ReadSession,
    version: DatasetVersion,
    run: RunName,
    chosen: Annotated[CandidateSelection, Depends(_selection)],
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """Each candidate in one row, with the deciding numbers and the stage that rejected it.

    Further pages stay in the run of the first page, even if the plan has a newer run by then.
    """
    found = find_run(session, run)
    bound: dict[str, Any] = {"of": run, "chosen": asdict(chosen)}
    after = 0
    if cursor is not None:
        number, after = _place("candidates", bound, cursor, 2)
        found = find_run(session, str(number))
    rows = candidates(read_report(found), chosen)
    behind = after + limit
    page = Page[CandidateSummary](
        data=rows[after:behind],
        total=len(rows),
        next_cursor=(
            write_cursor("candidates", bound, json.dumps([found.id, behind]))
            if limit > 0 and behind < len(rows)
            else None
        ),
        dataset_version=version,
    )
    return answer(request, page.model_dump_json())


@router.get(
    "/{run}/report",
    summary="The whole report of a run, with every phase and product of every candidate",
    operation_id="get_screening_report",
    response_class=Response,
    responses={
        **CONDITIONAL,
        200: {
            "description": "What `pvkdb report RUN --output DIR` writes as JSON.",
            "content": {"application/json": {"schema": {"type": "object"}}},
        },
    },
)
def get_report(request: Request, session: ReadSession, run: RunName) -> Response:
    """The report as written at the end of the run."""
    found = find_run(session, run)
    text = report_of(found)
    if text is None:
        raise NotFoundError(f"run {found.id} is {found.state} and has no report")
    return answer(request, text)


def _place(of: str, bound: Mapping[str, Any], cursor: str, numbers: int) -> list[int]:
    """Return the numbers in a cursor.

    Raises:
        ParameterError: the cursor belongs to another list.
    """
    try:
        place = json.loads(read_cursor(of, bound, cursor))
    except ValueError as error:
        raise unreadable() from error
    if (
        not isinstance(place, list)
        or len(place) != numbers
        or any(type(number) is not int or not 0 <= number < 2**31 for number in place)
    ):
        raise unreadable()
    return place
