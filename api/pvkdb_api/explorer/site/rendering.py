"""Rendering of pages: the templates, their common functions, and the headers of a page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextvars import ContextVar
from functools import cache
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from sqlalchemy import select
from sqlalchemy.orm import Session

from pvkdb._version import __version__
from pvkdb.display.numbers import short_number
from pvkdb.display.times import duration, span
from pvkdb.schemas.responses import Problem
from pvkdb.store.files.bibliography import author_year
from pvkdb.store.models.references import Reference
from pvkdb.store.runs.report import page as screening_page
from pvkdb_api.core.callers import wants_page
from pvkdb_api.core.paths import API
from pvkdb_api.explorer.site import markup
from pvkdb_api.explorer.site.assets import asset_url, digest

#: Pages load and run only files of this service, and no inline scripts.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)

#: The header by which a script requests a part of a page.
PART = "X-Part"

#: Headers of each page. A page names the user, so browsers must request it again each time.
#: Without any referrer, browsers would also hide the origin of a form.
HEADERS = {
    "Cache-Control": "private, no-cache",
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "same-origin",
    "Vary": PART,
}

_NOT_STORED = {"Cache-Control": "no-store"}

#: Sections of the site: path and name.
SECTIONS = (
    ("/compositions", "Compositions"),
    ("/devices", "Devices"),
    ("/applications", "Applications"),
    ("/crossbar", "Crossbar"),
    ("/jobs", "Computing"),
    ("/references", "References"),
)


#: Names of the subjects of a ranking for people: a ranking of materials has each composition once.
RANKED_AS = {"devices": "devices", "materials": "compositions"}

#: The request whose page is rendered, for citations.
_RENDERED: ContextVar[Request | None] = ContextVar("rendered", default=None)


@cache
def environment() -> Environment:
    """Return the templates; a missing value raises an error instead of leaving a gap."""
    made = Environment(
        loader=ChoiceLoader(
            [PackageLoader("pvkdb_api", "explorer/templates"), screening_page.LOADER]
        ),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {
        "api": API,
        "asset": asset_url,
        "computed": markup.computed,
        "duration": duration,
        "embedded": embedded,
        "interval": markup.interval,
        "link": link,
        "moment": markup.moment,
        "number": markup.number,
        "percent": markup.percent,
        "rounded": markup.rounded,
        "plain": short_number,
        "ranked_as": RANKED_AS,
        "sections": SECTIONS,
        "span": span,
        "unknown": markup.UNKNOWN,
        "version": __version__,
    }
    return screening_page.register(made)


def compile_templates() -> None:
    """Compile all templates and read the static files, so that no first visitor waits for it."""
    for name in environment().list_templates(extensions=["html"]):
        environment().get_template(name)
    digest()


def link(*parts: str, **parameters: Any) -> str:
    """Return an address with quoted parts; empty parameters are left out.

    Example:
        >>> link("/compositions", "CsPbBr3", hop=2, layer=None)
        '/compositions/CsPbBr3?hop=2'
    """
    first, *rest = parts
    path = "/".join([first.rstrip("/"), *(quote(part, safe="") for part in rest)]) or "/"
    query = urlencode(
        {name: value for name, value in parameters.items() if value not in (None, "")}
    )
    return f"{path}?{query}" if query else path


def embedded(value: Any) -> Markup:
    """Return data as JSON for ``<script type="application/json">``."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character, escape in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        text = text.replace(character, escape)
    return Markup(text)


def page(
    request: Request,
    template: str,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **context: Any,
) -> HTMLResponse:
    """Return a page rendered from a template."""
    state = request.state
    rendered = _RENDERED.set(request)
    text = (
        environment()
        .get_template(template)
        .render(
            request=request,
            path=request.url.path,
            dataset_version=getattr(state, "dataset_version", None),
            caller=getattr(state, "caller", None),
            lag=getattr(state, "lag", None),
            **context,
        )
    )
    _RENDERED.reset(rendered)
    return HTMLResponse(text, status, {**HEADERS, **(headers or {})})


def citation(key: str) -> str:
    """Return a reference of the page that is rendered as ``Kim 2021``, else its key."""
    request = _RENDERED.get()
    if request is None or not hasattr(request.state, "session"):
        return key
    if not hasattr(request.state, "citations"):
        session: Session = request.state.session
        listed = select(Reference.key, Reference.authors, Reference.year)
        request.state.citations = request.app.state.query_cache.get(
            session,
            "citations",
            {},
            lambda: {row[0]: author_year(*row) for row in session.execute(listed)},
        )
    found: str = request.state.citations.get(key, key)
    return found


def error_page(request: Request, problem: Problem, headers: Mapping[str, str]) -> Response | None:
    """Return an error as a page for people; None for programs."""
    if not wants_page(request):
        return None
    return page(request, "error.html", problem.status, headers, problem=problem)


def part_wanted(request: Request) -> str | None:
    """Return the part of a page that a script requests; None for the whole page."""
    return request.headers.get(PART)


def part(request: Request, template: str, **context: Any) -> HTMLResponse:
    """Return a part of a page; uncached, so that a browser never shows it as the page."""
    return page(request, template, headers=_NOT_STORED, **context)


def part_json(data: Any) -> JSONResponse:
    """Return data for the script of a page; uncached, as :func:`part`."""
    return JSONResponse(data, headers=_NOT_STORED)


def service_root(request: Request) -> str:
    """Return the address of this service, without a slash at its end."""
    return str(request.base_url).rstrip("/")


def client_code(request: Request, *lines: str) -> str:
    """Return Python code that opens a client of this service and runs the given lines."""
    body = "\n    ".join(lines)
    return f"import pvkdb\n\nwith pvkdb.Client({service_root(request)!r}) as client:\n    {body}"
