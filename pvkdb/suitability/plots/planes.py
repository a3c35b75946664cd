"""Pictures in a plane of two metrics: retention against switching time, two criteria."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pvkdb.display.colours import BLUE, GREEN, GREY, PALE_BLUE, RED
from pvkdb.display.figures import new_figure
from pvkdb.display.numbers import shortened
from pvkdb.schemas.metrics import METRICS
from pvkdb.schemas.profiles import Criterion, Profile
from pvkdb.schemas.rankings import Assessment, Known, RankedCandidate, Ranking, Verdict

Value = Assessment | Known

#: So many materials are named in a picture; a screening may have hundreds.
_NAMED = 20


def times_figure(ranking: Ranking, profiles: Sequence[Profile]) -> Any:
    """Return a figure of retention against switching time, with the required retention.

    It shows measured values of devices or predicted windows of materials.
    """
    predicted = ranking.subject == "materials"
    prefix = "modelled_" if predicted else ""
    slow, fast = f"{prefix}retention_s", f"{prefix}switching_time_s"
    kind = "predicted" if predicted else "measured"
    found = [
        (entry, retention, _of(entry, fast))
        for entry in ranking.candidates
        if (retention := _of(entry, slow)) is not None
    ]
    if not found:
        return None
    both = [(entry, slowly, fastly) for entry, slowly, fastly in found if fastly is not None]
    figure, (left, right) = new_figure((8.6, 5.4), 2, sharey=True, width_ratios=[3, 2])
    for place, (entry, retention, switching) in enumerate(both):
        verdict = getattr(retention, "verdict", None)
        _cross(left, switching, retention, GREEN if verdict is Verdict.MET else RED)
        if predicted and place >= _NAMED:
            continue
        left.annotate(
            str(entry.rank) if predicted else entry.references.replace("r", "ref. "),
            (_middle(switching), _middle(retention)),
            xytext=(-6, 5),
            textcoords="offset points",
            fontsize=8,
            ha="right",
        )
    for _, retention, missing in found:
        if missing is None:
            y = _middle(retention)
            left.plot(0.02, y, "_", color=GREY, ms=9, transform=left.get_yaxis_transform())
    if predicted:
        # Windows lie close along one line, where names would cover each other.
        names = "\n".join(candidate_name(entry) for entry, _, _ in both[:_NAMED])
        left.text(0.02, 0.98, names, transform=left.transAxes, va="top", fontsize=6.5)
    if len(both) < len(found):
        left.plot([], [], "_", color=GREY, ms=9, label=f"switching time not {kind}")
    for colour, met in ((GREEN, "as wanted"), (RED, "not, or not for sure")):
        left.plot([], [], "o", color=colour, ms=5.5, label=f"retention {met}")
    left.legend(loc="lower right", fontsize=8)
    left.set(xscale="log", xlabel=f"Switching time, {kind} (s)")
    left.set(yscale="log", ylabel=f"Retention, {kind} (s)")
    if not both:
        left.set_xlim(1e-10, 1)
    left.margins(0.25)
    limit = next((each.bounds.at_most for each in ranking.criteria if each.metric == fast), None)
    if limit is not None:
        left.axvline(limit, color=BLUE, lw=1, ls="--", zorder=0)
    pairs = [(profile, each) for profile in profiles for each in profile.devices]
    windows = [(profile, each.bounds) for profile, each in pairs if each.metric == "retention_s"]
    ends = [_ends(each) for _, each, _ in found]
    low = min(1e-7, *(end / 10 for end, _ in ends))
    high = max(1e11, *(end * 10 for _, end in ends))
    left.set_ylim(low, high)
    for column, (profile, bounds) in enumerate(windows):
        mine = profile.name == ranking.application
        bottom, top = bounds.at_least or low, bounds.at_most or high
        right.bar(column, top - bottom, bottom=bottom, width=0.7, color=BLUE if mine else PALE_BLUE)
        if mine:
            left.axhspan(bottom, top, color=BLUE, alpha=0.08, lw=0)
    right.set_xticks(
        range(len(windows)),
        [profile.title for profile, _ in windows],
        rotation=40,
        ha="right",
        fontsize=8,
    )
    right.set_title("wanted", fontsize=9)
    right.tick_params(labelleft=False)
    source = ": predicted from E_A, numbers are ranks" if predicted else ""
    figure.suptitle(f"{ranking.title}, retention and switching time{source}", fontsize=10)
    return figure


def criteria_figure(ranking: Ranking) -> Any:
    """Return a figure of the two criteria with the most weight, with their bounds."""
    numeric = [
        (place, each)
        for place, each in enumerate(ranking.criteria)
        if not METRICS[each.metric].words
        and any(_known(e.criteria[place]) for e in ranking.candidates)
    ]
    numeric.sort(key=lambda pair: -pair[1].weight)
    if len(numeric) < 2:
        return None
    (first, x), (second, y) = sorted(numeric[:2], key=lambda pair: pair[0])
    known = [
        entry
        for entry in ranking.candidates
        if _known(entry.criteria[first]) and _known(entry.criteria[second])
    ]
    if not known:
        return None
    figure, axes = new_figure((6.4, 4.6))
    named = known[:6]
    for entry in known:
        colour = RED if entry in named else GREY
        _cross(axes, entry.criteria[first], entry.criteria[second], colour, entry in named)
    for entry in named:
        axes.annotate(
            candidate_name(entry, 30),
            (_middle(entry.criteria[first]), _middle(entry.criteria[second])),
            xytext=(-4, -14),
            textcoords="offset points",
            fontsize=7.5,
            ha="right",
        )
    for criterion, line, scale in (
        (x, axes.axvline, axes.set_xscale),
        (y, axes.axhline, axes.set_yscale),
    ):
        scale(criterion.scale)
        for value in (criterion.bounds.at_least, criterion.bounds.at_most):
            if value is not None:
                line(value, color=BLUE, lw=1, ls="--", zorder=0)
    axes.plot([], [], "o", color=RED, label="the first of the ranking that have both values")
    axes.plot([], [], "o", color=GREY, label="others")
    axes.plot([], [], "--", color=BLUE, label="satisfied from or up to here")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), fontsize=8)
    axes.margins(0.12)
    axes.set(xlabel=_axis(x), ylabel=_axis(y))
    figure.suptitle(f"{ranking.title}: {len(known)} with both values", fontsize=10)
    return figure


def _cross(axes: Any, x: Value, y: Value, colour: str, front: bool = True) -> None:
    """Draw a point with its intervals, and an arrow at an open side."""
    (x_low, x_high), (y_low, y_high) = _ends(x), _ends(y)
    zorder = 3 if front else 2
    axes.plot([x_low, x_high], [_middle(y)] * 2, color=colour, lw=1.2, zorder=zorder)
    axes.plot([_middle(x)] * 2, [y_low, y_high], color=colour, lw=1.2, zorder=zorder)
    axes.plot(_middle(x), _middle(y), "o", color=colour, ms=5.5, zorder=zorder)
    for assessment, (along, up) in ((x, (1, 0)), (y, (0, 1))):
        for sign, end in ((-1, assessment.minimum), (1, assessment.maximum)):
            if end is None:
                axes.annotate(
                    "",
                    xy=(_middle(x), _middle(y)),
                    xytext=(sign * along * 18, sign * up * 18),
                    textcoords="offset points",
                    arrowprops={"arrowstyle": "<-", "color": colour, "lw": 1.2},
                    zorder=zorder,
                )


def _ends(assessment: Value) -> tuple[float, float]:
    low, high = assessment.minimum, assessment.maximum
    known = low if low is not None else high
    assert known is not None
    return (known if low is None else low), (known if high is None else high)


def _middle(assessment: Value) -> float:
    """Return the middle of an interval, geometric if the metric has a log scale."""
    low, high = _ends(assessment)
    log = METRICS[assessment.metric].scale == "log" and low > 0
    return float((low * high) ** 0.5 if log else (low + high) / 2)


def _known(assessment: Value) -> bool:
    return assessment.minimum is not None or assessment.maximum is not None


def candidate_name(entry: RankedCandidate, longest: int = 38) -> str:
    """Return the rank and the shortened label of a candidate."""
    return f"{entry.rank}. {shortened(entry.label, longest)}"


def _of(entry: RankedCandidate, metric: str) -> Value | None:
    """Return a candidate's value of a metric if it is known, also if no criterion uses it."""
    listed: list[Value] = [*entry.criteria, *entry.also_known]
    return next((each for each in listed if each.metric == metric and _known(each)), None)


def _axis(criterion: Criterion) -> str:
    unit = f" ({criterion.unit})" if criterion.unit not in ("", "1") else ""
    return f"{METRICS[criterion.metric].heading}{unit}"
