"""Devices: the stack as ordered layers, and one row for each metric reported."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from pvkdb.store.base import Base
from pvkdb.store.materials import Material

#: Roles of a layer, from the bottom of a usual stack to its top. An interlayer is one whose
#: purpose the source does not tell.
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

#: Metrics of a device and their units (dimensionless: "1").
METRICS = {
    "on_off_ratio": "1",
    "v_set_v": "V",
    "v_reset_v": "V",
    "endurance_cycles": "cycles",
    "retention_s": "s",
    "stability_days": "d",
}


class Device(Base):
    """A device as its source describes it. ``absorber`` is kept as printed; ``material_id`` links
    the composition that is meant, where one can be told."""

    __tablename__ = "devices"

    id: Mapped[str] = mapped_column(primary_key=True)
    group: Mapped[str] = mapped_column("device_group")
    structure: Mapped[str]
    absorber: Mapped[str]
    material_id: Mapped[str | None] = mapped_column(ForeignKey("materials.id"), index=True)
    form: Mapped[str | None]
    configuration: Mapped[str | None]
    mechanism: Mapped[str | None]
    volatility: Mapped[str | None]
    text_source: Mapped[str | None]
    source: Mapped[str]
    as_printed: Mapped[str | None]
    erratum: Mapped[str | None]
    supersedes_id: Mapped[str | None] = mapped_column(ForeignKey("devices.id"), unique=True)
    recorded_in: Mapped[str | None] = mapped_column(ForeignKey("dataset_versions.version"))
    fingerprint: Mapped[str | None] = mapped_column(index=True)

    material: Mapped[Material | None] = relationship(lazy="joined")
    layers: Mapped[list[DeviceLayer]] = relationship(
        order_by="DeviceLayer.position", cascade="all, delete-orphan", lazy="selectin"
    )
    metrics: Mapped[list[DeviceMetric]] = relationship(
        order_by="DeviceMetric.id", cascade="all, delete-orphan", lazy="selectin"
    )
    references: Mapped[list[DeviceReference]] = relationship(
        order_by="DeviceReference.position", cascade="all, delete-orphan", lazy="selectin"
    )

    def metric(self, name: str) -> DeviceMetric | None:
        """The metric of that name, or None where it is not reported."""
        return next((metric for metric in self.metrics if metric.metric == name), None)


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


class DeviceMetric(Base):
    """A metric of a device: an interval in the unit that :data:`METRICS` gives."""

    __tablename__ = "device_metrics"
    __table_args__ = (
        UniqueConstraint("device_id", "metric"),
        CheckConstraint(f"metric IN {tuple(METRICS)!r}", name="metric"),
        CheckConstraint("value_min <= value_max", name="interval"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    device_id: Mapped[str] = mapped_column(ForeignKey("devices.id"))
    metric: Mapped[str] = mapped_column(index=True)
    value_min: Mapped[float]
    value_max: Mapped[float]
    qualifier: Mapped[str | None]


class DeviceReference(Base):
    """A publication behind a device, in the order in which the source prints them."""

    __tablename__ = "device_references"

    device_id: Mapped[str] = mapped_column(ForeignKey("devices.id"), primary_key=True)
    reference_key: Mapped[str] = mapped_column(ForeignKey("bibliography.key"), primary_key=True)
    position: Mapped[int]
