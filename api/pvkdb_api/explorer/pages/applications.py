"""The pages of applications: all of them, and one with its ranking."""

from __future__ import annotations

import re
import shlex
from http import HTTPStatus
from typing import Annotated, Any, get_args

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.orm import Session

from pvkdb import suitability
from pvkdb.display.pages import SHEET_TYPES
from pvkdb.errors import InputError, NotFoundError
from pvkdb.operations import find
from pvkdb.schemas import validated
from pvkdb.schemas.metrics import METRICS
from pvkdb.schemas.profiles import BASES, SUBJECTS
from pvkdb.schemas.rankings import CompareRequest, Halide
from pvkdb.schemas.tables.series import Changed, SeriesRequest
from pvkdb.store.collections import COMPOSITIONS, DEVICES
from pvkdb.suitability.evidence.explanations import bounds_text, fails_text
from pvkdb.suitability.ranking.series import series_in
from pvkdb.suitability.sheets.comparisons import scope
from pvkdb.suitability.sheets.side_by_side import Standing, side_by_side, standings
from pvkdb_api.core.cache import QueryCache
from pvkdb_api.core.paths import API
from pvkdb_api.core.sessions import ReadSession
from pvkdb_api.explorer.rankings import explanation, view
from pvkdb_api.explorer.rankings.query import (
    FILTERS,
    WEIGHT,
    ParsedRankingQuery,
    RankingQuery,
    families_of,
    python_code,
    read_query,
)
from pvkdb_api.explorer.site.parameters import LAYER, given_parameters, layer_fields
from pvkdb_api.explorer.site.rendering import link, page, part, part_wanted, service_root
from pvkdb_api.operations import rankings

router = APIRouter(include_in_schema=False)

PATH = "/applications"

_FUNCTIONS: dict[str, Any] = {
    "bases": BASES,
    "bounds_text": bounds_text,
    "fails_text": fails_text,
    "metrics": METRICS,
    "named": explanation.named,
    "value_of": explanation.value_of,
    "heading": view.heading,
    "tones": view.TONES,
    "unit_of": view.unit_of,
    "verdict_words": explanation.WORDS,
}


@router.get(PATH)
def get_applications(request: Request, session: ReadSession) -> Response:
    """Return the page of all applications, or its slower part: the best candidates of each."""
    given_parameters(request, ("leaders",))
    wanted = part_wanted(request) == "leaders" or "leaders" in request.query_params
    few = (each.count(session, {}) <= rankings.MOST_RANKED for each in (DEVICES, COMPOSITIONS))
    context = {
        "profiles": [suitability.shipped_profile(name) for name in suitability.shipped_profiles()],
        "leaders": _leaders(session) if wanted and all(few) else None,
        **_FUNCTIONS,
    }
    if part_wanted(request) == "leaders":
        return part(request, "_applications.html", **context)
    return page(request, "applications.html", **context)


def _leaders(session: Session) -> dict[str, dict[str, list[tuple[str, Standing]]]]:
    """Return who has rank 1, by application and subject; none without any evidence."""
    found: dict[str, dict[str, list[tuple[str, Standing]]]] = {}
    for subject in SUBJECTS:
        for each in standings(session, subject).applications:
            first = [one for one in each.standings.items() if one[1].rank == 1]
            found.setdefault(each.application, {})[subject] = [
                one for one in first if not one[1].unreviewed
            ]
    return found


@router.get(PATH + "/{application}")
def get_application(
    request: Request, session: ReadSession, application: Annotated[str, Path(max_length=200)]
) -> Response:
    """Return the page of an application: its requirements and its ranking."""
    profile = suitability.shipped_profile(application)
    query, from_form = read_query(request, profile)
    if from_form:
        return RedirectResponse(query.address(), 303)
    status, refusal, found = 200, None, {}
    try:
        found = _ranking(request, session, query.parse())
    except InputError as error:
        # The page shows the error in place of the ranking and keeps the controls as they are.
        status, refusal = 422, error
    context = {
        "query": query,
        "profile": profile,
        "requirements": view.asked_criteria(query),
        "refusal": refusal and _refusal(refusal),
        "found": found,
        **_FUNCTIONS,
    }
    if part_wanted(request) == "ranking":
        answer = part(request, "_application.html", **context)
        answer.status_code = status
        return answer
    return page(request, "application.html", status, **_controls(session, query), **context)


