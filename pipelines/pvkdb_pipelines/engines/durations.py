"""Durations of calculations, to size batches and to respect the end of a block."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import fmean

from sqlalchemy import select

from pvkdb.schemas.calculations import CalculationDocument, CalculationState, PotentialName
from pvkdb.store.database import Store
from pvkdb.store.models.calculations import Calculation

#: Mean core-seconds of a calculation. Relaxations: the 2,595 of the shipped
#: plan took 0.95 core-hours with CHGNet and 0.93 with SevenNet-0 (docs/explanation.md, "What it
#: costs"). Barriers: means of those of the same plan (docs/validation/screening.md).
_MEASURED_S: dict[tuple[str, str], float] = {
    ("relax", PotentialName.CHGNET): 1.3,
    ("relax", PotentialName.SEVENNET_0): 1.3,
    ("element", PotentialName.CHGNET): 1.3,
    ("element", PotentialName.SEVENNET_0): 1.3,
    ("neb", PotentialName.CHGNET): 48.0,
    ("neb", PotentialName.SEVENNET_0): 73.0,
}
#: The longest that found a path, of these barriers and of those of docs/validation/migration.md:
#: most take half a minute, but a host without symmetry has many hops, and one with molecules has
#: long paths. Failures of the latter take longer (docs/cluster.md, "What a screening costs").
_LONGEST_S: dict[tuple[str, str], float] = {
    ("neb", PotentialName.CHGNET): 850.0,
    ("neb", PotentialName.SEVENNET_0): 1300.0,
}
#: Calculations of unknown duration get a batch of their own.
_UNKNOWN_S = 60.0
#: A calculation may take this many times the average: a relaxation stops after 300 steps, and the
#: 2,595 above took 55 force calls on average.
CAUTION = 300 / 55
#: Number of recent durations of the store that are used.
_LAST = 50


@dataclass
class Durations:
    """Durations by kind and potential: measured in this store, otherwise the shipped averages."""

    store: Store
    _seen: dict[tuple[str, str], list[float]] = field(default_factory=dict, init=False)

    def typical_s(self, document: CalculationDocument) -> float:
        """Return the mean duration of a calculation, seconds."""
        key = _key(document)
        seen = self._of(key)
        return fmean(seen) if seen else _MEASURED_S.get(key, _UNKNOWN_S)

    def longest_s(self, document: CalculationDocument) -> float:
        """Return the longest expected duration of a calculation, seconds."""
        key = _key(document)
        known = [_LONGEST_S.get(key, 0.0), *self._of(key)]
        return max([CAUTION * self.typical_s(document), *known])

    def learn(self, document: CalculationDocument, seconds: float) -> None:
        """Add the measured duration of a calculation."""
        seen = self._of(_key(document))
        seen.append(seconds)
        del seen[:-_LAST]

    def _of(self, key: tuple[str, str]) -> list[float]:
        if key not in self._seen:
            self._seen[key] = self._stored(*key)
        return self._seen[key]

    def _stored(self, kind: str, potential: str) -> list[float]:
        query = (
            select(Calculation.result["wall_seconds"].as_float())
            .where(
                Calculation.state == CalculationState.DONE.value,
                Calculation.kind == kind,
                Calculation.parameters["potential"].as_string() == potential,
            )
            .order_by(Calculation.finished_at.desc())
            .limit(_LAST)
        )
        with self.store.session(read_only=True) as session:
            return [seconds for seconds in session.scalars(query) if seconds is not None]


def _key(document: CalculationDocument) -> tuple[str, str]:
    return document.kind, str(document.parameters.get("potential", ""))
