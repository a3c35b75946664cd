"""A local database with the methods of the client, without a network.

Requests of the client go directly into the application that ``pvkdb serve`` runs, so that there is
only one implementation of searching.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx

from pvkdb._extras import require
from pvkdb.client import Client

if TYPE_CHECKING:
    from fastapi import FastAPI

__all__ = ["LocalClient", "open_store"]

#: Placeholder for the address of a service.
ADDRESS = "http://localhost"


class LocalClient(Client):
    """A client whose service runs in this process, on a local database."""

    def __init__(self, name: str, transport: InProcessTransport, progress: bool) -> None:
        super().__init__(ADDRESS, retries=0, patience_s=0, progress=progress, transport=transport)
        self._name = name

    @property
    def url(self) -> str:
        """The URL of the database, without its password."""
        return self._name

    def __repr__(self) -> str:
        return f"<LocalClient of {self._name}>"


def open_store(url: str, progress: bool = False) -> LocalClient:
    """Open a local database with every method of :class:`~pvkdb.client.Client`, without a server.

    Args:
        url: URL of the database, e.g. ``sqlite:///pvkdb.sqlite``, as for ``--database``.
        progress: default of ``progress`` in all calls.

    Raises:
        MissingExtraError: a package that the service needs is not installed.
        NotMigratedError: the database lacks the tables of this version; names the remedy.
        DatabaseError: the database cannot be reached, or the URL is invalid.

    Example:
        >>> import pvkdb
        >>> with pvkdb.open_store("sqlite:///pvkdb.sqlite") as store:
        ...     store.devices.count(family="3D") > 0
        True
    """
    transport = InProcessTransport(url)
    return LocalClient(transport.store.name, transport, progress)


class InProcessTransport(httpx.BaseTransport):
    """Answers HTTP requests from a database in this process.

    The application is asynchronous. It runs in its own thread, so that it also works inside a
    running event loop, as in a notebook.
    """

    def __init__(self, url: str) -> None:
        """Open the database.

        Raises:
            MissingExtraError: a package that the service needs is not installed.
            DatabaseError: the database cannot be reached, or lacks the tables of this version.
        """
        require("api")
        from pvkdb.store.database import Store

        self.store = Store(url).require_migrated()
        self._thread = ThreadPoolExecutor(1, "pvkdb-store")
        # It takes a second or two to load, meanwhile the caller goes on; the first request waits.
        self._app = self._thread.submit(_application, url)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Return the complete response to a request."""
        request.read()
        return self._thread.submit(asyncio.run, self._respond(request)).result()

    def close(self) -> None:
        """Close the database."""
        self._thread.shutdown()
        self.store.close()
        self._app.result().state.served.store.close()

    async def _respond(self, request: httpx.Request) -> httpx.Response:
        request.headers.pop("Accept-Encoding", None)  # compression is of no use in one process
        response = await httpx.ASGITransport(self._app.result()).handle_async_request(request)
        return httpx.Response(
            response.status_code, headers=response.headers, content=await response.aread()
        )


def _application(url: str) -> FastAPI:
    """Return the service for one user, to whom the limits of a public service do not apply."""
    from pvkdb_api.app import create_app
    from pvkdb_api.core.settings import read_settings

    settings = read_settings(
        reading="open",
        allow_local_writes=True,
        rate_per_minute=0,
        request_timeout_s=86_400,
        trusted_hosts=(),
    )
    return create_app(url, settings, pages=False)
