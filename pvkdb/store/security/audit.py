"""The audit log. An entry is part of the transaction of its write."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from pvkdb.schemas.access import AuditDocument
from pvkdb.store.models.access import AuditEntry
from pvkdb.store.rows.from_models import document_of


def record(session: Session, caller: str, action: str, subject: str, **known: str | None) -> None:
    """Add an entry to the transaction of a write; ``known`` are further columns of it."""
    session.add(AuditEntry(caller=caller, action=action, subject=subject, **known))


def entries(session: Session, limit: int, key_id: str | None = None) -> list[AuditDocument]:
    """Return the newest entries, newest first, of one key or of all."""
    newest = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(limit)
    if key_id is not None:
        newest = newest.where(AuditEntry.key_id == key_id)
    return [document_of(AuditDocument, entry) for entry in session.scalars(newest)]
