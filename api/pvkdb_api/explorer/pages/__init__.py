"""Routes of the explorer's pages, one module for each kind of page.

The templates of several pages share the links and formulas below.
"""

from __future__ import annotations

from pvkdb.store.runs.report.page import formula_markup, symbol_markup
from pvkdb_api.explorer.pages import (
    applications,
    composition,
    compositions,
    crossbar,
    devices,
    draft,
    jobs,
    measurements,
    references,
    screenings,
    start,
    tables,
)
from pvkdb_api.explorer.rankings.view import with_links
from pvkdb_api.explorer.site import assets, sign_in
from pvkdb_api.explorer.site.rendering import environment
from pvkdb_api.explorer.tables import cells

_MODULES = (
    *(assets, start, compositions, composition, devices, applications, crossbar),
    *(sign_in, jobs, screenings, references, draft, measurements, tables),
)
ROUTERS = tuple(module.router for module in _MODULES)

for _function in (
    *(cells.calculation_link, cells.device_link, cells.composition_link, cells.reference_links),
    *(cells.citation_links, references.doi_link),
    *(cells.source_link, cells.statement_material, symbol_markup, formula_markup, with_links),
):
    environment().globals[_function.__name__] = _function
