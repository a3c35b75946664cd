"""The page about band gaps: what was computed, how far PBE is from what is measured, mixtures.

    python -m validation.electrons.make  # writes docs/validation/gaps.md

It takes what is shipped; nothing is computed. More gaps: ``validation.electrons.gaps``.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from pvkdb.chemistry import parse_composition
from pvkdb.compositions.calibrated_gaps import MOST_ERROR_EV
from pvkdb.literature import read_curated
from validation.electrons import mixtures
from validation.electrons.calibration import (
    computed,
    errors_of,
    kept_fits,
    left_out,
    measured_pairs,
    reported,
)
from validation.pages import FOLDER, csv_rows, table, texts

PAGE = FOLDER / "gaps.md"
#: Gaps of one structure by cutoff and grid of k-points: pw.x on cells that were measured.
CONVERGENCE = Path(__file__).with_name("convergence.csv")


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


def calibrated() -> Iterator[str]:
    """Yield the table of families with the errors of compositions that were left out."""
    fits, pairs = kept_fits(), measured_pairs()
    measured = [fit for fit in fits if fit["family"] in pairs]
    errors = [each for fit in measured for each in left_out(fit, pairs[fit["family"]])]
    shown = [*fits, {"family": "all that were measured", "target": "", "compositions": len(errors)}]
    shown[-1] |= errors_of(errors)
    yield from table(
        "family | target | compositions | target − PBE, eV | missed by, eV | within 80 %",
        (
            (
                *(fit["family"], fit["target"], fit["compositions"]),
                f"{fit['offset_ev']:+.2f}".replace("-", "−") if "offset_ev" in fit else "",
                *(f"{fit['left_out_ev']:.2f}", f"{fit['within_80']} of {fit['compositions']}"),
            )
            for fit in shown
        ),
    )


def page() -> str:
    """Return the page."""
    gaps = computed()
    done = [gap for gap in gaps if gap["result"]]
    failed = Counter(gap["failure_kind"] for gap in gaps if not gap["result"])
    mixed = mixtures.left_out(*mixtures.measured())
    return texts(__file__)["page"].format(
        done=len(done),
        compositions=len({gap["parameters"]["formula"] for gap in done}),
        hours=f"{sum(gap['result']['cpu_seconds'] for gap in done) / 3600:.1f}",
        failed=", ".join(f"{count} {kind}" for kind, count in sorted(failed.items())) or "none",
        reported=len(read_curated("electronic")),
        reported_of=len(reported()),
        beside="\n".join(beside(gaps)),
        calibrated="\n".join(calibrated()),
        most=MOST_ERROR_EV,
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
