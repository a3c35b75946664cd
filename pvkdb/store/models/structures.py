"""Structures: prototypes, relaxed hosts, and the images of a migration path."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from pvkdb.chemistry.formulas.sum_formula import anonymous_formula, hill_formula, reduced_formula
from pvkdb.store.base import Base, StoredEnergy, StoredTexts, StoredVectors, utc_now
from pvkdb.store.models.columns import StructuresColumns
from pvkdb.store.models.materials import Material


class Structure(StructuresColumns, Base):
    """A periodic structure.

    ``cell_ang`` is 3 × 3 (rows a, b, c), ``positions_ang`` n × 3 Cartesian; ``role`` is its role in
    a calculation ("host", "image 3"); ``parent_id`` is the structure it was made from.

    Columns for searches (formulas, number of elements, atoms of each element) are derived from
    ``symbols`` when these are set.
    """

    __tablename__ = "structures"

    id: Mapped[str] = mapped_column(primary_key=True)
    material_id: Mapped[str] = mapped_column(ForeignKey("materials.id"), index=True)
    parent_id: Mapped[str | None] = mapped_column(ForeignKey("structures.id"))
    calculation_id: Mapped[str | None] = mapped_column(ForeignKey("calculations.id"), index=True)
    energy_ev: Mapped[float | None] = mapped_column(StoredEnergy)
    cell_ang: Mapped[list[list[float]]] = mapped_column(StoredVectors)
    symbols: Mapped[list[str]] = mapped_column(StoredTexts)
    positions_ang: Mapped[list[list[float]]] = mapped_column(StoredVectors)
    recorded_at: Mapped[datetime | None] = mapped_column(default=utc_now)
    nelements: Mapped[int]
    formula_reduced: Mapped[str] = mapped_column(index=True)
    formula_anonymous: Mapped[str] = mapped_column(index=True)
    formula_hill: Mapped[str]

    material: Mapped[Material] = relationship(lazy="joined")
    elements: Mapped[list[StructureElement]] = relationship(
        order_by="StructureElement.element", cascade="all, delete-orphan"
    )

    @validates("symbols")
    def _count(self, key: str, symbols: list[str]) -> list[str]:
        """Set the columns that are derived from the symbols."""
        counted = dict(sorted(Counter(symbols).items()))
        self.nelements = len(counted)
        self.formula_reduced = reduced_formula(counted)
        self.formula_anonymous = anonymous_formula(counted)
        self.formula_hill = hill_formula(counted)
        self.elements = [
            StructureElement(element=element, atoms=number, ratio=number / len(symbols))
            for element, number in counted.items()
        ]
        return symbols


class StructureElement(Base):
    """Number of atoms of an element in a structure, and their share of all atoms."""

    __tablename__ = "structure_elements"
    __table_args__ = (Index("ix_structure_elements_element", "element", "structure_id"),)

    structure_id: Mapped[str] = mapped_column(ForeignKey("structures.id"), primary_key=True)
    element: Mapped[str] = mapped_column(primary_key=True)
    atoms: Mapped[int]
    ratio: Mapped[float]
