"""The OPTIMADE application, to be mounted on the service. Needs the extra ``optimade``."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from optimade.models import (
    EntryInfoResponse,
    EntryResponseMany,
    EntryResponseOne,
    ErrorResponse,
    InfoResponse,
    LinksResponse,
    ReferenceResponseMany,
    ReferenceResponseOne,
    StructureResponseMany,
    StructureResponseOne,
)
from pydantic import BaseModel
from pydantic_core import to_json
from sqlalchemy import literal
from sqlalchemy.orm import Session
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from pvkdb.errors import DatabaseError, PvkdbError, unknown_name
from pvkdb.snapshots.writing import legal_text
from pvkdb.store.base import batches
from pvkdb_api.core.cache import QueryCache
from pvkdb_api.core.callers import serves_this_machine
from pvkdb_api.core.paths import OPTIMADE
from pvkdb_api.core.refusals import UNREACHABLE
from pvkdb_api.core.sessions import ReadSession, ServedStore
from pvkdb_api.optimade import filters
from pvkdb_api.optimade.entries.properties import Nothing
from pvkdb_api.optimade.entries.references import REFERENCES
from pvkdb_api.optimade.entries.search import (
    ALL,
    EntryType,
    entries_of,
    number_of,
    search_entries,
)
from pvkdb_api.optimade.entries.structures import STRUCTURES
from pvkdb_api.optimade.entries.trajectories import TRAJECTORIES
from pvkdb_api.optimade.errors import OptimadeError, VersionError
from pvkdb_api.optimade.parameters import (
    EntryQuery,
    ListingQuery,
    check,
    names,
    refuse_unknown,
    response_fields,
)
from pvkdb_api.optimade.responses import (
    API_VERSION,
    BASE,
    OPENAPI,
    JsonApiResponse,
    answer,
    refusal,
    root_url,
)

ENTRY_TYPES: Mapping[str, EntryType] = {
    each.name: each for each in (STRUCTURES, TRAJECTORIES, REFERENCES)
}

RESPONSES: dict[str, tuple[type[BaseModel], type[BaseModel]]] = {
    "structures": (StructureResponseMany, StructureResponseOne),
    "references": (ReferenceResponseMany, ReferenceResponseOne),
    "trajectories": (EntryResponseMany, EntryResponseOne),
}

#: Page with the licence of the data, below ``/optimade``.
LICENSE = "/license"
#: Entries of a piece of a file.
_PIECE = 500

_log = logging.getLogger("pvkdb_api")


def optimade_app(served: ServedStore) -> FastAPI:
    """Return the application under ``/optimade``.

    The versioned base URL is ``/optimade/v1``. The unversioned one, ``/optimade``, serves the same
    version, as the specification recommends.
    """
    app = FastAPI(
        title="pvkdb: OPTIMADE",
        version="1.2.0",
        openapi_url=OPENAPI,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        default_response_class=JsonApiResponse,
        responses={"default": {"model": ErrorResponse, "description": "What is wrong."}},
    )
    app.state.served = served
    app.state.counts = QueryCache()
    app.add_middleware(OpenToPages, allow_origins=["*"])
    app.add_api_route(LICENSE, show_license, include_in_schema=False)
    app.add_api_route("/versions", versions, response_class=Response, summary="Major versions")
    app.include_router(_version_1("/v1"))
    app.include_router(_version_1(""), include_in_schema=False)
    for base in ("/", "/v1", "/v1/"):
        app.add_api_route(base, info, include_in_schema=False)
    app.add_api_route("/{version:path}", other_version, include_in_schema=False)
    for error in (PvkdbError, RequestValidationError, HTTPException):
        app.add_exception_handler(error, _refuse)
    return app


class OpenToPages(CORSMiddleware):
    """Let web pages of every origin read, but not what a user serves on their own machine."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        open_to_all = scope["type"] == "http" and not serves_this_machine(Request(scope))
        await (super().__call__ if open_to_all else self.app)(scope, receive, send)


def _version_1(prefix: str) -> APIRouter:
    """Return the routes of version 1 below a base URL."""
    router = APIRouter(prefix=prefix)
    router.add_api_route("/info", info, responses=_model(InfoResponse))
    router.add_api_route("/info/{entry_type}", info_of, responses=_model(EntryInfoResponse))
    router.add_api_route("/links", list_links, responses=_model(LinksResponse))
    for kind in ENTRY_TYPES.values():
        _add_entry_type(router, kind)
    return router


