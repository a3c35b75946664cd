"""Score what ``pvkdb draft`` proposes for the texts that ``validation/drafting/gold`` knows.

    python -m validation.drafting.score FOLDER [PART...]   the counts; --show names what is wrong

The texts are of others and not in the repository. FOLDER holds those that you have, each as
``ID.txt`` or ``DOI.txt`` with ``_`` in place of ``/``. A part that has been shown is spent: rules
may have been made for it.
"""

from __future__ import annotations

import argparse
import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass
from functools import cache
from math import isclose, sqrt
from operator import add
from pathlib import Path
from typing import Any

import yaml

from pvkdb.chemistry.formulas.composition import parse_material
from pvkdb.chemistry.units import parse_measurement
from pvkdb.errors import InputError
from pvkdb.literature.drafts import Draft, draft_paper
from pvkdb.schemas.metrics import FIGURES, TABLE_METRICS
from pvkdb.schemas.tables.devices import CONDITIONS
from pvkdb.store.curation.sources import Upload
from pvkdb.store.rows.stacks import split_structure
from validation.pages import ROOT, csv_rows

GOLD = Path(__file__).parent / "gold"
#: Parts whose texts are of others, and those whose texts are quotations in ``curation``.
OF_OTHERS = ("development", *(f"unseen_{n}" for n in range(1, 9)))
PARTS = (*OF_OTHERS, "quotations", "readings")
#: Two people read these pages before there were the rules of today, and quoted what they read.
QUOTATIONS = ROOT / "curation" / "open_pages" / "first.csv"
READINGS = ROOT / "curation" / "independent" / "values.csv"
#: Papers of the quotations that the other parts have too.
_ELSEWHERE = frozenset(
    {
        *("cao", "bismuth", "ieee2021", "statistical2026", "lv2021", "zheng2022", "xu2024", "pmma"),
        *("yang2021", "low2025", "xu2023", "two2023", "lead2020", "rubel2024", "xray2020"),
        *("xiao2015", "light2019", "zhong", "self2026", "kim2026", "zhang", "ullah2025", "iiser"),
        *("kundar2024", "john2022", "song2021", "how2019", "lithium", "bousoulas2025"),
        *("memristors2026", "ultralow", "liao2020", "singh2025", "choi2017", "han2018", "liu2024"),
        *("zhang2021", "qian2019", "r106", "r122", "r135", "r162", "r182", "r220", "r248", "r263"),
        "r317",
    }
)
#: Printed values and those read from them differ by the rounding of a conversion.
ROUNDING = 0.006
#: Units of the values of an import, by their fields.
UNITS = {
    **{table.imported_as: metric.unit for metric, table in TABLE_METRICS.values()},
    **{name: metric.unit for name, metric in FIGURES.items()},
    **{name: column.unit for name, column in CONDITIONS.items() if column.unit},
    "E_A": "eV",
    "DFE": "eV",
}

_COLUMNS = {table.imported_as: table for _, table in TABLE_METRICS.values()}
_OTHER_FIELDS = {metric.reported_as or "": name for name, metric in FIGURES.items()}
_OTHER_FIELDS |= {column.name: name for name, column in CONDITIONS.items() if column.unit}
_OTHER_FIELDS |= {"v_set_v": "v_set", "v_reset_v": "v_reset", "value_ev": "value"}
_OTHER_FIELDS |= {"stack": "structure"}


