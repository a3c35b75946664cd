"""Durations of calculations, to size batches, to respect the end of a block, and for previews."""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from statistics import fmean
from typing import Any

from sqlalchemy import select

from pvkdb.chemistry.ions import molecular_ions
from pvkdb.schemas.calculations import CalculationDocument, CalculationState, PotentialName
from pvkdb.store.database import Store
from pvkdb.store.models.calculations import Calculation

#: Mean core-seconds of a calculation. Relaxations: the 2,595 of the shipped plan took 0.95
#: core-hours with CHGNet and 0.93 with SevenNet-0 (docs/explanation.md, "What it costs"); with D3
#: a force call takes 1.3 times as long. Barriers: means of those of the same plan
#: (docs/validation/screening.md).
_MEASURED_S: dict[tuple[str, str], float] = {
    ("relax", PotentialName.CHGNET): 1.3,
    ("relax", PotentialName.SEVENNET_0): 1.3,
    ("relax", PotentialName.SEVENNET_0_D3): 1.7,
    ("element", PotentialName.CHGNET): 1.3,
    ("element", PotentialName.SEVENNET_0): 1.3,
    ("vacancy", PotentialName.SEVENNET_0): 7.1,
    ("estimate", PotentialName.SEVENNET_0): 1.9,
    ("neb", PotentialName.CHGNET): 63.0,
    ("neb", PotentialName.SEVENNET_0): 134.0,
    ("neb", PotentialName.SEVENNET_L3I5): 230.0,
}
# Its force calls take 2.5 times as long: 102 and 41 CPU-ms for 39 atoms on one thread.
_MEASURED_S |= {
    (kind, PotentialName.SEVENNET_L3I5): seconds * 102 / 41
    for (kind, potential), seconds in _MEASURED_S.items()
    if potential == PotentialName.SEVENNET_0 and kind != "neb"
}
#: Times as long of crystals without symmetry. Relaxations of Pnma cells with SevenNet-0: hybrids of
#: 48 atoms took 19 to 29 CPU-s, mixtures of 40 atoms 5 to 13, those of 96 with molecules 79 to 96.
_LONGER = {"molecules": 20.0, "mixture": 7.0, "mixture with molecules": 70.0}
#: The longest that found a path, of these barriers and of those of docs/validation/migration.md:
#: most take half a minute, but a host without symmetry has many hops, and one with molecules has
#: long paths. Failures of the latter take longer (docs/cluster.md, "What a screening costs").
_LONGEST_S: dict[tuple[str, str], float] = {
    ("neb", PotentialName.CHGNET): 1100.0,
    ("neb", PotentialName.SEVENNET_0): 2200.0,
    ("neb", PotentialName.SEVENNET_L3I5): 1800.0,
}
#: Calculations of unknown duration get a batch of their own.
_UNKNOWN_S = 60.0
#: A calculation may take this many times the average: a relaxation stops after 300 steps, and the
#: 2,595 above took 55 force calls on average.
CAUTION = 300 / 55
#: Number of recent durations that are used, and most calculations of the store that are read.
_LAST, _MOST = 50, 3000
#: Durations by kind of crystal, type of formula and phase, which have one size of cell; by the
#: first two; by the first; and of all.
_Seen = defaultdict[tuple[str, ...], deque[float]]


@dataclass
class Durations:
    """Durations by kind and potential: measured in this store, otherwise the shipped averages.

    ``clock`` is the field of results that counts; ``cpu_seconds`` do not depend on other load.
    """

    store: Store
    clock: str = "wall_seconds"
    _seen: dict[tuple[str, str], _Seen] = field(default_factory=dict, init=False)

    def typical_s(self, document: CalculationDocument) -> float:
        """Return the mean duration of a calculation, seconds."""
        return self.estimate_s(document.kind, document.parameters)

    def estimate_s(self, kind: str, parameters: Mapping[str, Any]) -> float:
        """Return the mean duration of calculations of this type and size of cell, seconds."""
        key, wanted = _key(kind, parameters), _type_of(parameters)
        seen = self._of(key)
        for same in (3, 2, 1):
            if alike := seen.get(wanted[:same]):
                return fmean(alike)
        ordered = seen.get(("",))
        seconds = fmean(ordered) if ordered else _MEASURED_S.get(key, _UNKNOWN_S)
        return seconds * _LONGER.get(wanted[0], 1.0)

    def longest_s(self, document: CalculationDocument) -> float:
        """Return the longest expected duration of a calculation, seconds."""
        key = _key(document.kind, document.parameters)
        known = [_LONGEST_S.get(key, 0.0), *self._of(key)[()]]
        return max(CAUTION * self.typical_s(document), *known)

    def learn(self, document: CalculationDocument, seconds: float) -> None:
        """Add the measured duration of a calculation."""
        seen = self._of(_key(document.kind, document.parameters))
        _add(seen, document.parameters, seconds)

    def _of(self, key: tuple[str, str]) -> _Seen:
        if key not in self._seen:
            self._seen[key] = self._stored(*key)
        return self._seen[key]

    def _stored(self, kind: str, potential: str) -> _Seen:
        seen: _Seen = defaultdict(lambda: deque(maxlen=_LAST))
        query = (
            select(
                Calculation.result[self.clock].as_float(),
                Calculation.parameters["formula"].as_string(),
                Calculation.parameters["phase"].as_string(),
            )
            .where(
                Calculation.state == CalculationState.DONE.value,
                Calculation.kind == kind,
                Calculation.parameters["potential"].as_string() == potential,
            )
            .order_by(Calculation.finished_at.desc())
            .limit(_MOST)
        )
        with self.store.session(read_only=True) as session:
            for seconds, formula, phase in reversed(session.execute(query).all()):
                if seconds is not None:
                    _add(seen, {"formula": formula, "phase": phase}, seconds)
        return seen


def _key(kind: str, parameters: Mapping[str, Any]) -> tuple[str, str]:
    return kind, str(parameters.get("potential", ""))


def _add(seen: _Seen, parameters: Mapping[str, Any], seconds: float) -> None:
    for same in range(4):
        seen[_type_of(parameters)[:same]].append(seconds)


def _type_of(parameters: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return the kind of crystal, the amounts in the formula, such as ``A2AAA6``, and the phase."""
    formula, phase = (str(parameters.get(name) or "") for name in ("formula", "phase"))
    mixed = "." in formula or len(re.findall("I(?!n)|Br|Cl|F(?!e)", formula)) > 1
    molecular = _molecules().search(formula) is not None
    crystal = " with ".join(["mixture"] * mixed + ["molecules"] * molecular)
    return crystal, re.sub("[A-Z][a-z]?", "A", formula), phase


@cache
def _molecules() -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, molecular_ions())))
