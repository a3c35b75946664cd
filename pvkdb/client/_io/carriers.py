"""Carrying out steps with blocking or awaited calls. All I/O of the client is here.

:class:`operation` turns a method written as steps into a method of both clients::

    class CollectionOperations(ClientPart):
        @operation
        def get(self, key: str) -> Steps[Row]: ...

    class Collection(CollectionOperations, Blocking): ...        # get(key) returns a Row
    class AsyncCollection(CollectionOperations, Awaiting): ...   # await get(key) returns it
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

import httpx

from pvkdb.client._io.answers import Body
from pvkdb.client._io.service import Service
from pvkdb.client._io.steps import Send, Sleep, Steps

P = ParamSpec("P")
T = TypeVar("T")
BlockingT = TypeVar("BlockingT")
AwaitingT = TypeVar("AwaitingT")

#: When the blocking request of this thread must be complete, on the monotonic clock.
_deadline: ContextVar[float] = ContextVar("deadline", default=math.inf)


class ClientPart:
    """A part of a client, with the service and the connections that it uses."""

    def __init__(self, service: Service, http: Any) -> None:
        self._service = service
        self._http = http


class Blocking(ClientPart):
    """A part of a client that carries out steps with blocking calls."""

    _http: httpx.Client

    def _run(self, steps: Steps[T]) -> T:
        try:
            step = next(steps)
            while True:
                try:
                    outcome = self._carry_out(step)
                except httpx.RequestError as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(outcome)
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            steps.close()

    def _carry_out(self, step: Send | Sleep) -> httpx.Response | None:
        if isinstance(step, Sleep):
            time.sleep(step.seconds)
            return None
        _deadline.set(step.deadline)
        request = _http_request(self._http, step)
        request.extensions["trace"] = _limit_reads
        response = self._http.send(request, stream=True)
        try:
            body = Body(response, step)
            for piece in response.iter_bytes():
                body.add(piece)
        finally:
            response.close()
        return body.response()


class Awaiting(ClientPart):
    """A part of a client that carries out steps with awaited calls, under asyncio or trio."""

    _http: httpx.AsyncClient

    async def _run(self, steps: Steps[T]) -> T:
        try:
            step = next(steps)
            while True:
                try:
                    outcome = await self._carry_out(step)
                except httpx.RequestError as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(outcome)
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            steps.close()

    async def _carry_out(self, step: Send | Sleep) -> httpx.Response | None:
        import anyio  # httpx sleeps with it, too

        if isinstance(step, Sleep):
            await anyio.sleep(step.seconds)
            return None
        request = _http_request(self._http, step)
        try:
            with anyio.fail_after(step.deadline - time.monotonic()):
                response = await self._http.send(request, stream=True)
                try:
                    body = Body(response, step)
                    async for piece in response.aiter_bytes():
                        body.add(piece)
                finally:
                    await response.aclose()
        except TimeoutError as error:
            raise httpx.ReadTimeout("the answer is not complete") from error
        return body.response()


class operation(Generic[P, T]):  # noqa: N801 - used as a decorator, like property
    """Make a method written as steps a blocking call in Blocking, an awaited one in Awaiting."""

    def __init__(self, steps: Callable[Concatenate[Any, P], Steps[T]]) -> None:
        self._steps = steps
        functools.update_wrapper(self, steps)  # type: ignore[arg-type]  # a method, not a type

    @overload
    def __get__(self, instance: None, owner: object) -> Callable[Concatenate[Any, P], Steps[T]]: ...

    @overload
    def __get__(self, instance: Blocking, owner: object) -> Callable[P, T]: ...

    @overload
    def __get__(self, instance: Awaiting, owner: object) -> Callable[P, Coroutine[Any, Any, T]]: ...

    def __get__(self, instance: Any, owner: object) -> Any:
        if instance is None:
            return self._steps

        @functools.wraps(self._steps)
        def call(*arguments: P.args, **named: P.kwargs) -> Any:
            return instance._run(self._steps(instance, *arguments, **named))

        # The signature of a bound method has no ``self``, which functools.wraps would keep.
        call.__wrapped__ = functools.partial(self._steps, instance)
        return call


class PartOf(Generic[BlockingT, AwaitingT]):
    """An attribute that is a blocking part in ``Client`` and an awaited one in ``AsyncClient``."""

    def __init__(
        self,
        blocking: Callable[[Service, Any], BlockingT],
        awaiting: Callable[[Service, Any], AwaitingT],
    ) -> None:
        self._blocking = blocking
        self._awaiting = awaiting

    @overload
    def __get__(self, instance: Blocking, owner: object) -> BlockingT: ...

    @overload
    def __get__(self, instance: Awaiting, owner: object) -> AwaitingT: ...

    @overload
    def __get__(self, instance: None, owner: object) -> PartOf[BlockingT, AwaitingT]: ...

    def __get__(self, instance: Any, owner: object) -> Any:
        if instance is None:
            return self
        make: Callable[[Service, Any], Any]
        make = self._blocking if isinstance(instance, Blocking) else self._awaiting
        return make(instance._service, instance._http)


def _http_request(http: httpx.Client | httpx.AsyncClient, step: Send) -> httpx.Request:
    request, left = step.request, max(step.deadline - time.monotonic(), 0.001)
    return http.build_request(
        request.method,
        request.path,
        params=request.parameters or None,
        content=request.content,
        headers=request.headers,
        timeout=min(left, http.timeout.read or left),
    )


def _limit_reads(event: str, about: dict[str, Any]) -> None:
    """Make every read of a new connection end at the deadline of the current request.

    Called by httpcore, whose own limit applies to each read alone: a service that sends a byte
    now and then would never reach it. https://www.encode.io/httpcore/extensions/#trace
    """
    if not event.endswith((".connect_tcp.complete", ".start_tls.complete")):
        return
    stream = about["return_value"]
    read = stream.read

    def limited(most_bytes: int, timeout: float | None = None) -> bytes:
        left = max(_deadline.get() - time.monotonic(), 0.001)
        received: bytes = read(most_bytes, left if timeout is None else min(timeout, left))
        return received

    stream.read = limited
