"""Curated rows and their numbers: those of the review, and those of open pages of others."""

from __future__ import annotations

import csv
from pathlib import Path

LITERATURE = Path(__file__).parents[1] / "pvkdb" / "literature"
OPEN_PAGES = LITERATURE / "open_pages"
Row = dict[str, str]


def read(name: str) -> list[Row]:
    with (LITERATURE / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


#: Rows of the review; its files do not change.
REVIEW = {"references": 402, "energetics": 85, "devices": 28, "device_claims": 259}
#: Rows of other papers, one a line of their files.
FURTHER = {
    name: (OPEN_PAGES / f"{name}.csv").read_text(encoding="utf-8").count("\n") - 1
    for name in REVIEW
}
REFERENCES = REVIEW["references"] + FURTHER["references"]
DEVICES = REVIEW["devices"] + FURTHER["devices"]

#: Applications with criteria of each kind: lengths of tests, words and bounds, and without a value
#: for compositions.
PROFILES = ("synaptic-training", "selector", "photonic-synapse")
