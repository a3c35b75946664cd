"""Access control: keys, scopes and rate limits, before the routes and at them.

Programs send a key in a header. A browser sends it in a cookie, which counts for pages only.

:class:`Access` runs before every route: it identifies the caller, counts the request, and refuses
readers without access. A route that writes names its scope with :func:`needs`; without it, the
route cannot get a :data:`pvkdb_api.core.sessions.WriteSession`.
"""

from __future__ import annotations

import logging
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPBearer
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as AsgiScope

from pvkdb.errors import DatabaseError
from pvkdb.schemas.access import KeyDocument, Scope
from pvkdb.store.security.keys import KeyRefusedError, authenticate
from pvkdb_api.core import callers
from pvkdb_api.core.callers import Caller, is_local
from pvkdb_api.core.paths import ASSETS, SIGN_IN
from pvkdb_api.core.refusals import CHALLENGE, RETRY_AFTER, UNREACHABLE, Renderers, refuse
from pvkdb_api.core.sessions import ServedStore
from pvkdb_api.core.settings import LOCAL_KEY, ServiceSettings

#: Health probes, frequent and without a key.
OPEN_PATHS = frozenset({"/healthz", "/livez", "/readyz"})

#: Paths for signing in, which work without a key.
SIGNING_IN = frozenset({SIGN_IN, f"{SIGN_IN}/out"})

NO_KEY_HERE = "This service requires an API key."

#: Path for Prometheus; it works without a key only if a setting says so.
METRICS = "/metrics"

NO_KEY = (
    "this needs a key; send it as 'Authorization: Bearer pvk_…' or 'X-API-Key: pvk_…'. The "
    "operators make keys with: pvkdb keys create NAME --scope SCOPE"
)
LOCALLY = (
    ". If only you use this machine: pvkdb serve --allow-local-writes prints a key at each start"
)

#: Smallest burst: a page with its parts. Otherwise a tenth of the requests of a minute.
LEAST_BURST = 20

#: Most buckets kept; the least recently used ones are dropped first. The network must handle an
#: attacker with more addresses than this.
MOST_BUCKETS = 10_000

_BEARER = HTTPBearer(
    scheme_name="bearer", description="A key of the service, pvk_…", auto_error=False
)
_HEADER = APIKeyHeader(
    name="X-API-Key", scheme_name="header", description="The same key.", auto_error=False
)

_log = logging.getLogger("pvkdb_api")


