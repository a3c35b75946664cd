"""Devices with their layers and metrics, and reported figures on devices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, foreign, mapped_column, relationship

from pvkdb.schemas.metrics import TABLE_METRICS
from pvkdb.store.base import Base
from pvkdb.store.models.columns import DeviceClaimsColumns, DevicesColumns
from pvkdb.store.models.materials import Material
from pvkdb.store.models.references import Versioned, either
from pvkdb.store.models.reviewed import Correction

#: Roles of a layer, from the bottom of a usual stack to its top. The purpose of an
#: interlayer is not reported.
LAYER_ROLES = (
    "substrate",
    "adhesion",
    "bottom_electrode",
    "transport",
    "buffer",
    "interlayer",
    "absorber",
    "top_electrode",
)


@dataclass(frozen=True, slots=True)
class DeviceMetric:
    """A metric of a device: an interval in the unit that the registry of metrics gives."""

    metric: str
    value_min: float
    value_max: float
    qualifier: str | None


class Device(DevicesColumns, Versioned, Base):
    """A device as reported. ``absorber`` is kept as printed; ``material_id`` is its composition, if
    that is known.

    A search by several metrics reads one index.
    """

    __tablename__ = "devices"
    __table_args__ = (
        CheckConstraint("v_set_min_v <= v_set_max_v", name="v_set"),
        CheckConstraint("v_reset_min_v <= v_reset_max_v", name="v_reset"),
        # Each index holds all columns that a search by its first columns needs.
        Index(
            "ix_devices_material",
            *("material_id", "retention_s", "retention_qualifier", "on_off_ratio", "id"),
        ),
        Index(
            "ix_devices_retention",
            *("retention_s", "material_id", "retention_qualifier", "on_off_ratio", "id"),
        ),
        Index(
            "ix_devices_on_off",
            *("on_off_ratio", "material_id", "on_off_qualifier", "retention_s", "id"),
        ),
        Index("ix_devices_endurance", "endurance_cycles", "material_id", "id"),
        Index("ix_devices_mechanism", "mechanism", "volatility", "id"),  # to count either
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    group: Mapped[str] = mapped_column("device_group")
    absorber: Mapped[str] = mapped_column(index=True)
    material_id: Mapped[str | None] = mapped_column(ForeignKey("materials.id"))
    supersedes_id: Mapped[str | None] = mapped_column(ForeignKey("devices.id"), unique=True)
    recorded_in: Mapped[str | None] = mapped_column(ForeignKey("dataset_versions.version"))
    fingerprint: Mapped[str | None] = mapped_column(index=True)

    material: Mapped[Material | None] = relationship(lazy="joined")
    layers: Mapped[list[DeviceLayer]] = relationship(
        order_by="DeviceLayer.position", cascade="all, delete-orphan", lazy="selectin"
    )
    references: Mapped[list[DeviceReference]] = relationship(
        order_by="DeviceReference.position", cascade="all, delete-orphan", lazy="selectin"
    )
    corrections: Mapped[list[Correction]] = relationship(
        primaryjoin=lambda: Device.id == foreign(Correction.row), viewonly=True, lazy="selectin"
    )

    def metric(self, name: str) -> DeviceMetric | None:
        """Return the metric as it should read, corrected; None if it is not reported."""
        _, table = TABLE_METRICS[name]
        if getattr(self, table.low) is None:
            return None
        cells = {each.column: each.value for each in self.corrections_of(name)}
        values = (cells.get(end, getattr(self, end)) for end in table.names)
        ends = [float(value) for value in values if value is not None]
        printed = getattr(self, table.qualifier) if table.qualifier else None
        qualifier = cells.get(table.qualifier or "", printed) or None
        return DeviceMetric(name, ends[0], ends[-1], qualifier)

    def source_of(self, name: str) -> str:
        """Return the source of a metric: that of its correction, else that of the device."""
        return next((each.source for each in self.corrections_of(name)), self.source)

    def corrections_of(self, name: str) -> list[Correction]:
        """Return the corrections of a metric."""
        _, table = TABLE_METRICS[name]
        return [each for each in self.corrections if each.column in (*table.names, table.qualifier)]


class DeviceLayer(Base):
    """A layer of a stack; position 0 is the bottom."""

    __tablename__ = "device_layers"
    __table_args__ = (
        UniqueConstraint("device_id", "position"),
        CheckConstraint(f"role IN {LAYER_ROLES!r}", name="role"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    device_id: Mapped[str] = mapped_column(ForeignKey("devices.id"))
    position: Mapped[int]
    role: Mapped[str]
    material: Mapped[str]


class DeviceReference(Base):
    """A publication on a device; positions are in the order of the source."""

    __tablename__ = "device_references"

    device_id: Mapped[str] = mapped_column(ForeignKey("devices.id"), primary_key=True)
    reference_key: Mapped[str] = mapped_column(ForeignKey("bibliography.key"), primary_key=True)
    position: Mapped[int]


class DeviceClaim(DeviceClaimsColumns, Versioned, Base):
    """A reported figure of a device; ``position`` is its place in the order of the text."""

    __tablename__ = "device_claims"
    __table_args__ = (CheckConstraint("value <= value_max", name="interval"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(index=True)
    metric: Mapped[str] = mapped_column(index=True)
    supersedes_id: Mapped[str | None] = mapped_column(ForeignKey("device_claims.id"), unique=True)
    recorded_in: Mapped[str | None] = mapped_column(ForeignKey("dataset_versions.version"))

    references: Mapped[list[DeviceClaimReference]] = relationship(
        order_by="DeviceClaimReference.position", cascade="all, delete-orphan", lazy="selectin"
    )

    @classmethod
    def replaced(cls, unreviewed: bool = False) -> Any:
        """Add the figures imported with a device that was replaced: a correction may drop some.

        Their ids are ``DEVICE-METRIC``.
        """
        length = func.length(cls.id) - func.length(cls.metric) - 1
        device = func.substr(cls.id, 1, func.abs(length))  # PostgreSQL refuses a negative length
        of_replaced = select(cls.id).where(device.in_(Device.replaced(unreviewed)))
        return either(super().replaced(unreviewed), of_replaced)


class DeviceClaimReference(Base):
    """A publication on a figure; positions are in the order of the source."""

    __tablename__ = "device_claim_references"

    claim_id: Mapped[str] = mapped_column(ForeignKey("device_claims.id"), primary_key=True)
    reference_key: Mapped[str] = mapped_column(ForeignKey("bibliography.key"), primary_key=True)
    position: Mapped[int]
