"""Structure families from the ratio of the sites, the kind of cation and the phase."""

from __future__ import annotations

import pytest

from pvkdb.chemistry import material_family, parse_composition, parse_material
from pvkdb.chemistry.family import DIMENSIONALITY, FAMILIES


def test_every_family_has_a_dimensionality() -> None:
    assert set(FAMILIES) == set(DIMENSIONALITY)


@pytest.mark.parametrize(
    ("formula", "family", "layers"),
    [
        ("(PEA)2MA4Pb5I16", "RP", 5),
        ("(PEA)0.5MA0.75PbI3.25", "RP", 4),  # n = 4 per Pb
        ("(PEA)0.67MA0.67PbI3.33", "RP", 3),  # rounded
        ("(PDMA)(MA0.5FA0.5)2Pb3I10", "DJ", 3),
        ("BA2MAn-1PbnI3n+1 (n = 4)", "RP", 4),
        ("GAMA3Pb3I10", "ACI", 3),
        ("Cs3Pb2I7", "RP", 2),
        ("MA1.05PbI3.05", "3D", None),  # an excess of MAI, not twenty layers
        ("(PEA)0.05MA0.95PbI3", "3D", None),  # a spacer as additive
        ("(PEA)0.2MA0.8PbI3", "other", None),
        ("Cs0.05FA0.83MA0.17PbBr0.51I2.49", "3D", None),  # A adds up to 1.05
        ("Cs0.05MA0.15FA0.7PbBr0.5I2.4", "3D", None),  # AX vacancies
        ("CsPb0.97Bi0.03I3", "3D", None),  # a dopant does not make a double perovskite
        ("MAPb0.96Ag0.02Bi0.02I3", "3D", None),
        ("Cs2AgBi0.75Sb0.25Br6", "double", None),
        ("Cs3BiBr6", "0D", None),
        ("(IFA)3PbI5", "1D", None),  # section 5.1.3 of the review
        ("CsPb2Br5", "other", None),
        ("AgBi2I7", "rudorffite", None),
        ("Ag3BiI6", "rudorffite", None),
        ("{en}FASnI3", "hollow", None),
        ("(en)0.2FA0.8Sn0.86I2.92", "hollow", None),
        ("FA1-xenxSn1-0.7xI3-0.4x", "hollow", None),
        ("CsPbI", "undetermined", None),
    ],
)
def test_family_and_layers(formula: str, family: str, layers: int | None) -> None:
    composition = parse_composition(formula)
    assert (composition.family, composition.layers) == (family, layers)


@pytest.mark.parametrize(
    ("formula", "family", "symbol"),
    [
        ("(3-AMP)(MA)n−1PbnX3n+1", "DJ", "n"),
        ("(PEA)2MAm-1PbmBr3m+1", "RP", "m"),
        ("A'2An-1BnX3n+1", "RP", "n"),
        ("GAMAnPbnI3n+1", "ACI", "n"),
        ("(5-AVA)xMA1-xPbI3", "3D", None),
        ("MAPb(BrxI1-x)3", "3D", None),
        ("Cs3Sb2ClxI9-x", "A3B2X9", None),
        ("ABX3", "3D", None),
        ("A2B'B''X6", "double", None),
    ],
)
def test_symbols_keep_their_family(formula: str, family: str, symbol: str | None) -> None:
    composition = parse_composition(formula)
    assert composition.family == family
    assert composition.layer_symbol == symbol
    assert composition.layers is None


@pytest.mark.parametrize(
    ("formula", "phase", "family", "dimensionality"),
    [
        ("Cs3Sb2I9", None, "A3B2X9", None),
        ("Cs3Sb2I9", "P6_3/mmc", "A3B2X9 dimer", 0),
        ("Cs3Sb2I9", "P63/mmc", "A3B2X9 dimer", 0),
        ("Cs3Sb2I9", "P6₃/m m c", "A3B2X9 dimer", 0),
        ("Cs3Sb2I9", "P3̅m1", "A3B2X9 layered", 2),
        ("Cs3Bi2I9", "dimer", "A3B2X9 dimer", 0),
        ("Cs3Sb2I9", "P-3m1", "A3B2X9 layered", 2),
        ("Cs3Sb2I9", "P−3m1", "A3B2X9 layered", 2),
        ("Cs3Sb2I9", "layered", "A3B2X9 layered", 2),
        ("Cs3Sb2I9", "C2/c", "A3B2X9", None),
        ("CsPbI3", "Pnma", "3D", 3),  # γ; the δ phase has this space group too
        ("CsPbI3", "δ", "1D", 1),
        ("CsPbBr3", "P6_3/mmc", "3D", 3),
        ("(PEA)2PbI4", "layered", "RP", 2),
    ],
)
def test_the_phase_decides_what_the_formula_leaves_open(
    formula: str, phase: str | None, family: str, dimensionality: int | None
) -> None:
    assert material_family(parse_composition(formula), phase) == (family, dimensionality)


@pytest.mark.parametrize(
    ("text", "formula", "phase"),
    [
        ("α-FAPbI3", "FAPbI3", "α"),
        ("δ-CsPbI3", "CsPbI3", "δ"),
        ("γ–CsSnI₃", "CsSnI3", "γ"),
        (r"$\alpha$-FAPbI$_3$", "FAPbI3", "α"),
        ("gamma-CsSnI3", "CsSnI3", "γ"),
        ("α/δ-FAPbI3", "FAPbI3", "α/δ"),
        ("CsPbI3", "CsPbI3", None),
    ],
)
def test_a_phase_in_front_of_a_formula(text: str, formula: str, phase: str | None) -> None:
    composition, found = parse_material(text)
    assert (composition.formula, found) == (formula, phase)
    assert parse_composition(text) == composition
