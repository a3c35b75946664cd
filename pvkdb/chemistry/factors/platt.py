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

from dataclasses import dataclass
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
