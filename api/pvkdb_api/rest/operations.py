"""Routes of operations, made from their declarations (:mod:`pvkdb.operations`)."""

# FastAPI needs annotations as objects, not as texts, and here they are made at run time, which
# mypy does not follow.

import logging
import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from http import HTTPStatus
from inspect import Parameter, Signature
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel

from pvkdb.errors import AddedError
from pvkdb.operations import Operation, added, shipped
from pvkdb.operations.fields import served_model
from pvkdb.operations.other_packages import load
from pvkdb.schemas import validated
from pvkdb.schemas.access import Scope
from pvkdb.schemas.calculations import CalculationDocument
from pvkdb.schemas.responses import Answers, Page
from pvkdb.schemas.tables import TABLES
from pvkdb_api.core.cache import QueryCache
from pvkdb_api.core.paths import API
from pvkdb_api.core.sessions import DatasetVersion, PreparingTurn, ReadSession, WriteSession
from pvkdb_api.frame.access import needs
from pvkdb_api.frame.limits import JsonRoute
from pvkdb_api.operations import calculations
from pvkdb_api.operations.writes import Writing, written
from pvkdb_api.rest.openapi import rest_router

_log = logging.getLogger("pvkdb_api")


def router_of(operations: Iterable[Operation]) -> APIRouter:
    """Return the routes of operations."""
    router = rest_router(prefix=API, route_class=JsonRoute)
    for operation in operations:
        if operation.queued is not None:
            _add_queueing(router, operation)
            continue
        scoped = [needs(Scope.QUEUE, locally=True)] if operation.package else []
        router.add_api_route(
            operation.path,
            _route(operation) if operation.request else _list_route(operation),
            methods=[operation.verb],
            dependencies=[needs(Scope(operation.scope))] if operation.scope else scoped,
            tags=[operation.path.split("/")[1]],
            summary=operation.summary.removesuffix("."),
            description=operation.description,
            operation_id=f"{'get' if operation.request else 'list'}_{operation.name}",
        )
    return router


def _route(operation: Operation) -> Callable[..., Any]:
    served, result = served_model(load(operation.request or "")), load(operation.result)
    if operation.many:
        result = Answers[result]  # type: ignore[valid-type]
    if names := re.findall(r"{(\w+)}", operation.path):
        return _route_with_names(operation, served, names, result)
    asked = served if operation.verb == "POST" else Annotated[served, Query()]
    if operation.writes:
        turn = PreparingTurn if operation.prepared else Annotated[None, Depends(lambda: None)]

        def prepare(given: served, seconds: turn) -> Any:  # type: ignore[valid-type]
            return operation.prepare(given, seconds)

        def write(
            asked: Annotated[Any, Depends(prepare)], http: Request, session: WriteSession
        ) -> result:  # type: ignore[valid-type]
            found = written(http, session, operation, asked)
            return result(data=found) if operation.many else found  # type: ignore[no-any-return]

        return write

    def answer(given: asked, session: ReadSession) -> result:  # type: ignore[valid-type]
        found = operation.run(given, lambda: nullcontext(session))
        return result(data=found) if operation.many else found  # type: ignore[no-any-return]

    return answer


def _route_with_names(
    operation: Operation, model: type[BaseModel], names: Sequence[str], result: Any
) -> Callable[..., Any]:
    """Return a route whose path has fields of the request; the others are in its query."""

    def answer(session: ReadSession, **given: Any) -> Any:
        return operation.run(validated(model, given), lambda: nullcontext(session))

    parameters = [Parameter("session", Parameter.KEYWORD_ONLY, annotation=ReadSession)]
    for name, field in model.model_fields.items():
        kind = Path if name in names else Query
        about = kind(description=field.description, examples=field.examples)
        parameters.append(
            Parameter(
                name,
                Parameter.KEYWORD_ONLY,
                annotation=Annotated[field.annotation, *field.metadata, about],
                default=Parameter.empty if field.is_required() else field.default,
            )
        )
    answer.__signature__ = Signature(parameters, return_annotation=result)  # type: ignore[attr-defined]
    return answer


def _list_route(operation: Operation) -> Callable[..., Any]:
    row = load(operation.result)

    def answer(request: Request, session: ReadSession, version: DatasetVersion) -> Page[row]:  # type: ignore[valid-type]
        known: QueryCache = request.app.state.query_cache
        rows = known.get(
            session,
            operation.path.strip("/"),
            {},
            lambda: operation.run(None, lambda: nullcontext(session)),
        )
        return Page[row](data=rows, total=len(rows), next_cursor=None, dataset_version=version)  # type: ignore[valid-type]

    return answer


def _add_queueing(router: APIRouter, operation: Operation) -> None:
    model, verb = operation.request_model(), operation.method.partition(".")[2]
    assert model is not None, f"{operation.name} has nothing to ask for"

    def queue(
        question: Any, http: Request, session: WriteSession, writing: Writing
    ) -> CalculationDocument:
        document = writing.once(
            f"{verb} {question.model_dump_json()}".lstrip(),
            CalculationDocument,
            lambda: calculations.queue(http, session, operation, question),
        )
        writing.response.headers["Location"] = f"{API}/calculations/{document.id}"
        return document

    queue.__annotations__["question"] = served_model(model)
    router.add_api_route(
        operation.path,
        queue,
        methods=["POST"],
        status_code=HTTPStatus.ACCEPTED,
        dependencies=[needs(Scope.QUEUE)],
        responses={200: {"model": CalculationDocument, "description": "It was requested before."}},
        tags=["calculations"],
        summary=operation.summary.removesuffix("."),
        description=operation.description,
        operation_id=f"queue_{operation.path.split('/')[-1].removesuffix('s')}".replace("-", "_"),
    )


router = router_of(shipped().values())


def added_routers() -> list[APIRouter]:
    """Return the routes of operations that other packages add.

    What is broken is logged, tables too, whose routes are those of :mod:`.collections`.
    """
    operations, broken = added()
    routers, problems = [], [*broken, *TABLES.added[1]]
    for operation in operations.values():
        try:
            with operation.alone():
                routers.append(router_of([operation]))
        except AddedError as error:
            problems.append(error)
    for problem in problems:
        _log.error("left out: %s", problem)
    return routers