@dataclass(frozen=True)
class Item:
    """A value of a paper under its field, with its material; texts have no numbers."""

    field: str
    text: str
    low: float = 0.0
    high: float = 0.0
    materials: tuple[str, ...] = ()
    maybe: bool = False

    def __str__(self) -> str:
        return f"{self.field} {self.text} {' '.join(self.materials)}".strip()

    def is_right(self, gold: Item) -> bool:
        """Whether a proposal is what a person has typed; a material that is asked is not wrong."""
        if self.field != gold.field:
            return False
        if self.field == "structure":
            layers, typed = _layers(self.text), _layers(gold.text)
            return layers == typed or (layers == typed[::-1] and not _has_bottom(typed))
        if self.field == "authors":
            return _plain(gold.text) in _plain(re.split(r";|, ", self.text)[0])
        if self.field in ("title", "year", "doi"):
            return _plain(self.text) == _plain(gold.text)
        ends = [(self.low, self.high)]
        if "±" in self.text:  # a reader may leave the error out
            ends.append(((self.low + self.high) / 2,) * 2)
        same = any(
            isclose(low, gold.low, rel_tol=ROUNDING) and isclose(high, gold.high, rel_tol=ROUNDING)
            for low, high in ends
        )
        asked = self.materials == ("",) or not gold.materials
        return same and (asked or _formula(self.materials[0]) in map(_formula, gold.materials))


@dataclass(frozen=True)
class Score:
    """Of how many printed values how many were proposed, and how many proposals are right."""

    printed: int = 0
    found: int = 0
    proposed: int = 0
    right: int = 0

    def __add__(self, other: Score) -> Score:
        return Score(*map(add, astuple(self), astuple(other)))

    def cells(self) -> list[str]:
        """Return the score as cells of a table, each share with its interval."""
        return [share(self.found, self.printed), share(self.right, self.proposed)]

    def plain(self) -> list[str]:
        """Return the score as cells of counts."""
        pairs = (self.found, self.printed), (self.right, self.proposed)
        return [f"{part} of {whole}" if whole else "—" for part, whole in pairs]


@dataclass(frozen=True)
class Measured:
    """A text with its score, and what was missing and wrong in its draft."""

    source: dict[str, Any]
    values: Score
    reference: Score
    missing: list[Item]
    wrong: list[Item]


def share(part: int, whole: int) -> str:
    """Return a share with its interval of 95 % confidence by Wilson (1927)."""
    if not whole:
        return "—"
    z, p = 1.96, part / whole
    middle = (p + z * z / (2 * whole)) / (1 + z * z / whole)
    half = z / (1 + z * z / whole) * sqrt(p * (1 - p) / whole + z * z / (4 * whole * whole))
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    return f"{part} of {whole} ({p:.0%}, {low:.0%} to {high:.0%})"


def measured(part: str, folder: Path | None = None) -> list[Measured]:
    """Return the texts of a part with their scores; of those of others, the ones in a folder."""
    if part in _OF_READERS:
        return [measure(text) for text in _OF_READERS[part]()]
    files = {text["id"]: text_file(text, folder) for text in gold(part)} if folder else {}
    return [
        measure(text | {"text": file.read_text(encoding="utf-8")})
        for text in gold(part)
        if (file := files.get(text["id"]))
    ]


def gold(part: str) -> list[dict[str, Any]]:
    """Return what people have typed from the texts of a part, each with its paper."""
    typed: list[dict[str, Any]] = yaml.safe_load((GOLD / f"{part}.yaml").read_text("utf-8"))
    return typed


def text_file(text: dict[str, Any], folder: Path) -> Path | None:
    """Return the file of a text in a folder, by the id of the text or the DOI of its paper."""
    names = filter(None, (text["id"], text.get("doi", "").replace("/", "_")))
    return next((path for name in names if (path := folder / f"{name}.txt").is_file()), None)


def missing(folder: Path) -> dict[str, list[str]]:
    """Return the ids of the texts that a folder lacks, by part."""
    return {
        part: [text["id"] for text in gold(part) if not text_file(text, folder)]
        for part in OF_OTHERS
    }


def last_measured(part: str) -> list[Measured]:
    """Return the texts of a part with their counts of the last time when each was at hand."""
    if part in _OF_READERS:
        return measured(part)
    counts = {
        (row["id"], row["what"]): Score(
            *(int(row[name]) for name in ("printed", "found", "proposed", "right"))
        )
        for row in csv_rows(GOLD / "measured.csv")
    }
    return [
        Measured(text, counts[text["id"], "values"], counts[text["id"], "reference"], [], [])
        for text in gold(part)
    ]


