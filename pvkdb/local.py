"""A local database with the methods of the client, without a network.

Requests of the client go directly into the application that ``pvkdb serve`` runs, so that there is
only one implementation of searching.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx

from pvkdb._extras import require
from pvkdb.client import Client

if TYPE_CHECKING:
    from fastapi import FastAPI

    from pvkdb.schemas.calculations import CalculationDocument
    from pvkdb.schemas.screening import ScreeningReport

__all__ = ["LocalClient", "open_store"]

#: Placeholder for the address of a service.
ADDRESS = "http://localhost"


class LocalClient(Client):
    """A client whose service runs in this process, on a local database."""

    def __init__(self, transport: InProcessTransport, progress: bool) -> None:
        super().__init__(ADDRESS, retries=0, patience_s=0, progress=progress, transport=transport)
        self._store = transport.store

    @property
    def url(self) -> str:
        """The URL of the database, without its password."""
        return self._store.name

    def __repr__(self) -> str:
        return f"<LocalClient of {self.url}>"

    def compute(self, queued: CalculationDocument) -> CalculationDocument:
        """Compute a queued calculation in this process, and return it as it then is.

        Raises:
            MissingExtraError: the extra ``screening`` is not installed.
        """
        require("screening")
        from pvkdb_pipelines.work.pool import LocalEngine

        for _ in LocalEngine(processes=1, pin=False).drain(self._store, only=[queued.id]):
            pass
        return self.calculations.get(queued.id)

    def screen(
        self, formulas: Sequence[str], potential: str = "sevennet-0", stop_after: str = "vacancy"
    ) -> ScreeningReport:
        """Compute stability (eV an atom) and vacancy formation energies (eV) of compositions.

        The phases of each, and what it competes with, are relaxed by one potential; what the store
        holds is not computed again. As ``pvkdb screen``, which also records a run.

        Args:
            formulas: compositions.
            potential: name of an installed potential.
            stop_after: ``stability``, ``vacancy``, or ``barrier`` for activation energies, too.

        Raises:
            MissingExtraError: the extra ``screening`` is not installed.
            InputError: a formula, the potential or the stage is unknown.

        Example:
            >>> with pvkdb.open_store("sqlite:///pvkdb.sqlite") as store:  # doctest: +SKIP
            ...     (found,) = store.screen(["CsPbBr3"]).candidates
            ...     print(found.stability.above_hull_ev_per_atom, found.vacancy.x_rich_ev)
        """
        require("screening")
        from pvkdb.schemas import validated
        from pvkdb_pipelines.screening.funnel import Funnel
        from pvkdb_pipelines.screening.plan.plan import Plan

        asked = {"formulas": list(formulas), "potential": potential, "stop_after": stop_after}
        return Funnel(validated(Plan, asked), self._store, processes=1).run()


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
    return LocalClient(transport, progress)


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
        app = self._app.result()
        request.headers["X-API-Key"] = app.state.local_key
        response = await httpx.ASGITransport(app).handle_async_request(request)
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
