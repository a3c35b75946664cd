"""Requests of a client, answered by the service's application in this process."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import httpx

from pvkdb.store.database import Store
from pvkdb_api.app import create_app


class InProcess(httpx.BaseTransport):
    """Answers requests from a database.

    The application is asynchronous. It runs in a thread of its own, so that it works where an
    event loop runs already, as in a notebook.
    """

    def __init__(self, url: str) -> None:
        """Open the database.

        Raises:
            DatabaseError: it cannot be reached, or lacks the tables of this version.
        """
        self.store = Store(url).require_migrated()
        self._app = create_app(url)
        self._thread = ThreadPoolExecutor(1, "pvkdb-store")

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The answer to a request, whole."""
        request.read()
        return self._thread.submit(asyncio.run, self._answer(request)).result()

    def close(self) -> None:
        """Close the database."""
        self._thread.shutdown()
        self.store.close()
        self._app.state.served.store.close()

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        request.headers.pop("Accept-Encoding", None)  # packing would be for nothing
        answer = await httpx.ASGITransport(self._app).handle_async_request(request)
        return httpx.Response(
            answer.status_code, headers=answer.headers, content=await answer.aread()
        )
