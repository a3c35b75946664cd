"""Steps of a client method, carried out later by a blocking or an awaiting client. No I/O.

Whatever takes more than one request (retrying, paging, waiting) is written once, as a generator
that yields steps and is sent their results::

    def get(self, key: str) -> Steps[Row]:
        response = yield from self._service.read(f"/devices/{key}")
        return parse(Row, response)

:mod:`pvkdb.client._io.carriers` carries out the steps: with blocking calls for
:class:`~pvkdb.client.Client`, with awaited calls for :class:`~pvkdb.client.AsyncClient`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

T = TypeVar("T")

#: Query parameters, as text.
Parameters: TypeAlias = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request to the service; sending it twice has the same effect as once."""

    method: str
    path: str
    parameters: Parameters = field(default_factory=dict)
    content: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Send:
    """Send a request; the result is the response, or an ``httpx.RequestError`` is raised.

    If there is a ``sink``, the body of a successful response is passed to it piece by piece and
    not kept. ``deadline`` is the value of the monotonic clock at which the response must be
    complete; ``max_answer_mb`` is the largest size of its body.
    """

    request: HttpRequest
    sink: Callable[[bytes], object] | None
    deadline: float
    max_answer_mb: float


@dataclass(frozen=True, slots=True)
class Sleep:
    """Sleep for some seconds."""

    seconds: float


#: A generator that yields steps and finally returns a T.
Steps: TypeAlias = Generator["Send | Sleep", Any, T]
