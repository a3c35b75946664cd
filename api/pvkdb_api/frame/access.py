"""Who may do what: keys, scopes and rate limits, before and at the routes.

Programs bring a key in a header. A browser brings it in a cookie, which counts for pages alone.

:class:`Access` stands in front of every route: it finds out who asks, counts the request, and
lets nobody read who may not. A route that writes says which scope it takes with :func:`needs`;
without that it gets no session to write with (:data:`pvkdb_api.core.sessions.WriteSession`).
"""

from __future__ import annotations

import logging
import math
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
from pvkdb_api.core.audience import browser_key, wants_page
from pvkdb_api.core.callers import (
    Caller,
    ScopeMissingError,
    is_direct,
    is_local,
    key_caller,
    keyless_caller,
    network_of,
    presented_key,
)
from pvkdb_api.core.paths import ASSETS, SIGN_IN
from pvkdb_api.core.refusals import CHALLENGE, RETRY_AFTER, UNREACHABLE
from pvkdb_api.core.renderers import refuse, renderers_of
from pvkdb_api.core.sessions import ServedStore
from pvkdb_api.core.settings import ServiceSettings
from pvkdb_api.frame.rate_limits import TokenBuckets

#: What a probe asks, often and without a key.
OPEN_PATHS = frozenset({"/healthz", "/livez", "/readyz"})

#: What whoever signs in must get without a key.
SIGNING_IN = frozenset({SIGN_IN, f"{SIGN_IN}/out"})

NO_KEY_HERE = "This service requires an API key."

#: What Prometheus asks; without a key only where a setting says so.
METRICS = "/metrics"

NO_KEY = (
    "this needs a key; send it as 'Authorization: Bearer pvk_…' or 'X-API-Key: pvk_…'. The "
    "operators make keys with: pvkdb keys create NAME --scope SCOPE"
)
NO_KEY_LOCALLY = (
    f"{NO_KEY}. If only you use this machine: pvkdb serve --allow-local-writes takes writes from "
    "it without one"
)

_BEARER = HTTPBearer(
    scheme_name="bearer", description="A key of the service, pvk_…", auto_error=False
)
_HEADER = APIKeyHeader(
    name="X-API-Key", scheme_name="header", description="The same key.", auto_error=False
)

_log = logging.getLogger("pvkdb_api")


class Access:
    """ASGI middleware: the caller of each request, the rate limits, and who may read."""

    def __init__(self, app: ASGIApp, served: ServedStore, settings: ServiceSettings) -> None:
        self.app = app
        self.served = served
        self.settings = settings
        self.addresses = TokenBuckets(settings.rate_per_minute)
        self.keys = TokenBuckets(settings.key_rate_per_minute)
        self._open = OPEN_PATHS | {METRICS} if settings.open_metrics else OPEN_PATHS

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Pass a request on with its caller, or refuse it."""
        if scope["type"] != "http" or scope["path"] in self._open:
            await self.app(scope, receive, send)
            return
        if scope["path"].startswith(f"{ASSETS}/"):  # the same for everybody, a dozen for a page
            scope.setdefault("state", {})["dataset_version"] = self.served.known_version
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        refusal = await self._admit(request)
        if refusal is not None:
            if self.served.known_version is not None:  # spares the database in a flood
                request.state.dataset_version = self.served.known_version
            await refusal(scope, receive, send)
            return
        if self.settings.reading == "key":
            send = _private(send)
        await self.app(scope, receive, send)

    async def _admit(self, request: Request) -> Response | None:
        """None for who may come in, whose caller is then in the state of the request."""
        caller = keyless_caller(
            request, self.settings.reading == "open", self.settings.allow_local_writes
        )
        refused, in_browser = None, False
        try:
            key = presented_key(request)
            if key is None:
                key = browser_key(request)
                in_browser = key is not None
            if key is not None:
                request.state.key = found = await self._find(key)
                caller = key_caller(found, caller.address)
        except KeyRefusedError as error:
            refused = error
        except DatabaseError as error:
            _log.error("%s", error)
            return refuse(request, HTTPStatus.SERVICE_UNAVAILABLE, UNREACHABLE, headers=RETRY_AFTER)
        request.state.caller = caller
        wait = self._wait(request, caller)
        if wait:
            seconds = math.ceil(wait)
            return refuse(
                request,
                HTTPStatus.TOO_MANY_REQUESTS,
                f"too many requests; go on in {seconds} s",
                headers={"Retry-After": str(seconds)},
            )
        if refused is not None:
            if in_browser:
                reason = _of_browser(refused)
                return await renderers_of(request).ask_for_key(request, reason, forget=True)
            return refuse(request, HTTPStatus.UNAUTHORIZED, str(refused), headers=CHALLENGE)
        if Scope.READ not in caller.scopes and request.url.path not in SIGNING_IN:
            if wants_page(request):
                return await renderers_of(request).ask_for_key(request, NO_KEY_HERE)
            return refuse(request, HTTPStatus.UNAUTHORIZED, NO_KEY, headers=CHALLENGE)
        return None

    async def _find(self, key: str) -> KeyDocument:
        async with self.served.turns:
            return await run_in_threadpool(self._authenticate, key)

    def _authenticate(self, key: str) -> KeyDocument:
        with self.served.session(read_only=True) as session:
            return authenticate(session, key)

    def _wait(self, request: Request, caller: Caller) -> float:
        """Seconds to wait. Keys have their own buckets; this machine itself has none."""
        if caller.key_id is not None:
            return self.keys.take(caller.key_id)
        if is_direct(request):
            return 0.0
        return self.addresses.take(network_of(caller.address))


def caller_of(request: Request) -> Caller:
    """Who asks."""
    caller: Caller = request.state.caller
    return caller


#: The caller of the request, for a route that records who wrote.
CallerOf = Annotated[Caller, Depends(caller_of)]


def needs(scope: Scope) -> Any:
    """The dependency of a route that writes: refuses whoever lacks the scope.

    Raises:
        KeyRefusedError: there is no key.
        ScopeMissingError: the key lacks the scope.
    """

    def check(
        request: Request,
        bearer: Annotated[object, Security(_BEARER)],
        header: Annotated[object, Security(_HEADER)],
    ) -> None:
        caller = caller_of(request)
        if scope not in caller.scopes:
            if caller.key_id is None:
                raise KeyRefusedError(NO_KEY_LOCALLY if is_local(request) else NO_KEY)
            held = ", ".join(sorted(caller.scopes))
            raise ScopeMissingError(
                f"the key {caller.key_id} has the scopes {held} and lacks {scope.value!r}; ask "
                "the operators of this service for a key with it"
            )
        request.state.granted = scope

    return Depends(check)


def _of_browser(refused: KeyRefusedError) -> str:
    text = str(refused)
    return f"The key in this browser does not hold: {text}. The browser has forgotten it."


def _private(send: Send) -> Send:
    """What only holders of a key may read, no shared cache may keep."""

    async def send_private(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).setdefault("Cache-Control", "private")
        await send(message)

    return send_private