def keep(own: dict[str, list[Measured]]) -> None:
    """Write the counts of texts, by part, over those of the last time."""
    path = GOLD / "measured.csv"
    rows = csv_rows(path)
    new = {
        (one.source["id"], what): getattr(one, what)
        for texts in own.values()
        for one in texts
        for what in ("values", "reference")
    }
    for row in rows:
        if score := new.get((row["id"], row["what"])):
            row |= {
                name: str(getattr(score, name))
                for name in ("printed", "found", "proposed", "right")
            }
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _quotations() -> Iterator[dict[str, Any]]:
    """Yield each paper's quotations as a text, a sentence each, with the numbers read from it."""
    rows = csv_rows(QUOTATIONS)
    fields = {table.low: name for name, table in _COLUMNS.items()} | _OTHER_FIELDS
    for paper in dict.fromkeys(row["paper"] for row in rows):
        own = [row for row in rows if row["paper"] == paper]
        reviews = any("secondary" in row["kind"] for row in own)
        if reviews or paper in _ELSEWHERE or not any(row["quantity"] in fields for row in own):
            continue
        about = {(row["item"], row["quantity"]): row["value"] for row in own}
        said = dict.fromkeys(row["as_printed"].strip(" .") for row in own)
        gold = []
        for row in own:
            if name := fields.get(row["quantity"]):
                told = row["kind"] != "inferred" and (
                    name != "structure" or row["value"] in row["as_printed"]
                )
                kind, item = "" if told else "maybe ", row["item"]
                name = about[item, "quantity"] if name == "value" else name
                ends = " to ".join(filter(None, (row["value"], row["value_max"])))
                material = about.get((item, "absorber")) or about.get((item, "material"), "")
                gold.append(f"{kind}{name} | {ends} | {material if _is_formula(material) else ''}")
        text = " ".join(f"{part[0].upper()}{part[1:]}." for part in filter(None, said))
        yield {"id": paper, "text": text, "gold": gold, "address": own[0]["address"]}


def _readings() -> Iterator[dict[str, Any]]:
    """Yield the quotations of a reading of cited papers that no other part has, as texts."""
    rows = [row for row in csv_rows(READINGS) if not row["key"].startswith("web-")]
    fields = {table.low: name for name, table in _COLUMNS.items()} | _OTHER_FIELDS
    for key in dict.fromkeys(row["key"] for row in rows if row["key"] not in _ELSEWHERE):
        own = [row for row in rows if row["key"] == key]
        said = dict.fromkeys(row["as_printed"].strip(" .") for row in own)
        gold = [f"{fields[row['metric']]} | {row['value'].replace(';', ' to ')}"
                for row in own if row["metric"] in fields]  # fmt: skip
        text = " ".join(f"{part[0].upper()}{part[1:]}." for part in filter(None, said))
        yield {"id": key, "text": text, "gold": gold, "address": own[0]["url"]}


_OF_READERS = {"quotations": _quotations, "readings": _readings}


def measure(text: dict[str, Any]) -> Measured:
    """Return a text with the scores of its draft."""
    draft = draft_paper(Upload(f"{text['id']}.txt", text["text"].encode()))
    proposed, typed = [*_proposed(draft)], [*map(_typed, text["gold"])]
    said = [Item(name, draft.reference[name]) for name in _REFERENCE if name in draft.reference]
    own = {"authors" if key == "first_author" else key: value for key, value in
           text.get("reference", {}).items()}  # fmt: skip
    printed = [Item(name, str(value)) for name, value in own.items()]
    values, missing, wrong = _score(proposed, typed)
    reference, no_reference, wrong_reference = _score(said, printed)
    return Measured(text, values, reference, missing + no_reference, wrong + wrong_reference)


