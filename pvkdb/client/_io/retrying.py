"""Sending a request again where the service says "not now" or cannot be reached. No I/O."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol

import httpx

from pvkdb.client._io.answers import raise_for_problem, retry_after
from pvkdb.client._io.steps import Request, Sleep, Steps, send
from pvkdb.client.errors import UnavailableError

#: Answers that say "not now".
RETRIED = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)

#: Seconds before the first repetition; doubled each time, unless the service says how long.
FIRST_PAUSE_S = 0.25
#: Pauses grow no longer than this, so that a restarted service is soon noticed.
LONGEST_PAUSE_S = 5.0
#: A service that asks to wait longer than this is taken at its word: the error says how long.
LONGEST_RETRY_AFTER_S = 60.0


class Sink(Protocol):
    """Where the body of an answer goes, piece by piece."""

    def begin(self) -> None:
        """Forget what an attempt that broke off has brought."""

    def write(self, piece: bytes) -> object:
        """Take a piece."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How often, or for how long, a request is repeated.

    ``retries`` counts the repetitions. ``patience_s`` is for requests in the middle of something
    that has begun (the next page, the state of a calculation): those go on for so many seconds,
    however often, since a service that has answered once will come back.
    """

    retries: int
    patience_s: float = 0.0

    def pauses_again(self, attempts: int, waited_s: float) -> bool:
        """Whether to try again after so many attempts in so many seconds."""
        return attempts <= self.retries or waited_s < self.patience_s


def exchange(
    request: Request, url: str, patience: Patience, sink: Sink | None = None
) -> Steps[httpx.Response]:
    """A good answer to a request.

    Raises:
        PvkdbError: see :func:`raise_for_problem`; :class:`UnavailableError` where no answer came.
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
        # Clients that lost the service together come back one after the other.
        yield Sleep(pause_s * random.uniform(0.75, 1.25) if asked_s is None else asked_s)
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


def _unreachable(url: str, error: httpx.RequestError) -> UnavailableError:
    reason = str(error) or type(error).__name__
    return UnavailableError(
        f"{url} cannot be reached: {reason}; check the address, or start a service "
        "with: pvkdb serve"
    )
