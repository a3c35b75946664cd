"""References, Tables 1, 2 and 4 say what the review prints (Chem. Soc. Rev. 2026, 55, 2145)."""

from __future__ import annotations

import re

import pytest

from ...curated import Row, read, table_rows
from ...each import for_each

CAPTIONS = {
    "1": "Table 1 A list of common 3D lead-halide perovskites",
    "2": "Table 2 List of DFEs and E_A of various extrinsic ion defects",
    "4": "Table 4 The comparison of the performance parameters",
}
DIGITS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉", "01234567890123456789")
REFERENCES = read("references")
# The rows of the running text have a test of their own.
ENERGETICS = [row for row in read("energetics") if row["source"].startswith("Table ")]
DEVICES = read("devices")
BY_ID = {row["id"]: row for row in ENERGETICS + DEVICES}
BY_KEY = {row["key"]: row for row in REFERENCES}


def ids(row: Row) -> str:
    return row.get("id") or row["key"]


def printed_rows(review: list[str], number: str) -> list[str]:
    """The value rows of a table, without its section headings."""
    rows = table_rows(review, CAPTIONS[number])
    return [row for row in rows if any(cell.strip() for cell in row.split("\t")[1:])]


def place(row: Row) -> tuple[str, int]:
    match = re.fullmatch(r"Table (\d) row (\d+)", row["source"])
    assert match, row["source"]
    return match[1], int(match[2])


def printed_row(review: list[str], row: Row) -> str:
    number, position = place(row)
    return printed_rows(review, number)[position - 1]


def printed_references(review: list[str]) -> list[str]:
    """The 402 entries of the list, those broken by a page break joined again."""
    start = review.index("References")
    entries: list[str] = []
    for line in review[start + 1 :]:
        if not line.startswith("- "):
            continue
        text = line[2:].strip()
        if len(entries) < 25 or re.match(rf"{len(entries) + 1} ", text):
            entries.append(text)
        else:
            entries[-1] += " " + text
    return entries


def test_ids_are_unique_and_follow_the_source() -> None:
    assert len(BY_ID) == len(ENERGETICS) + len(DEVICES)
    assert [row["key"] for row in REFERENCES] == [f"r{n}" for n in range(1, 403)]
    assert [row["number"] for row in REFERENCES] == [str(n) for n in range(1, 403)]
    for row in ENERGETICS:
        table, position = place(row)
        suffix = {"DFE": "dfe", "E_A": "ea"}[row["quantity"]]
        assert row["id"] == f"e-t{table}-r{position:02d}-{suffix}"
    assert [row["id"] for row in DEVICES] == [f"d-t4-r{n:02d}" for n in range(1, 29)]
    assert [place(row) for row in DEVICES] == [("4", n) for n in range(1, 29)]


@for_each("row", REFERENCES, ids)
def test_a_reference_is_complete_and_clean(row: Row) -> None:
    assert row["authors"]
    assert row["title"]
    assert row["journal"]
    assert re.fullmatch(r"\d{4}", row["year"])
    assert 1949 <= int(row["year"]) <= 2026
    for column in ("authors", "title", "journal", "volume", "pages"):
        assert not re.search(r"[*$\\]|_\{|\^|  ", row[column]), row[column]
    for author in row["authors"].split("; "):
        assert author == "Ankit" or re.match(r"[A-ZŽ][a-z]?\.", author), author
        assert " and " not in author
        assert "," not in author
    assert not re.search(r", \d{4}\b", row["title"])


def test_bibliographic_data_is_printed_in_the_entry(review: list[str]) -> None:
    entries = printed_references(review)
    assert len(entries) == 402
    for row, entry in zip(REFERENCES, entries, strict=True):
        plain = entry.replace("*", "")
        for column in ("journal", "year", "volume", "pages"):
            assert row[column] in plain, (row["key"], column)
        # One entry has a stray comma inside a name; the file leaves it out.
        names = plain.replace("(Frank), Liu", "(Frank) Liu")
        authors = row["authors"].split("; ")
        joined = ", ".join(authors[:-1]) + (" and " if authors[:-1] else "") + authors[-1]
        assert joined.replace("Md. ", "") in names.replace("Dr. ", "").replace("Md. ", "")
        assert row["year"] in plain.split(row["journal"])[-1]


def test_a_title_has_the_words_of_the_entry(review: list[str]) -> None:
    repaired = {"r61", "r220", "r233", "r358"}  # line-break hyphens, see the README
    for row, entry in zip(REFERENCES, printed_references(review), strict=True):
        if row["key"] in repaired:
            continue
        words = set(re.findall(r"[A-Za-zÀ-ÿ]{4,}", row["title"]))
        assert words <= set(re.findall(r"[A-Za-zÀ-ÿ]{4,}", entry)), row["key"]


def test_the_twice_printed_paper_is_kept_twice() -> None:
    first, second = BY_KEY["r104"], BY_KEY["r209"]
    for column in ("title", "journal", "year", "volume", "pages"):
        assert first[column] == second[column]


