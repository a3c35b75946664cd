"""Tables 3 and 5 to 10 of the review in their printed order, requirements, and corrections.

``position`` is the place in the curated file; ``references`` is text here, since these tables are
read as a whole and never searched by publication.
"""

from __future__ import annotations

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from pvkdb.store.base import Base


class ReviewedRow(Base):
    """Columns that every descriptive table of the review has."""

    __abstract__ = True

    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    as_printed: Mapped[str | None]
    erratum: Mapped[str | None]


class ConductionMechanism(ReviewedRow):
    """A conduction mechanism, Table 3 of the review."""

    __tablename__ = "conduction_mechanisms"

    mechanism: Mapped[str] = mapped_column(unique=True)
    origin: Mapped[str]
    iv_relationship: Mapped[str]
    temperature_dependence: Mapped[str]


class ProcessingTechnique(ReviewedRow):
    """A processing technique, Table 5 of the review."""

    __tablename__ = "processing_techniques"

    technique: Mapped[str] = mapped_column(unique=True)
    route: Mapped[str]
    advantages: Mapped[str | None]
    film_quality: Mapped[str | None]
    scalability: Mapped[str | None]
    process: Mapped[str | None]
    challenges: Mapped[str | None]
    source: Mapped[str]


class ArrayChallenge(ReviewedRow):
    """A challenge of memristor arrays, Table 6 of the review."""

    __tablename__ = "array_challenges"

    challenge: Mapped[str]
    aspect: Mapped[str]
    statement: Mapped[str]
    spacing_to_thickness_ratio: Mapped[float | None]
    source: Mapped[str]


class TestProtocol(ReviewedRow):
    """A test of a function, Tables 7 to 9 of the review; ``table`` is the printed number."""

    __tablename__ = "test_protocols"

    table: Mapped[int] = mapped_column("printed_table")
    function: Mapped[str]
    device_requirement: Mapped[str | None]
    pulse_protocol: Mapped[str | None]
    measured: Mapped[str | None]
    application: Mapped[str | None]
    memristor_type: Mapped[str | None]
    references: Mapped[str]
    source: Mapped[str]


class BenchmarkDataset(ReviewedRow):
    """A neural network on a data set, Table 10 of the review."""

    __tablename__ = "benchmark_datasets"

    dataset: Mapped[str]
    description: Mapped[str | None]
    classes: Mapped[int | None]
    image_width_px: Mapped[int | None]
    image_height_px: Mapped[int | None]
    color: Mapped[str | None]
    network: Mapped[str | None]
    material: Mapped[str | None]
    structure: Mapped[str | None]
    material_source: Mapped[str | None]
    accuracy_percent: Mapped[float | None]
    conditions: Mapped[str | None]
    on_chip: Mapped[str | None]
    references: Mapped[str]
    source: Mapped[str]
    accuracy_source: Mapped[str | None]
    accuracy_as_printed: Mapped[str | None]


class ApplicationRequirement(Base):
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
    metric: Mapped[str]
    comparator: Mapped[str]
    value: Mapped[float]
    value_max: Mapped[float | None]
    unit: Mapped[str]
    source: Mapped[str]
    as_printed: Mapped[str | None]
    erratum: Mapped[str | None]
    basis: Mapped[str]
    upper_limit: Mapped[bool | None]


class Correction(Base):
    """What a cell of another table should read; the cell keeps the printed value."""

    __tablename__ = "corrections"
    __table_args__ = (UniqueConstraint("row_key", "column_name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    row: Mapped[str] = mapped_column("row_key")
    column: Mapped[str] = mapped_column("column_name")
    value: Mapped[str]
    source: Mapped[str]
    why: Mapped[str]


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
