"""Calibrations of potentials from pairs of computed and reported energies, and their errors."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from pvkdb.chemistry import parse_composition
from pvkdb.schemas.calculations.calibration import (
    LEAST_GROUPS,
    LEVEL,
    Calibration,
    CalibrationLine,
    CalibrationPair,
    CalibrationTable,
    fit,
    group_name,
)
from validation.agreement import Array, Pairs, Statistic, spearman, with_interval
from validation.barrier_cases import OWN_DFT, POTENTIALS
from validation.calibration.formation_pairs import formation_pairs
from validation.migration.comparison import GROUPS, compare, pairs_of
from validation.migration.results import Results

LINK = "docs/validation/calibration.md"
#: Compositions of one family that are enough for a line of its own: four degrees of freedom, so
#: that Student's t is within a fifth of the normal quantile.
LEAST_OF_A_FAMILY = 6
#: Ions on B whose formation energies are off alike, SevenNet-0's by 1.9 and by 1.25 eV. With an
#: offset each, compositions that are left out are off by 0.28 eV, with one line for both by 0.41.
CLASSES = (("Ca", "Sr"), ("Pb", "Sn"))


def class_of(pair: CalibrationPair) -> tuple[str, ...]:
    """Return the class of formation energies that a composition is of; empty for none."""
    b_site = {each.ion.symbol for each in parse_composition(pair.material).on("B")}
    return next((each for each in CLASSES if b_site <= {*each}), ())


def fit_class(pairs: Sequence[CalibrationPair], wanted: tuple[str, ...]) -> CalibrationLine:
    """Return the offset of a class, with the error that all classes have in common.

    Each composition has the weight one, each class takes one degree of freedom.
    """
    misses: dict[tuple[str, ...], dict[str, list[float]]] = {}
    for pair in pairs:
        of_class = misses.setdefault(class_of(pair), {})
        of_class.setdefault(pair.material, []).append(pair.reported_ev - pair.computed_ev)
    offsets = {
        name: float(np.mean([np.mean(each) for each in held.values()]))
        for name, held in misses.items()
    }
    rest = sum(
        float(np.mean((np.array(each) - offsets[name]) ** 2))
        for name, held in misses.items()
        for each in held.values()
    )
    freedom = sum(map(len, misses.values())) - len(misses)
    own = [pair for pair in pairs if class_of(pair) == wanted]
    return CalibrationLine(
        families=tuple(sorted({pair.family for pair in own})),
        b_site=wanted,
        grouped_by="composition",
        groups=len(misses[wanted]),
        offset_ev=round(offsets[wanted], 4),
        slope=1.0,
        error_ev=round((rest / freedom) ** 0.5, 4),
        mean_ev=round(float(np.mean([pair.computed_ev for pair in own])), 4),
        squares_ev2=None,
        quantile=round(float(student.ppf((1 + LEVEL) / 2, freedom)), 4),
        covered=0.0,
    )


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A pair and the line through those of all other groups."""

    pair: CalibrationPair
    line: CalibrationLine

    @property
    def middle_ev(self) -> float:
        """The calibrated value."""
        return self.line.offset_ev + self.line.slope * self.pair.computed_ev

    @property
    def hit(self) -> bool:
        """Whether the reported value lies within the interval."""
        low, high = self.line.interval(self.pair.computed_ev)
        return low <= self.pair.reported_ev <= high


def left_out(
    pairs: Sequence[CalibrationPair], grouped_by: str, quantity: str = "E_A"
) -> list[LeftOut]:
    """Return every pair with the line that its group had no part in; of DFE, that of its class."""
    found = []
    for name in sorted({group_name(pair, grouped_by) for pair in pairs}):
        rest = [pair for pair in pairs if group_name(pair, grouped_by) != name]
        line = fit(rest, grouped_by)
        if quantity == "DFE":
            (wanted,) = {class_of(each) for each in pairs if group_name(each, grouped_by) == name}
            if wanted and wanted in {class_of(pair) for pair in rest}:
                line = fit_class(rest, wanted)
        found += [LeftOut(each, line) for each in pairs if group_name(each, grouped_by) == name]
    return found


