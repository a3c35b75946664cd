"""The routes of the explorer, a module for each kind of page."""

from __future__ import annotations

from pvkdb_api.explorer.pages import (
    applications,
    crossbar,
    devices,
    dictionary,
    evidence,
    find,
    jobs,
    key,
    material,
    materials,
    queueing,
    references,
    screenings,
    start,
)
from pvkdb_api.explorer.site import assets

ROUTERS = (
    assets.router,
    start.router,
    find.router,
    materials.router,
    material.router,
    devices.router,
    applications.router,
    crossbar.router,
    key.router,
    queueing.router,  # before the calculations: "new" is no name of one
    jobs.router,
    screenings.router,
    references.router,
    evidence.router,
    dictionary.router,
)
