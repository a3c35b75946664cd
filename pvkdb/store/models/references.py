"""The bibliography, and the versions of the data in the store."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from pvkdb.store.base import Base


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


class Reference(Base):
    """A publication. The table is not called ``references``, a reserved word of SQL."""

    __tablename__ = "bibliography"

    key: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int | None] = mapped_column(unique=True)
    authors: Mapped[str | None]
    title: Mapped[str | None]
    journal: Mapped[str | None]
    year: Mapped[int | None] = mapped_column(index=True)
    volume: Mapped[str | None]
    pages: Mapped[str | None]
    doi: Mapped[str | None] = mapped_column(index=True)
    recorded_in: Mapped[str | None] = mapped_column(ForeignKey("dataset_versions.version"))
