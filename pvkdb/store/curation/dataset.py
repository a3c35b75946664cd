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

from pvkdb.errors import NotFoundError, unknown_name
from pvkdb.store.base import utc_now
from pvkdb.store.curation.sources import Source
from pvkdb.store.models.access import AuditEntry
from pvkdb.store.models.references import DatasetVersion

#: Version of a store without curated data.
EMPTY = "empty"
#: Action of an entry of the audit log that confirms an import; its subject is the version.
REVIEW = "review import"
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


def confirm_import(session: Session, version: str, caller: str) -> DatasetVersion:
    """Record that somebody confirms an import: it counts in rankings from now on.

    Raises:
        NotFoundError: no import of this version waits; names those that do.
    """
    waiting = {each.version: each for each in unreviewed_imports(session)}
    if version not in waiting:
        raise NotFoundError(unknown_name("unreviewed import", version, waiting))
    session.add(AuditEntry(caller=caller, action=REVIEW, subject=version))
    return waiting[version]


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
