"""Compositions: sites, charges, families, canonical formulas."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pvkdb.chemistry import Amount, Composition, parse_composition
from pvkdb.chemistry.amounts import total
from pvkdb.errors import FormulaError


@pytest.mark.parametrize(
    ("text", "formula", "family", "dimensionality", "layers"),
    [
        ("CsPbBr3", "CsPbBr3", "3D", 3, None),
        ("PbBr3Cs", "CsPbBr3", "3D", 3, None),
        ("Cs2Pb2Br6", "CsPbBr3", "3D", 3, None),
        ("CH3NH3PbI3", "MAPbI3", "3D", 3, None),
        ("CsPbI2Br", "CsPbI2Br", "3D", 3, None),
        ("Cs0.95Na0.05PbI3", "Cs0.95Na0.05PbI3", "3D", 3, None),
        ("K0.05Cs0.05FA0.9PbI2.55Br0.45", "Cs0.05K0.05FA0.9PbI2.55Br0.45", "3D", 3, None),
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
    assert (composition.formula, composition.family) == (formula, family)
    assert (composition.dimensionality, composition.layers) == (dimensionality, layers)


@pytest.mark.parametrize(
    ("text", "charges"),
    [
        ("CsPbI3", {"Pb": 2}),
        ("CsSnI3", {"Sn": 2}),
        ("Cs2SnI6", {"Sn": 4}),
        ("Cs2AgBiBr6", {"Ag": 1, "Bi": 3}),
        ("Cs3Cu2I5", {"Cu": 1}),
        ("(BDA)MA2Pb3I10", {"BDA": 2}),
    ],
)
def test_charges_follow_from_balance(text: str, charges: dict[str, int]) -> None:
    occupants = {o.ion.symbol: o.ion.charge for o in parse_composition(text).occupants}
    assert occupants.items() >= charges.items()


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
        ("AgPb2I5", "no A-site"),
        ("(C9H9)2PbI4", "organic ion that pvkdb does not know"),
        ("BaZrS3", "no halide"),
        ("Cs2Bi2I9", "does not balance"),  # a misprint of section 2.4
        ("(PEA)MAn-1PbnI3n+1", "does not balance"),
        ("AgMnFeCoNiCuReTcMoWVCrNbCsRbKI9", "17 ions, too many"),
        ("", "empty"),
    ],
)
def test_what_is_no_halide_perovskite_is_refused(text: str, reason: str) -> None:
    with pytest.raises(FormulaError, match=reason):
        parse_composition(text)


@pytest.mark.parametrize(
    ("text", "formula", "excess"),
    [
        ("CsPb1-xBixI3", "CsPb1-xBixI3", "x"),
        ("MAPb1-xBr3-x", "MAPb1-xBr3-x", "-x"),
        ("CsPb0.97Bi0.03I3", "CsPb0.97Bi0.03I3", "0.03"),
        ("MA0.98PbI3", "MA0.98PbI3", "-0.02"),
        ("Cs0.05FA0.83MA0.17PbBr0.51I2.49", "Cs0.05FA0.83MA0.17PbI2.49Br0.51", "0.05"),
        ("Cs2Ag0.95Bi1.05Br6", "Cs2Ag0.95Bi1.05Br6", "0.1"),
    ],
)
def test_nominal_compositions_keep_excess_charges(text: str, formula: str, excess: str) -> None:
    composition = parse_composition(text)
    assert composition.formula == formula
    assert not composition.balanced
    assert str(composition.excess_charge) == excess
    assert parse_composition("CsPbI3").balanced


@pytest.mark.parametrize(
    ("text", "formula"),
    [
        ("(FAPbI3)0.85(MAPbBr3)0.15", "FA0.85MA0.15PbI2.55Br0.45"),
        ("Cs5(MA0.17FA0.83)95Pb(I0.83Br0.17)3", "Cs0.05FA0.7885MA0.1615PbI2.49Br0.51"),
        ("MAPbI3-x(SCN)x", "MAPbI3-x(SCN)x"),
        ("MASbSI2", "MASbI2S"),
        ("(FA,Cs)PbI3", "(Cs,FA)PbI3"),
        ("CsMAFAPb(I,Br)3", "(Cs,FA,MA)Pb(I,Br)3"),
        ("MAPbBrxIx", "MAPb(I,Br)"),  # an x that means unknown
        ("MAPbI", "MAPbI"),
        ("{en}MAPbI3", "{EDA}MAPbI3"),
        ("MAPbI3(Cl)", "MAPbI3:Cl"),
        ("FASnI3-SnF2", "FASnI3:SnF2"),
        ("MAPbI3·H2O", "MAPbI3:H2O"),
        ("Mn:CsPbCl3", "CsPbCl3:Mn"),
        ("Bi3+-doped MAPbBr3", "MAPbBr3:Bi3+"),
        ("FAPbI3 0.95 MAPbBr3 0.05", "FA0.95MA0.05PbI2.85Br0.15"),
        ("K0.05Cs0.05FA0.75MA0.15PbI2.55Br0.45", "Cs0.05K0.05FA0.75MA0.15PbI2.55Br0.45"),
        # The larger of two cations is A, as in Bartel's Table S1; of equal ones, the monovalent.
        *(("LiBaF3", "BaLiF3"), ("NaPbF3", "PbNaF3")),
        *(("AgCdBr3", "AgCdBr3"), ("NaHgI3", "NaHgI3")),
    ],
)
def test_canonical_formulas(text: str, formula: str) -> None:
    composition = parse_composition(text)
    assert composition.formula == formula
    assert parse_composition(formula) == composition


def test_amounts_that_are_left_open_are_none() -> None:
    composition = parse_composition("(FA,Cs)PbI3")
    assert [occupant.amount for occupant in composition.on("A")] == [None, None]
    assert [occupant.number for occupant in composition.on("X")] == [3.0]
    assert not composition.numeric
    symbolic = parse_composition("CsxFA1-xPbI3")
    assert [o.symbolic for o in symbolic.on("A")] == ["x", "1-x"]
    assert symbolic.symbols == ("x",)


def test_an_additive_leaves_its_host_as_it_is() -> None:
    host, doped = parse_composition("MAPbI3"), parse_composition("MAPbI3:ADNH3I")
    assert doped.additives == ("ADNH3I",)
    assert doped.occupants == host.occupants
    assert doped.formula != host.formula


@pytest.mark.parametrize(
    ("text", "lead_free"),
    [("CsSnI3", True), ("CsPb0.5Sn0.5I3", False), ("CsPbX3", False), ("ABX3", False)],
)
def test_lead_free_is_what_is_known_to_be(text: str, lead_free: bool) -> None:
    assert parse_composition(text).lead_free is lead_free


def charge(composition: Composition) -> Amount:
    return total(o.amount * o.ion.charge for o in composition.occupants if o.amount is not None)


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
    assert sum(o.number or 0 for o in composition.on("B")) == pytest.approx(1)


@given(mixed, st.integers(2, 9))
def test_scaling_and_order_do_not_matter(
    parts: tuple[list[str], list[str], list[str], list[int]], factor: int
) -> None:
    a, b, x, n = parts
    sites = [f"{ion}{n[i]}" for i, ion in enumerate([*a, *b, *x])]
    scaled = [f"{ion}{factor * n[i]}" for i, ion in enumerate([*a, *b, *x])]
    try:
        composition = parse_composition("".join(sites))
    except FormulaError:
        return
    if composition.balanced and composition.numeric:  # in CsMAFAPbI3 the A amounts are open
        assert parse_composition("".join(reversed(scaled))) == composition


symbolic = st.tuples(
    st.sampled_from(["CsxFA1-x", "MA", "FA1-x-yMAxCsy", "(5-AVA)xMA1-x", "(CsxFA1-x)1-yMAy"]),
    st.sampled_from(["Pb", "Pb1-zSnz", "Sn1-yGey", "Pb1-xBix"]),
    st.sampled_from(["I3", "I3-yBry", "(I1-xBrx)3", "I3-x-yBrxCly", "X3", "I3-x(SCN)x"]),
)


@given(symbolic)
def test_symbolic_perovskites_survive_a_round_trip(parts: tuple[str, str, str]) -> None:
    composition = parse_composition("".join(parts))
    assert composition.family == "3D"
    assert charge(composition) == composition.excess_charge
    assert composition.balanced == ("Bi" not in parts[1])
    assert parse_composition(composition.formula) == composition
    a, b, x = parts
    assert parse_composition(b + a + x) == composition


@given(
    st.sampled_from(["(PEA)2", "(BA)2", "(BDA)", "(3-AMP)", "(BA)(PEA)"]),
    st.sampled_from(["MA", "Cs", "(FA)"]),
    st.sampled_from(["Pb", "Sn"]),
    st.sampled_from(["I", "Br", "X"]),
    st.integers(1, 12),
)
def test_a_layered_series_has_its_members(spacer: str, a: str, b: str, x: str, layers: int) -> None:
    series = f"{spacer}{a}n-1{b}n{x}3n+1"
    member = parse_composition(f"{series} (n = {layers})")
    small = f"{a}{layers - 1}" if layers > 1 else ""
    assert member == parse_composition(f"{spacer}{small}{b}{layers}{x}{3 * layers + 1}")
    assert member.layers == layers
    assert parse_composition(series).layer_symbol == "n"
    assert parse_composition(series).family == member.family


tokens = st.sampled_from(
    [
        *("Cs", "MA", "FA", "PEA", "en", "GABA", "3-AMP", "n-BA", "Pb", "Sn", "Bi", "Ag"),
        *("I", "Br", "Cl", "SCN", "Ac", "O", "S", "X", "A", "B", "B''", "R", "(", ")", "[", "]"),
        *("{", "}", "0.5", "2", "3", "x", "n", "3n+1", "1-x", "-", "+", ",", ":", "·", "α-", "/"),
        *("_{", "$", "\\text{", "<sub>", "₃", " ", "(Cl)", "x=0.1", "=", "(n=3)", "K", "Na"),
    ]
)


@given(st.lists(tokens, max_size=25).map("".join) | st.text(max_size=40))
def test_any_text_is_parsed_or_refused_with_a_formula_error(text: str) -> None:
    try:
        composition = parse_composition(text)
    except FormulaError:
        return
    assert parse_composition(composition.formula) == composition
