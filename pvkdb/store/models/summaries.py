"""What is known of each composition in one row, made from the other tables."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from pvkdb.store.base import Base
from pvkdb.store.models.columns import CompositionsColumns


@dataclass(frozen=True, slots=True)
class DataKind:
    """A kind of data: its condition in the SQL of summaries, its bit, and what it adds to known."""

    sql: str
    bit: int
    known: int


#: Kinds of data that a composition can have; what is reported counts before what is computed.
KINDS = {
    "devices": DataKind("d.number > 0", 1, 10),
    "reported": DataKind("e.reported > 0", 2, 10),
    "e_a_literature": DataKind("e.e_a_literature_min_ev IS NOT NULL", 4, 10),
    "dfe_literature": DataKind("e.dfe_literature_min_ev IS NOT NULL", 8, 10),
    "structures": DataKind("s.number > 0", 16, 1),
    "stability": DataKind("y.above_hull_ev_per_atom IS NOT NULL", 32, 1),
    "e_a_computed": DataKind("e.e_a_computed_min_ev IS NOT NULL", 64, 1),
    "dfe_computed": DataKind("e.dfe_computed_min_ev IS NOT NULL", 128, 1),
    "computed": DataKind("e.computed > 0", 256, 0),
}


class CompositionSummary(CompositionsColumns, Base):
    """What is known of a composition; ``summary_updates`` keeps it equal to the other tables.

    ``families`` are separated by ``; ``; ``kinds`` is the sum of the bits of :data:`KINDS`.
    Energies are of the halide vacancy, in eV: of the literature (without a calculation), and
    computed.
    """

    __tablename__ = "composition_summaries"
    #: One index for each order of a list; that of the default order holds what filters read, so
    #: that a search reads it alone.
    __table_args__ = (
        Index(
            "ix_composition_summaries_known",
            *(text("known DESC"), "formula", "composition_id", "kinds", "families", "lead_free"),
            *("lowest_phase", "t", "mu", "tau", "p_perovskite", "above_hull_ev_per_atom"),
            *("e_a_literature_min_ev", "e_a_literature_max_ev"),
            *("e_a_computed_min_ev", "e_a_computed_max_ev"),
            *("dfe_literature_min_ev", "dfe_literature_max_ev"),
            *("dfe_computed_min_ev", "dfe_computed_max_ev"),
        ),
        *(
            Index(f"ix_composition_summaries_{name}", name, "formula")
            for name in (
                *("families", "lowest_phase", "above_hull_ev_per_atom"),
                *("t", "mu", "tau", "p_perovskite", "phases_count", "devices_count"),
                *("energetics_reported_count", "energetics_computed_count", "structures_count"),
                *("e_a_literature_min_ev", "e_a_computed_min_ev"),
                *("dfe_literature_min_ev", "dfe_computed_min_ev"),
            )
        ),
    )

    composition_id: Mapped[int] = mapped_column(ForeignKey("compositions.id"), primary_key=True)
    formula: Mapped[str] = mapped_column(unique=True)
    kinds: Mapped[int]


class CompositionCount(Base):
    """Number of compositions with the same families, lead, lowest phase and kinds of data.

    ``lowest_phase`` is empty where none is known. What searches only by these columns find is
    counted here: of all compositions where ``ion`` is empty, and again of those with an ion, on any
    site (``Br``) and on the X site (``X:Br``).
    """

    __tablename__ = "composition_counts"

    ion: Mapped[str] = mapped_column(primary_key=True)
    families: Mapped[str] = mapped_column(primary_key=True)
    lead_free: Mapped[bool] = mapped_column(primary_key=True)
    lowest_phase: Mapped[str] = mapped_column(primary_key=True)
    kinds: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int]


class CompositionStability(Base):
    """Energy above the hull of a composition by the newest report of a screening, eV per atom."""

    __tablename__ = "composition_stabilities"

    composition_id: Mapped[int] = mapped_column(ForeignKey("compositions.id"), primary_key=True)
    above_hull_ev_per_atom: Mapped[float]
    source: Mapped[str]


class KeptResult(Base):
    """A result that takes long to compute, as compressed JSON, and the state of its data."""

    __tablename__ = "kept_results"

    name: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str]
    body: Mapped[bytes]
