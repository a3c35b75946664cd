r"""Mark-up comes off, and every character remembers its place."""

from __future__ import annotations

import pytest
import spglib
from hypothesis import given
from hypothesis import strategies as st

from pvkdb.chemistry import parse_composition
from pvkdb.chemistry.text import MAX_LENGTH, plain, plain_phase
from pvkdb.errors import FormulaError

from ...each import for_each


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("Cs₂AgBiBr₆", "Cs2AgBiBr6"),
        ("MAPbI₃₋ₓClₓ", "MAPbI3-xClx"),
        ("MAPbI3−xClx", "MAPbI3-xClx"),
        ("CsPbBr<sub>3</sub>", "CsPbBr3"),
        (r"$\text{CsPbBr}_3$", "CsPbBr3"),
        ("Cs_{3}Sb_{2}I_{9}", "Cs3Sb2I9"),
        (r"\text{MAPb(Br}_x\text{I}_{1-x})_3", "MAPb(BrxI1-x)3"),
        (r"$\mathrm{CH_3NH_3PbI_3}$", "CH3NH3PbI3"),
        (r"$\alpha$-FAPbI$_3$", "α-FAPbI3"),
        (r"\ce{Cs2AgBiBr6}", "Cs2AgBiBr6"),
        (r"A_2B'B''X_6", "A2B'B''X6"),
        ("A₂B′B″X₆", "A2B'B''X6"),
        ("FA~0.9~Cs~0.1~PbI~3~", "FA0.9Cs0.1PbI3"),
        ("&alpha;-CsPbI<sub>3</sub>", "α-CsPbI3"),
        ("{en}MAPbI_{3}", "{en}MAPbI3"),
        (r"\{en\}MAPbI_3", "{en}MAPbI3"),
        ("ＣｓＰｂＩ３", "CsPbI3"),
        ("𝛼-FAPbI3", "α-FAPbI3"),
        ("Cs ₃ Sb ₂ I ₉", "Cs3Sb2I9"),
        ("Cs\u200bPbI\u00a03", "CsPbI3"),
        ("Cs 0.05 FA 0.95 PbI 3", "Cs0.05FA0.95PbI3"),
        ("FAPbI3 0.95 MAPbBr3 0.05", "(FAPbI3)0.95(MAPbBr3)0.05"),
        ("CsPbI₃ .05  FAPbI₃ .95", "(CsPbI3).05(FAPbI3).95"),
    ],
)
def test_mark_up_comes_off(source: str, text: str) -> None:
    assert plain(source).text == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (r"$\text{CsPb}_2 Qq_5$", "character 16: 'Qq' is neither"),
        ("FAPbI3 0.95 QqPbBr3 0.05", "character 13: 'Qq' is neither"),
        ("FAPbI3 0.95MAPbBr3 0.05", "character 8: a blank separates two numbers"),
        ("Cs\x00PbI3", "character 3: is a control character"),
        ("a" * (MAX_LENGTH + 1), f"at most {MAX_LENGTH}"),
    ],
)
def test_errors_count_in_what_was_written(text: str, said: str) -> None:
    with pytest.raises(FormulaError, match=said):
        parse_composition(text)


@given(st.text(max_size=MAX_LENGTH))
def test_places_rise_and_lie_in_the_source(source: str) -> None:
    try:
        formula = plain(source)
    except FormulaError:
        return
    assert len(formula.places) == len(formula.text)
    assert list(formula.places) == sorted(formula.places)
    assert all(0 <= place < len(source) for place in formula.places)


@pytest.mark.parametrize(
    ("plain_name", "spellings"),
    [
        ("P63/mmc", ("P6_3/mmc", "P6₃/mmc", "P 63/m m c", "P63mmc", "P6₃/mmc\u200b")),
        ("R-3c", ("R−3c", "R3̅c", "R3\u0304c", "R ‐3 c", "R¯3c", "R‾3c")),
        ("δ", (" δ", "𝛿", "∂")),
        ("β'", ("β′", "β’")),
        ("a/b", ("a / b", "ａ／ｂ")),
        ("layered", ("layer\u00aded",)),
    ],
)
def test_spellings_of_a_phase_are_one_phase(plain_name: str, spellings: tuple[str, ...]) -> None:
    assert {plain_phase(spelled) for spelled in spellings} == {plain_phase(plain_name)}


@for_each(
    ("one", "other"),
    [
        *(("a/b", "ab"), ("β'", "β"), ("α/δ", "αδ"), ("R3̅c", "R3c"), ("R−3c", "R3c"), ("δ+", "δ")),
        *(("1.5", "15"), ("P_a", "Pa"), ("phase (I)", "phase I"), ("n=1", "n1"), ("Pnma", "PNMA")),
        ("P6_3/mmc:H", "P6_3/mmc"),
    ],
)
def test_what_distinguishes_phases_stays(one: str, other: str) -> None:
    assert plain_phase(one) != plain_phase(other)


@pytest.mark.filterwarnings("ignore:Set OLD_ERROR_HANDLING")
def test_every_space_group_is_a_phase_of_its_own() -> None:
    """All symbols that spglib lists in its 530 settings of the 230 space groups."""
    kinds = [spglib.get_spacegroup_type(number) for number in range(1, 531)]
    symbols = {kind.international_short for kind in kinds}
    assert len({plain_phase(symbol) for symbol in symbols}) == len(symbols) == 393
    for symbol in symbols:
        assert plain_phase(symbol.replace("/", "").replace("_", "")) == plain_phase(symbol)
