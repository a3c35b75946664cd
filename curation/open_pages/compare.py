"""Compare two independent readings of open pages, and both with other collections.

    python curation/open_pages/compare.py [FOLDER ...]

Beside this script are ``papers.csv`` (what was read, and where), ``first.csv`` and ``second.csv``
(the two readings, one value a row; ``(2)`` marks a second value of a quantity), ``settled.csv`` (a
choice and its reason for every difference; the quantity ``*`` leaves an item out, the choice
``omit`` a value that both readings have: its page contradicts it, or the review has it already),
``stacks.csv`` (layers and materials that do not follow from the print) and ``nothing_found.csv``
(pages without a value).

The command prints how far the readings agree and fails on a difference that is not settled. It
compares the settled values with ``devices.csv`` and ``energetics.csv`` of each FOLDER, on the same
page or DOI, and fails if fewer than 95 % agree. ``tables.py`` makes the curated files.
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import permutations
from math import isclose
from pathlib import Path

from pvkdb.chemistry import parse_composition
from pvkdb.chemistry.units import parse_measurement
from pvkdb.errors import InputError
from pvkdb.store.rows.stacks import split_structure

HERE = Path(__file__).resolve().parent
Row = dict[str, str]
#: Paper, item of the paper (``d1`` a device, ``e1`` an energy), quantity.
Key = tuple[str, str, str]

#: Words in the readers' own spelling: the first reading is taken, nothing is compared.
FREE = ("form", "conditions")
#: Agreement with other collections that the values must have.
LEAST_AGREEMENT = 0.95


def rows(name: str, folder: Path = HERE) -> list[Row]:
    """Return the rows of a CSV file."""
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def reading(name: str) -> dict[Key, Row]:
    """Return the values of a reading by their keys."""
    found: dict[Key, Row] = {}
    for row in rows(name):
        key = row["paper"], row["item"], row["quantity"]
        if key in found:
            sys.exit(f"{name}.csv has {' '.join(key)} twice")
        found[key] = row
    return found


def content(row: Row) -> tuple[object, ...]:
    """Return what two readings of a value must agree on: number and kind, or the word."""
    if is_number(row):
        kind = row["kind"]
        if row["quantity"] == "endurance_cycles":  # a number of tested cycles is a lower bound
            kind = kind.replace("typical", "at least")
        return *ends(row), kind
    if row["quantity"] in ("absorber", "material"):
        return (material_of(row["value"]) or plain(row["value"]),)
    if row["quantity"] == "stack":
        return tuple(material_of(layer) or plain(layer) for layer in split_structure(row["value"]))
    return (plain(row["value"]),)


def ends(row: Row) -> tuple[float, float]:
    """Return the ends of a number."""
    return float(row["value"]), float(row["value_max"] or row["value"])


def is_number(row: Row) -> bool:
    """Return whether a value is a number, not a word."""
    return bool(row["unit"]) or row["quantity"] == "charge"


def plain(text: str) -> str:
    """Return a text without differences of case, spaces, dashes and brackets."""
    return re.sub(r"[\s()\[\]{}]", "", text.replace("−", "-").replace("–", "-").casefold())


def material_of(text: str) -> str | None:
    """Return the canonical formula of an absorber, without a dopant after a colon; or None."""
    try:
        return parse_composition(text.replace("−", "-").partition(":")[0].strip()).formula
    except InputError:
        return None


class Differences:
    """Where the readings agree and differ, and what is settled."""

    def __init__(self) -> None:
        self.first, self.second = reading("first"), reading("second")
        self.settled = reading("settled")
        self.both = [key for key in self.first if key in self.second and key[2] not in FREE]
        self.agree = {key for key in self.both if self._same(key)}
        alone = self.first.keys() ^ self.second.keys()
        self.alone = [key for key in (*self.first, *self.second) if key in alone]
        self.differ = [key for key in self.both if key not in self.agree] + [
            key for key in self.alone if key[2] not in FREE
        ]

    def _same(self, key: Key) -> bool:
        return content(self.first[key]) == content(self.second[key])

    def unsettled(self) -> list[Key]:
        """Return the differences without a choice."""
        left_out = {key[:2] for key in self.settled if key[2] == "*"}
        listed = [key for key in self.differ if key[:2] not in left_out]
        return [key for key in listed if key not in self.settled]

    def needless(self) -> list[Key]:
        """Return the choices where there is no difference, or where ``omit`` meets one."""
        items = {(paper, item, "*") for paper, item, _ in self.first}
        free = {key for key in (*self.first, *self.second) if key[2] in FREE}
        chosen = {*self.differ, *items, *free}
        return [
            key
            for key, row in self.settled.items()
            if key not in (self.agree if row["choice"] == "omit" else chosen)
        ]

    def values(self) -> dict[Key, Row]:
        """Return the values that both readings have or that are settled, in the first's order."""
        found = {}
        for key in dict.fromkeys((*self.first, *self.second)):
            if (*key[:2], "*") in self.settled:  # the item is left out
                continue
            choice = self.settled[key]["choice"] if key in self.settled else "first"
            sources = {"first": self.first, "second": self.second, "none": {}, "omit": {}}
            chosen = sources[choice].get(key)
            if chosen is not None and (key in self.settled or key in self.first):
                found[key] = chosen
        return found


