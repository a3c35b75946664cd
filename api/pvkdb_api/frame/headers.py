"""The headers of every response, answers to HEAD, and the answer to unexpected errors."""

from __future__ import annotations

import logging
from math import ceil

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pvkdb_api.core.refusals import refuse
from pvkdb_api.core.sessions import ServedStore

#: Default security headers; routes may set their own values.
SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # For programs; pages set their own policy.
    "Content-Security-Policy": (
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
}

#: Over TLS only: the browser then uses TLS only, for a year.
TRANSPORT = "max-age=31536000"

_log = logging.getLogger("pvkdb_api")


class Headers:
    """ASGI middleware that adds the security headers and ``X-Dataset-Version``.

    It answers HEAD like GET, without the body (RFC 9110, section 9.3.2).
    """

    def __init__(self, app: ASGIApp, served: ServedStore, processes: int = 1) -> None:
        self.app = app
        self.served = served
        self.processes = processes
        self.running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a request; add the headers when its response starts."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        self.running += 1
        state = scope.setdefault("state", {})
        started = False
        # The server in front reads the method of the scope while an answer is sent.
        inner = scope
        if scope["method"] == "HEAD":
            inner, state["head"] = {**scope, "method": "GET"}, True

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                # Routes with a session have read it; routing errors and static pages have not.
                version = state.get("dataset_version") or await self.served.version()
                headers = MutableHeaders(scope=message)
                if (lag := state.get("lag")) is not None and lag.shown_s:
                    version = lag.version or version
                    headers["Age"] = str(ceil(lag.shown_s))  # RFC 9111, section 5.1
                headers["X-Dataset-Version"] = version
                for name, value in SECURITY.items():
                    headers.setdefault(name, value)
                # A kept connection stays with one process. A busy process closes it, so that the
                # client reconnects and a free process accepts it.
                if self.processes > 1 and self.running > 1:
                    headers["Connection"] = "close"
                if scope["scheme"] == "https":
                    headers.setdefault("Strict-Transport-Security", TRANSPORT)
            elif inner is not scope:
                message = {**message, "body": b""}
            await send(message)

        try:
            await self.app(inner, receive, send_with_headers)
        except Exception:
            if started:
                raise
            _log.exception("%s %s failed", scope["method"], scope["path"])
            response = refuse(Request(scope), 500, "the service failed; its log holds the reason")
            await response(scope, receive, send_with_headers)
        finally:
            self.running -= 1
            scope.update(inner, method=scope["method"])  # the route, for the metrics
