"""Retrying a request when the service is busy or cannot be reached. No I/O."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol

import httpx

from pvkdb.client._io.answers import raise_for_problem, retry_after
from pvkdb.client._io.steps import HttpRequest, Sleep, Steps, send
from pvkdb.client.errors import UnavailableError

#: Statuses after which a request is repeated.
RETRIED = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)

#: Seconds before the first retry; doubled each time, unless the service names a time.
FIRST_PAUSE_S = 0.25
#: Longest pause in seconds, so that a restarted service is soon noticed.
LONGEST_PAUSE_S = 5.0
#: Longest ``Retry-After`` in seconds that is waited for; a longer one is reported in the error.
LONGEST_RETRY_AFTER_S = 60.0


class Sink(Protocol):
    """Receiver of the body of a response, piece by piece."""

    def begin(self) -> None:
        """Discard what an interrupted attempt has written."""

    def write(self, piece: bytes) -> object:
        """Write a piece of the body."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How often, or for how long, a request is repeated.

    ``retries`` is the number of repetitions. ``patience_s`` applies to requests that continue
    something (the next page, the state of a calculation): they are repeated for that many
    seconds, since a service that has answered once is expected to come back.
    """

    retries: int
    patience_s: float = 0.0

    def pauses_again(self, attempts: int, waited_s: float) -> bool:
        """Return whether to try the request again after these attempts and seconds."""
        return attempts <= self.retries or waited_s < self.patience_s


def exchange(
    request: HttpRequest, url: str, patience: Patience, sink: Sink | None = None
) -> Steps[httpx.Response]:
    """Return the successful response to a request.

    Raises:
        PvkdbError: see :func:`raise_for_problem`; :class:`UnavailableError` without a response.
    """
    attempts, began, pause_s = 0, time.monotonic(), FIRST_PAUSE_S
    while True:
        if sink is not None:
            sink.begin()
        attempts += 1
        asked_s = None
        again = request.repeatable and patience.pauses_again(attempts, time.monotonic() - began)
        try:
            response = yield from send(request, sink.write if sink is not None else None)
        except httpx.RequestError as error:
            if not again:
                raise _unreachable(url, error) from error
        else:
            if response.status_code in RETRIED:
                asked_s = retry_after(response)
            if (
                response.status_code not in RETRIED
                or not again
                or (asked_s is not None and asked_s > LONGEST_RETRY_AFTER_S)
            ):
                raise_for_problem(response)
                return response
        # Random pauses: clients that lost the service at the same time return one by one.
        yield Sleep(pause_s * random.uniform(0.75, 1.25) if asked_s is None else asked_s)
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


def _unreachable(url: str, error: httpx.RequestError) -> UnavailableError:
    reason = str(error) or type(error).__name__
    return UnavailableError(
        f"{url} cannot be reached: {reason}; check the address, or start a service "
        "with: pvkdb serve"
    )
