"""Versions of the data in a store: ``review2026-0a1b2c3d4e.computed-5f6a7b8c9d+0b1c2d3e4f``.

The parts identify the curated literature, the release of computed results, and after the plus the
imported files in their order. A store has only the parts that were loaded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from pvkdb.errors import AccessError, InputError, NotFoundError, StateError, unknown_name
from pvkdb.operations import Reading
from pvkdb.schemas.imports import ReviewRequest, UnreviewedImport
from pvkdb.store.base import utc_now
from pvkdb.store.changes import note_change
from pvkdb.store.curation.people import acting_person, others
from pvkdb.store.curation.sources import Source
from pvkdb.store.models.access import AuditEntry
from pvkdb.store.models.references import DatasetVersion, DraftDecision
from pvkdb.store.models.summary_updates import note_reviewed

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
    waiting = DatasetVersion.version.in_(DatasetVersion.waiting())
    found = select(DatasetVersion).where(waiting).order_by(DatasetVersion.loaded_at)
    return [*session.scalars(found)]


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


def note_importer(session: Session, version: str, caller: str) -> None:
    """Record who imported a version, which this person does not confirm."""
    session.get_one(DatasetVersion, version).imported_by = acting_person(session, caller).id


def confirm_import(session: Session, version: str, caller: str) -> None:
    """Record that somebody confirms an import: it counts from now on, and its corrections replace.

    ``pvkdb_caller`` of the session's ``info`` has further columns of the audit log. Nobody confirms
    what he has imported or decided, unless the store knows nobody else: that is self-confirmed, as
    is an import that nobody is named for, until another person confirms it.

    Raises:
        NotFoundError: no import of this version waits; names those that do.
        StateError: it is confirmed already; names by whom and when.
        AccessError: the same person has imported it, or decided a field of its draft.
    """
    person, found = acting_person(session, caller), session.get(DatasetVersion, version)
    by_self = found is not None and found.imported_by == found.confirmed_by
    if found and found.confirmed_by and not (by_self and found.confirmed_by != person.id):
        done = (AuditEntry.subject == version) & (AuditEntry.action == REVIEW)
        last = session.scalars(
            select(AuditEntry).where(done).order_by(AuditEntry.id.desc())
        ).first()
        by = f", by {last.caller} on {last.at:%F}" if last else ""
        raise StateError(f"{version} is confirmed already{by}")
    waiting = [each.version for each in unreviewed_imports(session)]
    if found is None or not (found.confirmed_by or version in waiting):
        raise NotFoundError(unknown_name("unreviewed import", version, waiting))
    own = found.imported_by == person.id
    involved = own or person.id in _deciders(session, version)
    if involved and ((known := others(session, person)) or not own):
        named = f", e.g. {', '.join(known[:3])}" if known else ""
        raise AccessError(
            f"{person.name} has {'imported' if own else 'decided fields of'} {version}; another "
            f"person confirms it{named}. Keys belong to people: pvkdb keys create NAME --scope "
            "import"
        )
    note_reviewed(session, version)
    found.confirmed_by, found.imported_by = person.id, found.imported_by or person.id
    known_of = session.info.get("pvkdb_caller", {})
    session.add(AuditEntry(caller=caller, action=REVIEW, subject=version, **known_of))
    note_change(session)


def _deciders(session: Session, version: str) -> set[int | None]:
    """Return who decided fields of the draft that was entered as a version."""
    entry, each = aliased(DraftDecision), aliased(DraftDecision)
    of_it = (each.draft_id == entry.draft_id) & (each.revision <= entry.revision)
    return {
        *session.scalars(select(each.person_id).join(entry, of_it).where(entry.version == version))
    }


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
