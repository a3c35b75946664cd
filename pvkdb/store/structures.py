"""Structures: prototypes, relaxed hosts, and the images of a migration path."""

from __future__ import annotations

from sqlalchemy import JSON, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from pvkdb.store.base import Base
from pvkdb.store.materials import Material


class Structure(Base):
    """A periodic structure.

    ``cell_ang`` is 3 × 3 (rows a, b, c), ``positions_ang`` n × 3 Cartesian; ``role`` says what it
    is for a calculation ("host", "image 3"); ``parent_id`` is what it was made from.
    """

    __tablename__ = "structures"

    id: Mapped[str] = mapped_column(primary_key=True)
    material_id: Mapped[str] = mapped_column(ForeignKey("materials.id"), index=True)
    space_group: Mapped[str | None]
    role: Mapped[str]
    origin: Mapped[str]
    parent_id: Mapped[str | None] = mapped_column(ForeignKey("structures.id"))
    calculation_id: Mapped[str | None] = mapped_column(ForeignKey("calculations.id"), index=True)
    atoms: Mapped[int]
    energy_ev: Mapped[float | None]
    cell_ang: Mapped[list[list[float]]] = mapped_column(JSON)
    symbols: Mapped[list[str]] = mapped_column(JSON)
    positions_ang: Mapped[list[list[float]]] = mapped_column(JSON)

    material: Mapped[Material] = relationship(lazy="joined")
