"""Which barriers to compute next: estimated barriers of all, corrected by those that are known.

What estimates of a structure type miss is learned by Bayesian ridge regression, which is
steady with few barriers and says how sure it is. The next barrier is the one with the best upper
(or lower) confidence bound: mean and standard deviation together.

Bayesian ridge regression: D. J. C. MacKay, Neural Comput. 4, 415 (1992). Confidence bounds:
N. Srinivas et al., ICML 2010, arXiv:0912.3995.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pvkdb.schemas.screening import ScreenedCandidate
from pvkdb_pipelines.screening.plan.enumeration import TYPES
from pvkdb_pipelines.screening.plan.plan import BarrierSettings, Goal

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Expected:
    """What the model expects of the barriers of candidates that have none, in eV."""

    mean_ev: FloatArray
    deviation_ev: FloatArray


class Learning:
    """Chooses barriers batch by batch, and learns from those that are computed."""

    def __init__(self, settings: BarrierSettings, rows: Sequence[ScreenedCandidate]) -> None:
        assert settings.goal is not None
        self.goal: Goal = settings.goal
        self.settings = settings
        self._seen = features(rows)
        self._open = list(range(len(rows)))
        self._known: dict[int, float] = {}
        self._batches_without_best = 0

    def next(self) -> list[int]:
        """Return the positions of the next barriers to compute; none when it is time to stop."""
        if not self._open or self._batches_without_best >= self.settings.patience:
            return []
        order = by_confidence_bound(self._expected(), self.goal)[: self.settings.batch]
        chosen = [self._open[place] for place in order.tolist()]
        self._open = [place for place in self._open if place not in chosen]
        return chosen

    def learn(self, barriers_ev: Mapping[int, float]) -> None:
        """Take the barriers of a batch in eV, by position; those that failed are left out."""
        self._known.update(barriers_ev)
        best = sorted(self._known, key=self._known.__getitem__, reverse=self.goal == "high")
        found = set(best[: self.settings.best]) & barriers_ev.keys()
        self._batches_without_best = 0 if found else self._batches_without_best + 1

    def not_computed(self) -> list[tuple[int, str]]:
        """Return what was not computed, with what is expected of it."""
        if not self._open or not self._known:
            return [
                (place, "no barrier succeeded, so that none could be predicted")
                for place in self._open
            ]
        found = self._expected()
        each = zip(self._open, found.mean_ev, found.deviation_ev, strict=True)
        return [(at, f"the surrogate expects {mean:.2f} ± {by:.2f} eV") for at, mean, by in each]

    def _expected(self) -> Expected:
        known, others = self._seen[list(self._known)], self._seen[self._open]
        return expected(known, list(self._known.values()), others)


def features(rows: Sequence[ScreenedCandidate]) -> FloatArray:
    """Return the features of candidates, one row each: estimate in eV, and structure type.

    An estimated barrier that is not known is taken as the mean of the others.
    """
    found = np.array([row.estimated_e_a_ev for row in rows], dtype=np.float64)
    mean = np.ma.filled(np.ma.masked_invalid(found).mean(), 0.0)
    kinds = np.array([[row.type == name for name in TYPES] for row in rows], dtype=np.float64)
    return np.column_stack(
        [np.where(np.isfinite(found), found, mean), kinds.reshape(-1, len(TYPES))]
    )


def expected(seen: FloatArray, barriers_ev: Sequence[float], others: FloatArray) -> Expected:
    """Return what a model of known barriers expects of other candidates.

    Where those known are of one type, what estimated barriers miss there counts for all types.
    """
    from sklearn.linear_model import BayesianRidge

    missed = np.asarray(barriers_ev) - seen[:, 0]
    if not missed.size:
        return Expected(others[:, 0], np.zeros(len(others)))
    if (seen[:, 1:] == seen[0, 1:]).all():  # the other types may miss by as much again
        alike = (others[:, 1:] == seen[0, 1:]).all(axis=1)
        deviation = np.where(alike, missed.std(), np.sqrt(np.mean(missed**2)))
        return Expected(others[:, 0] + missed.mean(), deviation)
    model = BayesianRidge().fit(seen[:, 1:], missed)
    mean, deviation = model.predict(others[:, 1:], return_std=True)
    return Expected(others[:, 0] + mean, deviation)


def by_confidence_bound(found: Expected, goal: Goal) -> NDArray[np.int64]:
    """Return the positions of candidates, the one first whose barrier may be best."""
    sign = 1.0 if goal == "high" else -1.0
    return np.argsort(-(sign * found.mean_ev + found.deviation_ev), kind="stable")
