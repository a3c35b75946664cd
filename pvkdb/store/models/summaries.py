"""What is known of each composition in one row, made from the other tables."""

from __future__ import annotations

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from pvkdb.store.base import Base


class CompositionSummary(Base):
    """What is known of a composition; ``summary_updates`` keeps it equal to the other tables.

    ``families`` are separated by ``; ``. Energies are of the halide vacancy, in eV: of the
    literature (without a calculation), and computed.
    """

    __tablename__ = "composition_summaries"

    composition_id: Mapped[int] = mapped_column(ForeignKey("compositions.id"), primary_key=True)
    formula: Mapped[str] = mapped_column(unique=True)
    known: Mapped[int]
    families: Mapped[str]
    lead_free: Mapped[bool]
    phases_count: Mapped[int]
    lowest_phase: Mapped[str | None]
    lowest_phase_potential: Mapped[str | None]
    phases_compared: Mapped[int]
    decomposition_ev_per_atom: Mapped[float | None]
    decomposition_source: Mapped[str | None]
    e_a_literature_min_ev: Mapped[float | None]
    e_a_literature_max_ev: Mapped[float | None]
    e_a_computed_min_ev: Mapped[float | None]
    e_a_computed_max_ev: Mapped[float | None]
    dfe_literature_min_ev: Mapped[float | None]
    dfe_literature_max_ev: Mapped[float | None]
    dfe_computed_min_ev: Mapped[float | None]
    dfe_computed_max_ev: Mapped[float | None]
    t: Mapped[float | None]
    mu: Mapped[float | None]
    tau: Mapped[float | None]
    p_perovskite: Mapped[float | None]
    devices_count: Mapped[int]
    energetics_reported_count: Mapped[int]
    energetics_computed_count: Mapped[int]
    structures_count: Mapped[int]


class CompositionStability(Base):
    """Energy of decomposition of a composition by the newest report of a screening, eV per atom."""

    __tablename__ = "composition_stabilities"

    composition_id: Mapped[int] = mapped_column(ForeignKey("compositions.id"), primary_key=True)
    decomposition_ev_per_atom: Mapped[float]
    source: Mapped[str]