def show_license() -> Response:
    """Return the licence, and the terms of the data that come from others, as text."""
    return PlainTextResponse("\n".join(map(legal_text, ("LICENSE", "NOTICE"))))


def versions() -> Response:
    """Return the major versions that are served, as a table in CSV."""
    return Response("version\n1\n", headers={"Content-Type": "text/csv; header=present"})


def info(request: Request) -> Response:
    """Return ``/info``: versions, formats and entry types of this base URL."""
    refuse_unknown(request, [])
    version = {"url": f"{root_url(request)}{BASE}", "version": API_VERSION}
    facts = {
        "api_version": API_VERSION,
        "available_api_versions": [version],
        "formats": ["json"],
        "available_endpoints": ["info", "links", *ENTRY_TYPES],
        "entry_types_by_format": {"json": [*ENTRY_TYPES]},
        "is_index": False,
        "license": f"{root_url(request)}{OPTIMADE}{LICENSE}",
        "available_licenses": None,
        "available_licenses_for_entries": None,
    }
    found = {"type": "info", "id": "/", "attributes": facts}
    return answer(request, found, returned=1, available=1)


def info_of(request: Request, entry_type: str) -> Response:
    """Return the properties of an entry type; as optimade's client asks, also as of a list."""
    refuse_unknown(request, [*ListingQuery.model_fields])
    if entry_type not in ENTRY_TYPES:
        raise HTTPException(404, unknown_name("entry type", entry_type[:60], ENTRY_TYPES))
    return answer(request, entry_info(ENTRY_TYPES[entry_type]), returned=1, available=1)


def list_links(request: Request) -> Response:
    """Return ``/links``: the related databases, which is only this one."""
    facts = {
        "name": "pvkdb",
        "description": "Halide perovskites for memristors",
        "base_url": f"{root_url(request)}{OPTIMADE}",
        "homepage": None,
        "link_type": "root",
    }
    found = [{"type": "links", "id": "pvkdb", "attributes": facts}]
    return answer(request, found, returned=1, available=1)


def entry_info(kind: EntryType) -> dict[str, Any]:
    """Return the ``/info`` of an entry type: meaning, unit and type of each property."""
    described = _specified("structures" if kind.frames else kind.name)
    properties = {
        name: {
            "description": each.description or described[name]["description"],
            "unit": each.unit or described.get(name, {}).get("unit"),
            "sortable": each.sortable,
            "type": each.kind,
        }
        for name, each in kind.properties.items()
        if not isinstance(each, Nothing)
    }
    return {
        "type": "info",
        "id": kind.name,
        "formats": ["json"],
        "description": kind.description,
        "properties": properties,
        "output_fields_by_format": {"json": [*properties]},
    }


@cache
def _specified(entry_type: str) -> dict[str, dict[str, Any]]:
    """Return the properties' descriptions from the OPTIMADE specification, by name."""
    from optimade.server.schemas import ENTRY_INFO_SCHEMAS, retrieve_queryable_properties

    found = retrieve_queryable_properties(
        ENTRY_INFO_SCHEMAS[entry_type], ("id", "type", "attributes")
    )
    return {name: dict(facts) for name, facts in found.items()}


def other_version(request: Request, version: str) -> Response:
    """Refuse an unknown path, with its own status if it names another version."""
    first, _, _ = version.partition("/")
    if first != "v1" and first.startswith("v") and first[1:].replace(".", "").isdigit():
        raise VersionError(f"version {first[1:][:20]} is not served; {BASE} is")
    raise HTTPException(404, f"there is nothing here; see {BASE}/info for what there is")


def json_lines(session: Session, ids: Sequence[str]) -> Iterator[bytes]:
    """Yield structures and the publications behind them as the lines of an OPTIMADE file.

    Programs such as optimade's server (``insert_from_jsonl``) read it.
    """
    cited: set[str] = set()
    yield to_json({"x-optimade": {"meta": {"api_version": API_VERSION}}}) + b"\n"
    for kind in (STRUCTURES, REFERENCES):
        yield to_json(entry_info(kind)) + b"\n"
    for kind, keys in ((STRUCTURES, ids), (REFERENCES, cited)):
        for piece in batches(sorted(keys), _PIECE):
            entries = entries_of(session, kind, tuple(kind.properties), piece)
            cited.update(each["id"] for each in _relate(session, kind, entries, include=True))
            yield from (to_json(entry, inf_nan_mode="null") + b"\n" for entry in entries)


