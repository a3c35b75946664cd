"""Write docs/validation/drafting.md: what the rules of ``pvkdb draft`` find in the review.

    python validation/drafting.py [TEXT]

reads the text of the review (by default ``PVKDB_REVIEW_TEXT`` or ``../shared/seed/review.txt``),
and compares the values that the rules propose with the rows that two people transcribed from it.
It takes seconds. A test holds the figures of the page against the bars below.
"""

from __future__ import annotations

import csv
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import isclose
from pathlib import Path

from pvkdb.chemistry.composition import parse_material
from pvkdb.errors import InputError
from pvkdb.literature.drafts.documents import read_document
from pvkdb.literature.drafts.statements import FoundValue, statements
from pvkdb.schemas.metrics import TABLE_METRICS

ROOT = Path(__file__).parents[1]
LITERATURE = ROOT / "pvkdb" / "literature"
PAGE = ROOT / "docs" / "validation" / "drafting.md"
#: Least share of the printed values that is proposed rightly, and of proposals that are right.
BAR_FOUND, BAR_RIGHT = 0.60, 0.70
#: Printed values and those read from them differ by the rounding of a conversion.
ROUNDING = 0.006
#: Places of section 5 that were in view when the rules were made.
SEEN = ("section 5.1.3", "section 5.3.2", "section 5.3.3")
IN_VIEW, HELD_OUT, ENERGIES, TABLES = "in view", "held out", "energies", "tables"

HEAD = """# What `pvkdb draft` finds

Made by `validation/drafting.py`; do not edit. The rules of `pvkdb draft`, without a language
model, read the text of the review whose numbers pvkdb ships. Their proposals are compared with
the rows of `device_claims.csv`, `energetics.csv` and `devices.csv`, which were transcribed from
the same text before there were rules.

A proposal is right if a row has the same quantity (metric), the same value or range in the unit
of the table, and the same place (section, caption or table row). *Found* is the share of rows
with a right proposal, *right* the share of proposals that are right. A proposal of a number that
no row has counts as wrong, also where the number is in print.

The words of the rules (`pvkdb/literature/drafts/words.toml`) were chosen with sections 2 to 4 and
parts of {seen} in view, and corrected until these were read well. So only the
held-out part measures the rules: of the rest of sections 5 and 6, only the names of the metrics
were known. All energies of the text and Tables 1, 2 and 4 were in view.
"""
TAIL = """
One review is one style of writing. A paper that reports its own device names it less often next
to a value, and a PDF loses superscripts and the order of columns: expect less there, and confirm
every value (see [how to](../how-to.md#draft-an-import-from-a-paper)).
"""


@dataclass(frozen=True)
class PrintedValue:
    """A value that people transcribed: of a part of the review, with its metric and place."""

    part: str
    metric: str
    low: float
    high: float
    place: str
    material: str = ""
    defect: str = ""

    def proposed_by(self, found: FoundValue) -> bool:
        """Whether a proposal is this value."""
        return (
            found.metric == self.metric
            and found.place == self.place
            and isclose(found.low, self.low, rel_tol=ROUNDING)
            and isclose(found.high, self.high, rel_tol=ROUNDING)
        )


@dataclass(frozen=True)
class Score:
    """Of how many printed values how many were proposed, and how many proposals are right."""

    printed: int
    found: int
    proposed: int
    right: int

    def cells(self) -> list[str]:
        """Return the score as cells of a table."""
        return [
            f"{part} of {whole} ({part / whole:.0%})" if whole else "—"
            for part, whole in ((self.found, self.printed), (self.right, self.proposed))
        ]


def main() -> None:
    """Write the page."""
    default = ROOT.parent / "shared" / "seed" / "review.txt"
    path = Path(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("PVKDB_REVIEW_TEXT", default))
    text = "\n".join(page(path))
    PAGE.write_text(text, encoding="utf-8")
    print(text)


