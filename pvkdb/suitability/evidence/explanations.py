"""Texts of rankings: values, bounds, and the reasons for verdicts."""

from __future__ import annotations

from collections.abc import Sequence

from pvkdb.display.numbers import decimals, decimals_of, percent
from pvkdb.display.times import HOUR_S, YEAR_S, duration
from pvkdb.display.units import amount, amount_range, with_unit
from pvkdb.schemas.metrics import METRICS
from pvkdb.schemas.profiles import Bounds, Criterion
from pvkdb.schemas.rankings import BEST, JOINED, Assessment, Grade, Known, Verdict
from pvkdb.suitability.evidence.evidence import Evidence


def value_text(evidence: Evidence | Assessment, unit: str) -> str:
    """Return the evidence as text: ``at least 5000 cycles``, ``0.31 ± 0.14 eV``, ``~ 10 V``."""
    if evidence.word is not None:
        return evidence.word
    if evidence.estimate is not None:
        mean, error, _ = evidence.estimate
        digits = decimals_of(mean - error, mean + error)
        return with_unit(f"{decimals(mean, digits)} ± {error:.{digits}f}", unit)
    if evidence.qualifier in BEST:
        end = evidence.maximum if evidence.minimum is None else evidence.minimum
        return f"{evidence.qualifier} {amount_range(end, end, unit)}"
    sign = "~ " if evidence.qualifier == "~" else ""
    return amount_range(*shown_ends(evidence), unit, sign)


def shown_ends(evidence: Evidence | Assessment | Known) -> tuple[float | None, float | None]:
    """Return the ends of a value; of a computed one in the digits that its interval leaves."""
    low, high = evidence.minimum, evidence.maximum
    if evidence.grade not in JOINED:
        return low, high
    if low is None or high is None:
        bounded = (None if end is None else float(f"{end:.2g}") for end in (low, high))
        return next(bounded), next(bounded)
    if low == high or (evidence.grade is Grade.MODEL and 0 < 2 * low < high):  # times: decades
        return float(f"{low:.2g}"), float(f"{high:.2g}")
    digits = decimals_of(low, high) if low < high else None
    ends = (low, high) if digits is None else (round(low, digits), round(high, digits))
    return ends[0] + 0.0, ends[1] + 0.0  # no -0


def window_text(minimum: float | None, maximum: float | None, unit: str) -> str:
    """Return a predicted interval as text, to two digits.

    Example:
        >>> window_text(1.1264e-4, 0.31290, "s"), window_text(26283976999.1, None, "s")
        ('110 μs to 310 ms', 'at least 820 years')
    """
    low, high = (None if end is None else float(f"{end:.2g}") for end in (minimum, maximum))
    return amount_range(low, high, unit)


def bounds_text(bounds: Bounds, unit: str) -> str:
    """Return the satisfying values: ``at least 10⁶ cycles``, ``1 ms to 10 s``, ``volatile``."""
    text = " or ".join(bounds.accepts) or amount_range(bounds.at_least, bounds.at_most, unit)
    limits = [each for each in (bounds.at_least, bounds.at_most) if each is not None]
    if unit == "s" and len(limits) == 1 and HOUR_S <= limits[0] < YEAR_S:
        text += f" ({duration(limits[0])})"
    return text


def fails_text(bounds: Bounds, unit: str) -> str:
    """Return the values at which a criterion fails: ``below 1000 s``, ``10 s and less``."""
    if bounds.accepts:
        return "any other word"
    parts = []
    for limit, ramp, beyond, side in (
        (bounds.at_least, bounds.fails_below, "below", "less"),
        (bounds.at_most, bounds.fails_above, "above", "more"),
    ):
        if limit is not None and ramp in (None, limit):
            parts.append(f"{beyond} {amount(limit, unit)}")
        elif limit is not None and ramp is not None:
            parts.append(f"{amount(ramp, unit)} and {side}")
    return ", ".join(parts)


def evidence_phrase(metric: str, evidence: Evidence) -> str:
    """Return a value of a metric as a phrase: ``holds its state for 10⁴ s``."""
    entry = METRICS[metric]
    if entry.modelled:
        return entry.says.format(window_text(evidence.minimum, evidence.maximum, entry.unit))
    return entry.says.format(value_text(evidence, entry.unit))


#: Why a value does not demonstrate what it says, for grades that leave this open.
_DOUBTS = {
    Grade.BEST: "at best",
    Grade.EXTRAPOLATED: "which is not measured",
    Grade.SECONDARY: "as another paper quotes it",
    Grade.INFERRED: "as a reader inferred",
}


def requirement_text(criterion: Criterion, bounds: Bounds) -> str:
    """Return what a criterion requires, or the scale of a graded one from worst to best."""
    unit = criterion.unit
    if not criterion.graded:
        also = " and accepts an extrapolation" if bounds.extrapolation else ""
        return f"the profile requires {bounds_text(bounds, unit)}{also}"
    if bounds.fails_below is not None and bounds.at_least is not None:
        worst, best = bounds.fails_below, bounds.at_least
    elif bounds.fails_above is not None and bounds.at_most is not None:
        worst, best = bounds.fails_above, bounds.at_most
    else:
        return f"preferred: {bounds_text(bounds, unit)}"
    return f"on a scale from {amount(worst, unit)} (worst) to {amount(best, unit)} (best)"


