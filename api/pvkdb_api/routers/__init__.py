"""The routes, one module a subject."""

from pvkdb_api.routers import (
    calculations,
    collections,
    export,
    health,
    metrics,
    rankings,
    tolerance,
)

#: Routers of the service in the order in which its description shows them.
ROUTERS = (
    *collections.ROUTERS,
    calculations.router,
    rankings.router,
    tolerance.router,
    export.router,
    health.router,
    metrics.router,
)

__all__ = ["ROUTERS"]
