"""What gaps by PBE are off by in each family of compositions: a fit to measured gaps.

    python -m validation.electrons.calibration             # writes gap_calibration.json
    python -m validation.electrons.calibration --hse FILE  # with the family of HSE06

FILE has columns formula, gap_pbe_ev and gap_hse_ev (perovs_ml, nanoHUB; it may not be shipped).
Without it that family stays as it was. Each composition is left out in turn.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean, median
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from pvkdb.chemistry import parse_composition
from pvkdb.compositions.calibrated_gaps import ALKALI, CELLS, CLOSED, gap_family, predicted
from pvkdb.computed import GAPS
from pvkdb.errors import FormulaError
from pvkdb.literature import read_curated
from validation.pages import ROOT, csv_rows

FIT = ROOT / "pvkdb" / "compositions" / "gap_calibration.json"
HSE = "gaps by HSE06 (perovs_ml, nanoHUB)"
#: A line needs as many compositions; fewer have one offset.
LINE_FROM = 8
#: How far apart two calculations by PBE of CsCaCl3 are, in two cells and by two codes, eV: what is
#: learned from one and applied to the other is no surer.
APART_EV = 0.11
#: Fewer say nothing about an error.
FEWEST = 3


class Pair(NamedTuple):
    """A composition with its gap by PBE in the cell of high symmetry, and its target, eV."""

    formula: str
    pbe_ev: float
    target_ev: float


class LeftOut(NamedTuple):
    """A composition that its family's fit was made without: its error, and half its interval."""

    pair: Pair
    error_ev: float
    half_80_ev: float


def computed() -> list[dict[str, Any]]:
    """Return the calculations of gaps that are shipped."""
    return [json.loads(line) for line in gzip.decompress(GAPS.read_bytes()).splitlines()[1:]]


def reported() -> dict[str, list[float]]:
    """Return the measured gaps of each composition, eV."""
    found: dict[str, list[float]] = defaultdict(list)
    for row in read_curated("electronic"):
        found[parse_composition(row["material"]).formula].append(float(row["value"]))
    return found


def kept_fits() -> list[dict[str, Any]]:
    """Return the fits that are shipped."""
    found: list[dict[str, Any]] = json.loads(FIT.read_text(encoding="utf-8"))
    return found


def measured_pairs() -> dict[str, list[Pair]]:
    """Return what was both computed and measured, by family."""
    by_experiment, found = reported(), defaultdict(list)
    for gap in computed():
        asked = gap["parameters"]
        formula = asked["formula"]
        composition = parse_composition(formula)
        family, cell = gap_family(composition), CELLS.get(composition.family)
        if gap["result"] and asked["phase"] == cell and family and formula in by_experiment:
            target = median(by_experiment[formula])
            found[family].append(Pair(formula, gap["result"]["gap_ev"], target))
    return {family: sorted(pairs) for family, pairs in sorted(found.items())}


def hse_pairs(file: Path) -> list[Pair]:
    """Return the gaps by PBE and HSE06 of closed shells in a table."""
    found = []
    for row in csv_rows(file):
        try:
            composition = parse_composition(row["formula"])
        except FormulaError:
            continue
        # Molecules have states of their own, and in these cells a distance that is not theirs.
        inorganic = {(on.ion.symbol, on.ion.charge) for on in composition.on("A")} <= ALKALI
        if inorganic and gap_family(composition) == CLOSED:
            found.append(Pair(row["formula"], float(row["gap_pbe_ev"]), float(row["gap_hse_ev"])))
    return found


def fitted(
    family: str, pairs: Sequence[Pair], target: str, least_ev: float = 0.0
) -> dict[str, Any]:
    """Return the fit of a family, as ``pvkdb.compositions.calibrated_gaps`` reads it.

    Its standard deviation is at least ``least_ev``.
    """
    by_pbe = np.array([pair.pbe_ev for pair in pairs])
    off = np.array([pair.target_ev for pair in pairs]) - by_pbe
    line = len(pairs) >= LINE_FROM
    beside = by_pbe - by_pbe.mean()
    squares = float((beside**2).sum()) if line else 0.0
    slope = float((beside * off).sum() / squares) if line else 0.0
    freedom = len(pairs) - (2 if line else 1)
    left = off - off.mean() - slope * beside
    return {
        "family": family,
        "target": target,
        "compositions": len(pairs),
        "mean_ev": round(float(by_pbe.mean()), 4),
        "offset_ev": round(float(off.mean()), 4),
        "slope": round(slope, 4),
        "squares": round(squares, 4),
        "deviation_ev": round(max(least_ev, float(np.sqrt((left**2).sum() / freedom))), 4),
        "t_95": round(float(stats.t.ppf(0.975, freedom)), 4),
        "freedom": freedom,
        "least_deviation_ev": least_ev,
        "least_ev": round(float(by_pbe.min()), 2),
        "most_ev": round(float(by_pbe.max()), 2),
    }


def left_out(fit: Mapping[str, Any], pairs: Sequence[Pair]) -> list[LeftOut]:
    """Return the error of each composition by a fit to the others of its family."""
    found = []
    for number, pair in enumerate(pairs):
        others = [*pairs[:number], *pairs[number + 1 :]]
        kept = fitted(fit["family"], others, fit["target"], fit["least_deviation_ev"])
        value, error = predicted(kept, pair.pbe_ev)
        half = float(stats.t.ppf(0.9, kept["freedom"])) * error
        found.append(LeftOut(pair, value - pair.target_ev, half))
    return found


def errors_of(found: Sequence[LeftOut]) -> dict[str, Any]:
    """Return the root mean square of errors, eV, and how many intervals of 80 % hold."""
    held = sum(abs(each.error_ev) <= each.half_80_ev for each in found)
    rms = fmean(each.error_ev**2 for each in found) ** 0.5
    return {"left_out_ev": round(rms, 3), "within_80": held}


def main() -> None:
    """Fit each family, and say what errors compositions have that were left out."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--hse", type=Path, help="a table with formula, gap_pbe_ev, gap_hse_ev")
    file = parser.parse_args().hse
    asked = [(family, each, "measured gaps", 0.0) for family, each in measured_pairs().items()]
    fits = [fit for fit in kept_fits() if fit["family"] == CLOSED] if file is None else []
    if file is not None:
        asked.append((CLOSED, hse_pairs(file), HSE, APART_EV))
    for family, pairs, target, least_ev in asked:
        if len(pairs) < FEWEST:
            continue
        fit = fitted(family, pairs, target, least_ev)
        errors = left_out(fit, pairs)
        fits.append(fit | errors_of(errors))
        print(f"{family}: {fit['offset_ev']:+.2f} eV, {fit['compositions']} compositions")
        for pair, error, half in errors:
            print(f"  {pair.formula}: {error:+.2f} ± {half:.2f} eV")
    fits.sort(key=lambda fit: fit["family"])
    FIT.write_text(json.dumps(fits, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
