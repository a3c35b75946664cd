"""What a client does, as steps that somebody else carries out. No I/O.

Whatever takes more than one request (trying again, paging, waiting) is written once, as a
generator that yields steps and is sent their outcome::

    def get(self, key: str) -> Steps[Row]:
        answer = yield from self._service.read(f"/devices/{key}")
        return parse(Row, answer)

:mod:`pvkdb.client._io.carriers` carries the steps of :class:`~pvkdb.client.Client` out with
blocking calls, and the same steps of :class:`~pvkdb.client.AsyncClient` with awaited ones.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

import httpx

T = TypeVar("T")

#: Query parameters, as they travel.
Parameters: TypeAlias = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Request:
    """A request to the service. ``repeatable`` says that sending it twice does no harm."""

    method: str
    path: str
    parameters: Parameters = field(default_factory=dict)
    content: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool = True


@dataclass(frozen=True, slots=True)
class Send:
    """Send a request; the outcome is the answer, or an ``httpx.RequestError`` is thrown in.

    With a ``sink``, the body of a good answer goes there piece by piece and is not kept.
    """

    request: Request
    sink: Callable[[bytes], object] | None = None


@dataclass(frozen=True, slots=True)
class Sleep:
    """Let time pass."""

    seconds: float


#: A generator that yields steps and in the end returns a T.
Steps: TypeAlias = Generator["Send | Sleep", Any, T]


def send(request: Request, sink: Callable[[bytes], object] | None = None) -> Steps[httpx.Response]:
    """One request and its answer, whatever that is."""
    answer: httpx.Response = yield Send(request, sink)
    return answer
