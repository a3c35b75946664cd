"""The bibliography, the versions of the data in the store, and drafts of papers."""

from __future__ import annotations

import csv
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, case, func, literal_column, select
from sqlalchemy.orm import Mapped, aliased, mapped_column, relationship

from pvkdb.store.base import Base, utc_now
from pvkdb.store.models.columns import ReferencesColumns


class DatasetVersion(Base):
    """A version of the data in the store; the newest row is the current one.

    ``description`` names its origin: the curated files of a release, or an imported paper. An
    import counts once a person has confirmed it.
    """

    __tablename__ = "dataset_versions"

    version: Mapped[str] = mapped_column(primary_key=True)
    loaded_at: Mapped[datetime]
    description: Mapped[str | None]
    imported_by: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    confirmed_by: Mapped[int | None] = mapped_column(ForeignKey("people.id"))

    @classmethod
    def unconfirmed(cls) -> Any:
        """Return the SQL condition for imports that nobody has confirmed."""
        return cls.description.like(literal_column("'import %'")) & cls.confirmed_by.is_(None)

    @classmethod
    def waiting(cls) -> Any:
        """Return the SELECT of the imports that nobody has confirmed."""
        return select(cls.version).where(cls.unconfirmed())

    @classmethod
    def self_confirmed(cls) -> Any:
        """Return the SQL condition for imports whose reviewer is not known to be another person."""
        return cls.confirmed_by == cls.imported_by


class Versioned:
    """Mixin of tables in which a newer row may take the place of an older one.

    A correction of a reviewed row takes its place once the correction, or a later one of the same
    row, is confirmed. Until then the old row counts, and the newest correction stands beside it.
    """

    id: Mapped[str]
    supersedes_id: Mapped[str | None]
    recorded_in: Mapped[str | None]

    @classmethod
    def review(cls) -> Any:
        """Return the SQL of the column ``review``: empty once another person has confirmed."""
        states = case(
            (DatasetVersion.unconfirmed(), literal_column("'unreviewed'")),
            (DatasetVersion.self_confirmed(), literal_column("'self-confirmed'")),
        )
        return select(states).where(DatasetVersion.version == cls.recorded_in).scalar_subquery()

    @classmethod
    def replaced(cls, unreviewed: bool = False) -> Any:
        """Return the SELECT of the ids of rows that a correction has replaced: a short list.

        With ``unreviewed``, corrections that nobody has confirmed replace rows, too.
        """
        return _replaced(cls, unreviewed)  # type: ignore[arg-type]  # a class has a hash

    @classmethod
    @cache
    def uncounted(cls) -> Any:
        """Return the SELECT of the ids of replaced rows and of corrections that wait."""
        new, old, newer = aliased(cls), aliased(cls), aliased(cls)
        pending = select(new.id).join(old, old.id == new.supersedes_id).where(_waits(new))
        corrections = pending.where(~_waits(old)).cte(recursive=True)
        after = select(newer.id).join(corrections, newer.supersedes_id == corrections.c.id)
        corrections = corrections.union(after.where(_waits(newer)))
        return either(cls.replaced(), select(corrections.c.id))

    @classmethod
    def current(cls, unreviewed: bool = False) -> Any:
        """Return the SQL condition for rows that no correction has replaced."""
        return cls.id.not_in(cls.replaced(unreviewed))

    @classmethod
    def counted(cls) -> Any:
        """Return the SQL condition for rows that count, one of each chain of corrections."""
        return cls.id.not_in(cls.uncounted())


@cache  # SQLAlchemy takes longer to put this together than databases take to answer it
def _replaced(rows: type[Versioned], unreviewed: bool) -> Any:
    new, old = aliased(rows), aliased(rows)
    every = select(new.supersedes_id.label("id")).where(new.supersedes_id.is_not(None))
    if unreviewed:
        return every
    confirmed = every.where(~_waits(new)).cte(recursive=True)
    before = select(old.supersedes_id).join(confirmed, old.id == confirmed.c.id)
    confirmed = confirmed.union(before.where(old.supersedes_id.is_not(None)))
    unconfirmed = every.join(old, old.id == new.supersedes_id).where(_waits(old))
    return either(select(confirmed.c.id), unconfirmed)


