"""Rankings of devices and materials for applications."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from fastapi import Path, Query, Request, Response
from pydantic import Field, PositiveInt, TypeAdapter, create_model, field_validator

from pvkdb import suitability
from pvkdb.display.pages import SHEET_TYPES
from pvkdb.errors import ParameterError
from pvkdb.kinetics.conditions import conditions_of
from pvkdb.operations.fields import Text, served_model
from pvkdb.schemas import unfit
from pvkdb.schemas.profiles import Profile
from pvkdb.schemas.rankings import (
    DecisionSheet,
    RankedCandidate,
    Ranking,
    RankingPage,
    RankingQuestion,
)
from pvkdb.schemas.responses import Page
from pvkdb.suitability.sheets.sheet import decision_sheet, sheet_file
from pvkdb_api.core.etags import CONDITIONAL, answer
from pvkdb_api.core.paths import API
from pvkdb_api.core.sessions import DatasetVersion, ReadSession
from pvkdb_api.listing.cursors import read_cursor, write_cursor
from pvkdb_api.listing.parameters import MOST_ROWS, RANKING_FILTERS, names_type, read_filters
from pvkdb_api.listing.queries import read_fields
from pvkdb_api.operations.rankings import question, rank
from pvkdb_api.rest.collections import part_of
from pvkdb_api.rest.openapi import rest_router

router = rest_router(prefix=f"{API}/rankings", tags=["rankings"])

Application = Annotated[
    Text, Path(description="Name of an application, from the list of rankings.")
]


_CandidateFields = names_type(RankedCandidate.model_fields)
_Asked: Any = served_model(RankingQuestion)


class _RankingQuery(_Asked):  # type: ignore[misc]  # made at run time
    """Query parameters of a ranking, without its filters."""

    sheet: Literal["html", "pdf", "json"] | None = Field(
        None, description="The decision sheet of the ranking as a file instead."
    )
    limit: int | None = Field(
        None, ge=0, le=MOST_ROWS, description="Candidates on a page; by default all of them."
    )
    cursor: str | None = Field(None, max_length=4000, description="next_cursor of the page before.")
    fields: _CandidateFields | None = Field(  # type: ignore[valid-type]
        None, description="Only these fields of each candidate, separated by commas."
    )

    @field_validator("*")
    @classmethod
    def _fit_to_be_stored(cls, value: Any) -> Any:
        """Lists of names and cursors are longer than other texts, and say how long."""
        if reason := unfit(value):
            raise ValueError(reason)
        return value


_Query: Any = create_model("RankingQuery", __base__=_RankingQuery, **RANKING_FILTERS)
_CANDIDATES = TypeAdapter(list[RankedCandidate])
#: What a cursor holds: the number of candidates before the page, and the last of them.
_PLACE = TypeAdapter(tuple[PositiveInt, str])
_listed: Any = RankedCandidate | part_of("RankedCandidate", RankedCandidate)
_of_page: dict[str, Any] = {
    "candidates": (list[_listed], RankingPage.model_fields["candidates"]),
}
_Page: Any = create_model("RankingPage", __base__=RankingPage, **_of_page)


@router.get("", summary="Names of the applications", operation_id="list_rankings")
def list_rankings(session: ReadSession, version: DatasetVersion) -> Page[str]:
    """Every application that has a profile, on one page."""
    names = suitability.shipped_profiles()
    return Page[str](data=names, total=len(names), next_cursor=None, dataset_version=version)


@router.get(
    "/{application}",
    summary="Devices or materials, ranked by their suitability for an application",
    operation_id="get_ranking",
    response_model=_Page | DecisionSheet,
    responses={**CONDITIONAL, 200: {"content": {kind: {} for kind in SHEET_TYPES.values()}}},
)
def get_ranking(
    request: Request,
    application: Application,
    session: ReadSession,
    asked: Annotated[_Query, Query()],
) -> Response:
    """Candidates with their score, its interval, and their assessment on each criterion.

    With `limit`, what is empty is left out of candidates, and the lists beside them are on the
    first page alone. A ranking is made once for all its pages and kept until the data change.
    """
    query: Any = asked  # made at run time
    profile = suitability.shipped_profile(application)
    filters = read_filters(query.model_dump(include={*RANKING_FILTERS}, exclude_none=True))
    options, layer = suitability.options_of(query, filters), conditions_of(query)
    cache, subject = request.app.state.ranking_cache, query.subject
    ranking = rank(cache, session, profile, subject, options, layer)
    if query.sheet is None:
        bound = {"application": profile.name, **question(subject, options, layer)}
        start = 0 if query.cursor is None else _start(ranking, bound, query.cursor)
        names = read_fields(RankedCandidate, query.fields)
        return answer(request, _page(ranking, bound, start, query.limit, names))
    if paged := {"limit", "cursor", "fields"} & request.query_params.keys():
        reason = f"a decision sheet has no pages; leave out {', '.join(sorted(paged))}"
        raise ParameterError("sheet", reason)
    service = str(request.base_url).rstrip("/")
    content = sheet_file(decision_sheet(session, ranking, service), query.sheet)
    policy = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
    return Response(content, media_type=SHEET_TYPES[query.sheet], headers=policy)


@router.get(
    "/{application}/profile", summary="Requirements of an application", operation_id="get_profile"
)
def get_profile(application: Application) -> Profile:
    """The criteria on devices and on materials, with bounds, weights and sources."""
    return suitability.shipped_profile(application)


def _start(ranking: Ranking, bound: Mapping[str, Any], cursor: str) -> int:
    """Return the number of candidates before the page of a cursor.

    Raises:
        ParameterError: it belongs to another ranking, or places have changed since.
    """
    start: int
    start, last = read_cursor("rankings", bound, cursor, _PLACE)
    if [each.id for each in ranking.candidates[start - 1 : start]] != [last]:
        raise ParameterError(
            "cursor",
            "the data have changed since the page before, and places with them; start again "
            "without a cursor",
        )
    return start


def _page(
    ranking: Ranking,
    bound: Mapping[str, Any],
    start: int,
    limit: int | None,
    fields: Sequence[str] | None,
) -> bytes:
    """Return a page of a ranking as JSON."""
    total = len(ranking.candidates)
    end = total if limit is None else start + limit
    beside: dict[str, Any] = {"candidates": []}
    if start:
        beside |= {"not_rankable": [], "unreviewed": [], "set_aside": []}
    place = [end, ranking.candidates[end - 1].id] if limit and end < total else None
    page = RankingPage(
        **{**dict(ranking), **beside},
        total=total,
        next_cursor=write_cursor("rankings", bound, place) if place else None,
    )
    candidates = _CANDIDATES.dump_json(
        ranking.candidates[start:end],
        include=None if fields is None else {"__all__": {*fields}},
        exclude_defaults=limit is not None,
    )
    rest = page.model_dump_json(exclude={"candidates"}).encode()
    return rest[:-1] + b',"candidates":' + candidates + b"}"
