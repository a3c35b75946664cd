"""Rankings: which device serves which application."""

from __future__ import annotations

from fastapi import APIRouter

from pvkdb import suitability
from pvkdb.schemas.rankings import Ranking
from pvkdb.schemas.responses import Page
from pvkdb_api.paths import API
from pvkdb_api.queries import Text
from pvkdb_api.sessions import DatasetVersion, ReadSession

router = APIRouter(prefix=f"{API}/rankings", tags=["rankings"])


@router.get("", summary="Names of the applications", operation_id="list_rankings")
def list_rankings(session: ReadSession, version: DatasetVersion) -> Page[str]:
    """Every application that has requirements, on one page."""
    names = suitability.applications(session)
    return Page[str](data=names, total=len(names), next_cursor=None, dataset_version=version)


@router.get(
    "/{application}",
    summary="Devices in the order in which they serve an application",
    operation_id="get_ranking",
)
def get_ranking(application: Text, session: ReadSession) -> Ranking:
    """Each device against each requirement: met, not met, not shown, or unknown."""
    return suitability.rank(session, application)
