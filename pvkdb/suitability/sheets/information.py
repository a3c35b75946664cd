"""What knowing an open value is worth for a choice: expected value of perfect information.

Now the best choice is the candidate with the highest mean score over the samples of SMAA. The gain
of knowing one value is the mean of the best score then, less that score (Raiffa and Schlaifer 1961;
of a single parameter: Strong and Oakley, Med. Decis. Making 33, 755 (2013), doi
10.1177/0272989X12465123). Values are independent of each other and of the weights, so that only the
weights are drawn: given them, the mean over the values is a product of means. The standard error is
that of the drawn weights, by a jackknife over groups of samples (Quenouille 1956; Tukey 1958).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pvkdb.schemas.rankings import OpenValue, RankedCandidate, Ranking, Verdict
from pvkdb.suitability.evidence.evidence import Evidence
from pvkdb.suitability.ranking.acceptability import Floats, drawn_weights, values_at
from pvkdb.suitability.ranking.assessment import bounds_for
from pvkdb.suitability.ranking.desirability import FLOOR, desirability
from pvkdb.suitability.sheets.comparisons import EQUAL, label, named

#: Outcomes of a measurement that are compared: even shares of what the evidence allows.
_OUTCOMES = 100
#: Groups of samples that are left out in turn.
_GROUPS = 20
#: Gains that differ by less are equal as they are shown.
_SHOWN = 5e-4
#: What an assessment holds of its evidence.
_EVIDENCE = {"minimum", "maximum", "word", "qualifier", "grade"}
#: Metrics whose values are computed, not measured.
_COMPUTED = ("e_a_model_ev", "dfe_model_ev", "above_hull_ev_per_atom")


def open_values(ranking: Ranking, listed: Sequence[RankedCandidate]) -> list[OpenValue]:
    """Return the open values of listed candidates that may change the choice among them.

    The most valuable comes first. The weights are those of the ranking's rank probabilities. Gains
    that differ from the first of their group by less than two standard errors share its group.
    """
    counted = [place for place, each in enumerate(ranking.criteria) if each.weight > 0]
    listed = [entry for entry in listed if any(each.weight > 0 for each in entry.criteria)]
    weights = drawn_weights(len(counted), ranking.samples, ranking.seed)
    drawn = [_factors(ranking, entry, counted, weights) for entry in listed]
    means = [_means(np.prod([mean for *_, mean in each], axis=0)) for each in drawn]
    found: list[tuple[npt.NDArray[np.float64], OpenValue]] = []
    for place, (entry, factors) in enumerate(zip(listed, drawn, strict=True)):
        others = [mean for at, mean in enumerate(means) if at != place]
        other = np.max(others, axis=0) if others else np.zeros_like(means[place])
        for at, (values, share, _) in enumerate(factors):
            if len(values) == 1:
                continue  # nothing is open
            rest = np.prod([mean for n, (*_, mean) in enumerate(factors) if n != at], axis=0)
            scores = np.array([_means(rest * value**share) for value in values])
            now = scores.mean(axis=0)
            gain = np.maximum(scores, other).mean(axis=0) - np.maximum(now, other)
            if gain[0] < max(1e-4, 2 * _error(gain)):
                continue  # the choice stays
            metric = ranking.criteria[counted[at]].metric
            value = OpenValue(
                candidate=entry.id,
                label=entry.label,
                metric=metric,
                known=entry.criteria[counted[at]].reason,
                computed=metric in _COMPUTED,
                gain=float(gain[0]),
                error=_error(gain),
                changes=float(np.mean((scores[:, 0] > other[0]) != (now[0] > other[0]))),
            )
            found.append((gain, value))
    found.sort(key=lambda each: -each[1].gain)
    first, group = np.zeros(1), 0
    for gain, value in found:
        if not group or first[0] - gain[0] > max(_SHOWN, 2 * _error(first - gain)):
            first, group = gain, group + 1
        value.group = group
    return [value for _, value in found]


def settled(ranking: Ranking, listed: Sequence[RankedCandidate]) -> list[str]:
    """Return why no single open value changes the choice of the first of listed candidates."""
    if not listed:
        return []
    first, *others = listed
    found = [
        f"No open value alone changes the choice of {named(first)}, which has a score of "
        f"{first.shown:.3f} at worst and {first.expected:.3f} on average. {_open(first)}"
    ]
    behind: dict[str, list[str]] = {}
    for entry in sorted(others, key=lambda each: -each.possible):
        if entry.possible > first.shown + EQUAL:
            found.append(f"{named(entry)} reaches {entry.possible:.3f} at best. {_open(entry)}")
            continue
        counted = (each for each in entry.criteria if each.weight > 0)
        worst = min(counted, key=lambda e: max(e.desirability_possible, FLOOR) ** e.weight)
        behind.setdefault(label(worst.metric), []).append(named(entry))
    found += [
        f"Out of reach by {metric}, whatever else is found of them: {', '.join(names)}."
        for metric, names in behind.items()
    ]
    return found


def _open(entry: RankedCandidate) -> str:
    known = (each for each in entry.criteria if each.weight > 0)
    unclear = [e for e in known if e.desirability_possible > e.desirability_shown]
    return f"Open: {', '.join(label(each.metric) for each in unclear) or 'nothing'}."


def _factors(
    ranking: Ranking, entry: RankedCandidate, counted: Sequence[int], weights: Floats
) -> list[tuple[Floats, Floats, Floats]]:
    """Return for each criterion of a candidate the desirabilities, their exponents, and the means.

    A mean is that of desirability to the power of the exponent, for each sample of the weights. The
    exponents of the defined criteria sum to one.
    """
    even = (np.arange(_OUTCOMES) + 0.5) / _OUTCOMES
    values: list[Floats] = []
    for criterion, known in ((ranking.criteria[at], entry.criteria[at]) for at in counted):
        reason = known.reason if known.verdict is Verdict.NOT_DEFINED else None
        evidence = Evidence(not_defined=reason, **known.model_dump(include=_EVIDENCE))
        worth = desirability(criterion, evidence, bounds_for(criterion, ranking.reading))
        one = worth.ends is None and worth.lowest == worth.highest
        found = np.full(1, worth.lowest, np.float32) if one else values_at(worth, even)
        values.append(np.maximum(found if worth.defined else found[:0], np.float32(FLOOR)))
    shares = np.where([[len(each) > 0] for each in values], weights, 0)
    shares /= shares.sum(axis=0)
    return [
        (value, share, np.mean([each**share for each in value], axis=0))
        if len(value)
        else (np.ones(1, np.float32), share, np.ones_like(share))
        for value, share in zip(values, shares, strict=True)
    ]


def _means(scores: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Return the mean of all samples, then those without each group of them."""
    parts = np.array_split(scores.astype(np.float64), min(_GROUPS, len(scores)))
    sums, counts = np.array([part.sum() for part in parts]), np.array([*map(len, parts)])
    without = [] if len(parts) == 1 else (sums.sum() - sums) / (counts.sum() - counts)
    return np.array([sums.sum() / counts.sum(), *without])


def _error(estimates: npt.NDArray[np.float64]) -> float:
    """Return the standard error of an estimate by those without each group of samples."""
    without = estimates[1:]
    if not len(without):
        return 0.0
    return float(((len(without) - 1) * np.mean((without - without.mean()) ** 2)) ** 0.5)
