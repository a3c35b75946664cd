"""Performance figures of devices from running text and captions, one row a figure."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from pvkdb.store.base import Base


class DeviceClaim(Base):
    """A figure. ``position`` is its place in the text, which orders the table."""

    __tablename__ = "device_claims"
    __table_args__ = (CheckConstraint("value <= value_max", name="interval"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(index=True)
    device: Mapped[str]
    metric: Mapped[str] = mapped_column(index=True)
    value: Mapped[float]
    value_max: Mapped[float | None]
    unit: Mapped[str]
    qualifier: Mapped[str | None]
    source: Mapped[str]
    as_printed: Mapped[str | None]
    erratum: Mapped[str | None]
    supersedes_id: Mapped[str | None] = mapped_column(ForeignKey("device_claims.id"), unique=True)
    recorded_in: Mapped[str | None] = mapped_column(ForeignKey("dataset_versions.version"))

    references: Mapped[list[DeviceClaimReference]] = relationship(
        order_by="DeviceClaimReference.position", cascade="all, delete-orphan", lazy="selectin"
    )


class DeviceClaimReference(Base):
    """A publication behind a figure, in the order in which the source prints them."""

    __tablename__ = "device_claim_references"

    claim_id: Mapped[str] = mapped_column(ForeignKey("device_claims.id"), primary_key=True)
    reference_key: Mapped[str] = mapped_column(ForeignKey("bibliography.key"), primary_key=True)
    position: Mapped[int]
