"""Energies of ions and defects, and values of electrons, one report or calculation a row."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from pvkdb.store.base import Base, StoredEnergy
from pvkdb.store.models.columns import ElectronicColumns, EnergeticsColumns
from pvkdb.store.models.materials import Material
from pvkdb.store.models.references import Versioned


class Energetic(EnergeticsColumns, Versioned, Base):
    """A reported or computed energy. A correction supersedes the row that it corrects."""

    __tablename__ = "energetics"
    __table_args__ = (
        CheckConstraint("quantity IN ('E_A', 'DFE')", name="quantity"),
        CheckConstraint("scope IN ('reported', 'hop', 'percolation', 'computed')", name="scope"),
        CheckConstraint("bound IN ('lower', 'upper')", name="bound"),
        CheckConstraint(
            "method IN ('DFT', 'experiment', 'MLIP', 'mixed', 'unknown')", name="method"
        ),
        CheckConstraint("value_min_ev <= value_max_ev", name="interval"),
        CheckConstraint("value_min_ev IS NOT NULL OR value_max_ev IS NOT NULL", name="has_value"),
        # All columns that a search by material, or by quantity and energy, needs.
        Index(
            "ix_energetics_material",
            *("material_id", "quantity", "value_min_ev", "value_max_ev", "id"),
        ),
        Index(
            "ix_energetics_value",
            *("quantity", "value_min_ev", "value_max_ev", "material_id", "id"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    material_id: Mapped[str] = mapped_column(ForeignKey("materials.id"))
    defect: Mapped[str] = mapped_column(index=True)
    value_min_ev: Mapped[float | None] = mapped_column(StoredEnergy)
    value_max_ev: Mapped[float | None] = mapped_column(StoredEnergy)
    calculation_id: Mapped[str | None] = mapped_column(ForeignKey("calculations.id"), index=True)
    supersedes_id: Mapped[str | None] = mapped_column(ForeignKey("energetics.id"), unique=True)
    recorded_in: Mapped[str | None] = mapped_column(ForeignKey("dataset_versions.version"))
    fingerprint: Mapped[str | None] = mapped_column(index=True)

    material: Mapped[Material] = relationship(lazy="joined")
    references: Mapped[list[EnergeticReference]] = relationship(
        order_by="EnergeticReference.position", cascade="all, delete-orphan", lazy="selectin"
    )


class EnergeticReference(Base):
    """A publication on an energy; positions are in the order of the source."""

    __tablename__ = "energetic_references"

    energetic_id: Mapped[str] = mapped_column(ForeignKey("energetics.id"), primary_key=True)
    reference_key: Mapped[str] = mapped_column(ForeignKey("bibliography.key"), primary_key=True)
    position: Mapped[int]


class Electronic(ElectronicColumns, Versioned, Base):
    """A measured or computed value. A correction supersedes the row that it corrects."""

    __tablename__ = "electronic"
    __table_args__ = (
        CheckConstraint(
            "quantity IN ('gap', 'static_dielectric', 'high_frequency_dielectric', "
            "'absorption_onset_nm')",
            name="quantity",
        ),
        CheckConstraint("method IN ('experiment', 'DFT', 'model')", name="method"),
        CheckConstraint("unit IN ('eV', '1', 'nm')", name="unit"),
        CheckConstraint("value_low <= value_high", name="interval"),
        CheckConstraint("coalesce(value, value_low, as_computed) IS NOT NULL", name="has_value"),
        Index("ix_electronic_material", "material_id", "quantity", "method", "id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    material_id: Mapped[str] = mapped_column(ForeignKey("materials.id"))
    calculation_id: Mapped[str | None] = mapped_column(ForeignKey("calculations.id"), index=True)
    supersedes_id: Mapped[str | None] = mapped_column(ForeignKey("electronic.id"), unique=True)
    recorded_in: Mapped[str | None] = mapped_column(ForeignKey("dataset_versions.version"))

    material: Mapped[Material] = relationship(lazy="joined")
    references: Mapped[list[ElectronicReference]] = relationship(
        order_by="ElectronicReference.position", cascade="all, delete-orphan", lazy="selectin"
    )


class ElectronicReference(Base):
    """A publication on a value; positions are in the order of the source."""

    __tablename__ = "electronic_references"

    electronic_id: Mapped[str] = mapped_column(ForeignKey("electronic.id"), primary_key=True)
    reference_key: Mapped[str] = mapped_column(ForeignKey("bibliography.key"), primary_key=True)
    position: Mapped[int]
