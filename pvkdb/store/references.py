"""The bibliography, and which version of the curated data the store holds."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from pvkdb.store.base import Base


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
    doi: Mapped[str | None]


class DatasetVersion(Base):
    """A loaded version of the curated data; the newest row is the current one."""

    __tablename__ = "dataset_versions"

    version: Mapped[str] = mapped_column(primary_key=True)
    loaded_at: Mapped[datetime]
