"""Requirements that applications put on device metrics, each with its place in a source."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from pvkdb.store.base import Base


class ApplicationRequirement(Base):
    """One requirement of one application."""

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
