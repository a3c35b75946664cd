"""Compositions: sites, charges, families, canonical formulas."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pvkdb.chemistry import Composition, parse_composition
from pvkdb.errors import FormulaError


@pytest.mark.parametrize(
    ("text", "formula", "family", "dimensionality", "layers"),
    [
        ("CsPbBr3", "CsPbBr3", "3D", 3, None),
        ("PbBr3Cs", "CsPbBr3", "3D", 3, None),
        ("Cs2Pb2Br6", "CsPbBr3", "3D", 3, None),
        ("CH3NH3PbI3", "MAPbI3", "3D", 3, None),
        ("CsPbI2Br", "CsPbI2Br", "3D", 3, None),
        ("KMgF3", "KMgF3", "3D", 3, None),
        ("Cs2AgBiBr6", "Cs2AgBiBr6", "double", 3, None),
        ("Cs2NaBiCl6", "Cs2NaBiCl6", "double", 3, None),
        ("Cs2AgFeCl6", "Cs2AgFeCl6", "double", 3, None),
        ("Cs2TlAgCl6", "Cs2AgTlCl6", "double", 3, None),
        ("Cs2AgTlCl6", "Cs2AgTlCl6", "double", 3, None),
        ("Cs2Ag0.6Na0.4InCl6", "Cs2Ag0.6Na0.4InCl6", "double", 3, None),
        ("CsMAFAPb3I9", "CsFAMAPb3I9", "3D", 3, None),  # thirds have no exact decimals
        ("Cs2ZnBr4", "Cs2ZnBr4", "other", None, None),  # isolated tetrahedra
        ("Cs2PbI4", "Cs2PbI4", "RP", 2, 1),
        ("(C4H9NH3)2PbI4", "(BA)2PbI4", "RP", 2, 1),
        ("Cs2SnI6", "Cs2SnI6", "vacancy-ordered", 0, None),
        ("Cs3Sb2I9", "Cs3Sb2I9", "A3B2X9", None, None),
        ("MA3Sb2Br9", "MA3Sb2Br9", "A3B2X9", None, None),
        ("Cs4PbBr6", "Cs4PbBr6", "0D", 0, None),
        ("Cs3Cu2I5", "Cs3Cu2I5", "0D", 0, None),
        ("(PEA)2PbBr4", "(PEA)2PbBr4", "RP", 2, 1),
        ("(PEA)2Cs3Pb4I13", "(PEA)2Cs3Pb4I13", "RP", 2, 4),
        ("(BDA)MA2Pb3I10", "(BDA)MA2Pb3I10", "DJ", 2, 3),
        ("PrPyr[PbI3]", "(PrPyr)PbI3", "1D", 1, None),
    ],
)
def test_family_and_canonical_formula(
    text: str, formula: str, family: str, dimensionality: int | None, layers: int | None
) -> None:
    composition = parse_composition(text)
    assert composition.formula == formula
    assert composition.family == family
    assert composition.dimensionality == dimensionality
    assert composition.layers == layers


@pytest.mark.parametrize(
    ("text", "ion", "charge"),
    [
        ("CsPbI3", "Pb", 2),
        ("CsSnI3", "Sn", 2),
        ("Cs2SnI6", "Sn", 4),
        ("Cs2AgBiBr6", "Ag", 1),
        ("Cs2AgBiBr6", "Bi", 3),
        ("Cs3Cu2I5", "Cu", 1),
        ("(BDA)MA2Pb3I10", "BDA", 2),
    ],
)
def test_charges_follow_from_balance(text: str, ion: str, charge: int) -> None:
    occupants = {o.ion.symbol: o.ion.charge for o in parse_composition(text).occupants}
    assert occupants[ion] == charge


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Pb", "no halide"),
        ("CsPbO3", "no halide"),
        ("CsPbI4", "does not balance"),
        ("(PEA)2Cs3Pb4I1.3", "does not balance"),  # the misprint of Table 4
        ("I2", "no cation"),
        ("CsI", "no B-site"),
        ("PbI2", "no A-site"),
        ("(PMA)2PbI4", "organic cation that pvkdb does not know"),
        ("", "empty"),
    ],
)
def test_what_is_no_halide_perovskite_is_refused(text: str, reason: str) -> None:
    with pytest.raises(FormulaError, match=reason):
        parse_composition(text)


def charge(composition: Composition) -> Fraction:
    return sum((o.ion.charge * o.amount for o in composition.occupants), Fraction(0))


@given(
    st.permutations(["Cs", "MA", "FA", "Pb", "Sn", "Ag", "Bi", "Tl", "In", "I", "Br"]),
    st.lists(st.integers(0, 7), min_size=11, max_size=11),
)
def test_the_canonical_formula_is_one_for_all_spellings(ions: list[str], n: list[int]) -> None:
    spelled = [f"{ion}{k}" for ion, k in zip(ions, n, strict=True) if k]
    try:
        composition = parse_composition("".join(spelled))
    except FormulaError:
        return
    assert parse_composition(composition.formula) == composition
    assert parse_composition("".join(reversed(spelled))) == composition


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 60))
def test_any_share_of_three_cations_survives_a_round_trip(a: int, b: int, c: int) -> None:
    total = a + b + c
    composition = parse_composition(f"Cs{a}MA{b}FA{c}Pb{total}I{3 * total}")
    assert composition.family == "3D"
    assert charge(composition) == 0
    assert parse_composition(composition.formula) == composition


mixed = st.tuples(
    st.lists(st.sampled_from(["Cs", "MA", "FA"]), min_size=1, max_size=3, unique=True),
    st.lists(st.sampled_from(["Pb", "Sn"]), min_size=1, max_size=2, unique=True),
    st.lists(st.sampled_from(["I", "Br", "Cl"]), min_size=1, max_size=3, unique=True),
    st.lists(st.integers(1, 9), min_size=8, max_size=8),
)


@given(mixed)
def test_mixed_perovskites_balance_and_survive_a_round_trip(
    parts: tuple[list[str], list[str], list[str], list[int]],
) -> None:
    a, b, x, weights = parts

    def site(ions: list[str], total: int, offset: int) -> str:
        share = weights[offset : offset + len(ions)]
        # Amounts in twentieths, so that decimals are exact.
        units = [round(20 * total * w / sum(share)) for w in share]
        units[-1] = 20 * total - sum(units[:-1])
        return "".join(
            f"{ion}{unit / 20:g}" for ion, unit in zip(ions, units, strict=True) if unit > 0
        )

    composition = parse_composition(site(a, 1, 0) + site(b, 1, 3) + site(x, 3, 5))
    assert composition.family == "3D"
    assert charge(composition) == 0
    assert parse_composition(composition.formula) == composition
    assert sum(o.amount for o in composition.on("B")) == 1
