"""Statements of the literature beside what was computed for them, computed bounds as bounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import mean, median

from scipy.stats import spearmanr

from pvkdb.chemistry import material_family, parse_composition
from pvkdb.schemas.calculations import PotentialName
from pvkdb.schemas.calculations.calibration import CalibrationPair
from pvkdb.schemas.calculations.migration import NebResult
from pvkdb.schemas.tables import EnergeticsRow
from validation.barrier_cases import (
    OWN_DFT,
    POTENTIALS,
    Case,
    by_dft,
    cases_for,
    reported,
    why_not,
)
from validation.migration.results import Results

#: What the literature calls a hop along an edge of one octahedron.
ONE_OCTAHEDRON = "intra-octahedral"
#: Statements whose source draws one hop and does not say which, and the axis of the other path that
#: it can mean: the page shows both (``paths.py``).
OTHER_AXIS = {"e-s3.3.4.1-004": "c"}
#: A value farther than this from the literature's interval does not agree with it, eV.
AGREES_EV = 0.1


@dataclass(frozen=True, slots=True)
class Comparison:
    """A statement of the literature and what one case gives for it.

    Attributes:
        row: The statement.
        case: What it is held against.
        values: Computed, eV.
        at_most: Potentials whose value is an upper bound: a hop without a path might make an easier
            one.
        others: Computed for the other path that the statement can mean, eV.
    """

    row: EnergeticsRow
    case: Case
    values: dict[PotentialName, float]
    at_most: frozenset[PotentialName]
    others: dict[PotentialName, float] = field(default_factory=dict)

    @property
    def interval(self) -> tuple[float, float]:
        """Lowest and highest of the literature; equal where only a bound is known."""
        low, high = self.row.value_min_ev, self.row.value_max_ev
        known = [value for value in (low, high) if value is not None]
        return min(known), max(known)

    def deviation(self, potential: PotentialName) -> float | None:
        """By how much the computed value lies outside the literature's interval, eV.

        None where there is no value, or an upper bound that leaves it open.
        """
        value = self.values.get(potential)
        if value is None or self.leaves_open(potential):
            return None
        low, high = self.interval
        if value < low:
            return value - low
        if value > high and self.row.bound != "lower":
            return value - high
        return 0.0

    def leaves_open(self, potential: PotentialName) -> bool:
        """Whether only an upper bound was computed, and not so low that it contradicts."""
        return potential in self.at_most and self.values[potential] >= self.interval[0] - AGREES_EV

    def differs(self, potential: PotentialName) -> bool:
        """Whether the computed value, or even its upper bound, does not agree."""
        deviation = self.deviation(potential)
        return deviation is not None and abs(deviation) > AGREES_EV


#: Groups of statements that are compared with each other: like with like.
GROUPS = {
    "neutral": "Neutral defects",
    "charged": "Charged defects",
    "unknown": "Calculations and others whose charge the source does not give",
    "experiment": "Experiments",
}


def group_of(row: EnergeticsRow) -> str:
    """Which of the groups a statement belongs to, by its method and charge."""
    if row.method == "experiment":
        return "experiment"
    if row.charge is None:
        return "unknown"
    return "charged" if row.charge else "neutral"


def compare(results: Results) -> tuple[list[Comparison], list[tuple[EnergeticsRow, str]]]:
    """Statements with a computed counterpart, and those without, with the reason."""
    compared: list[Comparison] = []
    left: list[tuple[EnergeticsRow, str]] = []
    for row in (*reported(), *by_dft()):
        cases = cases_for(row)
        if not cases:
            left.append((row, why_not(row)))
        for case in cases:
            values: dict[PotentialName, float] = {}
            others: dict[PotentialName, float] = {}
            reasons, at_most = [], set()
            for potential in case.potentials:
                computed = results.of(case, potential)
                if computed is None or computed.result is None:
                    kind = "not run" if computed is None else computed.failure_kind
                    reasons.append(f"{potential.value}: {kind}")
                else:
                    value = _value(row, computed.result)
                    if value is not None:
                        values[potential] = value
                    along = computed.result.threshold_ev(OTHER_AXIS.get(row.id, ""))
                    if along is not None:
                        others[potential] = along
                    if computed.result.upper_bound and row.direction != ONE_OCTAHEDRON:
                        at_most.add(potential)
            if values:
                compared.append(Comparison(row, case, values, frozenset(at_most), others))
            else:
                left.append((row, "; ".join(reasons)))
    return compared, left


def _value(row: EnergeticsRow, result: NebResult) -> float | None:
    """What of a result answers a statement: the bottleneck, or one kind of hop."""
    if row.direction == ONE_OCTAHEDRON:
        edges = (hop for hop in result.hops if hop.hop.hop_class.startswith("octahedron edge"))
        return min((hop.saddle_ev for hop in edges if hop.saddle_ev is not None), default=None)
    return result.e_a_ev


def measured(results: Results) -> dict[str, dict[str, float]]:
    """What `pvkdb potentials` shows of each potential: agreement with the literature, and cost.

    Hops by pvkdb's own DFT are no literature.
    The cost is the median of the processor time of a calculation by its force calls.
    """
    compared = [each for each in compare(results)[0] if each.row.references != OWN_DFT]
    found: dict[str, dict[str, float]] = {}
    for potential in POTENTIALS:
        pairs = [(each.computed_ev, each.reported_ev) for each in pairs_of(compared, potential)]
        costs = [
            entry.result.cpu_seconds / entry.result.force_calls
            for entry in results.computed
            if entry.potential == potential and entry.result is not None
        ]
        if len(pairs) >= 3:
            found[potential.value] = {
                "statements": len(pairs),
                "mean_absolute_error_ev": round(mean(abs(c - r) for c, r in pairs), 4),
                "rank_correlation": round(float(spearmanr(*zip(*pairs, strict=True)).statistic), 2),
                "cpu_s_per_force_call": round(median(costs), 3),
            }
    return found


def pairs_of(compared: Sequence[Comparison], potential: PotentialName) -> list[CalibrationPair]:
    """Computed values and the middles of reported intervals; bounds and repetitions have none."""
    return [
        CalibrationPair(
            material=entry.case.formula,
            family=material_family(parse_composition(entry.case.formula), entry.case.phase)[0],
            defect=entry.case.defect,
            charge=group_of(entry.row),
            computed_ev=round(entry.values[potential], 4),
            reported_ev=round(sum(entry.interval) / 2, 4),
            source=f"{entry.row.references}, {entry.row.source}",
        )
        for entry in compared
        if potential in entry.values
        and potential not in entry.at_most
        and entry.row.bound is None
        and not (entry.row.conditions or "").startswith("quoted from Table")
    ]
