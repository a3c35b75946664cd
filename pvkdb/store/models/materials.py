"""Compositions with their site occupancies, and materials: a composition with its phase."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from pvkdb.store.base import Base
from pvkdb.store.models.columns import MaterialsColumns


class Composition(Base):
    """A chemical composition: the ions on each site and their amounts.

    ``excess_charge`` is the charge per formula unit of a nominal composition that does not
    balance, e.g. ``x`` in ``CsPb1-xBixI3``; None for a balanced formula.
    """

    __tablename__ = "compositions"

    id: Mapped[int] = mapped_column(primary_key=True)
    formula: Mapped[str] = mapped_column(unique=True)
    layers: Mapped[int | None]
    lead_free: Mapped[bool]
    excess_charge: Mapped[str | None]

    occupancies: Mapped[list[SiteOccupancy]] = relationship(
        order_by="SiteOccupancy.position", cascade="all, delete-orphan", lazy="selectin"
    )
    tolerance: Mapped[CompositionTolerance | None] = relationship(cascade="all, delete-orphan")


class SiteOccupancy(Base):
    """An ion on a site of a composition; ``amount`` is per formula unit.

    A symbolic amount (the x of ``MAPbI3-xClx``) is in ``amount_symbolic`` instead; both are None
    if the formula does not give the amount.
    """

    __tablename__ = "site_occupancies"
    __table_args__ = (
        UniqueConstraint("composition_id", "position"),
        CheckConstraint("site IN ('A', 'B', 'X')", name="site"),
        CheckConstraint("amount > 0", name="amount_positive"),
        CheckConstraint("amount IS NULL OR amount_symbolic IS NULL", name="one_amount"),
        Index("ix_site_occupancies_ion", "ion", "composition_id", "site"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    composition_id: Mapped[int] = mapped_column(ForeignKey("compositions.id"))
    position: Mapped[int]
    site: Mapped[str]
    ion: Mapped[str]
    charge: Mapped[int]
    amount: Mapped[float | None]
    amount_symbolic: Mapped[str | None]


class CompositionTolerance(Base):
    """Tolerance factors of a composition, stored for searches.

    ``pvkdb init`` and ``pvkdb upgrade`` calculate them again. Compositions for which they are not
    defined have no row.
    """

    __tablename__ = "tolerance_factors"

    composition_id: Mapped[int] = mapped_column(ForeignKey("compositions.id"), primary_key=True)
    t: Mapped[float]
    mu: Mapped[float]
    tau: Mapped[float | None] = mapped_column(index=True)
    p_perovskite: Mapped[float | None]


class Material(MaterialsColumns, Base):
    """A composition with its structure family and, where known, its phase.

    The family belongs here: Cs3Sb2I9 is made of dimers in one phase and of layers in another.

    ``id`` is the public name: the canonical formula, and the phase after a hyphen if it is known
    (``CsPbBr3``, ``CsPbBr3-Pnma``).
    """

    __tablename__ = "materials"
    __table_args__ = (
        Index("ix_materials_phase", "phase", "composition_id"),
        Index("ix_materials_dimensionality", "dimensionality", "composition_id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    composition_id: Mapped[int] = mapped_column(ForeignKey("compositions.id"), index=True)
    family: Mapped[str] = mapped_column(index=True)

    composition: Mapped[Composition] = relationship(lazy="joined")
