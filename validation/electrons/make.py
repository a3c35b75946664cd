"""The page about band gaps: what was computed, how far PBE is from what is measured, mixtures.

    python -m validation.electrons.make  # writes docs/validation/gaps.md

It takes what is shipped; nothing is computed. More gaps: ``validation.electrons.gaps``.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from pvkdb.chemistry import parse_composition
from pvkdb.computed import GAPS
from pvkdb.literature import read_curated
from validation.electrons.mixtures import left_out, measured
from validation.pages import FOLDER, csv_rows, table, texts

PAGE = FOLDER / "gaps.md"
#: Gaps of one structure by cutoff and grid of k-points: pw.x on cells that were measured.
CONVERGENCE = Path(__file__).with_name("convergence.csv")


def computed() -> list[dict[str, Any]]:
    """Return the calculations of gaps that are shipped."""
    return [json.loads(line) for line in gzip.decompress(GAPS.read_bytes()).splitlines()[1:]]


def reported() -> dict[str, list[float]]:
    """Return the measured gaps of each composition, eV."""
    found: dict[str, list[float]] = defaultdict(list)
    for row in read_curated("electronic"):
        found[parse_composition(row["material"]).formula].append(float(row["value"]))
    return found


def beside(gaps: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the table of computed gaps whose composition has a measured one, by family."""
    by_experiment, rows = reported(), []
    for gap in gaps:
        formula = gap["parameters"]["formula"]
        if gap["result"] and (values := by_experiment.get(formula)):
            found, family = gap["result"]["gap_ev"], parse_composition(formula).family
            ends = f"{min(values):g}" + f" to {max(values):g}" * (min(values) < max(values))
            off = f"{found - median(values):+.2f}".replace("-", "−")
            rows.append((family, formula, gap["parameters"]["phase"], f"{found:.2f}", ends, off))
    yield from table(
        "family | composition | phase | PBE, eV | measured, eV | PBE − median", sorted(rows)
    )


def convergence() -> Iterator[str]:
    """Yield the table of gaps by cutoff and k-points."""
    head = "composition | cutoffs, Ry | k-points | gap, eV | core, s"
    yield from table(
        head,
        (
            (
                row["formula"],
                f"{row['cutoff_wfc_ry']}/{row['cutoff_rho_ry']}",
                "×".join([row["k"]] * 3),
                f"{float(row['gap_ev']):.2f}",
                row["cpu_s"],
            )
            for row in csv_rows(CONVERGENCE)
        ),
    )


def page() -> str:
    """Return the page."""
    gaps = computed()
    done = [gap for gap in gaps if gap["result"]]
    failed = Counter(gap["failure_kind"] for gap in gaps if not gap["result"])
    fractions, values = measured()
    mixed = left_out(fractions, values)
    return texts(__file__)["page"].format(
        done=len(done),
        compositions=len({gap["parameters"]["formula"] for gap in done}),
        hours=f"{sum(gap['result']['cpu_seconds'] for gap in done) / 3600:.1f}",
        failed=", ".join(f"{count} {kind}" for kind, count in sorted(failed.items())) or "none",
        reported=len(read_curated("electronic")),
        reported_of=len(reported()),
        beside="\n".join(beside(gaps)),
        convergence="\n".join(convergence()),
        mixed=mixed,
    )


def main() -> None:
    """Write the page."""
    argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0]).parse_args()
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE)


if __name__ == "__main__":
    main()
