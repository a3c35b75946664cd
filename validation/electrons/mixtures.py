"""Band gaps of mixed lead and tin perovskites by their fractions: a fit to what papers report.

    python -m validation.electrons.mixtures  # writes pvkdb/compositions/mixed_gaps.json

Each gap is left out in turn, and then all gaps of its composition together.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from pvkdb.compositions.gaps import KNOWN, terms
from validation.pages import ROOT, csv_rows

FIT = ROOT / "pvkdb" / "compositions" / "mixed_gaps.json"
#: Gaps as papers on devices report them, by fractions; where they are from: NOTICE.
MEASURED = Path(__file__).with_name("mixed_measured.csv")
IONS = [ion for ions in KNOWN.values() for ion in ions]
Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Errors:
    """Errors of gaps that were left out, eV, and how many of their intervals hold them."""

    rmse_ev: float
    mean_ev: float
    most_ev: float
    within_80: int
    count: int


def measured() -> tuple[list[dict[str, float]], Array]:
    """Return the fractions of ions and the gaps in eV."""
    rows = csv_rows(MEASURED)
    fractions = [{ion: float(row[ion]) for ion in IONS} for row in rows]
    return fractions, np.array([float(row["gap_ev"]) for row in rows])


def fitted(fractions: Sequence[dict[str, float]], gaps: Array) -> dict[str, Any]:
    """Return the least-squares fit, as ``pvkdb.compositions.gaps`` reads it."""
    rows = np.array([terms(each) for each in fractions])
    coefficients = np.linalg.lstsq(rows, gaps, rcond=None)[0]
    freedom = len(gaps) - rows.shape[1]
    leverage = np.linalg.inv(rows.T @ rows)
    residuals = gaps - rows @ coefficients
    return {
        "coefficients_ev": [round(float(each), 4) for each in coefficients],
        "deviation_ev": round(float(np.sqrt((residuals**2).sum() / freedom)), 4),
        "t_95": round(float(stats.t.ppf(0.975, freedom)), 4),
        "leverage": [[float(f"{each:.6g}") for each in line] for line in leverage],
        "most_leverage": round(float(np.einsum("ij,jk,ik->i", rows, leverage, rows).max()), 4),
        "gaps": len(gaps),
        "compositions": len({tuple(each.values()) for each in fractions}),
    }


def left_out(fractions: Sequence[dict[str, float]], gaps: Array) -> Errors:
    """Return the errors of gaps whose composition was left out of the fit, with all its gaps."""
    rows = np.array([terms(each) for each in fractions])
    names = [tuple(each.values()) for each in fractions]
    errors, held = [], 0
    for name in dict.fromkeys(names):
        out = np.array([each == name for each in names])
        kept, freedom = rows[~out], int((~out).sum()) - rows.shape[1]
        coefficients = np.linalg.lstsq(kept, gaps[~out], rcond=None)[0]
        deviation = np.sqrt(((gaps[~out] - kept @ coefficients) ** 2).sum() / freedom)
        leverage = rows[out] @ np.linalg.inv(kept.T @ kept) * rows[out]
        half = stats.t.ppf(0.9, freedom) * deviation * np.sqrt(1 + leverage.sum(axis=1))
        found = gaps[out] - rows[out] @ coefficients
        held += int((abs(found) <= half).sum())
        errors += found.tolist()
    of = np.abs(errors)
    rmse, mean, most = (
        round(float(each), 3) for each in (np.sqrt((of**2).mean()), of.mean(), of.max())
    )
    return Errors(rmse, mean, most, within_80=held, count=len(errors))


def main() -> None:
    """Fit the gaps, and say what errors gaps have that were left out."""
    argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0]).parse_args()
    fractions, gaps = measured()
    FIT.write_text(json.dumps(fitted(fractions, gaps), indent=1) + "\n", encoding="utf-8")
    print(left_out(fractions, gaps))


if __name__ == "__main__":
    main()
