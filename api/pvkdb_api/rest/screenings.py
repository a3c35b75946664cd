"""Screenings: the runs of plans with their funnels, candidates and reports."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Query, Request, Response
from pydantic import Field, TypeAdapter

from pvkdb.errors import NotFoundError
from pvkdb.operations.fields import Text
from pvkdb.schemas.responses import Page
from pvkdb.schemas.runs import RunDocument, RunState, ScreeningDocument
from pvkdb.schemas.screening import CandidateSelection, CandidateSummary
from pvkdb.store.runs.screening_reports import (
    candidates,
    read_report,
    screening_document,
)
from pvkdb.store.runs.screening_runs import find_run, listed, report_of, run_document
from pvkdb_api.core.etags import CONDITIONAL, answer
from pvkdb_api.core.paths import API
from pvkdb_api.core.sessions import DatasetVersion, ReadSession
from pvkdb_api.listing.cursors import read_cursor, write_cursor
from pvkdb_api.listing.parameters import PageQuery
from pvkdb_api.rest.openapi import rest_router

router = rest_router(prefix=f"{API}/screenings", tags=["screenings"])

_Number = Annotated[int, Field(ge=0, lt=2**31)]
#: What cursors hold: the last run; a run and the number of its candidates before the page.
_OF_RUNS, _OF_CANDIDATES = TypeAdapter(tuple[_Number]), TypeAdapter(tuple[_Number, _Number])

RunName = Annotated[
    Text, Path(description="Number of a run, or the name of a plan for its newest run.")
]


class RunsQuery(PageQuery):
    """Query parameters of the list of runs."""

    plan: Text | None = Field(default=None, description="Name of the plan.")
    state: RunState | None = Field(default=None, description="State of the run.")


class CandidatesQuery(CandidateSelection, PageQuery):
    """Query parameters of the candidates of a run."""


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
    query: Annotated[RunsQuery, Query()],
) -> Response:
    """Runs of all plans, newest first, with counts and the differences from the run before."""
    bound: dict[str, Any] = {"plan": query.plan, "state": query.state}
    before = None
    if query.cursor is not None:
        (before,) = read_cursor("screenings", bound, query.cursor, _OF_RUNS)
    runs, total = listed(session, query.limit + 1, before=before, **bound)
    shown = runs[: query.limit]
    more = len(runs) > query.limit > 0
    page = Page[RunDocument](
        data=[run_document(run) for run in shown],
        total=total,
        next_cursor=write_cursor("screenings", bound, [shown[-1].id]) if more else None,
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
    """The run with its funnel; without a report, `state` and `failure` give the reason."""
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
    query: Annotated[CandidatesQuery, Query()],
) -> Response:
    """Each candidate in one row, with the deciding numbers and the stage that rejected it.

    Further pages stay in the run of the first page, even if the plan has a newer run by then.
    """
    found = find_run(session, run)
    chosen = query.model_dump(exclude={"limit", "cursor"})
    bound: dict[str, Any] = {"of": run, "chosen": chosen}
    start = 0
    if query.cursor is not None:
        number, start = read_cursor("candidates", bound, query.cursor, _OF_CANDIDATES)
        found = find_run(session, str(number))
    rows = candidates(read_report(found), query)
    end = start + query.limit
    page = Page[CandidateSummary](
        data=rows[start:end],
        total=len(rows),
        next_cursor=(
            write_cursor("candidates", bound, [found.id, end])
            if query.limit > 0 and end < len(rows)
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
