"""The probability of being a perovskite, from Bartel's tau by Platt scaling.

A logistic curve, p = 1 / (1 + exp(slope · tau + offset)), replaces the binary rule tau < 4.18;
J. Platt, Probabilistic outputs for support vector machines, in Advances in Large Margin Classifiers
(MIT Press, 1999). Bartel et al., Sci. Adv. 5, eaav0693 (2019), doi 10.1126/sciadv.aav0693, scale
tau this way. Their code averages the curves of three folds, each on the outputs of a linear support
vector machine, over all 576 compounds; pvkdb fits one curve on tau itself over the 460 compounds of
the training set, with Platt's targets. The two differ by at most 0.04 on the training set. Both
underestimate the certainty: of the compounds with tau from 3 to 4, 93 % are perovskites, while p is
0.74 on average.

``python curation/tolerance.py`` recomputes the coefficients from the table.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from itertools import pairwise
from math import exp


@dataclass(frozen=True, slots=True)
class Sigmoid:
    """p = 1 / (1 + exp(slope · score + offset)); p decreases with the score if slope > 0."""

    slope: float
    offset: float

    def __call__(self, score: float) -> float:
        """Return the probability at a score, in a form that cannot overflow."""
        exponent = self.slope * score + self.offset
        small = exp(-abs(exponent))
        return (small if exponent > 0 else 1.0) / (1.0 + small)

    @property
    def even_odds(self) -> float:
        """The score at which the probability is one half."""
        return -self.offset / self.slope


#: The curve that pvkdb uses, fitted on the training set of Bartel et al.
PEROVSKITE = Sigmoid(slope=1.802913, offset=-7.666904)

#: Source of p, as shown to users.
SOURCE = "Platt scaling of tau on the 460 training compounds of Bartel 2019, Table S1"


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
