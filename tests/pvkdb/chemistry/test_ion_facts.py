"""The curated chemistry of ions and the phases near 300 K."""

import csv
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[3] / "curation" / "chemistry"
VERDICTS = {
    "exists": {"yes", "no", "unstable", "not known"},
    "air": {"oxidises", "stable", "not known"},
    "water": {"hydrolyses", "hygroscopic", "moisture sensitive", "stable", "not known"},
    "redox": {"oxidises the halide", "leaves the halide", "not known"},
    "radioactive": {"yes", "no", "not known"},
    "restricted": {"yes", "not known"},
    "solution route": {"yes", "no", "not known"},
}
HALOGEN_POTENTIALS_V = {"I": 0.5355, "Br": 1.0873, "Cl": 1.35827, "any": 0.5355}
MARGIN_V = 0.1


def _rows(name: str) -> list[dict[str, str]]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("name", ["ions.csv", "phases_300k.csv"])
def test_each_row_has_its_source_and_its_words(name: str) -> None:
    for row in _rows(name):
        assert None not in row
        assert None not in row.values()
        assert 0 < len(row["as_printed"]) <= 200, row
        assert all(row[column] for column in ("title", "source", "read_at", "line")), row
        assert not row["year"] or 1900 <= int(row["year"]) <= 2026, row


def test_an_ion_has_one_verdict_of_the_closed_list_for_each_subject() -> None:
    rows = _rows("ions.csv")
    keys = [(r["element"], r["oxidation_state"], r["halide"], r["subject"]) for r in rows]
    assert len(keys) == len(set(keys))
    for row in rows:
        assert row["verdict"] in VERDICTS[row["subject"]], row
        assert row["halide"] in HALOGEN_POTENTIALS_V, row
        assert 1 <= int(row["oxidation_state"]) <= 4, row


def test_verdicts_on_redox_follow_from_the_potentials() -> None:
    for row in _rows("ions.csv"):
        if row["subject"] != "redox" or not row["value"]:
            continue
        assert row["unit"] == "V vs SHE", row
        assert -3.1 < float(row["value"]) < 2, row
        excess = float(row["value"]) - HALOGEN_POTENTIALS_V[row["halide"]]
        expected = "not known"
        if abs(excess) > MARGIN_V:
            expected = "oxidises the halide" if excess > 0 else "leaves the halide"
        assert row["verdict"] == expected, row


def test_phases_have_temperatures_in_order() -> None:
    rows = _rows("phases_300k.csv")
    assert len({(row["formula"], row["phase"]) for row in rows}) == len(rows)
    for row in rows:
        low = float(row["temperature_low_k"] or 0)
        assert 0 <= low < float(row["temperature_high_k"] or 2000) <= 2000, row
