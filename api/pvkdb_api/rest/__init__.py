"""The routes, one module a subject."""

from pvkdb_api.rest import (
    calculations,
    collections,
    crossbar,
    export,
    health,
    imports,
    kinetics,
    metrics,
    rankings,
    screenings,
    structures,
    tolerance,
)

#: Routers of the service in the order in which its description shows them.
ROUTERS = (
    *collections.ROUTERS,
    structures.router,
    calculations.router,
    screenings.router,
    rankings.router,
    crossbar.router,
    kinetics.router,
    tolerance.router,
    export.router,
    imports.router,
    health.router,
    metrics.router,
)

__all__ = ["ROUTERS"]
