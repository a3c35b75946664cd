"""What knowing an open value is worth for a choice: expected value of perfect information.

Now the best choice is the candidate with the highest mean score over the samples of SMAA. The gain
of knowing one value is the mean of the best score then, less that score (Raiffa and Schlaifer 1961;
of a single parameter: Strong and Oakley, Med. Decis. Making 33, 755 (2013), doi
10.1177/0272989X12465123). Values are independent of each other and of the weights, so that the same
samples serve with one value replaced.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pvkdb.schemas.rankings import OpenValue, RankedCandidate, Ranking, Verdict
from pvkdb.suitability.evidence.evidence import Evidence
from pvkdb.suitability.ranking.acceptability import Floats, drawn_values, drawn_weights
from pvkdb.suitability.ranking.assessment import bounds_for
from pvkdb.suitability.ranking.desirability import FLOOR, desirability
from pvkdb.suitability.sheets.comparisons import EQUAL, label, named

#: Outcomes of a measurement that are compared: quantiles of what the evidence allows.
_OUTCOMES = 20
#: What an assessment holds of its evidence.
_EVIDENCE = {"minimum", "maximum", "word", "qualifier", "grade"}
#: Metrics whose values are computed, not measured.
_COMPUTED = ("e_a_model_ev", "dfe_model_ev", "decomposition_ev_per_atom")


def open_values(ranking: Ranking, listed: Sequence[RankedCandidate]) -> list[OpenValue]:
    """Return the open values of listed candidates that may change the choice among them.

    The most valuable comes first. The samples are those of the ranking's rank probabilities.
    """
    counted = [place for place, each in enumerate(ranking.criteria) if each.weight > 0]
    listed = [entry for entry in listed if any(each.weight > 0 for each in entry.criteria)]
    weights = drawn_weights(len(counted), ranking.samples, ranking.seed)
    drawn = [_drawn(ranking, entry, counted, weights) for entry in listed]
    means = [float(np.exp(logs.sum(axis=0)).mean()) for _, logs, _ in drawn]
    found = []
    for place, (entry, (values, logs, shares)) in enumerate(zip(listed, drawn, strict=True)):
        other = max((mean for at, mean in enumerate(means) if at != place), default=0.0)
        for criterion, value, own, share in zip(counted, values, logs, shares, strict=True):
            if not isinstance(value, np.ndarray):
                continue  # nothing is open
            rest = logs.sum(axis=0) - own
            outcomes = np.quantile(value, (np.arange(_OUTCOMES) + 0.5) / _OUTCOMES)
            scores = np.array(
                [np.exp(rest + share * np.log(max(each, FLOOR))).mean() for each in outcomes]
            )
            gain = np.maximum(scores, other).mean() - max(scores.mean(), other)
            if gain < 1e-4:
                continue  # the choice stays
            metric = ranking.criteria[criterion].metric
            found.append(
                OpenValue(
                    candidate=entry.id,
                    label=entry.label,
                    metric=metric,
                    known=entry.criteria[criterion].reason,
                    computed=metric in _COMPUTED,
                    gain=float(gain),
                    changes=float(np.mean((scores > other) != (scores.mean() > other))),
                )
            )
    return sorted(found, key=lambda each: -each.gain)


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
        f"Set aside by {metric}, whatever else is found of them: {', '.join(names)}."
        for metric, names in behind.items()
    ]
    return found


def _open(entry: RankedCandidate) -> str:
    known = (each for each in entry.criteria if each.weight > 0)
    unclear = [e for e in known if e.desirability_possible > e.desirability_shown]
    return f"Open: {', '.join(label(each.metric) for each in unclear) or 'nothing'}."


def _drawn(
    ranking: Ranking, entry: RankedCandidate, counted: Sequence[int], weights: Floats
) -> tuple[list[Floats | np.float32 | None], Floats, Floats]:
    """Return a candidate's desirabilities, their weighted logarithms, and the weights.

    Each is criteria × samples. The weights of the defined criteria sum to one.
    """
    worth = []
    for criterion, known in ((ranking.criteria[at], entry.criteria[at]) for at in counted):
        reason = known.reason if known.verdict is Verdict.NOT_DEFINED else None
        evidence = Evidence(not_defined=reason, **known.model_dump(include=_EVIDENCE))
        bounds = bounds_for(criterion, ranking.reading)
        worth.append(desirability(criterion, evidence, bounds))
    values = [*drawn_values(entry.id, worth, ranking.samples, ranking.seed)]
    shares = np.where([[value is not None] for value in values], weights, 0)
    shares /= shares.sum(axis=0)
    logs = [
        np.log(np.maximum(1 if value is None else value, FLOOR)) * share
        for value, share in zip(values, shares, strict=True)
    ]
    return values, np.array(logs), shares