def either(one: Any, other: Any) -> Any:
    """Return the SELECT of the ids that one or another SELECT finds."""
    return select(one.union(other).subquery().c.id)


def _waits(row: Any) -> Any:
    """Return the SQL condition for rows of imports that nobody has confirmed."""
    return func.coalesce(row.recorded_in, "").in_(DatasetVersion.waiting())


class DataChanges(Base):
    """The number of transactions that changed the data, in a single row."""

    __tablename__ = "data_changes"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger)


class Reference(ReferencesColumns, Base):
    """A publication. The table is not called ``references``, a reserved word of SQL."""

    __tablename__ = "bibliography"

    key: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int | None] = mapped_column(unique=True)
    year: Mapped[int | None] = mapped_column(index=True)
    doi: Mapped[str | None] = mapped_column(index=True)
    recorded_in: Mapped[str | None] = mapped_column(ForeignKey("dataset_versions.version"))

    @property
    def doi_seen(self) -> str | None:
        """The DOI that an open page shows, if none is printed."""
        return seen_doi(self.key, self.doi)[0]

    @property
    def doi_seen_at(self) -> str | None:
        """The address of that page, or of the page on which the paper was read."""
        return seen_doi(self.key, self.doi)[1]


class PaperDraft(Base):
    """The text of a paper with the proposals that readers decide on.

    ``paper`` is its DOI, or its text, by which another file of the same paper is known; ``digest``
    is the SHA-256 of the text. ``revision`` counts the changes, ``undecided`` open proposals.
    """

    __tablename__ = "drafts"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    title: Mapped[str]
    paper: Mapped[str] = mapped_column(index=True)
    digest: Mapped[str] = mapped_column(unique=True)
    text: Mapped[str] = mapped_column(deferred=True)
    proposals: Mapped[dict[str, Any]] = mapped_column(deferred=True)
    undecided: Mapped[int]
    revision: Mapped[int] = mapped_column(default=0)
    created_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    decisions: Mapped[list[DraftDecision]] = relationship(
        order_by="DraftDecision.id", lazy="selectin"
    )


class DraftDecision(Base):
    """One decision on a cell of a draft, or the entry of one of its rows into the store.

    Decisions are added and never changed. Of an entry, ``cell`` is the row of the draft, ``value``
    the id of the row in the store, and ``version`` the dataset version that brought it.
    """

    __tablename__ = "draft_decisions"

    id: Mapped[int] = mapped_column(primary_key=True)
    draft_id: Mapped[int] = mapped_column(ForeignKey("drafts.id"), index=True)
    revision: Mapped[int]
    action: Mapped[str]
    cell: Mapped[str]
    value: Mapped[str]
    version: Mapped[str | None]
    caller: Mapped[str]
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    at: Mapped[datetime] = mapped_column(default=utc_now)


def seen_doi(key: str, printed: str | None) -> tuple[str | None, str | None]:
    """Return the DOI that an open page shows, if none is printed, and the page, or that read."""
    doi, page = dois_seen().get(key, (None, None))
    return (None, None if doi else page) if printed else (doi, page)


@cache
def dois_seen() -> dict[str, tuple[str | None, str]]:
    """Return the DOI and the address of the page that shows it, by the key of the reference.

    They are beside the rows, which stay as the review prints them.
    """
    file = resources.files("pvkdb.literature") / "dois_seen.csv"
    rows = csv.DictReader(file.read_text(encoding="utf-8").splitlines())
    return {row["key"]: (row["doi_seen"] or None, row["doi_seen_at"]) for row in rows}
