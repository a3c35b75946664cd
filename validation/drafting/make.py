"""Write docs/validation/drafting.md: what the rules of ``pvkdb draft`` find in papers.

    python -m validation.drafting.make [REVIEW] [--texts FOLDER]

scores the drafts of quotations in ``curation`` (``validation/drafting/score.py``), and reads the
text of the review (by default ``PVKDB_REVIEW_TEXT`` or ``../shared/seed/review.txt``), whose
proposals are compared with the rows that two people transcribed from it. The texts of others that
FOLDER holds are measured again; for the rest the counts of their last measurement stand. It takes
seconds. A test holds the figures of the page against the bars below.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import isclose
from pathlib import Path
from typing import Any

from pvkdb.chemistry.formulas.composition import parse_material
from pvkdb.errors import InputError
from pvkdb.literature.drafts.documents import read_document
from pvkdb.literature.drafts.statements import STACK, FoundValue, statements
from pvkdb.schemas.metrics import TABLE_METRICS
from validation.drafting.score import (
    OF_OTHERS,
    PARTS,
    ROUNDING,
    Measured,
    Score,
    first_measurements,
    keep,
    last_measured,
    measured,
    print_missing,
    share,
    total,
)
from validation.pages import FOLDER, ROOT, csv_rows, row, texts

LITERATURE = ROOT / "pvkdb" / "literature"
PAGE = FOLDER / "drafting.md"
#: Least share of the printed values that is proposed rightly, and of proposals that are right.
BAR_FOUND, BAR_RIGHT = 0.72, 0.80
#: Places of section 5 that were in view when the rules were made.
SEEN = ("section 5.1.3", "section 5.3.2", "section 5.3.3")
IN_VIEW, HELD_OUT, ENERGIES, TABLES = "in view", "held out", "energies", "tables"

TEXTS = texts(__file__)


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


def main() -> None:
    """Write the page."""
    default = os.environ.get("PVKDB_REVIEW_TEXT", ROOT.parent / "shared" / "seed" / "review.txt")
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("review", nargs="?", type=Path, default=Path(default), help="its text")
    parser.add_argument("--texts", type=Path, metavar="FOLDER", help="texts of others, ID.txt")
    asked = parser.parse_args()
    if asked.texts:
        keep({part: measured(part, asked.texts) for part in OF_OTHERS})
        print_missing(asked.texts)
    text = "\n".join(page(asked.review))
    PAGE.write_text(text, encoding="utf-8")
    print(text)


def page(path: Path) -> Iterator[str]:
    """Yield the lines of the page."""
    texts = {part: last_measured(part) for part in PARTS}
    yield from _texts(texts)
    printed, proposals = printed_values(), proposed_values(path)
    yield TEXTS["review"].format(seen=", ".join(SEEN).replace("section ", "")).rstrip("\n")
    for title, parts in (
        ("claims of sections 2 to 4", [IN_VIEW]),
        ("claims of sections 5 and 6", [HELD_OUT]),
        ("energies of the text", [ENERGIES]),
        ("**all claims and energies of the text**", [IN_VIEW, HELD_OUT, ENERGIES]),
        ("tables 1, 2 and 4", [TABLES]),
    ):
        yield row(title, *score(printed, proposals, parts).cells())
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
    yield TEXTS["texts"].rstrip("\n")
    folders = LITERATURE, LITERATURE / "open_pages"
    papers = {row["key"]: row for one in folders for row in csv_rows(one / "references.csv")}
    for part, own in texts.items():
        for one in own:
            yield row(_paper(one.source, papers), part, *one.values.plain())
    yield ""


def _texts(texts: dict[str, list[Measured]]) -> Iterator[str]:
    """Yield the tables of the texts: the first measurements, and those of today."""
    others = sum(len(texts[part]) for part in OF_OTHERS)
    yield TEXTS["head"].format(count=sum(map(len, texts.values())), others=others).rstrip("\n")
    firsts: dict[str, Score] = {}
    last = ""
    for what in ("values", "reference"):
        scores = []
        for first in first_measurements():
            if first["what"] != what:
                continue
            number = {name: int(text) for name, text in first.items() if text.isdigit()}
            before = Score(number["printed"], number["before_found"],
                           number["before_proposed"], number["before_right"])  # fmt: skip
            now = Score(*(number[name] for name in ("printed", "found", "proposed", "right")))
            scores.append((before, now))
            last, firsts["last"] = (
                (first["part"], now) if what == "values" else (last, firsts["last"])
            )
            yield row(f"{first['part']}, {what}", *_pairs(before, now))
        firsts[what] = total(now for _, now in scores)
        yield row(f"**all, {what}**", *_pairs(total(one for one, _ in scores), firsts[what]))
    yield (
        TEXTS["note"]
        .format(
            last=last,
            last_found=share(firsts["last"].found, firsts["last"].printed),
            last_right=share(firsts["last"].right, firsts["last"].proposed),
            found=share(firsts["values"].found, firsts["values"].printed),
            right=share(firsts["values"].right, firsts["values"].proposed),
            reference=share(firsts["reference"].found, firsts["reference"].printed),
        )
        .rstrip("\n")
    )
    for part, own in texts.items():
        values, reference = total(one.values for one in own), total(one.reference for one in own)
        yield row(part, str(len(own)), *values.cells(), *reference.cells())


def _paper(text: dict[str, Any], papers: dict[str, dict[str, str]]) -> str:
    """Return the title of a text's paper, linked to its DOI; the id where none is printed."""
    known = papers.get(text["id"]) or papers.get(f"web-{text['id']}") or {}
    doi = text.get("doi") or known.get("doi")
    title = text.get("reference", {}).get("title") or known.get("title") or text["id"]
    return f"[{title}](https://doi.org/{doi})" if doi else str(title)


def _pairs(before: Score, now: Score) -> list[str]:
    return [cell for pair in zip(before.cells(), now.cells(), strict=True) for cell in pair]


def printed_values() -> list[PrintedValue]:
    """Return the values of the shipped tables, each under its part of the review."""
    values = []
    for each in _rows("device_claims"):
        in_view = re.match(r"c-s[234]", each["id"]) or each["source"] in SEEN
        part = IN_VIEW if in_view else HELD_OUT
        low = float(each["value"])
        high = float(each["value_max"] or low)
        values.append(PrintedValue(part, each["metric"], low, high, each["source"]))
    for each in _rows("energetics"):
        part = TABLES if each["source"].startswith("Table") else ENERGIES
        low = float(each["value_min_ev"])
        high = float(each["value_max_ev"] or low)
        about = each["source"], each["material"], each["defect"]
        values.append(PrintedValue(part, each["quantity"], low, high, *about))
    for each in _rows("devices"):
        for metric, (_, table) in TABLE_METRICS.items():
            if each[table.low]:
                low = float(each[table.low])
                high = float(each[table.high or table.low])
                values.append(PrintedValue(TABLES, metric, low, high, each["source"]))
    return values


def proposed_values(path: Path) -> dict[str, list[FoundValue]]:
    """Return the proposals of the rules, by the part of the review that they are in."""
    document = read_document(path)
    later = min(one.paragraph for one in document.sentences if one.place.startswith("section 5"))
    parts: dict[str, list[FoundValue]] = {
        part: [] for part in (IN_VIEW, HELD_OUT, ENERGIES, TABLES)
    }
    for found in (one for one in statements(document) if one.metric != STACK):
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
    return csv_rows(LITERATURE / f"{name}.csv")


if __name__ == "__main__":
    main()
