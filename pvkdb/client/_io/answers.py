"""Typed objects and errors from the responses of the service. No I/O."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import httpx

from pvkdb.client._io.steps import Send
from pvkdb.client.errors import (
    ConflictError,
    NotAllowedError,
    RateLimitedError,
    RefusedError,
    UnavailableError,
    UnknownKeyError,
)
from pvkdb.errors import ServiceError

if TYPE_CHECKING:
    from pydantic import BaseModel

    from pvkdb.client.errors import _AnsweredError
    from pvkdb.schemas.responses import Problem

Model = TypeVar("Model", bound="BaseModel")

_PROBLEM = "application/problem+json"

#: Errors by the status of a problem; of others it is a ServiceError.
_ERRORS: dict[int, type[_AnsweredError]] = {
    **dict.fromkeys((400, 413, 415, 422), RefusedError),
    **dict.fromkeys((404, 410), UnknownKeyError),
    **dict.fromkeys((401, 403), NotAllowedError),
    **dict.fromkeys((409, 412), ConflictError),
    **dict.fromkeys((502, 503, 504), UnavailableError),
    429: RateLimitedError,
}
#: Those that a service or what is before it answers without a problem, and what to add.
_BUSY = {UnavailableError: "; try again later", RateLimitedError: ": too many requests"}


class Body:
    """The unpacked body of a response, taken piece by piece up to a largest size."""

    def __init__(self, response: httpx.Response, step: Send) -> None:
        self._response, self._step, self._size = response, step, 0
        self._pieces: list[bytes] = []
        packing = response.headers.get("Content-Encoding", "gzip")
        if packing not in ("gzip", "identity"):  # a small piece may hold gigabytes
            raise ServiceError(f"{response.url} answered with an unknown encoding, {packing!r}")

    def add(self, piece: bytes) -> None:
        """Take a piece, at most some 70 MB that httpx has unpacked.

        Raises:
            ServiceError: the body is too large.
        """
        self._size += len(piece)
        if self._size > self._step.max_answer_mb * 1e6:
            raise ServiceError(
                f"{self._response.url} answered with more than {self._step.max_answer_mb:g} MB; "
                "request less, or raise max_answer_mb of the client"
            )
        sink = self._step.sink if self._response.is_success else None
        (sink or self._pieces.append)(piece)

    def response(self) -> httpx.Response:
        """Return the response with its body; empty if the pieces went to a sink."""
        headers = self._response.headers.copy()
        headers.pop("Content-Encoding", None)
        return httpx.Response(
            self._response.status_code,
            headers=headers,
            content=b"".join(self._pieces),
            request=self._response.request,
            extensions=self._response.extensions,
        )


def require_new(cursor: str, known: set[str], response: httpx.Response) -> None:
    """Add a cursor to the known ones.

    Raises:
        ServiceError: it is known already, so that the pages would never end.
    """
    if cursor in known:
        raise ServiceError(f"{response.url} gave the cursor {cursor!r} twice; its pages never end")
    known.add(cursor)


def raise_for_problem(response: httpx.Response) -> None:
    """Raise the error that a response reports; see :mod:`pvkdb.client.errors`.

    Raises:
        RefusedError, UnknownKeyError: the request cannot be answered.
        ServiceError: any other failure; holds the status.
    """
    if response.is_success:
        return
    status, problem = response.status_code, _problem(response)
    kind = _ERRORS.get(status)
    if problem is None:
        kind = kind if kind in _BUSY else None
        more = _BUSY[kind] if kind else "; is this the address of a pvkdb service?"
        message = f"{response.url} answered with status {status} ({response.reason_phrase}){more}"
    else:
        message = " ".join(problem.detail.split())
        if kind not in (RefusedError, UnknownKeyError):
            message = f"the service answered with status {status}: {message}"
    if kind is None:
        raise ServiceError(message, status)
    error = kind(message, status, problem)
    if isinstance(error, RateLimitedError):
        error.retry_after_s = retry_after(response)
    raise error


def outside_reason(error: ServiceError) -> str:
    """Return why a service failed that is none of pvkdb, without the remedies for those."""
    if error.status is None and error.__cause__:
        return f"cannot be reached: {error.__cause__ or type(error.__cause__).__name__}"
    if error.status is None:  # an address may hold a key
        return re.sub(r"^\S+://\S+ ", "", str(error))
    wait_s = getattr(error, "retry_after_s", None)
    wait = "" if wait_s is None else f" and asks to wait {wait_s:g} s"
    return f"answered with status {error.status}{wait}"


def at(document: Any, *places: str | int) -> Any:
    """Return what is at these names and positions in a JSON document; None if it lacks one."""
    for place in places:
        try:
            document = document[place]
        except (KeyError, IndexError, TypeError):
            return None
    return document


def parse(model: type[Model], response: httpx.Response) -> Model:
    """Return the document in a response.

    Raises:
        ServiceError: the response is not a document of this model.
    """
    return _parsed(model, response, [response.content])[0]


def parse_lines(model: type[Model], response: httpx.Response) -> list[Model]:
    """Return the documents in a response of JSON lines.

    Raises:
        ServiceError: a line is not a document of this model.
    """
    return _parsed(model, response, response.content.splitlines())


def retry_after(response: httpx.Response) -> float | None:
    """Return the seconds to wait, from a ``Retry-After`` header with a number or a date."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return float(text)
    from email.utils import parsedate_to_datetime  # imports much, and few services send dates

    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())


def _parsed(model: type[Model], response: httpx.Response, texts: list[bytes]) -> list[Model]:
    from pvkdb.schemas import read_json

    try:
        return [read_json(model, text) for text in texts]
    except ValueError as error:
        raise ServiceError(
            f"{response.url} did not answer with a {model.__name__} ({error}); check the address, "
            "or install the version of pvkdb that the service runs",
            response.status_code,
        ) from error


def _problem(response: httpx.Response) -> Problem | None:
    if not response.headers.get("Content-Type", "").startswith(_PROBLEM):
        return None
    from pvkdb.schemas import read_json
    from pvkdb.schemas.responses import Problem

    try:
        return read_json(Problem, response.content)
    except ValueError:
        return None
