"""The connection to a service: sending, and trying again where that is safe."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import httpx

from pvkdb import __version__
from pvkdb.client._answers import raise_for_problem
from pvkdb.errors import InputError, ServiceError

API = "/api/v1"

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
BACKOFF_S = 0.25
LONGEST_WAIT_S = 60.0


class Connection:
    """Sends requests to one service."""

    def __init__(
        self,
        url: str,
        api_key: str | None,
        timeout: float,
        retries: int,
        transport: httpx.BaseTransport | None,
    ) -> None:
        if retries < 0:
            raise InputError(f"retries={retries} is negative; use 0 to try only once")
        headers = {"User-Agent": f"pvkdb/{__version__}"}
        if api_key is not None:
            headers["Authorization"] = f"Bearer {_checked(api_key)}"
        self.url = _service(url)
        self.retries = retries
        self._http = httpx.Client(
            base_url=self.url, headers=headers, timeout=timeout, transport=transport
        )

    def get(
        self,
        path: str,
        parameters: Mapping[str, str] | None = None,
        retries: int | None = None,
    ) -> httpx.Response:
        """Ask for something; asked again while the service cannot be reached or says "not now".

        Raises:
            InputError, NotFoundError, ServiceError: see :func:`raise_for_problem`.
        """
        left = self.retries if retries is None else retries
        wait = BACKOFF_S
        while True:
            pause = wait
            try:
                response = self._http.get(path, params=parameters)
            except httpx.TransportError as error:
                if left == 0:
                    raise self._unreachable(error) from error
            else:
                if left == 0 or response.status_code not in RETRIED:
                    raise_for_problem(response)
                    return response
                pause = _retry_after(response) or wait
            time.sleep(min(pause, LONGEST_WAIT_S))
            left -= 1
            wait *= 2

    def post(self, path: str, content: str) -> httpx.Response:
        """Send a JSON document, once.

        Raises:
            InputError, NotFoundError, ServiceError: see :func:`raise_for_problem`.
        """
        try:
            response = self._http.post(
                path, content=content, headers={"Content-Type": "application/json"}
            )
        except httpx.TransportError as error:
            raise self._unreachable(error) from error
        raise_for_problem(response)
        return response

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _unreachable(self, error: httpx.TransportError) -> ServiceError:
        reason = str(error) or type(error).__name__
        return ServiceError(
            f"{self.url} cannot be reached: {reason}; check the address, or start a service "
            "with: pvkdb serve"
        )


def _service(url: str) -> str:
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, TypeError) as error:
        raise InputError(f"{url!r} is not an address: {error}") from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise InputError(f"{url!r} is not the address of a service; write http://HOST:PORT")
    return url.rstrip("/")


def _checked(api_key: str) -> str:
    if not api_key.isascii() or not api_key.isprintable() or api_key.strip() != api_key:
        raise InputError("the API key holds characters that no key has; copy it again")
    return api_key


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds that the service asks to wait, given as a number or as a date."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())
