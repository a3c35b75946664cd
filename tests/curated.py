"""Curated rows and their numbers: those of the review, and those of open pages of others."""

from __future__ import annotations

import csv
import re
from itertools import dropwhile, groupby, takewhile
from pathlib import Path

LITERATURE = Path(__file__).parents[1] / "pvkdb" / "literature"
OPEN_PAGES = LITERATURE / "open_pages"
GAPS = LITERATURE / "gaps"
Row = dict[str, str]


def read(name: str) -> list[Row]:
    with (LITERATURE / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def table_rows(review: list[str], caption: str) -> list[str]:
    """The rows of a printed table below its caption, in print order, without its head."""
    start = next(place for place, line in enumerate(review) if line.startswith(caption))
    below = dropwhile(lambda line: "\t" not in line, review[start + 1 :])
    return list(takewhile(lambda line: "\t" in line, below))[1:]


def section_of(row: Row) -> str:
    """The section of a row of the running text, of which its id has the number."""
    match = re.fullmatch(r"[ce]-s(\d(?:\.\d+)*)-\d{3}", row["id"])
    assert match, row["id"]
    return match[1]


def check_order(rows: list[Row]) -> None:
    """Assert that rows of the running text are in its order and counted in each section."""
    runs = [(name, list(run)) for name, run in groupby(rows, key=section_of)]
    names = [name for name, _ in runs]
    assert names == sorted(set(names), key=lambda name: [int(part) for part in name.split(".")])
    for name, run in runs:
        kind = run[0]["id"][0]
        assert [row["id"] for row in run] == [
            f"{kind}-s{name}-{n + 1:03d}" for n in range(len(run))
        ]


def spans(rows: list[Row], texts: dict[str, str]) -> dict[str, list[tuple[int, int]]]:
    """Where the print of each row stands in its section, found in the order of the rows."""
    found: dict[str, list[tuple[int, int]]] = {}
    for name, run in groupby(rows, key=section_of):
        position = 0
        for row in run:
            position = texts[name].find(row["as_printed"], position)
            assert position >= 0, f"{row['id']}: {row['as_printed']!r} is not next in its section"
            found.setdefault(name, []).append((position, position + len(row["as_printed"])))
    return found


#: Rows of the review; its files do not change.
REVIEW = {"references": 402, "energetics": 85, "devices": 28, "device_claims": 259}
#: Rows of other papers, one a line of their files.
FURTHER = {
    name: sum(
        path.read_text(encoding="utf-8").count("\n") - 1
        for path in (OPEN_PAGES / f"{name}.csv", GAPS / f"{name}.csv")
        if path.exists()
    )
    for name in REVIEW
}
REFERENCES = REVIEW["references"] + FURTHER["references"]
DEVICES = REVIEW["devices"] + FURTHER["devices"]

#: Applications with criteria of each kind: lengths of tests, words and bounds, and without a value
#: for compositions.
PROFILES = ("synaptic-training", "selector", "photonic-synapse")
