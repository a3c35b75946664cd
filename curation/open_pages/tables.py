"""Write the curated files of open pages, ``pvkdb/literature/open_pages``, from the readings.

    python curation/open_pages/tables.py

A value is taken if both readings have it or if it is settled (``compare.py``). Papers that the
review cites keep its key in the bibliography. Tables of repositories follow (``cssni3.py``).

The source of a row names the place, and the address only where the page is the paper's own: its
publisher's, its authors' or an archive's. Other pages are in ``mirrors.csv``. A paper behind one is
traced if authors, title, journal and year were read in a text that ``traced.csv`` names; otherwise
its rows say so. Where it was read is in ``dois_seen.csv``, which this writes for such papers.
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from compare import HERE, Differences, Row, is_number, material_of, rows
from cssni3 import PAPER, energies

from pvkdb.schemas.metrics import CLAIM_UNITS, TABLE_METRICS
from pvkdb.schemas.tables.devices import CONDITIONS
from pvkdb.store.rows.stacks import split_structure

LITERATURE = HERE.parents[1] / "pvkdb" / "literature"
#: DOIs of papers of the review, and pages of measured gaps, seen on open pages; typed by hand.
LISTED_DOIS = rows("dois_seen", LITERATURE)
#: Beginnings of addresses of pages that are not the paper's own.
MIRRORS = tuple(row["address"] for row in rows("mirrors"))
#: Papers behind mirrors whose authors, title, journal and year were read.
TRACED = frozenset(row["paper"] for row in rows("traced"))
UNTRACED = "source not traced"
#: Units of numbers, with the factor to that of the quantity's name.
FACTORS = {"nm": 1e-9, "um2": 1e-12}
#: Names of metrics in the tables, where the readings have another unit.
METRICS = {"thickness_nm": "thickness_m", "area_um2": "device_area_m2"}
#: Columns of the conditions, which hold a word or one value without a sign.
CONDITION_COLUMNS = frozenset(column.name for column in CONDITIONS.values())
#: Metrics whose best value is the lowest one.
LOW_IS_BEST = re.compile(r"^v_|_j$|switching_time_s|thickness|area")
#: Notes that are errata: a number that the page spoils, or a condition that it names.
DOUBT = re.compile(r"condition: |.*superscript")
SUBSTRATES = ("glass", "quartz", "Si", "SiO2", "PET", "ITO-PET", "PEN", "PDMS")
#: Oxides that coat the glass of a device: such a layer is the bottom electrode.
COATS = ("ITO", "FTO")
#: What the readings call a metric, what its print or a note says that it is, and that metric.
RENAMED = (
    ("endurance_cycles", re.compile(r"\d\)? pulses$"), "pulses"),
    ("on_off_ratio", re.compile("ratio of photocurrents"), "photocurrent_ratio"),
)


def build(target: Path = LITERATURE / "open_pages") -> None:
    """Write the curated files into a folder.

    Raises:
        SystemExit: a difference is not settled, or an item mixes first-hand and quoted values.
    """
    found = Differences()
    if missing := found.unsettled():
        sys.exit(f"{' '.join(missing[0])} is not settled; see: compare.py")
    papers = {row["key"]: row for row in rows("papers")}
    cited_as = {key: row["in_review_ref"] or f"web-{key}" for key, row in papers.items()}
    stacks = {(row["paper"], row["item"]): row for row in rows("stacks")}
    items: dict[tuple[str, str], dict[str, Row]] = defaultdict(dict)
    for (paper, item, quantity), row in found.values().items():
        items[paper, item][quantity] = row
    tables: dict[str, list[Row]] = {
        name: [] for name in ("references", "energetics", "devices", "device_claims")
    }
    counts: Counter[str] = Counter()
    for (paper, item), facts in items.items():
        if item.startswith("e"):
            if "value_ev" not in facts:  # settled as that of another material
                continue
            tables["energetics"].append(
                energy(paper, item, facts) | {"references": cited_as[paper]}
            )
            continue
        reviewed = bool(papers[paper]["in_review_ref"])
        device, claims = device_and_claims(paper, item, facts, stacks.get((paper, item)), reviewed)
        if device:
            tables["devices"].append(device | {"references": cited_as[paper]})
        for number, row in enumerate(claims, start=counts[paper] + 1):
            names = {"id": f"c-o-{paper}-{number:03d}", "references": cited_as[paper]}
            tables["device_claims"].append(row | names)
        counts[paper] += len(claims)
    tables["energetics"] += [row | {"references": cited_as[PAPER]} for row in energies()]
    cited = {row["references"] for rows_ in tables.values() for row in rows_}
    tables["references"] = [
        reference(row) for row in papers.values() if f"web-{row['key']}" in cited
    ]
    listed = [row for row in LISTED_DOIS if row["doi_seen"] or row["key"].startswith("gap-")]
    seen = cited - {row["key"] for row in listed}
    tables["dois_seen"] = listed + pages_read(papers.values(), cited_as, seen)
    for name, listed in tables.items():
        header = (LITERATURE / f"{name}.csv").read_text(encoding="utf-8").split("\n")[0].split(",")
        folder = target.parent if name == "dois_seen" else target
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, header, restval="", lineterminator="\n")
            writer.writeheader()
            writer.writerows(listed)
        print(f"{len(listed)} rows of {name}")


def reference(paper: Row) -> Row:
    """Return the bibliography entry of a paper."""
    columns = ("authors", "journal", "year", "volume", "pages", "doi")
    doi = paper["doi"].lower()
    return {name: paper[name] for name in columns} | {
        "key": f"web-{paper['key']}",
        "title": paper["title"],
        "doi": doi,
    }


def origin(facts: Iterable[Row]) -> Row:
    """Return source, printed text and erratum of facts that are one row."""
    listed = list(facts)
    quoted = {row["kind"].endswith(" secondary") for row in listed if is_number(row)}
    if len(quoted) > 1:
        sys.exit(f"{listed[0]['paper']} {listed[0]['item']} mixes first-hand and quoted values")
    places = dict.fromkeys(filter(None, (place for row in listed for place in place_of(row))))
    printed = dict.fromkeys(row["as_printed"] for row in listed)
    doubts = dict.fromkeys(row["note"] for row in listed if DOUBT.match(row["note"]))
    return {
        "source": ("secondary: " if True in quoted else "") + "; ".join(places),
        "as_printed": " | ".join(printed),
        "erratum": "; ".join(doubts),
    }


def place_of(row: Row) -> tuple[str, str]:
    """Return the place of a value, with the address of the paper's own page, and what it lacks."""
    if not is_mirror(row["address"]):
        return f"{row['place']} at {row['address']}", ""
    return f"{row['place']}, read on a copy", "" if row["paper"] in TRACED else UNTRACED