def _refusal(error: InputError) -> tuple[str, str]:
    """Return the name of the invalid parameter, and the reason without that name."""
    parameter = str(getattr(error, "parameter", ""))
    return parameter, re.sub(rf"^{parameter}(: | = )", "", str(error))


def _ranking(request: Request, session: Session, wanted: ParsedRankingQuery) -> dict[str, Any]:
    query, subject = wanted.query, wanted.question.subject
    cache: QueryCache = request.app.state.ranking_cache
    ranking = rankings.rank(cache, session, query.profile, subject, wanted.options, wanted.layer)
    total, top = len(ranking.candidates), wanted.question.top
    more = total - top
    path = link(f"{API}/rankings", query.profile.name, **query.rest_parameters())
    rest = service_root(request) + path
    return {
        "ranking": ranking,
        "counted": [each.metric for each in ranking.criteria if each.weight > 0],
        "rows": ranking.candidates[:top],
        "more_text": f"Show all {total}" if more <= 100 else f"Show 100 more of {total}",
        "more": query.address(top=str(min(top + 100, 1000))) if more > 0 else None,
        "scope": scope(ranking),
        "explanation": explanation.explain(ranking),
        "plot": view.criteria_plot(ranking, wanted),
        "rest": rest,
        "sheets": {
            ending: f"{path}{'&' if '?' in path else '?'}sheet={ending}" for ending in SHEET_TYPES
        },
        "curl": f"curl {shlex.quote(rest)}",
        "python": python_code(request, wanted),
    }


def _controls(session: Session, query: RankingQuery) -> dict[str, Any]:
    profile, weights, given = query.profile, query.weights(), query.given
    return {
        "filtered": any(name in given for name in FILTERS),
        "options_given": any(
            name in given for name in (*FILTERS, *LAYER, "weights", "reading", "computed")
        ),
        "families": [(name, name) for name in families_of(session, query.subject)],
        "halides": [(name, name) for name in get_args(Halide)],
        "readings": profile.readings(query.subject),
        "layer": layer_fields(given),
        "layer_given": any(name in given for name in LAYER),
        "weight_prefix": WEIGHT,
        "weight_top": max([5.0, *weights.values()]),
        "weight_texts": {
            each.metric: _text(weights.get(each.metric, each.weight)) for each in query.criteria
        },
        "own_texts": {each.metric: _text(each.weight) for each in query.criteria},
        "kept": {name: given[name] for name in ("samples", "top") if name in given},
        "subjects": [
            ("devices", link(PATH, profile.name)),
            ("materials", link(PATH, profile.name, subject="materials")),
        ],
        "reset": query.address(weights=None),
    }


def _text(weight: float) -> str:
    """Return a weight as text with all its digits."""
    return repr(weight).removesuffix(".0")


@router.get("/compare")
def get_comparison(request: Request, session: ReadSession) -> Response:
    """Return candidates side by side, or the form that asks for them, with what is wrong in it."""
    given = given_parameters(request, CompareRequest.model_fields)
    found, refusal, status = None, "", HTTPStatus.OK
    if given:
        try:
            asked = validated(CompareRequest, given)
            find("compare").require_one(asked)
            found = side_by_side(session, asked)
        except (InputError, NotFoundError) as error:
            missing = isinstance(error, NotFoundError)
            status = HTTPStatus.NOT_FOUND if missing else HTTPStatus.UNPROCESSABLE_ENTITY
            refusal = str(error)
    rest = link(f"{API}/compare", **given)
    return page(
        request, "compare.html", status, found=found, refusal=refusal, given=given, rest=rest
    )


@router.get("/series")
def get_series(request: Request, session: ReadSession) -> Response:
    """Return what changes when one thing changes, within the papers."""
    given = given_parameters(request, SeriesRequest.model_fields)
    found = series_in(session, validated(SeriesRequest, given))
    return page(
        request,
        "series.html",
        found=found,
        given=given,
        choices=get_args(Changed),
        metrics=METRICS,
        rest=link(f"{API}/series", **given),
    )
