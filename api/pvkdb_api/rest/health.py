"""Whether the process lives, and whether it can do its work."""

from __future__ import annotations

from fastapi import APIRouter, Request

from pvkdb._version import __version__
from pvkdb.schemas.responses import Health, Liveness
from pvkdb.store.curation.dataset import current_version
from pvkdb_api.core.sessions import served_store

router = APIRouter(tags=["health"])


@router.get("/livez", summary="Whether the process answers", operation_id="get_liveness")
async def get_liveness() -> Liveness:
    """Looks at nothing: where this does not answer, the process is to be started again."""
    return Liveness(status="ok", version=__version__)


@router.get("/readyz", summary="Whether requests may be sent here", operation_id="get_readiness")
@router.get("/healthz", summary="Whether the service can do its work", operation_id="get_health")
def get_health(request: Request) -> Health:
    """Looks at the database and the revision of its schema anew each time; a problem with status
    503 where it cannot be used."""
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
