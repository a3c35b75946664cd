"""Enumerated compositions are neutral, of their type, and each there once."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pvkdb.chemistry.ions import Ion
from pvkdb_pipelines.screening.plan.enumeration import TYPES, Mixing, enumerated, products_of
from pvkdb_pipelines.screening.plan.plan import read_plan

A = [Ion("Cs", 1), Ion("Rb", 1)]
B = [Ion("Pb", 2), Ion("Sn", 2), Ion("Sn", 4), Ion("Bi", 3), Ion("Ag", 1)]
X = [Ion("I", -1), Ion("Br", -1), Ion("Cl", -1)]


def test_every_neutral_composition_is_made() -> None:
    """Counted by hand: charges decide which B ions a type takes."""
    counts = {"ABX3": 2, "A2BB'X6": 1, "A2BX6": 1, "A3B2X9": 1, "A2BX4": 2}
    for name, b_ions in counts.items():
        made = list(enumerated(products_of([name], {"A": A, "B": B, "X": X})))
        assert len(made) == 2 * b_ions * 3, name


@given(st.sets(st.sampled_from(B), min_size=1), st.sampled_from(sorted(TYPES)))
def test_what_is_made_balances_and_is_of_its_type(b_ions: set[Ion], name: str) -> None:
    made = list(enumerated(products_of([name], {"A": A, "B": sorted(b_ions), "X": X})))
    assert len({entry.composition.formula for entry in made}) == len(made)
    for entry in made:
        charge = 0
        for occupant in entry.composition.occupants:
            charge += occupant.amount.number * occupant.ion.charge
        assert charge == 0
        a, b, x = (
            sum(occupant.number for occupant in entry.composition.on(site)) for site in "ABX"
        )
        wanted = TYPES[name].amounts
        b_count = wanted[1] * len(TYPES[name].b_charges)
        assert (a * b_count, x * b_count) == (wanted[0] * b, wanted[2] * b)


def test_mixing_gives_both_orders_of_every_pair_and_halves_once() -> None:
    ions = {"A": A[:1], "B": B[:1], "X": X}
    made = list(enumerated(products_of(["ABX3"], ions, [Mixing("X", Fraction(1, 3))])))
    mixed = {entry.composition.formula for entry in made if entry.mixed}
    pairs = {"CsPbI2Br", "CsPbIBr2", "CsPbI2Cl", "CsPbICl2", "CsPbBr2Cl", "CsPbBrCl2"}
    assert mixed == pairs
    assert len(made) == 3 + 6
    ions = {"A": A, "B": B[:2], "X": X[:1]}
    made = list(enumerated(products_of(["ABX3"], ions, [Mixing("B", Fraction(1, 2))])))
    assert sum(entry.mixed for entry in made) == 2  # (Pb,Sn) with Cs and with Rb


def test_a_formula_that_means_another_compound_is_left_out() -> None:
    """Cs2CuFeI6 is read with divalent copper and iron; Na2NaBiCl6 is Na3BiCl6."""
    ions = {"A": [Ion("Cs", 1)], "B": [Ion("Cu", 1), Ion("Fe", 3)], "X": X}
    assert list(enumerated(products_of(["A2BB'X6"], ions))) == []
    ions = {"A": [Ion("Na", 1)], "B": [Ion("Na", 1), Ion("Bi", 3)], "X": X}
    assert list(enumerated(products_of(["A2BB'X6"], ions))) == []


def test_the_shipped_plan_holds_the_known_compounds() -> None:
    names = {entry.name for entry in read_plan("inorganic").candidates()}
    for known in (
        *("CsPbI3 (ABX3)", "CsSnI3 (ABX3)", "CsGeI3 (ABX3)", "CsCdCl3 (ABX3)"),
        *("Cs2AgBiBr6 (A2BB'X6)", "Cs2NaInCl6 (A2BB'X6)", "Cs2SnI6 (A2BX6)"),
        *("Cs3Sb2I9 (A3B2X9)", "Rb3Sb2I9 (A3B2X9)", "Cs2PbCl4 (A2BX4)"),
    ):
        assert known in names, known


@pytest.mark.parametrize("site", ["A", "B", "X"])
def test_the_order_of_ions_changes_the_order_only(site: str) -> None:
    ions = {"A": A, "B": B, "X": X}
    turned = {**ions, site: ions[site][::-1]}
    first, second = (
        {entry.name for entry in enumerated(products_of(list(TYPES), choice))}  # type: ignore[arg-type]
        for choice in (ions, turned)
    )
    assert first == second
    assert len(first) == len(list(product(A, X))) * (2 + 1 + 1 + 1 + 2)
