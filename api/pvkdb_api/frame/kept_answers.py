"""Answers that show kept rankings, kept whole: who asks for the same needs no turn."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from dataclasses import replace
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pvkdb.store.curation.kept import Lag
from pvkdb_api.core.paths import API
from pvkdb_api.core.sessions import ServedStore

#: Beginnings of the paths whose answers are kept.
PATHS = (f"{API}/rankings/", f"{API}/compare", "/applications", "/compare")
#: Headers of requests that change these answers.
VARIED_BY = ("host", "accept", "accept-encoding", "if-none-match", "x-part")
#: Headers by which the service may know a caller.
CREDENTIALS = frozenset({"authorization", "cookie", "x-api-key"})
#: Seconds for which an answer is given again once the data have changed.
AGAIN_S = 60.0
#: Most answers kept, and bytes of their bodies; the least recently used one is dropped first.
MOST_KEPT, MOST_BYTES = 1000, 32 * 2**20


class _Answer(NamedTuple):
    messages: list[Message]
    size: int
    seen: int
    lag: Lag
    version: str
    route: Any
    made: float


class KeptAnswers:
    """ASGI middleware that gives an answer again while its data are current, or were just now.

    It never shows older data than a ranking may, and passes on whoever may be known.
    """

    def __init__(self, app: ASGIApp, served: ServedStore) -> None:
        self.app = app
        self.served = served
        self._answers: OrderedDict[Any, _Answer] = OrderedDict()
        self._making: WeakValueDictionary[Any, asyncio.Lock] = WeakValueDictionary()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request with what is kept, else pass it on and keep its answer."""
        if scope["type"] != "http" or not _may_share(request := Request(scope)):
            await self.app(scope, receive, send)
            return
        address = scope["scheme"], scope["path"], scope["query_string"]
        key = *address, *map(request.headers.get, VARIED_BY)
        async with self._making.setdefault(key, asyncio.Lock()):  # the first one makes it for all
            messages = self._again(key, scope)
            if messages is None:
                messages = []
                await self.app(scope, receive, _to(messages))
                self._keep(key, scope, messages)
        for message in messages:
            await send({**message})

    def _again(self, key: Any, scope: Scope) -> list[Message] | None:
        """Return the messages of the kept answer, if there is one that may be shown."""
        if (kept := self._answers.pop(key, None)) is None:
            return None
        age_s = self.served.watch.age_s(kept.seen)
        if min(age_s, time.monotonic() - kept.made) > AGAIN_S or age_s > self.served.most_lag_s:
            return None
        self._answers[key] = kept  # as the one that was used last
        scope["route"] = kept.route  # for the metrics
        scope["state"] |= {"lag": replace(kept.lag, shown_s=age_s), "dataset_version": kept.version}
        return kept.messages

    def _keep(self, key: Any, scope: Scope, messages: list[Message]) -> None:
        """Keep an answer that shows kept rankings, for as many as there is room for."""
        state = scope["state"]
        lag: Lag | None = state.get("lag")
        if lag is None or lag.seen is None or messages[0]["status"] not in (200, 304):
            return
        size = sum(len(message.get("body", b"")) for message in messages)
        of = lag.seen, lag, state["dataset_version"], scope["route"], time.monotonic()
        self._answers[key] = _Answer(messages, size, *of)
        sizes = [each.size for each in self._answers.values()]
        while len(sizes) > MOST_KEPT or sum(sizes) > MOST_BYTES:
            self._answers.popitem(last=False)
            del sizes[0]


def _may_share(request: Request) -> bool:
    """Return whether somebody unknown asks for what is kept, and not for the current state."""
    return (
        request.method == "GET"
        and request.url.path.startswith(PATHS)
        and CREDENTIALS.isdisjoint(request.headers)
        and "no-cache" not in request.headers.get("cache-control", "")
    )


def _to(messages: list[Message]) -> Send:
    async def collect(message: Message) -> None:
        messages.append(message)

    return collect
