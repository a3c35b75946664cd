"""From the answers of the service to typed objects and errors. No I/O."""

from __future__ import annotations

from typing import TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from pvkdb.errors import InputError, NotFoundError, ServiceError
from pvkdb.schemas.responses import Problem

Model = TypeVar("Model", bound=BaseModel)

_PROBLEM = "application/problem+json"


def raise_for_problem(response: httpx.Response) -> None:
    """Raise what an answer reports as an error.

    Raises:
        InputError: the service refused a parameter (status 400 or 422).
        NotFoundError: the service does not hold what was asked for.
        ServiceError: any other failure; holds the status.
    """
    if response.is_success:
        return
    status, problem = response.status_code, _problem(response)
    if problem is None:
        raise ServiceError(
            f"{response.url} answered with status {status} ({response.reason_phrase}); is this "
            "the address of a pvkdb service?",
            status,
        )
    detail = " ".join(problem.detail.split())
    if status in (400, 422):
        raise InputError(detail)
    if status == 404:
        raise NotFoundError(detail)
    raise ServiceError(f"the service answered with status {status}: {detail}", status)


def parse(model: type[Model], response: httpx.Response) -> Model:
    """The document in an answer.

    Raises:
        ServiceError: the answer is not such a document.
    """
    try:
        return model.model_validate_json(response.content)
    except ValidationError as error:
        raise misfit(response, model, error) from error


def misfit(
    response: httpx.Response, model: type[BaseModel], error: ValidationError
) -> ServiceError:
    """The error for an answer that is not the document expected."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(map(str, first["loc"])) or "the answer"
    return ServiceError(
        f"{response.url} did not answer with a {model.__name__} ({place}: {first['msg']}); check "
        "the address, or install the version of pvkdb that the service runs",
        response.status_code,
    )


def _problem(response: httpx.Response) -> Problem | None:
    if not response.headers.get("Content-Type", "").startswith(_PROBLEM):
        return None
    try:
        return Problem.model_validate_json(response.content)
    except ValidationError:
        return None
