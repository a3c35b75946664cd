"""The page that compares two to four compositions or devices."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter, Request, Response

from pvkdb.errors import InputError, NotFoundError
from pvkdb.operations import find
from pvkdb.schemas import validated
from pvkdb.schemas.comparison import CompareRequest
from pvkdb.suitability.sheets.side_by_side import side_by_side, standings
from pvkdb_api.core.cache import QueryCache
from pvkdb_api.core.paths import API
from pvkdb_api.core.sessions import ReadSession
from pvkdb_api.explorer.site.parameters import given_parameters
from pvkdb_api.explorer.site.rendering import link, page

router = APIRouter(include_in_schema=False)

PATH = "/compare"


@router.get(PATH)
def get_comparison(request: Request, session: ReadSession) -> Response:
    """Return candidates side by side, or the form that asks for them, with what is wrong in it."""
    given = given_parameters(request, CompareRequest.model_fields)
    cache: QueryCache = request.app.state.query_cache
    found, refusal, status = None, "", HTTPStatus.OK
    if given:
        try:
            asked = validated(CompareRequest, given)
            find("compare").require_one(asked)
            found = side_by_side(
                session,
                asked,
                lambda session, subject: cache.get(
                    session, f"standings of {subject}", {}, lambda: standings(session, subject)
                ),
            )
        except (InputError, NotFoundError) as error:
            missing = isinstance(error, NotFoundError)
            status = HTTPStatus.NOT_FOUND if missing else HTTPStatus.UNPROCESSABLE_ENTITY
            refusal = str(error)
    rest = link(f"{API}{PATH}", **given)
    return page(
        request, "compare.html", status, found=found, refusal=refusal, given=given, rest=rest
    )
