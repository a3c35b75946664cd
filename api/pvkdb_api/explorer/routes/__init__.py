"""The routes of the explorer, a module for each kind of page."""

from __future__ import annotations

from pvkdb_api.explorer import assets
from pvkdb_api.explorer.routes import devices, jobs, key, materials, queueing, screenings

ROUTERS = (
    assets.router,
    materials.router,
    devices.router,
    key.router,
    queueing.router,  # before the calculations: "new" is no name of one
    jobs.router,
    screenings.router,
)
