"""Limits of a request: its host name, the size and JSON of its body, the time of its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import Response
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pvkdb.schemas import parse_json
from pvkdb.schemas.access import Scope as ApiScope
from pvkdb_api.core.callers import parse_origin, served_origin
from pvkdb_api.core.paths import API
from pvkdb_api.core.refusals import refuse
from pvkdb_api.core.sessions import RequestDeadline

#: Paths that take a paper.
PAPERS = frozenset({"/draft", f"{API}/drafts"})

_TOO_LARGE = "the body is larger than {} bytes; send less at a time"


class TrustedHosts:
    """ASGI middleware that refuses malformed addresses and requests to other host names.

    Naming the hosts stops DNS rebinding. Starlette's own middleware refuses in plain text only.
    """

    def __init__(self, app: ASGIApp, hosts: Sequence[str]) -> None:
        self.app = app
        self.hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a request to a trusted host name; without such names, to any."""
        answer = self.app
        if scope["type"] == "http" and (detail := self._problem(request := Request(scope))):
            answer = refuse(request, HTTPStatus.BAD_REQUEST, detail)
        await answer(scope, receive, send)

    def _problem(self, request: Request) -> str | None:
        origins = request.headers.getlist("origin")
        own = served_origin(request)
        if own is None or len(request.headers.getlist("host")) > 1:
            return "the header Host must be one HOST or HOST:PORT, e.g. localhost:8000"
        if len(origins) > 1 or any(
            origin != "null" and parse_origin(origin) is None for origin in origins
        ):
            return "the header Origin must be one SCHEME://HOST:PORT or null"
        if self.hosts and not any(_fits(own.host, pattern) for pattern in self.hosts):
            return (
                "this service does not answer under the host name of this request; its operators "
                "name hosts in PVKDB_TRUSTED_HOSTS"
            )
        return None


def _fits(name: str, pattern: str) -> bool:
    if pattern == "*":
        return True
    if pattern.startswith("*."):
        return name.endswith(pattern[1:])
    return name == pattern


class BodyLimit:
    """ASGI middleware that refuses larger bodies with status 413.

    A body whose length is in the headers is refused before it is read, others as soon as they are
    too long. Papers, from callers who may import, have a limit of their own.
    """

    def __init__(self, app: ASGIApp, most_bytes: int, most_of_papers: int) -> None:
        self.app = app
        self.most_bytes = most_bytes
        self.most_of_papers = most_of_papers

    def _most(self, scope: Scope) -> int:
        caller = scope.get("state", {}).get("caller")  # not known yet where a length is checked
        may_import = caller is None or ApiScope.IMPORT in caller.scopes
        of_papers = scope["path"] in PAPERS and may_import
        return max(self.most_bytes, self.most_of_papers) if of_papers else self.most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, counting the bytes of its body."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        length = request.headers.get("content-length", "")
        if length.isdecimal() and int(length[:20]) > (most := self._most(scope)):
            response = refuse(request, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _TOO_LARGE.format(most))
            await response(scope, receive, send)
            return
        read = 0

        async def receive_counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > (most := self._most(scope)):
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _TOO_LARGE.format(most))
            return message

        await self.app(scope, receive_counted, send)


class JsonRoute(APIRoute):
    """A route whose body must be JSON as :func:`pvkdb.schemas.parse_json` reads it."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        """Return the handler of a request, which FastAPI lets parse the body."""
        handle = super().get_route_handler()

        async def handle_json(request: Request) -> Response:
            return await handle(_JsonRequest(request.scope, request.receive))

        return handle_json


class _JsonRequest(Request):
    async def json(self) -> Any:
        return await run_in_threadpool(parse_json, await self.body())  # up to a MiB: 0.2 s


class TimeLimit:
    """ASGI middleware that answers 504 if an answer has not begun in time, and stops the database.

    An answer that has begun may continue, since long exports are legitimate.

    A plain route runs in a thread, which cannot be ended from outside. So the 504 is sent while
    the route still runs, its current statement is interrupted, and its late answer is dropped.
    """

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        self.app = app
        self.seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on under a deadline."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        deadline = RequestDeadline(self.seconds)
        scope.setdefault("state", {})["deadline"] = deadline
        # Of its own: an application mounted below puts itself into the scope.
        asked = Request(dict(scope))
        ending: list[asyncio.Task[None]] = []
        begun = False

        async def send_in_time(message: Message) -> None:
            nonlocal begun
            if ending:
                return
            begun = True
            timer.cancel()
            await send(message)

        async def end() -> None:
            detail = f"no answer within {self.seconds:g} s; ask for less, or again later"
            response = refuse(asked, HTTPStatus.GATEWAY_TIMEOUT, detail)
            loop = asyncio.get_running_loop()
            stopping = loop.run_in_executor(None, deadline.stop)
            await response(scope, receive, send)
            await stopping

        def end_unless_begun() -> None:
            if not begun:
                ending.append(asyncio.create_task(end()))

        timer = asyncio.get_running_loop().call_later(self.seconds, end_unless_begun)
        try:
            await self.app(scope, receive, send_in_time)
        except Exception:
            if not ending:
                raise
        finally:
            timer.cancel()
            for task in ending:
                await task
