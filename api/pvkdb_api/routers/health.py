"""Whether the service can do its work."""

from __future__ import annotations

from fastapi import APIRouter, Request

from pvkdb import __version__
from pvkdb.schemas.responses import Health
from pvkdb.store.dataset import current_version
from pvkdb_api.sessions import served_store

router = APIRouter(tags=["health"])


@router.get("/healthz", summary="Whether the service can do its work", operation_id="get_health")
def get_health(request: Request) -> Health:
    """Looks at the database anew each time; a problem with status 503 where it cannot be used."""
    store = served_store(request).store.require_migrated()
    with store.session(read_only=True) as session:
        version = current_version(session)
    request.state.dataset_version = version
    return Health(
        status="ok",
        version=__version__,
        database=store.url.get_backend_name(),
        dataset_version=version,
    )
