"""Tables 3 and 5 to 10 of the review in their printed order, requirements, and corrections.

``position`` is the place in the curated file; ``references`` is text here, since these tables are
read as a whole and never searched by publication.
"""

from __future__ import annotations

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from pvkdb.store.base import Base
from pvkdb.store.models.columns import (
    ApplicationsColumns,
    ArrayChallengesColumns,
    BenchmarkDatasetsColumns,
    ConductionColumns,
    CorrectionsColumns,
    ProcessingColumns,
    TestProtocolsColumns,
)


class ReviewedRow(Base):
    """Columns that every descriptive table of the review has."""

    __abstract__ = True

    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)


class ConductionMechanism(ConductionColumns, ReviewedRow):
    """A conduction mechanism, Table 3 of the review."""

    __tablename__ = "conduction_mechanisms"

    mechanism: Mapped[str] = mapped_column(unique=True)


class ProcessingTechnique(ProcessingColumns, ReviewedRow):
    """A processing technique, Table 5 of the review."""

    __tablename__ = "processing_techniques"

    technique: Mapped[str] = mapped_column(unique=True)


class ArrayChallenge(ArrayChallengesColumns, ReviewedRow):
    """A challenge of memristor arrays, Table 6 of the review."""

    __tablename__ = "array_challenges"


class TestProtocol(TestProtocolsColumns, ReviewedRow):
    """A test of a function, Tables 7 to 9 of the review; ``table`` is the printed number."""

    __tablename__ = "test_protocols"

    table: Mapped[int] = mapped_column("printed_table")


class BenchmarkDataset(BenchmarkDatasetsColumns, ReviewedRow):
    """A neural network on a data set, Table 10 of the review."""

    __tablename__ = "benchmark_datasets"


class ApplicationRequirement(ApplicationsColumns, Base):
    """One requirement of an application on a device metric."""

    __tablename__ = "application_requirements"
    __table_args__ = (
        UniqueConstraint(
            "application", "metric", "comparator", "source", name="uq_application_requirements_row"
        ),
        CheckConstraint("comparator IN ('>', '<', '>=', '<=', 'between')", name="comparator"),
        CheckConstraint("comparator <> 'between' OR value_max IS NOT NULL", name="window"),
        CheckConstraint("basis IN ('printed', 'reading', 'working point', 'offer')", name="basis"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    application: Mapped[str] = mapped_column(index=True)


class Correction(CorrectionsColumns, Base):
    """What a cell of another table should read; the cell keeps the printed value."""

    __tablename__ = "corrections"
    __table_args__ = (UniqueConstraint("row_key", "column_name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    row: Mapped[str] = mapped_column("row_key")
    column: Mapped[str] = mapped_column("column_name")


#: Descriptive tables by public name.
REVIEWED: dict[str, type[ReviewedRow]] = {
    "array_challenges": ArrayChallenge,
    "benchmark_datasets": BenchmarkDataset,
    "conduction": ConductionMechanism,
    "processing": ProcessingTechnique,
    "test_protocols": TestProtocol,
}
#: Every table that a release replaces as a whole, by public name.
REPLACED: dict[str, type[Base]] = {
    "applications": ApplicationRequirement,
    "corrections": Correction,
    **REVIEWED,
}
