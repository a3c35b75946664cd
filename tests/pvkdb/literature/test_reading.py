"""Files become records that know their line; what cannot be read says where and why."""

from __future__ import annotations

from pathlib import Path

import pytest

from pvkdb.literature.reading import FileError, Record, read_records

from ...each import for_each

YAML = """\
reference:
  authors: [A. Zhang, B. Li]
  title: "A title: with a colon"
  year: 2026

energetics:
  - material: CsPbBr3
    defect: V_Br
    value: 1e-1   # YAML 1.1 would make this a text, 1_0 a number and no a truth
    method: no
devices: []
---
reference: {title: Another, year: 2025, key: x}
devices:
  - structure: ITO/CsPbBr3/Ag
    layers:
      - bottom_electrode: ITO
      - absorber: CsPbBr3
      - top_electrode: Ag
    conditions_are: unknown
"""


def write(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def records(path: Path) -> list[Record]:
    return list(read_records(path))


def test_yaml_cells_are_text_with_their_lines(tmp_path: Path) -> None:
    text = YAML.replace("    conditions_are: unknown\n", "")
    first, second, third, fourth = records(write(tmp_path, "p.yaml", text))
    assert (first.table.name, first.is_paper, first.line) == ("references", True, 2)
    assert first.cells["authors"] == "A. Zhang; B. Li"
    assert second.cells == {
        "material": "CsPbBr3",
        "defect": "V_Br",
        "value": "1e-1",
        "method": "no",
    }
    assert (second.line, second.lines["value"]) == (7, 9)
    assert second.problem("is wrong", "value", "1e-1").line == 9
    assert (third.document, fourth.document) == (2, 2)
    layers = "bottom_electrode=ITO | absorber=CsPbBr3 | top_electrode=Ag"
    assert fourth.cells["layers"] == layers


def test_json_cells_are_the_text_that_was_written_with_its_line(tmp_path: Path) -> None:
    text = """\ufeff{
\t"reference": {"authors": ["\\u00c4. Zh\\u00e5ng", "B. \\ud83d\\ude00"], "title": "a\\/b: \\"c\\"",
\t"year": 2026, "key": null},
  "energetics": [
    {"material": "CsPbBr3", "value": 1.50e-1, "method": "null",
     "soc": true}
  ], "devices": null
}"""
    first, second = records(write(tmp_path, "p.json", text))
    assert (first.is_paper, first.line, first.lines["year"]) == (True, 2, 3)
    assert first.cells == {"authors": "Ä. Zhång; B. 😀", "title": 'a/b: "c"', "year": "2026"}
    assert second.cells == {
        "material": "CsPbBr3", "value": "1.50e-1", "method": "null", "soc": "true"
    }  # fmt: skip
    assert (second.line, second.lines["soc"]) == (5, 6)


def test_csv_records_name_the_line_on_which_they_begin(tmp_path: Path) -> None:
    text = (
        'material,defect,quantity,conditions\nCsPbBr3,V_Br,E_A,"two\nlines"\n\n"Cs,Pb",V_I,DFE,\n'
    )
    first, second = records(write(tmp_path, "e.csv", "\ufeff" + text))
    assert first.table.name == "energetics"
    assert (first.line, first.cells["conditions"]) == (2, "two\nlines")
    assert second.line == 5
    assert second.cells == {"material": "Cs,Pb", "defect": "V_I", "quantity": "DFE"}


@for_each(
    ("name", "text", "line", "said"),
    [
        ("p.yaml", YAML, 20, "no field of devices 'conditions_are'"),
        ("p.yaml", "energetics:\n  - material: A\n    material: B\n", 3, "more than once"),
        ("p.yaml", "energies: []\n", 1, "did you mean 'energetics'"),
        ("p.yaml", "energetics: yes\n", 1, "must be a list"),
        ("p.yaml", "energetics:\n  - just text\n", 2, "must be a mapping"),
        ("p.yaml", "- a\n- b\n", 1, "must hold a mapping"),
        ("p.yaml", "reference: [a]\n", 1, "must be one mapping"),
        ("p.yaml", "reference:\n  title: {a: b}\n", 2, "must be one value"),
        ("p.yaml", "reference: &a\n  title: x\nenergetics: *a\n", 3, "aliases"),
        ("p.yaml", "reference:\n  title: x\n bad\n", 3, "is not YAML"),
        ("p.yaml", "reference: {title: 'x\n", 2, "is not YAML"),
        ("p.yaml", 'reference:\n  title: "a\\0b"\n', 2, "control character"),
        ("p.yaml", "reference:\n  title: " + "x" * 5000 + "\n", 2, "5000 characters"),
        ("p.yaml", b"\xff\xfe\xfa", None, "UTF-8|not YAML"),
        ("p.json", YAML, 1, "is not JSON"),
        ("p.json", '{"energetics": [\n{"value": NaN}]}', 2, "NaN is not a number"),
        ("p.json", '{"energetics": [],\n"energetics": []}', 2, "'energetics' occurs twice"),
        ("p.json", '{"energetics": [{"value": 1,\n"value": 2}]}', 2, "'value' occurs twice"),
        ("p.json", '{"reference":\n{"year": ' + "9" * 5000 + "}}", 2, "not a number up to"),
        ("p.json", '{"reference":\n{"title": "\\udc00"}}', 2, "surrogate"),
        ("p.json", "[" * 100_000, 1, "nested too deeply"),
        (
            "p.json",
            '{"reference": {"title": ' + "[" * 900 + "]" * 900 + "}}",
            1,
            "must be one value",
        ),
        ("p.json", '{"reference": {"title": "é"}}'.encode("latin-1"), 1, "UTF-8: .* position 25"),
        ("d.csv", "", 1, "no header"),
        ("d.csv", "structure;absorber\n", 1, "semicolons"),
        ("d.csv", "structure,absorber,structure\n", 1, "more than once"),
        ("d.csv", "structure,absorbr\n", 1, "did you mean 'absorber'"),
        ("d.csv", "structure,absorber\na,b,c\n", 2, "3 cells, but the header has 2"),
        ("d.csv", 'structure,absorber\n"a,b\n', 2, "not comma-separated"),
        ("d.csv", "structure,absorber\na,b\x00c\n", 2, "control character"),
        ("d.csv", b"structure,absorber\n\xff\xfe,b\n", None, "UTF-8"),
        ("d.xlsx", "", None, "must end in"),
    ],
)
def test_what_cannot_be_read_says_where_and_why(
    tmp_path: Path, name: str, text: str | bytes, line: int | None, said: str
) -> None:
    with pytest.raises(FileError, match=said) as caught:
        records(write(tmp_path, name, text))
    assert caught.value.problem.line == line


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"no\.csv: cannot be read: No such file"):
        records(tmp_path / "no.csv")
