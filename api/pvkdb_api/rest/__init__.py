"""The REST routes, a module for each subject."""

from pvkdb_api.rest import (
    calculations,
    collections,
    export,
    health,
    imports,
    operations,
    rankings,
    screenings,
    structures,
)

#: Routers of the service in the order of the OpenAPI description.
ROUTERS = (
    *collections.ROUTERS,
    structures.router,
    calculations.router,
    screenings.router,
    rankings.router,
    operations.router,
    export.router,
    export.snapshot,
    imports.router,
    health.router,
)

__all__ = ["ROUTERS"]
