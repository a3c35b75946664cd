"""Numbers of curated rows: those of the review, and those read on open pages of other papers."""

from __future__ import annotations

from pathlib import Path

OPEN_PAGES = Path(__file__).parents[1] / "pvkdb" / "literature" / "open_pages"

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
