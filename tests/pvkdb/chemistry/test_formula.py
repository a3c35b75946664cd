"""Formulas as people write them."""

from __future__ import annotations

import pytest

from pvkdb.chemistry import parse_composition
from pvkdb.chemistry.formulas.formula import parse_amounts
from pvkdb.errors import FormulaError


@pytest.mark.parametrize(
    ("text", "amounts"),
    [
        ("CsPbBr3", {"Cs": 1, "Pb": 1, "Br": 3}),
        ("CH3NH3PbI3", {"CH3NH3": 1, "Pb": 1, "I": 3}),
        ("HC(NH2)2PbI3", {"HC(NH2)2": 1, "Pb": 1, "I": 3}),
        ("(CH3NH3)3Sb2Br9", {"CH3NH3": 3, "Sb": 2, "Br": 9}),
        ("PrPyr[PbI3]", {"PrPyr": 1, "Pb": 1, "I": 3}),
        ("CsPb(Br0.5I0.5)3", {"Cs": 1, "Pb": 1, "Br": 1.5, "I": 1.5}),
        ("Cs Pb I3", {"Cs": 1, "Pb": 1, "I": 3}),
        ("(FAPbI3)0.8(CsPbBr3)0.2", {"FA": 0.8, "Cs": 0.2, "Pb": 1, "I": 2.4, "Br": 0.6}),
        ("CsPbI3-xBrx, x=0.5", {"Cs": 1, "Pb": 1, "I": 2.5, "Br": 0.5}),
        ("CsPb(BrxI1-x)3", {"Cs": "1", "Pb": "1", "Br": "3x", "I": "3-3x"}),
        ("(PEA)2MAn−1PbnI3n+1", {"PEA": "2", "MA": "n-1", "Pb": "n", "I": "3n+1"}),
        ("FA(1-x)Cs(x)PbI(3)", {"FA": "1-x", "Cs": "x", "Pb": "1", "I": "3"}),
        ("FAPbI3(1-x)Br3x", {"FA": "1", "Pb": "1", "I": "3-3x", "Br": "3x"}),
    ],
)
def test_spellings_give_amounts(text: str, amounts: dict[str, int | float | str]) -> None:
    found = parse_amounts(text)
    assert {name: str(n) for name, n in found.items()} == {k: str(v) for k, v in amounts.items()}


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        ("XyPbI3", "character 1", "'Xy' is neither an element nor an ion"),
        ("CsPbI3)", "character 7", "never opened"),
        ("Cs(PbI3", "character 3", "never closed"),
        ("CsPbI0", "character 6", "amount of zero"),
        ("CsPbI(1-2)", "character 6", "negative amount"),
        ("CsPbI3\x00", "character 7", "control character"),
        ("3CsPbI3", "character 1", "no ion before it"),
        ("FAPbI3 0.95", "character 8", "a blank separates two numbers"),
        ("Cs0,05FA0,95PbI3", "character 3", "decimals with a point"),
        ("Cs()PbI3", "character 4", "empty bracket"),
        ("CsPbI1234567890123", "character 6", "more than 12 digits"),
        ("CsPbIxyzu", "character 6", "multiplies more than 3 symbols"),
        ("C9H9PbI3", "character 1", "organic ion that pvkdb does not know"),
        ("CsPbI3|CsPbBr3", "character 7", "parse each of them alone"),
        ("(" * 20, "character 9", "deeper than 8 levels"),
        ("CsPbI3 QDs", "character 8", "'Q' is neither"),
        ("x", "character 1", "'x' is neither"),
        ("☃", "character 1", "neither an element nor an ion"),
    ],
)
def test_errors_point_at_the_place(text: str, place: str, reason: str) -> None:
    with pytest.raises(FormulaError) as raised:
        parse_amounts(text)
    assert f"{place}: " in str(raised.value)
    assert reason in str(raised.value)


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "Pb", "XyPbI3", "CsPbI4", "Cs2PbI3", "CsPbI3)", "((((", "☃", "CsPb\x00I3"),
        *("(" * 10_000, "a" * 10_000, "Cs" * 5_000, "(" * 199, "CsPb" * 50, "Cs" * 100),
        *("CO" * 100, "NA" * 100, "In" * 99 + "I3", "BuTeSn" * 30, "BAGA" * 40 + "PbI3"),
        *("x" * 200, "Cs" + "x" * 190, "Cs" + "(x" * 95, "Cs" + "1+" * 90 + "1", "I" * 200),
        "CsPb(x+y+z+u)(x+y+z+u)(x-y)I3",
        "AgAuBiCdCoCrCuFeGaGeInMnMoNiPbSbSnTiTlVWZnCsI9",
        "MnFeCoNiCuReTcMoWVCrNbCsI3",
        "Cs,,,,(,,,,)PbI3",
        "{" * 8 + "en" + "}" * 8,
    ],
)
@pytest.mark.timeout(60)
def test_nonsense_is_refused(text: str) -> None:
    """Each takes milliseconds; an exponential search would run into the limit."""
    with pytest.raises(FormulaError):
        parse_composition(text)