class TokenBuckets:
    """Token buckets, one for each caller, that limit requests per minute but allow short bursts.

    The buckets live in the memory of one process, so several workers together admit several times
    as many requests. A limit shared by processes would need the database for every request.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_second = per_minute / 60
        self.burst = max(LEAST_BURST, per_minute // 10)
        self._clock = clock
        #: Name → (tokens left, time of the last update).
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str) -> float:
        """Take a token and return 0.0, or return the seconds until the next token."""
        if self.per_second == 0:
            return 0.0
        now = self._clock()
        left, since = self._buckets.pop(name, (float(self.burst), now))
        left = min(self.burst, left + (now - since) * self.per_second)
        wait = 0.0 if left >= 1 else (1 - left) / self.per_second
        self._buckets[name] = (left if wait else left - 1, now)
        if len(self._buckets) > MOST_BUCKETS:
            self._buckets.popitem(last=False)
        return wait

    def __len__(self) -> int:
        return len(self._buckets)


class Access:
    """ASGI middleware that identifies callers, limits their rates, and refuses unknown readers."""

    def __init__(self, app: ASGIApp, served: ServedStore, settings: ServiceSettings) -> None:
        self.app = app
        self.served = served
        self.settings = settings
        self.addresses = TokenBuckets(settings.rate_per_minute)
        self.keys = TokenBuckets(settings.key_rate_per_minute)
        self._open = OPEN_PATHS | {METRICS} if settings.open_metrics else OPEN_PATHS

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Pass on a request with its caller, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if scope["path"] in self._open or scope["path"].startswith(f"{ASSETS}/"):
            # Probes must not wait for the database, and a page has a dozen assets.
            scope.setdefault("state", {})["dataset_version"] = self.served.known_version
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        refusal = await self._admit(request)
        if refusal is not None:
            request.state.dataset_version = self.served.known_version  # spares the database
            await refusal(scope, receive, send)
            return
        if self.settings.reading == "key":
            send = _private(send)
        await self.app(scope, receive, send)

    async def _admit(self, request: Request) -> Response | None:
        """Return a refusal, or None after storing the caller in the state of the request."""
        caller = callers.keyless_caller(request, self.settings.reading == "open")
        refused, in_browser = None, False
        try:
            key = callers.presented_key(request)
            if key is None:
                key = callers.browser_key(request)
                in_browser = key is not None
            if key is not None and key.startswith(LOCAL_KEY):
                caller = callers.local_caller(request, key) or caller
            elif key is not None:
                async with self.served.turns:
                    found = await run_in_threadpool(self._authenticate, key)
                request.state.key = found
                caller = callers.key_caller(found, caller.address)
        except KeyRefusedError as error:
            refused = error
        except DatabaseError as error:
            _log.error("%s", error)
            return refuse(request, HTTPStatus.SERVICE_UNAVAILABLE, UNREACHABLE, headers=RETRY_AFTER)
        request.state.caller = caller
        renderers: Renderers = request.app.state.renderers
        if wait := math.ceil(self._wait(request, caller)):
            detail, after = f"too many requests; go on in {wait} s", {"Retry-After": str(wait)}
            return refuse(request, HTTPStatus.TOO_MANY_REQUESTS, detail, headers=after)
        if refused is not None:
            if in_browser:
                reason = f"The key in this browser is not valid: {refused}."
                reason += " The browser has deleted it."
                return await renderers.ask_for_key(request, reason, forget=True)
            return refuse(request, HTTPStatus.UNAUTHORIZED, str(refused), headers=CHALLENGE)
        if Scope.READ not in caller.scopes and request.url.path not in SIGNING_IN:
            if callers.wants_page(request):
                return await renderers.ask_for_key(request, NO_KEY_HERE)
            return refuse(request, HTTPStatus.UNAUTHORIZED, NO_KEY, headers=CHALLENGE)
        return None

    def _authenticate(self, key: str) -> KeyDocument:
        with self.served.session() as session:
            return authenticate(session, key)

    def _wait(self, request: Request, caller: Caller) -> float:
        """Return the seconds until the caller's next token; callers on this machine never wait."""
        if caller.key_id is not None:
            return self.keys.take(caller.key_id)
        if callers.is_direct(request):
            return 0.0
        return self.addresses.take(callers.network_of(caller.address))


def caller_of(request: Request) -> Caller:
    """Return the caller of a request."""
    caller: Caller = request.state.caller
    return caller


def needs(scope: Scope, locally: bool = False) -> Any:
    """Return the dependency of a route that writes; it refuses callers without the scope.

    With ``locally``, the route only reads, and callers on this machine need no scope.

    Raises:
        KeyRefusedError: the request has no key.
        ScopeMissingError: the key lacks the scope.
    """

    def check(
        request: Request,
        bearer: Annotated[object, Security(_BEARER)],
        header: Annotated[object, Security(_HEADER)],
    ) -> None:
        caller = caller_of(request)
        if locally and is_local(request):
            return
        if scope not in caller.scopes:
            if caller.key_id is None:
                raise KeyRefusedError(NO_KEY + (LOCALLY if is_local(request) else ""))
            raise callers.ScopeMissingError(caller, scope)
        request.state.granted = scope

    return Depends(check)


def _private(send: Send) -> Send:
    """Mark answers that need a key as private, so that shared caches do not keep them."""

    async def send_private(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).setdefault("Cache-Control", "private")
        await send(message)

    return send_private
