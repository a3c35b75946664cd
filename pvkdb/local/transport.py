"""Requests of a client, answered by the service's application in this process."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import httpx

from pvkdb.store.database import Store
from pvkdb_api.app import create_app
from pvkdb_api.core.settings import read_settings


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
        # Nobody else asks: the limits of a service for others have no meaning here.
        self._app = create_app(
            url,
            read_settings(
                reading="open",
                allow_local_writes=True,
                rate_per_minute=0,
                request_timeout_s=86_400,
                trusted_hosts=(),
            ),
        )
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