@for_each("row", ENERGETICS, ids)
def test_an_energy_is_what_its_table_row_prints(row: Row, review: list[str]) -> None:
    cells = [cell.strip() for cell in printed_row(review, row).split("\t")]
    material = cells[0].translate(DIGITS)
    assert re.sub(r"[ _]", "", material) == row["material"]
    defect, charge = re.fullmatch(r"([A-Za-z_]+)(.*)", re.sub(r"[ {}]", "", cells[1])).groups()
    assert defect == row["defect"]
    assert charge == {"": "", "0": "⁰", "1": "⁺", "2": "²⁺"}[row["charge"]]
    value, _, citation = cells[2 if row["quantity"] == "DFE" else 3].partition(row["as_printed"])
    assert value == ""
    if row["bound"] == "lower":
        assert row["as_printed"] == f"> {row['value_min_ev']}"
    elif row["value_min_ev"] == row["value_max_ev"]:
        assert row["as_printed"] == row["value_min_ev"]
    else:
        assert row["as_printed"] == f"{row['value_min_ev']}–{row['value_max_ev']}"
    keys: list[str] = []
    for part in re.findall(r"\d+(?:–\d+)?", citation.translate(DIGITS)):
        first, _, last = part.partition("–")
        keys += [f"r{n}" for n in range(int(first), int(last or first) + 1)]
    # Table 2 cites in its caption: "Data from ref. 36 and 70".
    assert row["references"] == " ".join(keys or ["r36", "r70"])


VOLTAGES = ("v_set_min_v", "v_set_max_v", "v_reset_min_v", "v_reset_max_v")


def test_the_linked_formula_differs_from_the_absorber_only_where_it_must() -> None:
    both = {(row["absorber"], row["material"]) for row in DEVICES}
    different = {(printed, linked) for printed, linked in both if printed != linked}
    assert different == {("MAPbI3:ADNH3I", "MAPbI3"), ("(PEA)2Cs3Pb4I1.3", "(PEA)2Cs3Pb4I13")}


@for_each("row", DEVICES, ids)
def test_a_device_is_what_its_table_row_prints(row: Row, review: list[str]) -> None:
    structure, rest = printed_row(review, row).split("\t", 1)
    assert row["as_printed"] == rest
    squeezed = re.sub(r"[ _{}]", "", structure.translate(DIGITS))
    assert squeezed == row["structure"].replace(" ", "")
    on_off, volts, endurance, retention, stability, reference = rest.split("\t")

    def number(cell: str) -> float | None:
        if cell == "—":
            return None
        cell = cell.lstrip("~> ").replace("−", "-")
        factor, _, power = cell.rpartition("×")
        base, _, exponent = power.strip().partition(" ")
        return float(factor or 1) * float(base) ** int(exponent.translate(DIGITS) or 1)

    printed = {"on_off_ratio": on_off, "endurance_cycles": endurance, "retention_s": retention}
    for column, cell in printed.items():
        assert (float(row[column]) if row[column] else None) == pytest.approx(number(cell))
    printed_volts = {abs(float(v)) for v in re.findall(r"\d+(?:\.\d+)?", volts)}
    assert {abs(float(row[column])) for column in VOLTAGES if row[column]} == printed_volts
    days = re.search(r"(\d+) (days|months)", stability)
    expected_days = str(int(days[1]) * {"days": 1, "months": 30}[days[2]]) if days else ""
    assert row["stability_days"] == expected_days
    qualified = {"~": "~", ">": ">"}
    assert row["on_off_qualifier"] == qualified.get(on_off[0], "")
    assert row["v_qualifier"] == qualified.get(volts[0], "")
    assert row["retention_qualifier"] == qualified.get(retention[0], "")
    assert endurance[0] not in qualified
    if reference == "—":
        assert "inferred" in row["erratum"]
    else:
        assert row["references"] == f"r{reference}"


def test_the_group_is_the_section_heading_of_the_table(review: list[str]) -> None:
    start = next(i for i, line in enumerate(review) if line.startswith(CAPTIONS["4"]))
    pattern = re.compile(r"[^\t]*perovskites?\t+")
    headings = [line.strip() for line in review[start:] if pattern.fullmatch(line)]
    assert list(dict.fromkeys(row["group"] for row in DEVICES)) == headings[:5]


@pytest.mark.parametrize(
    ("key", "column", "value"),
    [
        ("r36", "title", "Toolsets for assessing ionic migration in halide perovskites"),
        ("r54", "pages", "760–769"),
        ("r177", "title", "2011 International Electron Devices Meeting"),
        ("r177", "pages", "17.3.1–17.3.4"),
        ("r208", "journal", "Wiley"),
        ("r280", "volume", ""),
        ("r327", "volume", "2022-July"),
        ("r385", "volume", "361(6407)"),
        ("r397", "authors", "D. O. Hebb"),
        ("r402", "title", "Reinforcement Learning: An Introduction"),
    ],
)
def test_reference_in_print(key: str, column: str, value: str) -> None:
    assert BY_KEY[key][column] == value


def test_formulas_have_subscripts_and_names_are_kept() -> None:
    assert BY_KEY["r1"]["title"].startswith("CH₃NH₃SnBrₓI₃₋ₓ (x = 0–3), ein Sn(II)-System")
    assert "CH₃NH₃Pb(I₁₋ₓBrₓ)₃" in BY_KEY["r87"]["title"]
    assert "Cs₀.₁₅FA₀.₈₅PbI₃₋ₓBrₓ" in BY_KEY["r90"]["title"]
    assert "Ankit" in BY_KEY["r172"]["authors"].split("; ")
    assert BY_KEY["r79"]["authors"].endswith("; S. (Frank) Liu")
