"""Requests to the service, with its address and key, and their retries. No I/O."""

from __future__ import annotations

import os
import random
import time
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import quote

import httpx

from pvkdb._version import __version__
from pvkdb.client._io.answers import parse, raise_for_problem, retry_after
from pvkdb.client._io.steps import HttpRequest, Parameters, Send, Sleep, Steps
from pvkdb.client.errors import UnavailableError
from pvkdb.errors import InputError, PvkdbError

if TYPE_CHECKING:
    from pvkdb.schemas.responses import FilterInfo

API = "/api/v1"

#: Statuses after which a request is repeated.
RETRIED = frozenset({429, 502, 503, 504})
#: Seconds before the first retry; doubled each time, unless the service names a time.
FIRST_PAUSE_S = 0.25
#: Variables of the environment with the address of the service, and the key for it.
URL, API_KEY = "PVKDB_URL", "PVKDB_API_KEY"
#: Longest pause in seconds, so that a restarted service is soon noticed.
LONGEST_PAUSE_S = 5.0
#: Longest ``Retry-After`` in seconds that is waited for; a longer one is reported in the error.
LONGEST_RETRY_AFTER_S = 60.0


class Service:
    """Makes the requests of one client."""

    def __init__(
        self, url: str | None, api_key: str | None, patience: Patience, progress: bool
    ) -> None:
        if url is None:
            # The key of the environment is only sent to the address of the environment.
            url, api_key = os.environ.get(URL), api_key or os.environ.get(API_KEY) or None
            if not url:
                raise InputError(f"no address of a service is given; write it, or set {URL}")
        for name, value in asdict(patience).items():
            if not value >= 0:
                raise InputError(f"{name}={value} is negative; use 0 for none")
        self.url = _checked_url(url)
        self.headers = {"User-Agent": f"pvkdb/{__version__}", "Accept-Encoding": "gzip"}
        if api_key is not None:
            self.headers["Authorization"] = f"Bearer {_checked_key(api_key)}"
        self.progress = progress
        self._first, self._middle = replace(patience, patience_s=0.0), patience
        self._filters: dict[str, Mapping[str, FilterInfo]] = {}
        #: Headers of what is read; who has imported sees it also in rankings, which may lag.
        self._reading: dict[str, str] = {}

    def read(
        self,
        path: str,
        parameters: Parameters | None = None,
        *,
        middle: bool = False,
        sink: BinaryIO | None = None,
    ) -> Steps[httpx.Response]:
        """Send a GET request; retried while the service is busy.

        Args:
            path: path below the service's address.
            parameters: query parameters.
            middle: whether the request continues something, which is retried for longer.
            sink: file that receives the body; emptied before each attempt.
        """
        patience = self._middle if middle else self._first
        request = HttpRequest("GET", path, parameters or {}, headers=self._reading)
        return exchange(request, self.url, patience, sink)

    def read_once(self, path: str) -> Steps[httpx.Response]:
        """Send a GET request once, without retries."""
        return exchange(HttpRequest("GET", path), self.url, replace(self._first, retries=0))

    def compute(self, path: str, content: str) -> Steps[httpx.Response]:
        """Send a POST request that changes nothing; retried like a GET request."""
        request = HttpRequest(
            "POST", path, content=content, headers={"Content-Type": "application/json"}
        )
        return exchange(request, self.url, self._first)

    def write(
        self,
        path: str,
        content: str | None,
        idempotency_key: str | None = None,
        *,
        parameters: Parameters | None = None,
        media_type: str = "application/json",
    ) -> Steps[httpx.Response]:
        """Send a POST request that writes; its ``Idempotency-Key`` makes it safe to retry."""
        key = uuid.uuid4().hex if idempotency_key is None else _checked_key(idempotency_key)
        headers = {"Idempotency-Key": key}
        if content is not None:
            headers["Content-Type"] = media_type
        if path.startswith(path_of("import")):
            self._reading["Cache-Control"] = "no-cache"
        request = HttpRequest("POST", path, parameters or {}, content=content, headers=headers)
        return exchange(request, self.url, self._first)

    def filters(self, name: str) -> Steps[Mapping[str, FilterInfo]]:
        """Return the filters of a collection; none if the service does not describe it."""
        from pvkdb.schemas.responses import CollectionFields

        if name not in self._filters:
            found: list[FilterInfo] = []
            try:
                answer = yield from self.read(path_of(name, "fields"))
                found = parse(CollectionFields, answer).filters
            except UnavailableError:
                raise
            except PvkdbError:
                pass
            self._filters[name] = {each.name: each for each in found}
        return self._filters[name]


@dataclass(frozen=True, slots=True)
class Patience:
    """How often, or for how long, a request is repeated, and the limits of each request.

    ``retries`` is the number of repetitions. ``patience_s`` applies to requests that continue
    something (the next page, the state of a calculation): they are repeated for that many
    seconds, since a service that has answered once is expected to come back. After ``limit_s``
    seconds a request has failed, with its repetitions and the whole of its answer.
    """

    retries: int
    patience_s: float = 0.0
    limit_s: float = 600.0
    max_answer_mb: float = 1000.0


def exchange(
    request: HttpRequest, url: str, patience: Patience, sink: BinaryIO | None = None
) -> Steps[httpx.Response]:
    """Return the successful response to a request; its body goes to the file ``sink``, if given.

    Raises:
        PvkdbError: see :func:`raise_for_problem`; :class:`UnavailableError` without a response.
    """
    attempts, began, pause_s = 0, time.monotonic(), FIRST_PAUSE_S
    end = began + patience.limit_s
    while True:
        if sink is not None:
            sink.seek(0)
            sink.truncate()
        attempts += 1
        asked_s = None
        again = attempts <= patience.retries or time.monotonic() - began < patience.patience_s
        try:
            response: httpx.Response = yield Send(
                request, sink.write if sink is not None else None, end, patience.max_answer_mb
            )
        except httpx.RequestError as error:
            late = time.monotonic() + pause_s > end
            if late or not again:
                reason = str(error) or type(error).__name__
                if late:
                    reason = f"no complete answer within limit_s={patience.limit_s:g} s ({reason})"
                raise UnavailableError(
                    f"{url} cannot be reached: {reason}; check the address, or start a service "
                    "with: pvkdb serve"
                ) from error
        else:
            if response.status_code in RETRIED:
                asked_s = retry_after(response)
            longest_s = min(LONGEST_RETRY_AFTER_S, end - time.monotonic())
            if (
                response.status_code not in RETRIED
                or not again
                or (pause_s if asked_s is None else asked_s) > longest_s
            ):
                raise_for_problem(response)
                return response
        # Random pauses: clients that lost the service at the same time return one by one.
        yield Sleep(pause_s * random.uniform(0.75, 1.25) if asked_s is None else asked_s)
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


def path_of(*names: str) -> str:
    """Return a path of the REST interface, every name quoted."""
    return "/".join([API, *(quote(name, safe="") for name in names)])


def _checked_url(url: str) -> str:
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, TypeError) as error:
        raise InputError(f"{url!r} is not an address: {error}") from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise InputError(f"{url!r} is not the address of a service; write http://HOST:PORT")
    return url.rstrip("/")


def _checked_key(key: str) -> str:
    if not key or not key.isascii() or not key.isprintable() or key.strip() != key:
        raise InputError("the key contains characters that are not allowed in a key; copy it again")
    return key