def covered(tested: Sequence[LeftOut], grouped_by: str) -> float:
    """Return the mean over the groups of the share of their values within the interval."""
    return _mean_of_groups(tested, grouped_by, lambda each: float(each.hit))


def _mean_of_groups(
    tested: Sequence[LeftOut], grouped_by: str, value: Callable[[LeftOut], float]
) -> float:
    names = sorted({group_name(each.pair, grouped_by) for each in tested})
    means = [
        np.mean([value(each) for each in tested if group_name(each.pair, grouped_by) == name])
        for name in names
    ]
    return round(float(np.mean(means)), 4)


def error_ev(pairs: Sequence[CalibrationPair], quantity: str = "E_A") -> float:
    """Return the mean absolute error of calibrated values of compositions that are left out."""
    return _mean_of_groups(
        left_out(pairs, "composition", quantity),
        "composition",
        lambda each: abs(each.middle_ev - each.pair.reported_ev),
    )


def shared(
    pairs: Sequence[CalibrationPair], others: Sequence[Sequence[CalibrationPair]]
) -> list[CalibrationPair]:
    """Return the pairs whose statement is also among those of each other potential.

    A potential that fails for a difficult host must not look better for it.
    """
    held = [{(each.material, each.family, each.source) for each in other} for other in others]
    return [
        each
        for each in pairs
        if all((each.material, each.family, each.source) in other for other in held)
    ]


def calibrate(
    quantity: str,
    potential: str,
    pairs: Sequence[CalibrationPair],
    compared_with: str,
    *,
    others: Sequence[Sequence[CalibrationPair]] = (),
    shipped: bool,
) -> Calibration | None:
    """Return the calibration of a potential; None with too few compositions.

    ``others`` are the pairs of the other potentials, with which it is compared.
    """
    families = sorted({pair.family for pair in pairs})
    lines = []
    if quantity == "DFE":
        share = covered(left_out(pairs, "composition", quantity), "composition")
        for name in sorted({class_of(pair) for pair in pairs} - {()}):
            lines.append(fit_class(pairs, name).model_copy(update={"covered": share}))
    choices = [
        *(("composition", [family], LEAST_OF_A_FAMILY) for family in families),
        ("composition", families, LEAST_GROUPS),
        ("family", [], LEAST_GROUPS),
    ]
    for grouped_by, held, least in choices:
        own = [pair for pair in pairs if pair.family in held or not held]
        if len({group_name(pair, grouped_by) for pair in own}) >= least:
            share = covered(left_out(own, grouped_by), grouped_by)
            lines.append(fit(own, grouped_by, held).model_copy(update={"covered": share}))
    if not any(line.families == tuple(families) and not line.b_site for line in lines):
        return None
    return Calibration(
        quantity=quantity,
        potential=potential,
        compared_with=compared_with,
        left_out_error_ev=error_ev(pairs, quantity),
        shared_error_ev=error_ev(shared(pairs, others), quantity),
        lines=tuple(lines),
        pairs=tuple(pairs) if shipped else (),
    )


def of_halide(pair: CalibrationPair) -> bool:
    """Return whether the halide vacancy moves, whose E_A rankings use."""
    return pair.defect in ("V_F", "V_Cl", "V_Br", "V_I")


def of_own_dft(pair: CalibrationPair) -> bool:
    """Return whether a pair is with pvkdb's own DFT, which makes no line and no test of one."""
    return pair.source.startswith(f"{OWN_DFT},")


def made_of(pairs: Sequence[CalibrationPair]) -> list[CalibrationPair]:
    """Return the pairs that make a line and its test: halide vacancies, with values from outside.

    What pvkdb computed by DFT is listed beside the line; it is no experiment and no literature.
    """
    return [pair for pair in pairs if of_halide(pair) and not of_own_dft(pair)]


def all_pairs(results: Results) -> dict[tuple[str, str], list[CalibrationPair]]:
    """Return the pairs by quantity and potential."""
    compared, _ = compare(results)
    found = {("E_A", each.value): pairs_of(compared, each) for each in POTENTIALS}
    return found | {("DFE", name): pairs for name, pairs in formation_pairs().items()}


