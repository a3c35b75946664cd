"""Making a page: a template, what it shows, and the headers under which a browser shows it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pvkdb._version import __version__
from pvkdb.display.numbers import short_number
from pvkdb.display.times import duration, span
from pvkdb.store.runs.report import page as screening_page
from pvkdb_api.core.audience import wants_page
from pvkdb_api.core.paths import API
from pvkdb_api.explorer.site import numbers
from pvkdb_api.explorer.site.assets import asset_url
from pvkdb_api.explorer.site.times import moment

#: Pages run and load only what this service sends, and no script that stands in a page.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)

#: The header with which a script asks for a part of a page.
PART = "X-Part"

#: Headers of each page. Who asks stands on it, so that it is asked for again; with no referrer at
#: all, browsers would not say either from where a form is sent.
HEADERS = {
    "Cache-Control": "private, no-cache",
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "same-origin",
    "Vary": PART,
}

#: Sections of the site: path and name.
SECTIONS = (
    ("/materials", "Materials"),
    ("/devices", "Devices"),
    ("/applications", "Applications"),
    ("/crossbar", "Crossbar"),
    ("/jobs", "Computing"),
    ("/references", "References"),
)


@cache
def environment() -> Environment:
    """The templates. What a page names and nobody gave is an error, not an empty place."""
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
        "duration": duration,
        "embedded": embedded,
        "interval": numbers.interval,
        "link": link,
        "moment": moment,
        "number": numbers.number,
        "percent": numbers.percent,
        "plain": short_number,
        "sections": SECTIONS,
        "span": span,
        "unknown": numbers.UNKNOWN,
        "version": __version__,
    }
    return screening_page.register(made)


def link(*parts: str, **parameters: Any) -> str:
    """An address: ``link("/materials", "CsPbBr3-Pnma")``, parts quoted."""
    first, *rest = parts
    path = "/".join([first.rstrip("/"), *(quote(part, safe="") for part in rest)]) or "/"
    query = urlencode({name: value for name, value in parameters.items() if value is not None})
    return f"{path}?{query}" if query else path


def embedded(value: Any) -> Markup:
    """Data for the scripts of a page, to stand in ``<script type="application/json">``."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character, escape in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        text = text.replace(character, escape)
    return Markup(text)


def page(
    request: Request,
    template: str,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **shown: Any,
) -> HTMLResponse:
    """A page."""
    state = request.state
    text = (
        environment()
        .get_template(template)
        .render(
            request=request,
            path=request.url.path,
            dataset_version=getattr(state, "dataset_version", None),
            caller=getattr(state, "caller", None),
            **shown,
        )
    )
    return HTMLResponse(text, status, {**HEADERS, **(headers or {})})


def error_page(
    request: Request,
    status: int,
    detail: str,
    parameter: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response | None:
    """Return an error as a page for people; None for programs."""
    if not wants_page(request):
        return None
    return page(
        request,
        "error.html",
        status,
        headers,
        title=HTTPStatus(status).phrase,
        detail=detail,
        parameter=parameter,
    )


def part_wanted(request: Request) -> str | None:
    """Which part of a page a script asks for; None for the whole page."""
    return request.headers.get(PART)


def part(request: Request, template: str, **shown: Any) -> HTMLResponse:
    """A part of a page. No browser may show it in place of the page, so none may keep it."""
    return page(request, template, headers={"Cache-Control": "no-store"}, **shown)