def is_mirror(address: str) -> bool:
    """Return whether a page is not the paper's own."""
    return address.partition("://")[2].startswith(MIRRORS)


def pages_read(papers: Iterable[Row], cited_as: Mapping[str, str], keys: set[str]) -> list[Row]:
    """Return where papers with these keys were read, if on a copy, or without DOI or title."""
    return [
        {"key": key, "doi_seen": "", "doi_seen_at": row["address"]}
        for row in papers
        if (key := cited_as[row["key"]]) in keys
        and (
            is_mirror(row["address"])
            or (not row["in_review_ref"] and not (row["doi"] and row["title"]))
        )
    ]


def energy(paper: str, item: str, facts: Mapping[str, Row]) -> Row:
    """Return the row of an energy."""
    value, material = facts["value_ev"], facts["material"]
    kind = value["kind"].removesuffix(" secondary")
    high = value["value_max"] or value["value"]
    defect = facts["defect"]["value"]
    words = {name: row["value"] for name, row in facts.items() if not is_number(row)}
    columns = ("phase", "direction", "quantity", "method", "functional", "soc", "conditions")
    charge = facts.get("charge", {"value": ""})["value"]
    return (
        {name: words.get(name, "") for name in columns}
        | {
            "id": f"e-o-{paper}-{item[1:]}",
            "material": words["material"].replace("−", "-"),
            "defect": defect,
            "species": defect.partition("_")[2]
            if defect.startswith("V_")
            else defect.partition("_")[0],
            "charge": charge and f"{int(charge):+d}".replace("+0", "0"),
            "scope": "reported",
            "value_min_ev": "" if kind == "at most" else value["value"],
            "value_max_ev": "" if kind == "at least" else high,
            "bound": {"at least": "lower", "at most": "upper"}.get(kind, ""),
            "approximate": "true" if kind == "about" else "false",
            **origin([value, *(facts[name] for name in ("charge",) if name in facts)]),
        }
        | ({"erratum": material["note"]} if material["kind"] == "inferred" else {})
    )


def device_and_claims(
    paper: str, item: str, facts: Mapping[str, Row], meant: Row | None, reviewed: bool
) -> tuple[Row | None, list[Row]]:
    """Return the row of a device, and the figures for which it has no column.

    Without a figure in a column, or one that is no figure of that column, there is no row, and the
    figures name the stack alone.
    """
    name = f"d-o-{paper}-{item[1:]}"
    absorber = facts["absorber"]["value"].replace("−", "-")
    stack = facts["stack"]["value"].replace("−", "-") if "stack" in facts else absorber
    read = {each: row for each, row in facts.items() if is_number(row)}
    numbers = {true_name(each, row): row for each, row in read.items()}
    columns: Row = {}
    for metric, row in numbers.items():
        if metric in TABLE_METRICS:
            columns |= table_columns(metric, row, columns)
    held = [each for each in numbers if each in TABLE_METRICS and columns.get(column_of(each))]
    renamed = [each for each in numbers if each not in read]
    words = {each: row for each, row in facts.items() if each not in read}
    # A paper of the review may have another device there, whose figures these are not.
    shown = held or renamed or [*numbers] * reviewed
    printed = [*(numbers[each] for each in shown), words.get("stack", words["absorber"])]
    conditions = {each: row for each, row in facts.items() if is_condition(each, row)}
    device = {
        "id": name,
        "group": "open pages",
        "structure": stack,
        "layers": meant["layers"] if meant else layers_of(stack, absorber),
        "absorber": absorber,
        "material": (meant or {}).get("material") or material_of(absorber) or "unknown",
        **{each: words[each]["value"] for each in ("form", *STATED) if each in words},
        "text_source": "; ".join(
            f"{each}: {words[each]['place']}"
            + (inference(words[each]) if words[each]["kind"] == "inferred" else "")
            for each in STATED
            if each in words
        ),
        **columns,
        **{each: row["value"] for each, row in conditions.items()},
        "conditions_source": " | ".join(
            f"{each}: “{row['as_printed']}” ({origin([row])['source']})"
            for each, row in conditions.items()
        ),
        **origin(printed),
    }
    device["erratum"] = device["erratum"] or ("" if held else "its figures are device_claims")
    label = f"{stack} ({name})" if shown else stack
    claims = [
        claim(label, metric, row)
        for metric, row in numbers.items()
        if metric not in held and METRICS.get(metric, metric) in CLAIM_UNITS
    ]
    return (device if shown else None), claims