def compare(folders: Iterable[Path]) -> int:
    """Print how far the readings agree, with each other and with other collections; 0 if enough."""
    found = Differences()
    numbers = [key for key in found.both if is_number(found.first[key])]
    for name, keys in (("values", found.both), ("numbers among them", numbers)):
        same = [key for key in keys if key in found.agree]
        print(f"{name} in both readings: {len(keys)}, equal {len(same)} ({share(same, keys)})")
    equal = [key for key in numbers if ends(found.first[key]) == ends(found.second[key])]
    print(f"numbers equal apart from their kind: {len(equal)} ({share(equal, numbers)})")
    print(f"in one reading only: {len(found.alone)}; settled: {len(found.settled)}")
    open_ones, needless = found.unsettled(), found.needless()
    for text, keys in (("not settled", open_ones), ("settled, though no difference", needless)):
        for key in keys:
            print(f"{text}: {' '.join(key)}")
    bad = bool(open_ones or needless)
    papers = {row["key"]: row for row in rows("papers")}
    for folder in folders:
        pairs = list(beside(found.values(), papers, folder))
        same = [pair for pair in pairs if isclose(pair[1], pair[2], rel_tol=1e-6)]
        print(f"{folder}: {len(pairs)} values of the same item, equal {len(same)}", end=" ")
        print(f"({share(same, pairs)})")
        for name, ours, theirs in pairs:
            if (name, ours, theirs) not in same:
                print(f"  {name}: {ours:g} here, {theirs:g} there")
        bad |= len(same) < LEAST_AGREEMENT * len(pairs)
    return int(bad)


def share(part: list[object], whole: list[object]) -> str:
    """Return a share in percent."""
    return f"{100 * len(part) / len(whole):.1f} %" if whole else "none"


#: Columns of other collections: quantity here, end of the value there.
DEVICES = {
    "on_off_ratio": ("v", "on_off_ratio"),
    "v_set_min_v": ("v", "v_set_v"),
    "v_set_max_v": ("max", "v_set_v"),
    "v_reset_v": ("v", "v_reset_v"),
    "endurance_cycles": ("v", "endurance_cycles"),
    "retention_s": ("v", "retention_s"),
    "switching_time_s": ("v", "switching_time_s"),
}
ENERGIES = {"value_min_ev": ("v", "value_ev"), "value_max_ev": ("max", "value_ev")}


def beside(
    values: Mapping[Key, Row], papers: Mapping[str, Row], folder: Path
) -> Iterator[tuple[str, float, float]]:
    """Yield name, value here and value there of what a collection reports of the same item.

    Items are those of the same page or DOI with the same absorber or material; among several, those
    that agree in most values belong together.
    """
    items: dict[tuple[str, str], dict[str, Row]] = defaultdict(dict)
    for (paper, item, quantity), row in values.items():
        items[paper, item][quantity] = row
    for name, columns, what in (
        ("devices", DEVICES, "absorber"),
        ("energetics", ENERGIES, "material"),
    ):
        theirs: dict[tuple[str, str], list[Row]] = defaultdict(list)
        for row in rows(name, folder):
            for paper in papers.values():
                if same_page(paper, row):
                    theirs[paper["key"], formula(row[what])].append(row)
        for (paper, made_of), listed in theirs.items():
            ours = [
                facts
                for (key, _), facts in items.items()
                if key == paper and what in facts and formula(facts[what]["value"]) == made_of
            ]
            ours += [{}] * (len(listed) - len(ours))
            pairings = (
                zip(order, listed, strict=True) for order in permutations(ours, len(listed))
            )
            made = [[*values_of(pairs, columns)] for pairs in pairings]
            if made:
                yield from max(made, key=lambda pairs: sum(a == b for _, a, b in pairs))


def same_page(paper: Row, row: Row) -> bool:
    """Return whether a row of another collection is of a paper, by DOI or address."""
    dois = {paper["doi"].casefold(), row["doi"].casefold()}
    addresses = {
        each.partition("?")[0].rstrip("/") for each in (paper["address"], row["source_url"])
    }
    return (len(dois) == 1 and dois != {""}) or len(addresses) == 1


def formula(text: str) -> str:
    """Return the canonical formula of a text, or its letters."""
    return material_of(text.partition(" ")[0]) or plain(text)


def values_of(
    pairs: Iterable[tuple[dict[str, Row], Row]], columns: Mapping[str, tuple[str, str]]
) -> Iterator[tuple[str, float, float]]:
    """Yield the values that both items of each pair have; items with other stacks are no pair."""
    for ours, theirs in pairs:
        stack = theirs.get("stack")
        if stack and "stack" in ours and plain(stack) != plain(ours["stack"]["value"]):
            continue
        for column, (end, quantity) in columns.items():
            if quantity in ours and theirs[column]:
                value = ends(ours[quantity])[end == "max"]
                there = parse_measurement(theirs[column], "1")
                yield f"{theirs['id']} {column}", value, there.minimum or 0.0


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", nargs="*", type=Path, help="another collection")
    sys.exit(compare(parser.parse_args().folder))


if __name__ == "__main__":
    main()
