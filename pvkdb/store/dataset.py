"""Which version of the curated data a store holds."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from pvkdb.store.references import DatasetVersion


def current_version(session: Session) -> str:
    """The version loaded last, or "empty" where no curated data has been loaded."""
    newest = session.scalar(
        select(DatasetVersion.version).order_by(DatasetVersion.loaded_at.desc()).limit(1)
    )
    return newest or "empty"