def is_condition(quantity: str, row: Row) -> bool:
    """Return whether a column of the conditions holds a value."""
    kind = row["kind"].removesuffix(" secondary")
    plain_kind = kind in ("typical", "about", "stated", "inferred")
    return quantity in CONDITION_COLUMNS and plain_kind and not row["value_max"]


def true_name(metric: str, row: Row) -> str:
    """Return the metric that a number is, where the print says another than its reading."""
    said = row["as_printed"], row["note"]
    for name, pattern, true in RENAMED:
        if name == metric and any(map(pattern.search, said)):
            return true
    return metric


def inference(row: Row) -> str:
    """Return the mark of an inferred word, with the printed words unless they are the stack."""
    if row["quantity"] == "configuration":
        return " (inferred)"
    return f" (inferred from “{row['as_printed']}”)"


#: Columns of words that ``text_source`` gives the place of.
STATED = ("configuration", "mechanism", "volatility")
#: Qualifiers in ``devices.csv`` by the kind of a value.
QUALIFIERS = {"typical": "", "range": "", "about": "~", "at least": ">", "best": "up to"}


def column_of(metric: str) -> str:
    """Return the first column of a metric in ``devices.csv``."""
    return TABLE_METRICS[metric][1].low


def table_columns(metric: str, row: Row, others: Mapping[str, str]) -> Row:
    """Return the columns of ``devices.csv`` for a number; none if they cannot hold it."""
    table = TABLE_METRICS[metric][1]
    kind = row["kind"].removesuffix(" secondary")
    if (table.high is None and row["value_max"]) or kind not in QUALIFIERS:
        return {}
    if metric == "endurance_cycles":
        return {} if kind == "about" else {table.low: row["value"]}
    mark = ">=" if "≥" in row["as_printed"] else QUALIFIERS[kind]
    if table.high is None:
        return {table.low: row["value"], str(table.qualifier): mark}
    low, high = sorted((row["value"], row["value_max"] or row["value"]), key=float)
    if mark == "up to" or others.get(str(table.qualifier), mark) != mark:
        return {}
    return {table.low: low, table.high: high, str(table.qualifier): mark}


def claim(device: str, metric: str, row: Row) -> Row:
    """Return the row of a figure that is no column of ``devices.csv``."""
    kind = row["kind"].removesuffix(" secondary")
    best = "down to" if LOW_IS_BEST.search(metric) else "up to"
    marks = {"about": "~", "at least": ">", "at most": "<", "best": best}
    name = METRICS.get(metric, metric)
    factor = FACTORS.get(row["unit"], 1.0)
    values = [
        f"{float(row[end]) * factor:.12g}" if factor != 1 and row[end] else row[end]
        for end in ("value", "value_max")
    ]
    return {
        "device": device,
        "metric": name,
        "value": values[0],
        "value_max": values[1],
        "unit": CLAIM_UNITS[name],
        "qualifier": marks.get(kind, ""),
        **origin([row]),
    }


def layers_of(stack: str, absorber: str) -> str:
    """Return the layers of a stack in print order, or reversed if that is top to bottom.

    It is where a substrate is printed last, or the oxide that coats glass where none is first.
    """
    if stack == absorber:
        return f"absorber={absorber}"
    parts = split_structure(stack)
    if parts[-1] in SUBSTRATES or (parts[-1] in COATS and parts[0] not in (*SUBSTRATES, *COATS)):
        parts.reverse()
    front = next(place for place, part in enumerate(parts) if part not in SUBSTRATES)
    roles = ["substrate"] * front + ["interlayer"] * (len(parts) - front)
    (place,) = [each for each, part in enumerate(parts) if part.startswith(absorber)]
    roles[front], roles[place], roles[-1] = "bottom_electrode", "absorber", "top_electrode"
    if parts[front] in ("Ti", "Cr") and parts[front + 1] in ("Pt", "Au"):
        roles[front : front + 2] = "adhesion", "bottom_electrode"
    parts[place] = absorber
    return " | ".join(f"{role}={part}" for role, part in zip(roles, parts, strict=True))


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    build()