def _score(proposed: list[Item], typed: list[Item]) -> tuple[Score, list[Item], list[Item]]:
    sure = [one for one in typed if not one.maybe]
    missing = [one for one in sure if not any(mine.is_right(one) for mine in proposed)]
    right = [mine for mine in proposed if any(mine.is_right(one) for one in sure)]
    wrong = [mine for mine in proposed if not any(mine.is_right(one) for one in typed)]
    found = len(sure) - len(missing)
    return Score(len(sure), found, len(right) + len(wrong), len(right)), missing, wrong


_REFERENCE = ("title", "authors", "year", "doi")


def _proposed(draft: Draft) -> Iterator[Item]:
    """Yield what an import would take if every proposal of a draft were confirmed as it is."""
    stacks = (row.cells.get("structure", "") for row in draft.rows)
    yield from (Item("structure", stack) for stack in dict.fromkeys(filter(None, stacks)))
    for row in draft.rows:
        material = row.cells.get("material") or row.cells.get("absorber", "")
        for name in row.found.keys() - {"structure"}:
            field = row.cells["quantity"] if name == "value" else name
            text = row.cells[name]
            yield _item(field, text.removeprefix("up to "), (material,))


def _typed(line: str) -> Item:
    field, value, *materials = (part.strip() for part in line.split("|"))
    maybe, field = field.startswith("maybe "), field.removeprefix("maybe ")
    if field == "structure":
        return Item(field, value, maybe=maybe)
    return _item(field, value, tuple(" ".join(materials).split()), maybe)


def _item(field: str, text: str, materials: tuple[str, ...], maybe: bool = False) -> Item:
    interval = parse_measurement(text, UNITS[field])
    ends = [end for end in (interval.minimum, interval.maximum) if end is not None]
    return Item(field, text, ends[0], ends[-1], materials, maybe)


def _layers(stack: str) -> list[str]:
    signs = str.maketrans("−–", "--")
    return [
        re.sub(r"\s", "", layer).translate(signs).casefold() for layer in split_structure(stack)
    ]


def _has_bottom(layers: list[str]) -> bool:
    """Whether a stack says which end is its bottom."""
    return layers[0] in ("ito", "fto", "glass", "pet", "si")


def _plain(text: str) -> str:
    return re.sub(r"[\W_]", "", text).casefold()


def _is_formula(text: str) -> bool:
    try:
        parse_material(text)
    except InputError:
        return False
    return " " not in text


@cache
def _formula(text: str) -> str:
    try:
        return parse_material(text)[0].formula.partition(":")[0]  # without an additive
    except InputError:
        return re.sub(r"\s", "", text)


def first_measurements() -> list[dict[str, str]]:
    """Return what each part gave once, with rules that had not seen it, in the order measured.

    ``before_…`` is what the rules found that this work began with.
    """
    return csv_rows(GOLD / "first.csv")


def total(scores: Iterable[Score]) -> Score:
    """Return the sum of scores."""
    return sum(scores, Score())


def main() -> None:
    """Print the scores of the parts that the command names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="folder of the texts")
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--show", action="store_true", help="name what is missing and wrong")
    asked = parser.parse_args()
    if unknown := set(asked.parts) - {*PARTS}:
        parser.error(f"PART {min(unknown)!r}: is none of {', '.join(PARTS)}")
    for part in asked.parts:
        texts = measured(part, asked.folder)
        for name in ("values", "reference"):
            found, right = total(getattr(one, name) for one in texts).cells()
            print(f"{part}, {name}: found {found}; right {right}")
        for one in texts if asked.show else ():
            for word, items in (("missing", one.missing), ("wrong", one.wrong)):
                for item in items:
                    print(f"  {one.source['id']}: {word}: {item}")
    print_missing(asked.folder, asked.parts)


def print_missing(folder: Path, parts: Iterable[str] = OF_OTHERS) -> None:
    """Print which texts of some parts a folder lacks."""
    for part, names in missing(folder).items():
        if names and part in parts:
            lacking = f"{len(names)} of {len(gold(part))} texts are not in {folder}"
            print(f"{part}: {lacking}: {' '.join(names)}")


if __name__ == "__main__":
    main()