def _model(model: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    return {200: {"model": model, "description": "The requested data."}}


def _add_entry_type(router: APIRouter, kind: EntryType) -> None:
    many, one = RESPONSES[kind.name]

    def list_entries(
        request: Request, session: ReadSession, query: Annotated[ListingQuery, Query()]
    ) -> Response:
        return _answer(request, session, kind, query)

    def get_entry(
        request: Request, session: ReadSession, entry_id: str, query: Annotated[EntryQuery, Query()]
    ) -> Response:
        return _answer(request, session, kind, query, entry_id)

    router.add_api_route(
        f"/{kind.name}",
        list_entries,
        summary=f"Search {kind.name}",
        operation_id=f"list_{kind.name}",
        responses=_model(many),
    )
    router.add_api_route(
        f"/{kind.name}/{{entry_id:path}}",
        get_entry,
        summary=f"One of the {kind.name}",
        operation_id=f"get_{kind.name}",
        responses=_model(one),
    )


def _answer(
    request: Request, session: Session, kind: EntryType, query: EntryQuery, entry_id: str = ""
) -> Response:
    """Return the response with a page of entries, or with the single entry of this id."""
    warnings = refuse_unknown(request, [*type(query).model_fields])
    check(query)
    fields = response_fields(kind, query, warnings)
    own = tuple(name for name in fields if name in kind.properties)
    if isinstance(query, ListingQuery):
        condition = filters.condition(query.filter, kind.searchable, warnings.append)
        found = search_entries(
            session,
            kind,
            condition,
            own,
            filter=query.filter,
            sort=query.sort,
            limit=query.limit(),
            cursor=query.page_cursor,
            offset=query.offset(),
        )
    else:
        condition = kind.key == literal(entry_id.replace("\0", ""))
        found = search_entries(session, kind, condition, own)
    # Properties of other providers have no value here.
    foreign = {name: None for name in fields if name.startswith("_")}
    for entry in found.entries:
        entry["attributes"] = {**foreign, **entry["attributes"]}
    counts: QueryCache = request.app.state.counts
    available = counts.get(session, kind.name, {}, lambda: number_of(session, kind))
    return answer(
        request,
        found.entries if isinstance(query, ListingQuery) else next(iter(found.entries), None),
        returned=available if condition is ALL else found.total,
        available=available,
        warnings=warnings,
        next_link=_next_link(request, found.cursor),
        included=_relate(session, kind, found.entries, "references" in names(query.include)),
    )


def _relate(
    session: Session, kind: EntryType, entries: list[dict[str, Any]], include: bool
) -> list[dict[str, Any]]:
    """Add the reference keys of each entry; return the references themselves if ``include``."""
    if kind.related_references is None or not entries:
        return []
    related = kind.related_references(session, [entry["id"] for entry in entries])
    for entry in entries:
        keys = related.get(entry["id"], ())
        if keys:
            linked = [{"type": "references", "id": key} for key in keys]
            entry["relationships"] = {"references": {"data": linked}}
    wanted = sorted({key for keys in related.values() for key in keys})
    if not include or not wanted:
        return []
    return entries_of(session, REFERENCES, tuple(REFERENCES.properties), wanted)


def _next_link(request: Request, cursor: str | None) -> str | None:
    if cursor is None:
        return None
    kept = {
        name: value
        for name, value in request.query_params.items()
        if name not in ("page_offset", "page_number", "page_cursor")
    }
    query = urlencode({**kept, "page_cursor": cursor})
    return f"{root_url(request)}{request.url.path}?{query}"


def _refuse(request: Request, error: Exception) -> Response:
    if isinstance(error, OptimadeError):
        return refusal(request, error.status, error.title, str(error), error.parameter)
    if isinstance(error, RequestValidationError):
        complaint = error.errors()[0]
        name = str(complaint["loc"][-1])
        return refusal(
            request, 400, "Bad Request", f"{name!r}: {str(complaint['msg']).lower()}", name
        )
    if isinstance(error, HTTPException):
        title = "Not Found" if error.status_code == 404 else "Refused"
        response = refusal(request, error.status_code, title, str(error.detail))
        response.headers.update(error.headers or {})
        return response
    if isinstance(error, DatabaseError):
        _log.error("%s", error)
        return refusal(request, 503, "Service Unavailable", UNREACHABLE)
    return refusal(request, 422, "Unprocessable Entity", str(error))
