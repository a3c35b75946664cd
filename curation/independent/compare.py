"""Compare the curated devices with values that somebody read without knowing them.

    python curation/independent/compare.py

The reader had authors, titles and journals of 62 papers that the devices cite, and none of pvkdb's
values. ``values.csv`` has what their open pages print. ``explained.csv`` has the words of the
shipped errata that say why a value differs: what is of ``another device``, state or mode is not
compared, a ``difference`` counts. What ``corrections.csv`` corrects is compared as corrected. The
command fails on a difference that is not explained, on words that no erratum has, and where fewer
than 95 % of the values on the same paper, device and metric agree within 3 %.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from math import isclose
from pathlib import Path

from pvkdb.literature.loader import read_curated

HERE = Path(__file__).resolve().parent
LEAST_AGREEMENT, TOLERANCE = 0.95, 0.03
#: Columns of a device's numbers by metric: the lower end, the upper end.
COLUMNS = {
    "on_off_ratio": ("on_off_ratio", "on_off_ratio"),
    "v_set_v": ("v_set_min_v", "v_set_max_v"),
    "v_reset_v": ("v_reset_min_v", "v_reset_max_v"),
    "endurance_cycles": ("endurance_cycles", "endurance_cycles"),
    "retention_s": ("retention_s", "retention_s"),
    "stability_days": ("stability_days", "stability_days"),
}
#: Metrics that the reader named otherwise.
NAMES = {"switching_energy_j": "energy_j"}


def curated() -> Iterator[tuple[str, str, float]]:
    """Yield each number of the curated devices: reference, metric, an end of it."""
    corrected = {(row["row"], row["column"]): row["value"] for row in read_curated("corrections")}
    for row in read_curated("devices"):
        row |= {name: corrected.get((row["id"], name), text) for name, text in row.items()}
        for metric, ends in COLUMNS.items():
            for value in filter(None, (row[end] for end in ends)):
                for reference in row["references"].split():
                    yield reference, metric, float(value)
    for row in read_curated("device_claims"):
        for value in filter(None, (row["value"], row["value_max"])):
            for reference in row["references"].split():
                yield reference, NAMES.get(row["metric"], row["metric"]), float(value)


def rows(name: str) -> list[dict[str, str]]:
    """Return the rows of a file beside this script."""
    with (HERE / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def main() -> None:
    """Print how far the two agree; fail if that is too little or a difference has no reason."""
    known = defaultdict(list)
    for reference, metric, number in curated():
        known[reference, metric].append(number)
    why = {(row["key"], row["metric"], row["value"]): row for row in rows("explained")}
    errata = {row["id"]: row["erratum"] for row in read_curated("devices")}
    for row in why.values():
        if row["words"] not in errata[row["row"]]:
            sys.exit(f"the erratum of {row['row']} lacks the words {row['words']!r}")
    seen: Counter[str] = Counter()
    papers, unexplained = set(), []
    for row in rows("values"):
        key = row["key"], row["metric"], row["value"]
        ours = known.get(key[:2])
        if ours is None:
            seen["not curated"] += 1
        elif all(
            any(isclose(abs(float(end)), abs(each), rel_tol=TOLERANCE) for each in ours)
            for end in row["value"].split("..")
        ):
            seen["equal"] += 1
            papers.add(row["key"])
        elif key in why:
            seen[why[key]["kind"]] += 1
            print(f"{' '.join(key)}: {why[key]['kind']}: {why[key]['words']}")
        else:
            unexplained.append(f"{' '.join(key)} ({row['as_printed']}); here {ours}")
    compared = seen["equal"] + seen["difference"]
    print(
        f"{compared} values of {len(papers)} papers on the same device and metric: "
        f"{seen['equal']} equal ({seen['equal'] / compared:.1%}); "
        f"{seen['another device']} of another device, {seen['not curated']} not curated"
    )
    if unexplained:
        sys.exit("differences without a reason in explained.csv:\n" + "\n".join(unexplained))
    if seen["equal"] < LEAST_AGREEMENT * compared:
        sys.exit(f"fewer than {LEAST_AGREEMENT:.0%} agree")


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    main()
