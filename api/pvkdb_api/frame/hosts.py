"""The names under which the service answers. Starlette's own check refuses in plain text."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from pvkdb_api.core.callers import host_name
from pvkdb_api.core.renderers import refuse


class TrustedHosts:
    """ASGI middleware: a request under another name is refused, which stops DNS rebinding."""

    def __init__(self, app: ASGIApp, hosts: Sequence[str]) -> None:
        self.app = app
        self.hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on that names a host of ours."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        name = host_name(request.headers.get("host", ""))
        if any(_fits(name, pattern) for pattern in self.hosts):
            await self.app(scope, receive, send)
            return
        response = refuse(
            request,
            HTTPStatus.BAD_REQUEST,
            "this service does not answer under the host name of this request; its operators "
            "name hosts in PVKDB_TRUSTED_HOSTS",
        )
        await response(scope, receive, send)


def _fits(name: str, pattern: str) -> bool:
    if pattern == "*":
        return True
    if pattern.startswith("*."):
        return name.endswith(pattern[1:])
    return name == pattern
