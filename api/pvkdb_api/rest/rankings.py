"""Rankings of devices and materials for applications."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response

from pvkdb import suitability
from pvkdb.display.pages import SHEET_TYPES
from pvkdb.errors import naming
from pvkdb.operations.fields import Text
from pvkdb.schemas.profiles import Profile, Subject
from pvkdb.schemas.rankings import DecisionSheet, Ranking
from pvkdb.schemas.responses import Page
from pvkdb.suitability.ranking.options import SAMPLES
from pvkdb.suitability.sheets.sheet import decision_sheet, sheet_file
from pvkdb_api.core.paths import API
from pvkdb_api.core.sessions import DatasetVersion, ReadSession
from pvkdb_api.listing.parameters import Filters, Layer
from pvkdb_api.operations.rankings import MOST_SAMPLES, rank

router = APIRouter(prefix=f"{API}/rankings", tags=["rankings"])

Application = Annotated[
    Text, Path(description="Name of an application, from the list of rankings.")
]


@router.get("", summary="Names of the applications", operation_id="list_rankings")
def list_rankings(session: ReadSession, version: DatasetVersion) -> Page[str]:
    """Every application that has a profile, on one page."""
    names = suitability.shipped_profiles()
    return Page[str](data=names, total=len(names), next_cursor=None, dataset_version=version)


@router.get(
    "/{application}",
    summary="Devices or materials, ranked by their suitability for an application",
    operation_id="get_ranking",
    response_model=Ranking | DecisionSheet,
    responses={200: {"content": {kind: {} for kind in SHEET_TYPES.values()}}},
)
def get_ranking(
    request: Request,
    application: Application,
    session: ReadSession,
    layer: Layer,
    filters: Filters,
    subject: Annotated[Subject, Query(description="What is ranked.")] = "devices",
    weights: Annotated[
        str, Query(max_length=500, description="Other weights: METRIC=NUMBER, separated by commas.")
    ] = "",
    reading: Annotated[
        Text | None, Query(description="Another interpretation of ambiguous requirements.")
    ] = None,
    computed: Annotated[
        bool, Query(description="Whether E_A and DFE that pvkdb computed count.")
    ] = True,
    unreviewed: Annotated[
        bool, Query(description="Whether imports that nobody has confirmed count.")
    ] = False,
    samples: Annotated[
        int, Query(ge=1, le=MOST_SAMPLES, description="Random weights of papers and criteria.")
    ] = SAMPLES,
    sheet: Annotated[
        Literal["html", "pdf", "json"] | None,
        Query(description="The decision sheet of the ranking as a file instead."),
    ] = None,
) -> Any:
    """Candidates with their score, its interval, and their assessment on each criterion."""
    profile = suitability.shipped_profile(application)
    with naming("weights"):
        given = suitability.parse_weights(weights)
    options = suitability.Options(
        weights=given,
        reading=reading,
        samples=samples,
        computed=computed,
        unreviewed=unreviewed,
        filters=filters,
    )
    ranking = rank(session, profile, subject, options, layer)
    if sheet is None:
        return ranking
    service = str(request.base_url).rstrip("/")
    content = sheet_file(decision_sheet(session, ranking, service), sheet)
    policy = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
    return Response(content, media_type=SHEET_TYPES[sheet], headers=policy)


@router.get(
    "/{application}/profile", summary="Requirements of an application", operation_id="get_profile"
)
def get_profile(application: Application) -> Profile:
    """The criteria on devices and on materials, with bounds, weights and sources."""
    return suitability.shipped_profile(application)
