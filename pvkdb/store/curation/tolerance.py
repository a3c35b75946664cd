"""Tolerance factors beside the compositions that have them, for searches."""

from __future__ import annotations

from sqlalchemy import Connection, select
from sqlalchemy.orm import Session

from pvkdb.chemistry import Composition as ChemicalComposition
from pvkdb.chemistry import parse_composition, tolerance_factors
from pvkdb.errors import InputError
from pvkdb.store.models.materials import Composition, CompositionTolerance


def composition_tolerance(composition: ChemicalComposition) -> CompositionTolerance | None:
    """The factors of a composition; None where they are not defined or a radius is not known."""
    try:
        factors = tolerance_factors(composition)
    except InputError:
        return None
    return CompositionTolerance(
        t=factors.t, mu=factors.mu, tau=factors.tau, p_perovskite=factors.p_perovskite
    )


def renew_tolerance(connection: Connection) -> None:
    """Bring the factors of every composition to what this version makes of its formula."""
    with Session(connection, join_transaction_mode="rollback_only") as session:
        known = {
            kept.composition_id: kept for kept in session.scalars(select(CompositionTolerance))
        }
        for key, formula in session.execute(select(Composition.id, Composition.formula)).all():
            kept = known.get(key)
            made = _of_formula(formula)
            if kept is not None and made is None:
                session.delete(kept)
            elif kept is None and made is not None:
                made.composition_id = key
                session.add(made)
            elif kept is not None and made is not None:
                for name in ("t", "mu", "tau", "p_perovskite"):
                    setattr(kept, name, getattr(made, name))
        session.commit()


def _of_formula(formula: str) -> CompositionTolerance | None:
    try:
        return composition_tolerance(parse_composition(formula))
    except InputError:  # a formula that an earlier version took and this one does not
        return None
