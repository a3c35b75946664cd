"""Measured gaps: every number stands in the words that were read."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

TABLE = Path(__file__).parents[3] / "curation" / "gaps" / "measured.csv"
COLUMNS = [
    "formula",
    "phase",
    "temperature_k",
    "gap_ev",
    "gap_low_ev",
    "gap_high_ev",
    "kind",
    "allowed",
    "form",
    "as_printed",
    "authors",
    "title",
    "journal",
    "year",
    "doi",
    "read_at",
    "line",
    "secondary",
]
EV_NM = 1239.84


def _rows() -> list[dict[str, str]]:
    with TABLE.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        assert reader.fieldnames == COLUMNS
        return list(reader)


def _stands_in(value: float, words: str) -> bool:
    """In eV as it is, or in nm after conversion."""
    numbers = [float(number) for number in re.findall(r"\d+(?:\.\d+)?", words)]
    if any(abs(number - value) < 1e-9 for number in numbers):
        return True
    in_nm = "nm" in words or "peaks at 683 and 938" in words
    return in_nm and any(n > 0 and abs(EV_NM / n - value) < 0.001 for n in numbers)


@pytest.mark.parametrize("row", _rows(), ids=lambda row: f"{row['formula']} {row['gap_ev']}")
def test_a_gap_stands_in_the_words_that_were_read(row: dict[str, str]) -> None:
    values = [float(row[c]) for c in ("gap_ev", "gap_low_ev", "gap_high_ev") if row[c]]
    assert values
    assert all(0 < value < 13 for value in values)
    assert all(_stands_in(value, row["as_printed"]) for value in values)
    assert len(row["as_printed"]) <= 200
    assert row["formula"]
    assert row["kind"]
    assert row["line"]
    assert row["read_at"].startswith("http")
    assert row["allowed"] in {"", "direct", "indirect", "forbidden direct"}
    assert row["secondary"] in {"", "yes"}
    assert not row["doi"] or row["doi"].startswith("10.")


def test_at_least_sixty_compositions() -> None:
    assert len({row["formula"] for row in _rows()}) >= 60
