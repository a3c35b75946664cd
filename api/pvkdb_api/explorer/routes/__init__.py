"""The routes of the explorer, a module for each kind of page."""

from __future__ import annotations

from pvkdb_api.explorer import assets
from pvkdb_api.explorer.routes import crossbar, devices, materials

ROUTERS = (assets.router, materials.router, devices.router, crossbar.router)