def reason(
    criterion: Criterion,
    bounds: Bounds,
    evidence: Evidence | None,
    verdict: Verdict,
    share: float,
    counted: tuple[int, int] | None,
) -> str:
    """Return the reason for a verdict as a sentence with the numbers.

    ``counted``: how many of how many papers reached it, of a value that ends before.
    """
    wanted = requirement_text(criterion, bounds)
    if verdict is Verdict.NOT_DEFINED and evidence is not None:
        return f"not defined: {evidence.not_defined}"
    if evidence is None or not evidence.known:
        required = "" if criterion.graded else f"; {wanted}"
        if evidence and METRICS[criterion.metric].modelled:
            return f"not predicted: {evidence.note}{required}"
        return f"nothing is reported{required}"
    metric = METRICS[criterion.metric]
    phrase = evidence_phrase(criterion.metric, evidence)
    if criterion.graded:
        text = f"{phrase}; {wanted}"
    else:
        doubt = _DOUBTS.get(evidence.grade, "no more is shown")
        papers = f"; {count_text(bounds, criterion.unit, *counted)}" if counted else ""
        text = {
            Verdict.MET: f"{phrase}: enough, {wanted}",
            Verdict.UNDECIDED: f"{phrase}: {percent(share)} of the range is enough; {wanted}",
            Verdict.NOT_DEMONSTRATED: f"{phrase}, {doubt}; {wanted}: not demonstrated{papers}",
            Verdict.FAILED: f"{phrase}: fails, {wanted}",
        }[verdict]
    named = (Grade.EXTRAPOLATED, Grade.INFERRED, Grade.MODEL, Grade.REPORTED, Grade.SECONDARY)
    if evidence.grade in named and not metric.modelled:
        text += f" ({evidence.grade.value})"
    return f"{text}; {evidence.note}" if evidence.note else text


def count_text(bounds: Bounds, unit: str, reached: int, tested: int) -> str:
    """Return a count of papers: ``of the 8 papers that got so far, 2 reached 10⁶ cycles``."""
    shown = "reached" if bounds.at_most is None else "showed"
    so_far = "1 paper" if tested == 1 else f"{tested} papers"
    end = bounds_text(bounds, unit).removeprefix("at least ")
    return f"of the {so_far} that got so far, {reached or 'none'} {shown} {end}"


def score_sentence(counted: Sequence[tuple[Assessment, Bounds]]) -> str:
    """Return the score of a candidate in one sentence: its shares, the lowest first.

    Example: ``endurance at least 5000 cycles: of the 8 papers that got so far, 2 reached 10⁶ cycles
    (0.28); retention 10⁵ s: met``.
    """
    ordered = sorted(counted, key=lambda pair: pair[0].share)
    return "; ".join(_share_text(each, of) for each, of in ordered)


def _share_text(entry: Assessment, bounds: Bounds) -> str:
    name, share = METRICS[entry.metric].label, f"{entry.share:.2g}"
    if entry.verdict in (Verdict.NOT_DEFINED, Verdict.UNKNOWN):
        return f"{name} {entry.verdict.value}, counted as {share}"
    value = f"{name} {value_text(entry, entry.unit)}"
    if entry.tested is not None and entry.reached is not None:
        how = count_text(bounds, entry.unit, entry.reached, entry.tested)
        rest = ", the others count in part" if entry.verdict is Verdict.GRADED else ""
        return f"{value}: {how}{rest} ({share})"
    if entry.verdict is Verdict.NOT_DEMONSTRATED:
        return f"{value}, {_DOUBTS.get(entry.grade, 'not shown')}, counted as unknown ({share})"
    plain = entry.verdict in (Verdict.MET, Verdict.FAILED)
    return f"{value}: {entry.verdict.value if plain else share}"


#: Phrases for a prediction that meets its criterion.
_MET_PHRASES = {
    "modelled_switching_time_s": "fast enough",
    "modelled_retention_s": "remembers long enough",
    "modelled_set_voltage_v": "low enough a voltage",
}


def prediction(criteria: Sequence[Criterion], assessments: Sequence[Assessment]) -> str | None:
    """Return the predictions as a sentence, with what the profile requires unless it is met.

    Example: ``fast enough (switches in 2 ns to 3 μs); forgets in 40 ms to 3 s, the profile
    requires at least 1000 s``. A window beyond reason is replaced by what is missing for it. None
    if no barrier is known, or the profile has no criteria on predictions.
    """
    parts = []
    for criterion, entry in zip(criteria, assessments, strict=True):
        metric, bounds = METRICS[criterion.metric], criterion.bounds
        if not metric.modelled:
            continue
        if entry.grade is Grade.MISSING:
            if entry.reason.startswith("not predicted: "):
                why = entry.reason.partition("; the profile requires")[0]
                parts.append(f"{metric.label.removesuffix(', model')} {why}")
            continue
        window = window_text(entry.minimum, entry.maximum, criterion.unit)
        phrase = metric.says.removesuffix(" (model)").format(window)
        if entry.verdict is Verdict.MET:
            forgets = metric.name == "modelled_retention_s" and bounds.at_most is not None
            met = "forgets in time" if forgets else _MET_PHRASES[metric.name]
            parts.append(f"{met} ({phrase})")
            continue
        wide = ", too wide to decide:" if entry.verdict is Verdict.UNDECIDED else ","
        parts.append(f"{phrase}{wide} the profile requires {bounds_text(bounds, criterion.unit)}")
    return "; ".join(parts) or None
