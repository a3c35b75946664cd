"""Building the service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI
from starlette.middleware.gzip import GZipMiddleware

from pvkdb import __version__
from pvkdb.store.database import Store
from pvkdb_api import optimade
from pvkdb_api.counts import Counts
from pvkdb_api.description import PROBLEM, SUMMARY, describe
from pvkdb_api.headers import Headers
from pvkdb_api.problems import handle_problems
from pvkdb_api.queries import refuse_unknown_parameters
from pvkdb_api.routers import ROUTERS, export, pages
from pvkdb_api.sessions import ServedStore
from pvkdb_api.streams import Streams

#: Smaller answers travel as they are.
GZIP_FROM_BYTES = 1000


def create_app(database_url: str) -> FastAPI:
    """The service on a database, which need not be reachable yet.

    Raises:
        DatabaseError: the URL cannot be understood.
    """
    served = ServedStore(Store(database_url))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        served.store.close()

    app = FastAPI(
        title="pvkdb",
        summary=SUMMARY,
        version=__version__,
        docs_url=None,  # FastAPI's pages load their scripts from outside
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.state.served = served
    app.state.counts = Counts()
    app.state.streams = Streams()
    for router in ROUTERS:
        app.include_router(
            router, dependencies=[Depends(refuse_unknown_parameters)], responses=PROBLEM
        )
    app.include_router(export.unknown)
    app.include_router(pages.router)
    if optimade.available():
        from pvkdb_api.optimade.app import optimade_app

        app.mount(optimade.PATH, optimade_app(served))
    describe(app)
    handle_problems(app)
    app.add_middleware(GZipMiddleware, minimum_size=GZIP_FROM_BYTES, compresslevel=5)
    app.add_middleware(Headers, served=served)
    return app
