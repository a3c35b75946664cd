"""Versions of the data in a store: ``review2026-0a1b2c3d4e.computed-5f6a7b8c9d+0b1c2d3e4f``.

The parts identify the curated literature, the release of computed results, and after the plus the
imported files in their order. A store has only the parts that were loaded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pvkdb.errors import AccessError, InputError, NotFoundError, StateError, unknown_name
from pvkdb.operations import Reading
from pvkdb.schemas.imports import ReviewRequest, UnreviewedImport
from pvkdb.store.base import utc_now
from pvkdb.store.changes import note_change
from pvkdb.store.curation.sources import Source
from pvkdb.store.models.access import AuditEntry
from pvkdb.store.models.references import DatasetVersion

#: Version of a store without curated data.
EMPTY = "empty"
#: Action of an entry of the audit log that confirms an import; its subject is the version.
REVIEW = "review import"
#: Action of an entry of the audit log that a service makes of an import.
IMPORT = "import papers"
#: How the part of computed results begins.
COMPUTED = "computed-"


def current_version(session: Session) -> str:
    """Return the newest version, or "empty" for a store without curated data."""
    newest = session.scalar(
        select(DatasetVersion.version).order_by(DatasetVersion.loaded_at.desc()).limit(1)
    )
    return newest or EMPTY


def parts_of(version: str) -> list[str]:
    """Return the releases that a version names, without imports."""
    return [] if version == EMPTY else version.partition("+")[0].split(".")


def begin_release(session: Session, release: str) -> str:
    """Record that the files of a release are loaded, and return the version.

    It is one of the curated literature, or of computed results (``computed-…``); the other parts
    of the version are kept.
    """
    current = current_version(session)
    _, plus, imports = current.partition("+")
    computed = release.startswith(COMPUTED)
    others = [part for part in parts_of(current) if part.startswith(COMPUTED) != computed]
    version = ".".join([*others, release] if computed else [release, *others]) + plus + imports
    known = session.get(DatasetVersion, version)
    if known is None:
        what = "computed results" if computed else "curated literature"
        _add(session, version, f"{what} {release}")
    elif version != current:
        known.loaded_at = _after(session)  # an earlier release is loaded again
        session.flush()
    return version


def begin_import(session: Session, paths: Sequence[Source]) -> DatasetVersion:
    """Record that files are imported, and return the version.

    Raises:
        OSError: a file cannot be read.
    """
    current = current_version(session)
    release, _, _ = current.partition("+")
    digest = hashlib.sha256(current.encode())
    for path in paths:
        with path.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    version = f"{release}+{digest.hexdigest()[:10]}"
    return _add(session, version, f"import of {', '.join(path.name for path in paths)}")


def unreviewed_imports(session: Session) -> list[DatasetVersion]:
    """Return the imports that nobody has confirmed, the oldest first."""
    confirmed = select(AuditEntry.subject).where(AuditEntry.action == REVIEW)
    imports = select(DatasetVersion).where(DatasetVersion.description.startswith("import "))
    waiting = imports.where(DatasetVersion.version.not_in(confirmed))
    return [*session.scalars(waiting.order_by(DatasetVersion.loaded_at))]


def review(request: ReviewRequest, reading: Reading) -> list[UnreviewedImport]:
    """Confirm an import, if one is named, and return those that wait; see confirm_import."""
    with reading() as session:
        if request.version is not None:
            if not (request.by or "").strip():
                raise InputError(
                    f"nobody is named who confirms {request.version}; the record needs a name: "
                    f"pvkdb review {request.version} --by 'A. Curator'"
                )
            confirm_import(session, request.version, str(request.by).strip())
        return [
            UnreviewedImport(
                version=each.version, origin=each.description, at=each.loaded_at.date()
            )
            for each in unreviewed_imports(session)
        ]


def confirm_import(session: Session, version: str, caller: str) -> None:
    """Record that somebody confirms an import: it counts in rankings from now on.

    ``pvkdb_caller`` of the session's ``info`` has further columns of the audit log; a key cannot
    confirm what it has imported.

    Raises:
        NotFoundError: no import of this version waits; names those that do.
        StateError: it is confirmed already; names by whom and when.
        AccessError: the same key has imported it.
    """
    entries = select(AuditEntry).where(AuditEntry.subject == version).order_by(AuditEntry.id)
    done = {each.action: each for each in session.scalars(entries)}
    if found := done.get(REVIEW):
        raise StateError(f"{version} is confirmed already, by {found.caller} on {found.at:%F}")
    waiting = [each.version for each in unreviewed_imports(session)]
    if version not in waiting:
        raise NotFoundError(unknown_name("unreviewed import", version, waiting))
    known = session.info.get("pvkdb_caller", {})
    key = known.get("key_id")
    if key is not None and IMPORT in done and done[IMPORT].key_id == key:
        raise AccessError(
            f"{version} was imported with this key ({key}); somebody else confirms it, with "
            "another key"
        )
    session.add(AuditEntry(caller=caller, action=REVIEW, subject=version, **known))
    note_change(session)


def _add(session: Session, version: str, description: str) -> DatasetVersion:
    added = DatasetVersion(version=version, loaded_at=_after(session), description=description)
    session.add(added)
    session.flush()
    return added


def _after(session: Session) -> datetime:
    """Return a time after every stored version: now, or later if another clock was ahead."""
    newest = session.scalar(select(func.max(DatasetVersion.loaded_at)))
    now = utc_now()
    return now if newest is None or now > newest else newest + timedelta(microseconds=1)
