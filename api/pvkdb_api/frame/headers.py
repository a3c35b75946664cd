"""What every response carries, and the last resort for an error nobody foresaw."""

from __future__ import annotations

import logging

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pvkdb_api.core.renderers import refuse
from pvkdb_api.core.sessions import ServedStore

#: Headers that no route needs to think of; a route that sets one itself keeps its own.
SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # Of what programs read; pages bring their own.
    "Content-Security-Policy": (
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
}

#: Over TLS only: the browser then asks for nothing else for a year.
TRANSPORT = "max-age=31536000"

_log = logging.getLogger("pvkdb_api")


class Headers:
    """ASGI middleware: the security headers and ``X-Dataset-Version`` on every response."""

    def __init__(self, app: ASGIApp, served: ServedStore) -> None:
        self.app = app
        self.served = served

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; add the headers when its response starts."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                # A route with a session has read it; errors of routing and static pages have not.
                version = state.get("dataset_version")
                if version is None:
                    version = await run_in_threadpool(self.served.version)
                headers = MutableHeaders(scope=message)
                headers["X-Dataset-Version"] = version
                for name, value in SECURITY.items():
                    headers.setdefault(name, value)
                if scope["scheme"] == "https":
                    headers.setdefault("Strict-Transport-Security", TRANSPORT)
            await send(message)

        try:
            await self.app(scope, receive, send_with_headers)
        except Exception:
            if started:
                raise
            _log.exception("%s %s failed", scope["method"], scope["path"])
            response = refuse(Request(scope), 500, "the service failed; its log holds the reason")
            await response(scope, receive, send_with_headers)