def page(path: Path) -> Iterator[str]:
    """Yield the lines of the page."""
    printed, proposals = printed_values(), proposed_values(path)
    yield HEAD.format(seen=", ".join(SEEN).replace("section ", ""))
    yield "| part of the review | found | right |\n|---|---|---|"
    for title, parts in (
        ("claims in view", [IN_VIEW]),
        ("**claims held out**", [HELD_OUT]),
        ("energies of the text", [ENERGIES]),
        ("**all claims and energies of the text**", [IN_VIEW, HELD_OUT, ENERGIES]),
        ("tables 1, 2 and 4", [TABLES]),
    ):
        yield " | ".join(["", title, *score(printed, proposals, parts).cells(), ""]).strip()
    right = [
        (value, found)
        for value in printed
        for found in proposals[ENERGIES]
        if value.part == ENERGIES and value.proposed_by(found)
    ]
    defects = sum(found.defect == value.defect for value, found in right)
    materials = sum(_same_material(found.subject, value.material) for value, found in right)
    yield (
        f"\nOf {len(right)} right energies of the text, {defects} also have the right defect and "
        f"{materials} the right material; the review often names them in another sentence.\n"
    )
    yield "## By metric, claims of the text\n\n| metric | found | right |\n|---|---|---|"
    claims = [value for value in printed if value.part in (IN_VIEW, HELD_OUT)]
    every = proposals[IN_VIEW] + proposals[HELD_OUT]
    for metric in sorted({value.metric for value in claims} | {found.metric for found in every}):
        own = [value for value in claims if value.metric == metric]
        mine = [found for found in every if found.metric == metric]
        yield " | ".join(["", f"`{metric}`", *_score(own, mine).cells(), ""]).strip()
    yield TAIL


def printed_values() -> list[PrintedValue]:
    """Return the values of the shipped tables, each under its part of the review."""
    values = []
    for row in _rows("device_claims"):
        in_view = re.match(r"c-s[234]", row["id"]) or row["source"] in SEEN
        part = IN_VIEW if in_view else HELD_OUT
        low = float(row["value"])
        high = float(row["value_max"] or low)
        values.append(PrintedValue(part, row["metric"], low, high, row["source"]))
    for row in _rows("energetics"):
        part = TABLES if row["source"].startswith("Table") else ENERGIES
        low = float(row["value_min_ev"])
        high = float(row["value_max_ev"] or low)
        about = row["source"], row["material"], row["defect"]
        values.append(PrintedValue(part, row["quantity"], low, high, *about))
    for row in _rows("devices"):
        for metric, (_, table) in TABLE_METRICS.items():
            if row[table.low]:
                low = float(row[table.low])
                high = float(row[table.high or table.low])
                values.append(PrintedValue(TABLES, metric, low, high, row["source"]))
    return values


def proposed_values(path: Path) -> dict[str, list[FoundValue]]:
    """Return the proposals of the rules, by the part of the review that they are in."""
    document = read_document(path)
    later = min(one.paragraph for one in document.sentences if one.place.startswith("section 5"))
    parts: dict[str, list[FoundValue]] = {
        part: [] for part in (IN_VIEW, HELD_OUT, ENERGIES, TABLES)
    }
    for found in statements(document):
        part = IN_VIEW if found.paragraph < later or found.place in SEEN else HELD_OUT
        if " row " in found.place:
            part = TABLES
        elif found.metric in ("E_A", "DFE"):
            part = ENERGIES
        parts[part].append(found)
    return parts


def score(
    printed: Iterable[PrintedValue], proposals: dict[str, list[FoundValue]], parts: Sequence[str]
) -> Score:
    """Return the score of some parts of the review."""
    own = [value for value in printed if value.part in parts]
    return _score(own, [found for part in parts for found in proposals[part]])


def _score(printed: Sequence[PrintedValue], proposals: Sequence[FoundValue]) -> Score:
    found = sum(any(value.proposed_by(one) for one in proposals) for value in printed)
    right = sum(any(value.proposed_by(one) for value in printed) for one in proposals)
    return Score(len(printed), found, len(proposals), right)


def _same_material(text: str, formula: str) -> bool:
    try:
        return parse_material(text)[0].formula == parse_material(formula)[0].formula
    except InputError:
        return False


def _rows(name: str) -> list[dict[str, str]]:
    with (LITERATURE / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


if __name__ == "__main__":
    main()
