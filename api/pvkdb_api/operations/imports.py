"""Imports of papers over HTTP, for the REST service and for the page of drafts."""

from __future__ import annotations

from fastapi import Request
from sqlalchemy.orm import Session

from pvkdb.literature.importing import import_files
from pvkdb.schemas.imports import ImportReport
from pvkdb.store.curation.dataset import IMPORT
from pvkdb.store.curation.sources import Upload
from pvkdb_api.operations.writes import note_write


def import_upload(
    request: Request, session: Session, upload: Upload, *, dry_run: bool
) -> ImportReport:
    """Import an upload and note the write; with ``dry_run``, undo its changes.

    Raises:
        ImportRefusedError: names the problems; nothing is changed.
    """
    attempt = session.begin_nested()
    keep = False
    try:
        report = import_files(session, [upload], dry_run=dry_run)
        keep = not dry_run
    finally:
        attempt.commit() if keep else attempt.rollback()
    if keep and report.changed:
        note_write(session, request, IMPORT, report.dataset_version)
    return report
