"""The text rows of energetics.csv say what the sections of the review print."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from pvkdb.chemistry import parse_composition

from ...curated import Row, check_order, read, section_of, spans
from ...each import for_each

KJ_PER_MOL_PER_EV = 96.485  # CODATA
# Printed energies that are no activation and no formation energy: band gaps.
OTHER_ENERGIES = ["1.71 eV", "1.58 eV", "1.48 eV", "2.3 eV"]
ENERGETICS = read("energetics")
TABLE_ROWS = [row for row in ENERGETICS if row["source"].startswith("Table ")]
TEXT_ROWS = [row for row in ENERGETICS if not row["source"].startswith("Table ")]
BY_ID = {row["id"]: row for row in ENERGETICS}


def ids(row: Row) -> str:
    return row["id"]


each_row = for_each("row", TEXT_ROWS, ids)


@pytest.fixture(scope="module")
def texts(sections: dict[str, list[str]]) -> dict[str, str]:
    """The running text under each numbered heading, captions included, table rows left out."""
    return {
        name: "\n".join(line for line in lines if "\t" not in line)
        for name, lines in sections.items()
    }


def test_ids_are_unique_and_in_the_order_of_the_text() -> None:
    assert len(BY_ID) == len(ENERGETICS)
    check_order(TEXT_ROWS)


def test_no_statement_is_there_twice() -> None:
    columns = ("material", "phase", "direction", "defect", "quantity", "conditions", "source")
    shown = (*columns, "as_printed")
    seen = Counter(tuple(row[column] for column in shown) for row in TEXT_ROWS)
    assert [key for key, count in seen.items() if count > 1] == []


@each_row
def test_the_value_follows_from_the_print(row: Row) -> None:
    printed = row["as_printed"]
    assert row["approximate"] == ("true" if re.search("~|around", printed) else "false")
    assert (row["bound"] == "lower") == printed.startswith(">")
    in_ev = re.search(r"([\d.]+)(?:\$? ?– ?([\d.]+))? eV", printed)
    in_kj = re.search(r"([\d.]+) kJ mol⁻¹", printed)
    assert in_ev or in_kj
    if in_ev:
        assert row["value_min_ev"] == in_ev[1]
        assert row["value_max_ev"] == ("" if row["bound"] else in_ev[2] or in_ev[1])
    if in_kj:
        converted = float(in_kj[1]) / KJ_PER_MOL_PER_EV
        if in_ev:  # the print converts by itself, rounded
            assert float(in_ev[1]) == pytest.approx(converted, abs=0.005)
        else:
            assert row["value_min_ev"] == row["value_max_ev"] == f"{converted:.3f}"


def test_the_print_stands_under_its_section_in_order(texts: dict[str, str]) -> None:
    for row in TEXT_ROWS:
        assert row["source"] == f"section {section_of(row)}"
    assert sum(map(len, spans(TEXT_ROWS, texts).values())) == len(TEXT_ROWS)


def test_every_printed_energy_has_a_row(texts: dict[str, str]) -> None:
    found = spans(TEXT_ROWS, texts)
    missing = []
    for name, text in texts.items():
        for match in re.finditer(r"[\d.]+ (?:m?eV|kJ mol)", text):
            start, end = match.span()
            if not any(low <= start and end <= high for low, high in found.get(name, [])):
                missing.append(match[0])
    assert missing == OTHER_ENERGIES


def test_a_reference_is_cited_in_its_section(texts: dict[str, str]) -> None:
    digits = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
    for row in TEXT_ROWS:
        if row["conditions"].startswith("quoted from Table 1"):
            continue
        text = re.sub("[⁰¹²³⁴⁵⁶⁷⁸⁹]+", lambda m: m[0].translate(digits), texts[section_of(row)])
        for key in row["references"].split():
            assert re.search(rf"(?<!\d){key[1:]}(?!\d)", text), row["id"]


def test_a_quotation_of_table_1_agrees_with_it() -> None:
    quoted = [row for row in TEXT_ROWS if row["conditions"].startswith("quoted from Table 1")]
    assert len(quoted) == 4
    for row in quoted:
        same = {key: row[key] for key in ("material", "defect", "quantity")}
        (cell,) = (other for other in TABLE_ROWS if same.items() <= other.items())
        assert row["references"] == cell["references"]
        assert row["value_min_ev"] == cell["value_min_ev"]


@pytest.mark.parametrize(
    ("identifier", "expected"),
    [
        ("e-s2.1.2.1-001", "MAPbI3 V_Pb E_A 2.31 2.31 unknown r43"),
        ("e-s2.1.2.1.1-001", "MAPbI3 MA_i E_A 0.38 0.48 DFT r52"),
        ("e-s2.1.2.1.1-006", "CsPbX3 V_Cs E_A 0.32 0.32 unknown r60"),
        ("e-s2.1.2.1.2-003", "MAPbI3 I E_A 0.16 0.39 experiment r63"),
        ("e-s2.1.2.2-001", "MAPbI3 Au_i E_A 0.3 0.3 DFT r52"),
        ("e-s2.2-002", "(PEA)2MA5Pb6X19 X E_A 0.69 0.69 experiment r115"),
        ("e-s2.2-004", "(BA)2PbX4 X E_A 0.528 0.528 experiment r112"),
        ("e-s2.2-005", "(BDA)PbX4 X E_A 0.630 0.630 experiment r112"),
        ("e-s2.3-001", "[PrPyr]PbI3 V_I E_A 0.39 0.39 DFT r122"),
        ("e-s2.3-003", "{en}MAPbI3 V_I E_A 0.57 0.57 unknown r125"),
        ("e-s2.4-001", "FAPb0.5Sn0.5I3 V_I E_A 1.45 1.45 unknown r54"),
        ("e-s2.4-004", "Cs2SnI6 V_I DFE 1.20 1.20 DFT r141"),
        ("e-s2.4-006", "Cs2SnBr6 V_Br E_A 1.55 1.55 DFT r141"),
        ("e-s2.4-008", "Cs2SnX6 V_X E_A 0.77  DFT r141"),
        ("e-s2.4-010", "Cs3Bi2I9 V_I DFE 1 1 DFT r147"),
        ("e-s2.4-011", "Cs2AgBiBr6 ion E_A 0.348 0.348 experiment r151"),
        ("e-s3.3.4.1-003", "Cs3Sb2I9 V_I E_A 0.47 0.47 DFT r226"),
        ("e-s3.3.4.4-002", "A2PbX4 V_I E_A 0.41 0.41 DFT r233"),
        ("e-s4.3.4-001", "ABX3 ion E_A 1.05 1.05 unknown r289"),
    ],
)
def test_value_in_print(identifier: str, expected: str) -> None:
    row = BY_ID[identifier]
    columns = ("material", "defect", "quantity", "value_min_ev", "value_max_ev", "method")
    assert " ".join(row[column] for column in (*columns, "references")) == expected


@pytest.mark.parametrize(
    ("identifier", "phase", "direction", "charge", "conditions"),
    [
        ("e-s2.1.2.1.1-004", "", "axial", "", ""),
        ("e-s2.1.2.1.1-005", "", "", "-1", ""),
        ("e-s2.2-003", "", "in-plane", "", "n = 1"),
        ("e-s2.3-003", "", "", "", "47%"),
        ("e-s2.4-005", "", "inter-octahedral", "", ""),
        ("e-s3.3.4.1-001", "δ", "c", "", ""),
        ("e-s3.3.4.1-002", "δ", "ab", "", ""),
        ("e-s3.3.4.1-004", "layered", "", "", ""),
        ("e-s3.3.4.4-001", "", "", "0", "without illumination"),
        ("e-s4.3.4-002", "", "", "", "polycrystalline film"),
    ],
)
def test_circumstances_in_print(
    identifier: str, phase: str, direction: str, charge: str, conditions: str
) -> None:
    row = BY_ID[identifier]
    assert (row["phase"], row["direction"], row["charge"]) == (phase, direction, charge)
    assert conditions in row["conditions"]


@pytest.mark.parametrize(
    ("text", "table", "numbers"),
    [
        ("e-s2.1.2.2-001", "e-t2-r04-ea", ("0.3 eV", "0.42 eV")),
        ("e-s2.1.2.1.1-005", "e-t1-r08-ea", ("0.61 eV", "0.61 eV")),
        ("e-s2.1.2.1.1-007", "e-t1-r06-ea", ("0.56 eV", "0.56 eV")),
    ],
)
def test_a_contradiction_is_marked_at_both_places(
    text: str, table: str, numbers: tuple[str, str]
) -> None:
    here, there = numbers
    assert there in BY_ID[text]["erratum"]
    assert here in BY_ID[table]["erratum"]
    assert BY_ID[text]["source"] in BY_ID[table]["erratum"]


def test_misprints_and_contradictions_of_the_text_are_marked() -> None:
    for identifier, words in {
        "e-s2.2-002": "no comma",
        "e-s2.3-004": "the dash is no range",
        "e-s2.4-001": "FA[Pb0.5Sn0.5]PbI3",
        "e-s2.4-004": "0.69 eV",
        "e-t1-r11-dfe": "1.20 eV",
        "e-s2.1.2.1.2-001": "the highest E_A of V_I in MAPbI3",
        "e-s4.3.4-001": "3.9",
    }.items():
        assert words in BY_ID[identifier]["erratum"]


def test_the_charge_of_the_iodide_vacancy_is_in_doubt_at_every_cell_of_table_1() -> None:
    cells = [row for row in TABLE_ROWS if row["defect"] == "V_I"]
    assert len(cells) == 6
    for row in cells:
        for section in ("2.1.2.1.2", "2.1.2.2", "2,", "2.1.2.3", "3.3.4.4"):
            assert section in row["erratum"]


def test_the_hosts_of_one_paper_that_the_text_does_not_name_are_in_doubt() -> None:
    """Next to the energies of ref. 60 the text names bromides only."""
    rows = [row for row in TEXT_ROWS if row["references"] == "r60"]
    assert [row["material"] for row in rows] == ["FAPbX3", "CsPbX3", "MAPbX3"]
    for row in (*rows, BY_ID["e-t1-r06-ea"], BY_ID["e-t1-r08-ea"]):
        assert "MAPbBr3, FAPbBr3 and CsPbBr3" in row["erratum"]


def test_caesium_that_is_slower_than_methylammonium_contradicts_the_text() -> None:
    caesium = [row for row in TEXT_ROWS if row["defect"] in {"Cs", "V_Cs"}]
    methylammonium = float(BY_ID["e-s2.1.2.1.1-007"]["value_min_ev"])
    assert max(float(row["value_min_ev"]) for row in caesium) > methylammonium
    assert all("contradiction: " in row["erratum"] for row in caesium)


def test_a_dimer_is_one_only_where_the_text_says_so() -> None:
    dimers = {row["material"] for row in TEXT_ROWS if row["phase"] == "dimer"}
    assert dimers == {"Cs3Sb2I9"}  # of Cs3Bi2I9 the text says bioctahedra


def test_a_material_that_is_printed_in_two_ways_is_one() -> None:
    printed = {row["material"] for row in TEXT_ROWS + read("devices") if "PrPyr" in row["material"]}
    assert printed == {"[PrPyr]PbI3", "PrPyr[PbI3]"}
    assert len({parse_composition(formula).formula for formula in printed}) == 1
