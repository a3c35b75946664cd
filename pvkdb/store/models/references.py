"""The bibliography, and the versions of the data in the store."""

from __future__ import annotations

import csv
from datetime import datetime
from functools import cache
from importlib import resources

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from pvkdb.store.base import Base
from pvkdb.store.models.columns import ReferencesColumns


class DatasetVersion(Base):
    """A version of the data in the store; the newest row is the current one.

    ``description`` names its origin: the curated files of a release, or an imported paper.
    """

    __tablename__ = "dataset_versions"

    version: Mapped[str] = mapped_column(primary_key=True)
    loaded_at: Mapped[datetime]
    description: Mapped[str | None]


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
        """The address of that page, or of the page on which a paper without DOI was read."""
        return seen_doi(self.key, self.doi)[1]


def seen_doi(key: str, printed: str | None) -> tuple[str | None, str | None]:
    """Return the DOI that an open page shows, if any, and the page; None if the DOI is printed."""
    return (None, None) if printed else dois_seen().get(key, (None, None))


@cache
def dois_seen() -> dict[str, tuple[str | None, str]]:
    """Return the DOI and the address of the page that shows it, by the key of the reference.

    They are beside the rows, which stay as the review prints them.
    """
    file = resources.files("pvkdb.literature") / "dois_seen.csv"
    rows = csv.DictReader(file.read_text(encoding="utf-8").splitlines())
    return {row["key"]: (row["doi_seen"] or None, row["doi_seen_at"]) for row in rows}
