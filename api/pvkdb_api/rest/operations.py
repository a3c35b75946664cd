"""Routes of operations, made from their declarations (:mod:`pvkdb.operations`)."""

# FastAPI needs annotations as objects, not as texts, and here they are made at run time, which
# mypy does not follow.

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from copy import copy
from http import HTTPStatus
from typing import Annotated, Any

from annotated_types import Le
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, create_model

from pvkdb.operations import Operation, declared, load
from pvkdb.operations.fields import Served, mark_of
from pvkdb.schemas.access import Scope
from pvkdb.schemas.calculations import CalculationDocument
from pvkdb.schemas.responses import Page
from pvkdb_api.core.cache import QueryCache
from pvkdb_api.core.paths import API
from pvkdb_api.core.sessions import DatasetVersion, ReadSession, WriteSession
from pvkdb_api.frame.access import needs
from pvkdb_api.frame.limits import JsonRoute
from pvkdb_api.operations import calculations
from pvkdb_api.operations.writes import Writing


def router_of(operations: Iterable[Operation]) -> APIRouter:
    """Return the routes of operations."""
    router = APIRouter(prefix=API, route_class=JsonRoute)
    for operation in operations:
        if operation.queued is not None:
            _add_queueing(router, operation)
            continue
        router.add_api_route(
            operation.path,
            _list_route(operation) if operation.many else _route(operation),
            tags=[operation.path.split("/")[1]],
            summary=operation.summary.removesuffix("."),
            description=operation.description,
            operation_id=f"{'list' if operation.many else 'get'}_{operation.name}",
        )
    return router


def _route(operation: Operation) -> Callable[..., Any]:
    model, result = operation.request_model(), load(operation.result)
    assert model is not None, f"{operation.name} has one result and nothing to ask for"
    served = served_model(model)

    def answer(given: Annotated[served, Query()], session: ReadSession) -> result:  # type: ignore[valid-type]
        return operation.run(given, lambda: nullcontext(session))  # type: ignore[no-any-return]

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
        operation_id=f"queue_{operation.path.split('/')[-1].removesuffix('s')}",
    )


def served_model(model: type[BaseModel]) -> type[BaseModel]:
    """Return a request with the limits of a service on its fields (:class:`Served`)."""
    limited: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        if (mark := mark_of(field, Served)) is not None:
            limited[name] = field.annotation, copy(field)
            limited[name][1].metadata = [*field.metadata, Le(mark.most)]
    return create_model(model.__name__, __base__=model, **limited) if limited else model


router = router_of(declared().values())
