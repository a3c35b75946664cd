"""What searches ask of structures and compositions stands beside them, on both databases."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from pvkdb.chemistry import parse_composition, tolerance_factors
from pvkdb.store.curation.registration import register_material
from pvkdb.store.database import Store
from pvkdb.store.migrate import upgrade
from pvkdb.store.models.materials import Composition, CompositionTolerance
from pvkdb.store.models.structures import Structure

from ....structures import structure_row

SYMBOLS = ["Cs", "Pb", "I", "I", "I"]


def add(session: Session, key: str, symbols: list[str]) -> None:
    material = register_material(session, parse_composition("CsPbI3"), "Pm-3m")
    session.add(structure_row(key, "".join(symbols), material=material))


def derived(store: Store, key: str) -> tuple[object, ...]:
    with store.session(read_only=True) as session:
        found = session.get_one(Structure, key)
        return (
            found.nelements,
            found.formula_reduced,
            found.formula_anonymous,
            found.formula_hill,
            {entry.element: (entry.atoms, entry.ratio) for entry in found.elements},
        )


CUBIC = (3, "CsI3Pb", "A3BC", "CsI3Pb", {"Cs": (1, 0.2), "I": (3, 0.6), "Pb": (1, 0.2)})
LEFT = {"Cs": (2, 2 / 9), "I": (5, 5 / 9), "Pb": (2, 2 / 9)}
VACANCY = (3, "Cs2I5Pb2", "A5B2C2", "Cs2I5Pb2", LEFT)


def test_elements_and_formulas_follow_the_symbols(empty_store: Store) -> None:
    with empty_store.session() as session:
        add(session, "s", SYMBOLS)
    assert derived(empty_store, "s") == CUBIC
    with empty_store.session() as session:
        session.get_one(Structure, "s").symbols = [*SYMBOLS, *SYMBOLS[:-1]]
    assert derived(empty_store, "s") == VACANCY


def kept(store: Store) -> dict[str, tuple[float, float, float | None, float | None]]:
    with store.session(read_only=True) as session:
        pairs = session.execute(
            select(Composition.formula, CompositionTolerance).join(Composition.tolerance)
        )
        return {formula: (t.t, t.mu, t.tau, t.p_perovskite) for formula, t in pairs}


def test_tolerance_factors_stand_beside_the_compositions_that_have_them(store: Store) -> None:
    held = kept(store)
    assert "Cs2SnI6" not in held
    assert len(held) >= 10
    for formula, numbers in held.items():
        factors = tolerance_factors(parse_composition(formula))
        assert numbers == (factors.t, factors.mu, factors.tau, factors.p_perovskite)
    # Bartel 2019, Table S1: t 0.85, tau 4.30, p 0.47 from three curves averaged.
    assert held["CsPbI3"][2] == pytest.approx(4.30, abs=0.005)


def test_an_upgrade_works_tolerance_factors_out_again(store: Store) -> None:
    before = kept(store)
    with store.session() as session:
        ids = {
            formula: session.scalar(select(Composition.id).where(Composition.formula == formula))
            for formula in ("CsPbI3", "CsPbBr3", "Cs2SnI6")
        }
        of = CompositionTolerance.composition_id
        session.execute(update(CompositionTolerance).where(of == ids["CsPbI3"]).values(tau=1.0))
        session.execute(delete(CompositionTolerance).where(of == ids["CsPbBr3"]))
        session.add(CompositionTolerance(composition_id=ids["Cs2SnI6"], t=1.0, mu=0.5))
    assert kept(store) != before
    upgrade(store)
    assert kept(store) == before
