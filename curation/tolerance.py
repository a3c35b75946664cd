"""Fit the probability of being a perovskite again, and compare it with what pvkdb ships.

    python curation/tolerance.py

reads the 460 training compounds of Bartel et al. (2019) that lie in ``pvkdb/chemistry/data``,
splits them with a decision tree of one node, fits the sigmoid of Platt scaling to the published
tau, and ends with an error where ``pvkdb/chemistry/factors/platt.py`` holds other coefficients.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from itertools import pairwise

from pvkdb.chemistry.factors.platt import PEROVSKITE, Sigmoid
from pvkdb.chemistry.factors.tolerance import TAU_LIMIT


@dataclass(frozen=True, slots=True)
class TrainingCompound:
    """A row of Bartel's Table S1: radii in Å, ``t``, ``tau`` and ``p`` as published."""

    formula: str
    symbols: tuple[str, str, str]
    charges: tuple[int, int, int]
    radii_ang: tuple[float, float, float]
    t: float
    tau: float
    p: float
    perovskite: bool


def training_set() -> list[TrainingCompound]:
    """Return the 460 training compounds of Table S1 of Bartel et al. (2019)."""
    path = resources.files("pvkdb.chemistry") / "data" / "bartel2019_table_s1.csv"
    return [
        TrainingCompound(
            formula=row["ABX3"],
            symbols=(row["A"], row["B"], row["X"]),
            charges=(int(row["nA"]), int(row["nB"]), int(row["nX"])),
            radii_ang=(float(row["rA (Ang)"]), float(row["rB (Ang)"]), float(row["rX (Ang)"])),
            t=float(row["t"]),
            tau=float(row["tau"]),
            p=float(row["tau_prob"]),
            perovskite=float(row["exp_label"]) > 0,
        )
        for row in csv.DictReader(path.read_text(encoding="utf-8").splitlines())
    ]


def fit(scores: Sequence[float], labels: Sequence[bool]) -> Sigmoid:
    """Fit the most likely sigmoid by Newton's method, with Platt's targets instead of 0 and 1.

    The targets (N + 1) / (N + 2) prevent a few outliers from turning the curve into a step.
    """
    positive = sum(labels)
    high, low = (positive + 1) / (positive + 2), 1 / (len(labels) - positive + 2)
    targets = [high if label else low for label in labels]
    slope = offset = 0.0
    for _ in range(100):
        # Gradient and Hessian of the negative log-likelihood, which is convex.
        g_slope = g_offset = h_slope = h_mixed = h_offset = 0.0
        for score, target in zip(scores, targets, strict=True):
            p = Sigmoid(slope, offset)(score)
            g_slope += (target - p) * score
            g_offset += target - p
            weight = p * (1 - p)
            h_slope += weight * score**2
            h_mixed += weight * score
            h_offset += weight
        determinant = h_slope * h_offset - h_mixed**2
        step_slope = (h_offset * g_slope - h_mixed * g_offset) / determinant
        step_offset = (h_slope * g_offset - h_mixed * g_slope) / determinant
        slope, offset = slope - step_slope, offset - step_offset
        if abs(step_slope) + abs(step_offset) < 1e-12:
            return Sigmoid(slope, offset)
    raise ArithmeticError("the fit of the sigmoid did not converge")


def best_split(scores: Sequence[float], labels: Sequence[bool]) -> float:
    """Return the threshold of a decision tree with one split: the smallest Gini impurity.

    It is halfway between two neighbouring scores; labels are true below it.
    """
    ordered = sorted(set(scores))
    thresholds = [(a + b) / 2 for a, b in pairwise(ordered)]

    def impurity(threshold: float) -> float:
        below = [label for score, label in zip(scores, labels, strict=True) if score < threshold]
        above = [label for score, label in zip(scores, labels, strict=True) if score >= threshold]
        sides = (below, above)
        return sum(sum(side) * (len(side) - sum(side)) / len(side) for side in sides)

    return min(thresholds, key=impurity)


def main() -> int:
    compounds = training_set()
    tau = [compound.tau for compound in compounds]
    labels = [compound.perovskite for compound in compounds]
    fitted = fit(tau, labels)
    apart = max(abs(fitted(compound.tau) - compound.p) for compound in compounds)
    print(f"{len(compounds)} compounds, {sum(labels)} of them perovskites")
    print(f"decision tree of one node: perovskite below tau = {best_split(tau, labels):.3f}")
    print(f"fitted:  slope {fitted.slope:.6f}, offset {fitted.offset:.6f}")
    print(f"shipped: slope {PEROVSKITE.slope:.6f}, offset {PEROVSKITE.offset:.6f}")
    print(f"p at tau = {TAU_LIMIT}: {fitted(TAU_LIMIT):.3f}; p = 0.5 at {fitted.even_odds:.3f}")
    print(f"largest difference to the published probabilities: {apart:.3f}")
    same = max(abs(fitted(x) - PEROVSKITE(x)) for x in tau) < 1e-6
    if not same:
        print("the shipped coefficients are not those of the fit", file=sys.stderr)
    return 0 if same else 1


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    sys.exit(main())
