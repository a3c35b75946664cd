"""Which barriers to compute next: a model of those that are known says where the best may be.

The model is the mean of a Bayesian ridge regression, which is steady with few barriers and says how
sure it is, and of extremely randomised trees, which follow what is not linear. It sees a
composition by its ions and by what earlier stages computed of it. The next barrier is the one with
the best upper (or lower) confidence bound: mean and standard deviation together.

Bayesian ridge regression: D. J. C. MacKay, Neural Comput. 4, 415 (1992). Trees: P. Geurts, D. Ernst
and L. Wehenkel, Mach. Learn. 63, 3 (2006), doi 10.1007/s10994-006-6226-1. Confidence bounds:
N. Srinivas et al., ICML 2010, arXiv:0912.3995.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.periodic_table import Element

from pvkdb.chemistry import parse_composition
from pvkdb.chemistry.composition import Occupant
from pvkdb.chemistry.ions import Ion, molecular_ions
from pvkdb.chemistry.sites import Site
from pvkdb.chemistry.tolerance import factor_radius
from pvkdb.errors import MissingRadiusError
from pvkdb.schemas.screening import ScreenedCandidate
from pvkdb_pipelines.screening.plan.enumeration import TYPES
from pvkdb_pipelines.screening.plan.plan import BarrierSettings, Goal
from pvkdb_pipelines.screening.plan.products import SITES

FloatArray = NDArray[np.float64]

#: Weight of a structure type beside quantities of unit spread. This, the number of deviations and
#: that of trees were chosen on the barriers of the shipped plan.
_TYPE_WEIGHT = 1.5
#: Standard deviations in the confidence bound.
_EXPLORATION = 1.0
_TREES = 40


@dataclass(frozen=True, slots=True)
class Expected:
    """What the model expects of the barriers of candidates that have none, in eV."""

    mean_ev: FloatArray
    deviation_ev: FloatArray


class Learning:
    """Chooses barriers batch by batch, and learns from those that are computed.

    The first batch is spread over what the candidates are.
    """

    def __init__(self, settings: BarrierSettings, rows: Sequence[ScreenedCandidate]) -> None:
        assert settings.goal is not None
        self.goal: Goal = settings.goal
        self.settings = settings
        self._seen = features(rows) if rows else np.zeros((0, 1))
        self._open = list(range(len(rows)))
        self._known: dict[int, float] = {}
        self._batches_without_best = 0

    def next(self) -> list[int]:
        """Return the positions of the next barriers to compute; none when it is time to stop."""
        if not self._open or self._batches_without_best >= self.settings.patience:
            return []
        if self._known:
            order = by_confidence_bound(self._expected(), self.goal)[: self.settings.batch]
            chosen = [self._open[place] for place in order.tolist()]
        else:
            chosen = self._first()
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

    def _first(self) -> list[int]:
        """Return a batch of open candidates that are far from each other."""
        near = self._seen[self._open]
        return [self._open[at] for at in spread(near, self.settings.batch)] if self._open else []

    def _expected(self) -> Expected:
        return expected(
            self._seen[list(self._known)], list(self._known.values()), self._seen[self._open]
        )


def spread(seen: FloatArray, number: int, first: int = 0) -> list[int]:
    """Return the positions of so many candidates that are far from each other, from a first one."""
    distances = np.linalg.norm(seen[:, None] - seen[None, :], axis=2)
    chosen = [first]
    while len(chosen) < min(number, len(seen)):
        nearest = distances[:, chosen].min(axis=1)
        nearest[chosen] = -1.0
        chosen.append(int(np.argmax(nearest)))
    return chosen


def features(rows: Sequence[ScreenedCandidate]) -> FloatArray:
    """Return the features of candidates: one row each, columns of unit spread.

    Of each site the mean radius and electronegativity, of B also charge, period and how far two
    ions differ; the structure type; decomposition energy, volume and energies of the vacancy. What
    is unknown of a candidate is taken as the mean of the others.
    """
    known = np.array([_quantities(row) for row in rows], dtype=np.float64)
    mean = np.ma.masked_invalid(known).mean(axis=0).filled(0.0)
    filled = np.where(np.isfinite(known), known, mean)
    spread = filled.std(axis=0)
    scaled = (filled - filled.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    kinds = [[_TYPE_WEIGHT * (row.type == name) for name in TYPES] for row in rows]
    return np.hstack([scaled, np.array(kinds)])


def expected(
    seen: FloatArray, barriers_ev: Sequence[float], others: FloatArray, seed: int = 0
) -> Expected:
    """Return what a model of known barriers expects of other candidates."""
    from sklearn.ensemble import ExtraTreesRegressor
    from sklearn.linear_model import BayesianRidge

    known = np.asarray(barriers_ev, dtype=np.float64)
    if known.size == 1:  # nothing to learn from: all are as likely
        alike = np.zeros(len(others))
        return Expected(alike + known[0], np.linalg.norm(others - seen[0], axis=1))
    linear, deviation = BayesianRidge().fit(seen, known).predict(others, return_std=True)
    trees = ExtraTreesRegressor(_TREES, random_state=seed).fit(seen, known).predict(others)
    return Expected((linear + trees) / 2, deviation)


def by_confidence_bound(found: Expected, goal: Goal) -> NDArray[np.int64]:
    """Return the positions of candidates, the one first whose barrier may be best."""
    sign = 1.0 if goal == "high" else -1.0
    return np.argsort(-(sign * found.mean_ev + _EXPLORATION * found.deviation_ev), kind="stable")


def _quantities(row: ScreenedCandidate) -> list[float]:
    composition = parse_composition(row.formula)
    values: list[float] = []
    for site in SITES:
        values += _of_site(composition.on(site), site)
    stability, vacancy = row.stability, row.vacancy
    phase = stability.perovskite if stability else None
    phases = stability.phases if stability else []
    volume = next((each.volume_ang3_per_formula for each in phases if each.phase == phase), None)
    halides = TYPES[row.type].amounts[2] if row.type in TYPES else 1
    found = (
        stability.decomposition_ev_per_atom if stability else None,
        None if volume is None else volume / halides,
        vacancy.x_poor_ev if vacancy else None,
        vacancy.x_rich_ev if vacancy else None,
    )
    return values + [np.nan if value is None else value for value in found]


def _of_site(occupants: Sequence[Occupant], site: Site) -> list[float]:
    amounts = np.array([occupant.number or 0.0 for occupant in occupants])
    shares = amounts / amounts.sum()
    radii = np.array([_radius(occupant.ion, site) for occupant in occupants])
    electronegativities = np.array([_electronegativity(o.ion) for o in occupants])
    values = [shares @ radii, shares @ electronegativities]
    if site == "B":
        charges = np.array([float(occupant.ion.charge) for occupant in occupants])
        periods = np.array([float(Element(occupant.ion.symbol).row) for occupant in occupants])
        values += [shares @ charges, shares @ periods, electronegativities.max()]
        values += [np.ptp(electronegativities), np.ptp(radii)]
    return [float(value) for value in values]


def _radius(ion: Ion, site: Site) -> float:
    try:
        return factor_radius(ion, site).radius_ang
    except MissingRadiusError:
        return np.nan


def _electronegativity(ion: Ion) -> float:
    """Return Pauling's electronegativity; NaN for molecules."""
    return np.nan if ion.symbol in molecular_ions() else float(Element(ion.symbol).X)
