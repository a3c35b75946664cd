"""The service as the client sees it: its address, its key and its description. No I/O."""

from __future__ import annotations

import uuid
from urllib.parse import quote

import httpx

from pvkdb._version import __version__
from pvkdb.client._io.description import Description
from pvkdb.client._io.retrying import Patience, Sink, exchange
from pvkdb.client._io.steps import HttpRequest, Parameters, Steps
from pvkdb.client.errors import UnavailableError
from pvkdb.errors import InputError, PvkdbError

API = "/api/v1"


class Service:
    """Makes the requests of one client."""

    def __init__(
        self, url: str, api_key: str | None, retries: int, patience_s: float, progress: bool
    ) -> None:
        if retries < 0:
            raise InputError(f"retries={retries} is negative; use 0 to try only once")
        if not patience_s >= 0:
            raise InputError(f"patience_s={patience_s} is negative; use 0 for none")
        self.url = _checked_url(url)
        self.headers = {"User-Agent": f"pvkdb/{__version__}"}
        if api_key is not None:
            self.headers["Authorization"] = f"Bearer {_checked_key(api_key)}"
        self.progress = progress
        self._first = Patience(retries)
        self._middle = Patience(retries, patience_s)
        self._description: Description | None = None

    def read(
        self,
        path: str,
        parameters: Parameters | None = None,
        *,
        middle: bool = False,
        sink: Sink | None = None,
    ) -> Steps[httpx.Response]:
        """Send a GET request; retried while the service is busy.

        Args:
            path: path below the service's address.
            parameters: query parameters.
            middle: whether the request continues something, which is retried for longer.
            sink: receives the body instead of the response.
        """
        patience = self._middle if middle else self._first
        return exchange(HttpRequest("GET", path, parameters or {}), self.url, patience, sink)

    def read_once(self, path: str) -> Steps[httpx.Response]:
        """Send a GET request once, without retries."""
        return exchange(HttpRequest("GET", path), self.url, Patience(0))

    def compute(self, path: str, content: str) -> Steps[httpx.Response]:
        """Send a POST request that changes nothing; retried like a GET request."""
        request = HttpRequest("POST", path, content=content, headers=_JSON)
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
        request = HttpRequest("POST", path, parameters or {}, content=content, headers=headers)
        return exchange(request, self.url, self._first)

    def describe(self) -> Steps[Description]:
        """Return the OpenAPI description of the service, fetched once.

        It is empty if the service provides none; filters are then not checked by the client.
        """
        if self._description is None:
            try:
                answer = yield from self.read("/openapi.json")
                self._description = Description.read(answer)
            except UnavailableError:
                raise
            except PvkdbError:
                self._description = Description({})
        return self._description


_JSON = {"Content-Type": "application/json"}


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
