"""The routes of the explorer, one module for each kind of page."""

from __future__ import annotations

from pvkdb_api.explorer.pages import (
    applications,
    crossbar,
    devices,
    jobs,
    key,
    material,
    materials,
    references,
    screenings,
    start,
    tables,
)
from pvkdb_api.explorer.site import assets

ROUTERS = (
    assets.router,
    start.router,
    materials.router,
    material.router,
    devices.router,
    applications.router,
    crossbar.router,
    key.router,
    jobs.router,
    screenings.router,
    references.router,
    tables.router,
)