def table_of(found: dict[tuple[str, str], list[CalibrationPair]]) -> CalibrationTable:
    """Return the table that pvkdb ships, the smallest shared error of a quantity first."""
    halide = {key: made_of(pairs) for key, pairs in found.items()}
    made = [
        calibrate(
            quantity,
            potential,
            pairs,
            "the literature" if quantity == "E_A" else "a DFT data set",
            others=[other for (what, _), other in halide.items() if what == quantity],
            shipped=quantity == "E_A",  # the other figures may be cited, not shipped
        )
        for (quantity, potential), pairs in halide.items()
    ]
    kept = sorted((each for each in made if each), key=lambda each: each.shared_error_ev)
    text = json.dumps([[*key, [each.model_dump() for each in found[key]]] for key in sorted(found)])
    return CalibrationTable(
        page=LINK,
        version=f"calibration-{hashlib.sha256(text.encode()).hexdigest()[:10]}",
        level=LEVEL,
        calibrations=tuple(sorted(kept, key=lambda each: each.quantity, reverse=True)),
    )


@dataclass(frozen=True, slots=True)
class Estimate:
    """A statistic with the interval of 95 % of resampled compositions; None with too few."""

    value: float
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        if np.isnan(self.value):
            return "–"
        if self.low is None or self.high is None:
            return f"{self.value:.2f}"
        return f"{self.value:.2f} ({self.low:.2f} to {self.high:.2f})"


def mean_absolute_error(pairs: Pairs, counts: Array) -> Array:
    """Return the mean absolute error for each draw, shape (draws,)."""
    result: Array = counts @ np.abs(pairs.predicted - pairs.measured) / counts.sum(axis=1)
    return result


def estimate(
    statistic: Statistic,
    predicted: Sequence[float],
    pairs: Sequence[CalibrationPair],
) -> Estimate:
    """Return a statistic of predicted and reported values, with its bootstrap interval."""
    both = Pairs(
        np.array(predicted),
        np.array([pair.reported_ev for pair in pairs]),
        np.zeros(len(pairs), dtype=bool),
        [pair.material for pair in pairs],
    )
    return Estimate(*with_interval(statistic, both))


@dataclass(frozen=True, slots=True)
class Agreement:
    """The errors of one potential against one group of statements, before and after."""

    quantity: str
    potential: str
    group: str
    pairs: int
    compositions: int
    error: tuple[Estimate, Estimate | None]
    rank: tuple[Estimate, Estimate | None]


def agreements(found: dict[tuple[str, str], list[CalibrationPair]]) -> Iterator[Agreement]:
    """Yield the errors by potential and by charge; calibrated values are those left out."""
    for (quantity, potential), pairs in found.items():
        own = made_of(pairs)
        tested = left_out(own, "composition", quantity) if enough(own) else []
        listed = [each.pair for each in tested] or own
        for group in ("all", *GROUPS):
            places = [i for i, pair in enumerate(listed) if group in ("all", pair.charge)]
            if places:
                yield _agreement(
                    *(quantity, potential, group),
                    [listed[place] for place in places],
                    [tested[place].middle_ev for place in places] if tested else None,
                )
        for name, chosen in (
            ("pvkdb's DFT", [pair for pair in pairs if of_halide(pair) and of_own_dft(pair)]),
            ("other defects", [pair for pair in pairs if not of_halide(pair)]),
        ):
            for group in GROUPS:
                if some := [pair for pair in chosen if pair.charge == group]:
                    yield _agreement(quantity, potential, f"{group}, {name}", some, None)


def enough(pairs: Sequence[CalibrationPair]) -> bool:
    """Return whether there are as many compositions as a line needs."""
    return len({pair.material for pair in pairs}) >= LEAST_GROUPS


def _agreement(
    quantity: str,
    potential: str,
    group: str,
    pairs: Sequence[CalibrationPair],
    calibrated: Sequence[float] | None,
) -> Agreement:
    raw = [pair.computed_ev for pair in pairs]
    return Agreement(
        *(quantity, potential, group, len(pairs), len({pair.material for pair in pairs})),
        error=(
            estimate(mean_absolute_error, raw, pairs),
            estimate(mean_absolute_error, calibrated, pairs) if calibrated else None,
        ),
        rank=(
            estimate(spearman, raw, pairs),
            estimate(spearman, calibrated, pairs) if calibrated else None,
        ),
    )
