"""Steering of calculations, which workers find in the store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

from fastapi import Path, Query, Request, Response

from pvkdb.operations.fields import Text
from pvkdb.schemas.access import Scope
from pvkdb.schemas.calculations import CalculationDocument
from pvkdb.store.queue import jobs
from pvkdb_api.core.paths import API
from pvkdb_api.core.sessions import ReadSession, WriteSession
from pvkdb_api.frame.access import needs
from pvkdb_api.frame.limits import JsonRoute
from pvkdb_api.operations import calculations
from pvkdb_api.operations.writes import Writing
from pvkdb_api.rest.openapi import rest_router

router = rest_router(prefix=f"{API}/calculations", tags=["calculations"], route_class=JsonRoute)

#: Header with the number of the last line of a log, after which the next request continues.
LOG_OFFSET = "X-Log-Offset"

Key = Annotated[Text, Path(description="The id of the calculation.")]


def _steering(action: Literal["cancel", "retry"]) -> Callable[..., CalculationDocument]:
    def steer(
        key: Key, http: Request, session: WriteSession, writing: Writing
    ) -> CalculationDocument:
        return writing.once(
            f"{action} {key}",
            CalculationDocument,
            lambda: calculations.steer(http, session, action, key),
        )

    return steer


router.add_api_route(
    "/{key}/cancel",
    _steering("cancel"),
    methods=["POST"],
    summary="Cancel a calculation",
    description="Cancels a waiting calculation at once, and asks the worker of a running one to "
    "stop.\n\nA cancelled calculation stays as it is; one that has ended is refused (409).",
    operation_id="cancel_calculation",
    dependencies=[needs(Scope.QUEUE)],
    responses={
        202: {
            "model": CalculationDocument,
            "description": "It is running; its worker is asked to stop and records the end.",
        }
    },
)
router.add_api_route(
    "/{key}/retry",
    _steering("retry"),
    methods=["POST"],
    summary="Queue a failed or cancelled calculation again",
    description="Failed calculations that it waits for are queued again too.\n\nIts failure and "
    "its files are removed, and its log continues. A queued or running calculation stays as it "
    "is; one that is done is refused (409).",
    operation_id="retry_calculation",
    dependencies=[needs(Scope.QUEUE)],
)


@router.get(
    "/{key}/log",
    summary="The log of a calculation, as text or JSON lines",
    description="The states that it entered and the newest lines of its progress. To follow it, "
    f"ask again with `after` set to the `{LOG_OFFSET}` of the answer, until a line says that it is "
    "done, failed or cancelled.",
    operation_id="get_calculation_log",
    response_class=Response,
    responses={
        200: {
            "description": "The lines, oldest first.",
            "headers": {
                LOG_OFFSET: {
                    "description": "Number of the last line, to be given as `after`.",
                    "schema": {"type": "integer"},
                }
            },
            "content": {
                "text/plain": {"schema": {"type": "string"}},
                "application/jsonl": {"schema": {"type": "string"}},
            },
        }
    },
)
def get_calculation_log(
    key: Key,
    session: ReadSession,
    after: Annotated[
        int, Query(ge=0, lt=2**31, description="Only lines after the one with this number.")
    ] = 0,
    tail: Annotated[
        int | None, Query(ge=1, le=10_000, description="Only so many of the last lines.")
    ] = None,
    format: Annotated[
        Literal["text", "jsonl"],
        Query(description="Lines of text, or a JSON object per line: line, at, event, message."),
    ] = "text",
) -> Response:
    """Lines of text or JSON, oldest first."""
    lines = jobs.log_lines(session, key, after, tail)
    texts = [line.text if format == "text" else line.model_dump_json() for line in lines]
    return Response(
        "".join(f"{one_line(text)}\n" for text in texts),
        media_type="text/plain" if format == "text" else "application/jsonl",
        headers={LOG_OFFSET: str(lines[-1].line if lines else after)},
    )


def one_line(text: str) -> str:
    """Return the text with its line breaks escaped."""
    return text if text.isprintable() else "\\n".join(text.splitlines())
