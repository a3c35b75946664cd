"""Builds the FastAPI application: routes, pages, OPTIMADE, middleware and error handlers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware

from pvkdb._version import __version__
from pvkdb.literature.drafts.budget import end_reading
from pvkdb.store.database import Store
from pvkdb_api import optimade
from pvkdb_api.core.cache import QueryCache
from pvkdb_api.core.paths import OPTIMADE
from pvkdb_api.core.refusals import Renderers
from pvkdb_api.core.sessions import CALL_GRACE_S, WRITE_WAIT_S, ServedStore
from pvkdb_api.core.settings import ServiceSettings, read_settings
from pvkdb_api.frame.access import Access
from pvkdb_api.frame.headers import Headers
from pvkdb_api.frame.kept_answers import KeptAnswers
from pvkdb_api.frame.limits import BodyLimit, TimeLimit, TrustedHosts
from pvkdb_api.frame.metrics import RequestMetrics
from pvkdb_api.frame.problems import handle_problems
from pvkdb_api.frame.request_log import HEADER as REQUEST_ID
from pvkdb_api.frame.request_log import RequestLog
from pvkdb_api.listing.snapshots import DIGEST, SnapshotFiles
from pvkdb_api.listing.streams import Streams
from pvkdb_api.rest import ROUTERS, export
from pvkdb_api.rest.openapi import SUMMARY, describe
from pvkdb_api.rest.operations import added_routers

__all__ = ["create_app"]

#: Smaller answers are sent uncompressed.
GZIP_FROM_BYTES = 1000

#: Rankings kept; one of thousands of candidates takes tens of megabytes.
RANKINGS_KEPT = 8

#: Pages of lists kept; one of the largest takes a megabyte.
PAGES_KEPT = 100

#: Headers of requests and answers that a web page of another origin may use.
CORS_REQUEST_HEADERS = (
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-None-Match",
    "X-API-Key",
)
CORS_ANSWER_HEADERS = (
    *("Age", "ETag", "Link", "Location", "Retry-After", "X-Dataset-Version", "X-Log-Offset"),
    *(DIGEST, REQUEST_ID),
)


def create_app(
    database_url: str,
    settings: ServiceSettings | None = None,
    *,
    pages: bool = True,
    keeping: bool = False,
) -> FastAPI:
    """Return the service on a database, which need not be reachable yet.

    Args:
        settings: Default: read from the environment.
        pages: False: only REST, without web pages and OPTIMADE, whose modules take seconds to load.
        keeping: another process makes rankings again when the data change, so that the last ones
            may be shown meanwhile.

    Raises:
        DatabaseError: the URL cannot be parsed.
        InputError: a setting of the environment cannot be used.
    """
    settings = settings or read_settings()
    # A call may last as long as its request, whose deadline stops it in the ordinary way first.
    call_limit_s = settings.request_timeout_s + CALL_GRACE_S
    store = Store(database_url, call_limit_s, WRITE_WAIT_S)
    served = ServedStore(store, settings.ranking_lag_s if keeping else 0.0)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        watching = asyncio.create_task(served.keep_watching()) if served.most_lag_s else None
        yield
        if watching is not None:
            watching.cancel()
        end_reading()
        served.close()

    app = FastAPI(
        title="pvkdb",
        summary=SUMMARY,
        version=__version__,
        openapi_url=None,  # see describe()
        docs_url=None,  # FastAPI's pages load their scripts from other hosts
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.state.served = served
    app.state.local_key = settings.local_key
    app.state.query_cache = QueryCache()
    app.state.page_cache = QueryCache(kept=PAGES_KEPT)
    app.state.ranking_cache = QueryCache(kept=RANKINGS_KEPT)
    app.state.streams = Streams(settings.send_timeout_s)
    app.state.snapshots = SnapshotFiles()
    app.state.request_metrics = RequestMetrics()
    # Routes are shared by all applications of a process: to include their routers would make
    # each of them again.
    app.state.routes = [route for router in (*ROUTERS, *added_routers()) for route in router.routes]
    app.router.routes += [*app.state.routes, *export.unknown.routes]
    app.state.optimade_path = None
    app.state.renderers = Renderers()
    if pages:
        _add_pages(app, served)
    describe(app)
    handle_problems(app)
    _add_middleware(app, served, settings)
    return app


def _add_pages(app: FastAPI, served: ServedStore) -> None:
    """Add the web pages and, where it is installed, OPTIMADE, with the forms of their errors."""
    from pvkdb_api.explorer.pages import ROUTERS as PAGES
    from pvkdb_api.explorer.site.forms import SignInError
    from pvkdb_api.explorer.site.rendering import error_page
    from pvkdb_api.explorer.site.sign_in import ask_for_key, show_sign_in_error

    pages = [route for router in PAGES for route in router.routes]
    app.router.routes += pages
    app.state.routes += pages
    errors = [error_page]
    if optimade.available():
        from starlette.responses import RedirectResponse

        from pvkdb_api.optimade.app import optimade_app
        from pvkdb_api.optimade.responses import show_error

        app.add_route(OPTIMADE, lambda request: RedirectResponse(f"{OPTIMADE}/info"))
        # pymatgen asks here if the address that it was given, /optimade, has no slash at its end.
        app.add_route(
            "/v1/{path:path}",
            lambda request: RedirectResponse(
                f"{OPTIMADE}{request.url.path}{'?' * bool(request.url.query)}{request.url.query}"
            ),
        )
        app.mount(OPTIMADE, optimade_app(served))
        app.state.optimade_path = OPTIMADE
        errors.append(show_error)
    app.state.renderers = Renderers(errors, ask_for_key)
    app.add_exception_handler(SignInError, show_sign_in_error)


def _add_middleware(app: FastAPI, served: ServedStore, settings: ServiceSettings) -> None:
    """Add the middleware, the innermost first: a request passes it in the reverse order."""
    app.add_middleware(GZipMiddleware, minimum_size=GZIP_FROM_BYTES, compresslevel=5)
    app.add_middleware(KeptAnswers, served=served)
    app.add_middleware(Access, served=served, settings=settings)
    limits = {"most_bytes": settings.max_body_bytes, "most_of_papers": settings.max_paper_bytes}
    app.add_middleware(BodyLimit, **limits)
    app.add_middleware(TimeLimit, seconds=settings.request_timeout_s)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=("GET", "HEAD", "POST"),
            allow_headers=CORS_REQUEST_HEADERS,
            expose_headers=CORS_ANSWER_HEADERS,
            max_age=600,
        )
    app.add_middleware(TrustedHosts, hosts=settings.trusted_hosts)
    app.add_middleware(Headers, served=served, processes=settings.workers)
    app.add_middleware(RequestLog, metrics=app.state.request_metrics)
