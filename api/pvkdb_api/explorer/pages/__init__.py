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

ROUTERS = (
    assets.router,
    start.router,
    compositions.router,
    composition.router,
    devices.router,
    applications.router,
    crossbar.router,
    sign_in.router,
    jobs.router,
    screenings.router,
    references.router,
    draft.router,
    measurements.router,
    tables.router,
)

for _function in (
    *(cells.calculation_link, cells.device_link, cells.composition_link, cells.reference_links),
    *(cells.citation_links, references.doi_link),
    *(cells.source_link, cells.statement_material, symbol_markup, formula_markup, with_links),
):
    environment().globals[_function.__name__] = _function
