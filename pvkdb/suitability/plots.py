"""Pictures of a ranking: score breakdown, retention against switching time, Pareto front, ranks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pvkdb.errors import InputError, MissingExtraError
from pvkdb.schemas.profiles import Criterion, Profile
from pvkdb.schemas.rankings import Assessment, Known, RankedCandidate, Ranking, Verdict
from pvkdb.suitability.metrics import METRICS
from pvkdb.suitability.words import metric_label

Value = Assessment | Known

ENDINGS = ("png", "svg")
_STYLE = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "svg.hashsalt": "pvkdb",
}
#: Okabe and Ito's colours, which the colour-blind tell apart.
_BLUE, _ORANGE, _GREEN, _RED, _GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#999999"
_VERDICTS = {
    Verdict.MET: ("met", _GREEN),
    Verdict.PARTLY: ("partly", "#8CC5B0"),
    Verdict.GRADED: ("graded", "#9EC5DF"),
    Verdict.UNDECIDED: ("undecided", "#F2CF8D"),
    Verdict.NOT_DEMONSTRATED: ("not dem.", "#F2CF8D"),
    Verdict.FAILED: ("failed", "#E6A688"),
    Verdict.UNKNOWN: ("unknown", "#EEEEEE"),
    Verdict.NOT_DEFINED: ("not def.", "#FFFFFF"),
}
_MOST = 15
_LABEL = 38


def plot_ranking(
    ranking: Ranking, folder: Path, profiles: Sequence[Profile] = (), ending: str = "png"
) -> list[Path]:
    """Write every picture that the ranking has data for.

    Args:
        ranking: what is drawn.
        folder: where the files go; made if it is not there.
        profiles: applications whose windows of retention are drawn beside the devices.
        ending: png or svg.

    Raises:
        InputError: the ending is another, or the folder cannot be written to.
        MissingExtraError: matplotlib is not installed.
    """
    if ending not in ENDINGS:
        raise InputError(f"pictures are {' or '.join(ENDINGS)}, not {ending!r}")
    try:
        from matplotlib import rc_context
    except ModuleNotFoundError as error:
        raise MissingExtraError("matplotlib", "plot") from error
    if not ranking.candidates:
        raise InputError("the ranking has no candidates; there is nothing to draw")
    stem = f"{ranking.application}-{ranking.subject}"
    written = []
    with rc_context(_STYLE):
        for name, figure in (
            ("scores", _scores(ranking)),
            ("times", _times(ranking, profiles)),
            ("pareto", _pareto(ranking)),
            ("ranks", _ranks(ranking)),
        ):
            if figure is None:
                continue
            path = folder / f"{stem}-{name}.{ending}"
            try:
                folder.mkdir(parents=True, exist_ok=True)
                figure.savefig(path, dpi=150, metadata={"Date": None} if ending == "svg" else None)
            except OSError as error:
                raise InputError(f"{path} cannot be written: {error.strerror}") from error
            written.append(path)
    return written


def _figure(size: tuple[float, float], columns: int = 1, **keywords: Any) -> tuple[Any, Any]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(1, columns, **keywords)


def _scores(ranking: Ranking) -> Any:
    """The three scores of each candidate, and beside them every verdict."""
    shown = ranking.candidates[:_MOST]
    counted = [place for place, each in enumerate(ranking.criteria) if each.weight > 0]
    figure, (left, right) = _figure(
        (4.4 + 0.9 * len(counted) + 2.4, 1.4 + 0.34 * len(shown)),
        2,
        sharey=True,
        width_ratios=[3, max(1.0, 0.8 * len(counted))],
    )
    for row, entry in enumerate(shown):
        left.plot([entry.shown, entry.possible], [row, row], color=_GREY, lw=1.2, zorder=1)
        left.plot(entry.shown, row, "o", color=_BLUE, ms=6)
        left.plot(entry.expected, row, "|", color=_ORANGE, ms=11, mew=2)
        left.plot(entry.possible, row, "o", mfc="white", mec=_BLUE, ms=5, zorder=1)
    left.plot([], [], "o", color=_BLUE, label="shown")
    left.plot([], [], "|", color=_ORANGE, ms=11, mew=2, label="expected")
    left.plot([], [], "o", mfc="white", mec=_BLUE, label="possible")
    left.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, fontsize=8)
    left.set_yticks(range(len(shown)), [_name(entry) for entry in shown], fontsize=8)
    left.set_ylim(len(shown) - 0.5, -0.5)
    left.set_xlim(-0.03, 1.03)
    left.set_xlabel("Score")
    for column, place in enumerate(counted):
        for row, entry in enumerate(shown):
            assessment = entry.criteria[place]
            text, colour = _VERDICTS[assessment.verdict]
            if assessment.verdict is Verdict.GRADED:
                text = f"{assessment.desirability_shown:.2f}"
            right.barh(row, 0.94, left=column - 0.47, height=0.9, color=colour)
            right.text(column, row, text, ha="center", va="center", fontsize=7)
    right.set_xticks(
        range(len(counted)),
        [metric_label(ranking.criteria[place].metric) for place in counted],
        rotation=30,
        ha="right",
        fontsize=8,
    )
    right.set_xlim(-0.5, len(counted) - 0.5)
    right.tick_params(left=False, bottom=False)
    for side in ("left", "bottom"):
        right.spines[side].set_visible(False)
    figure.suptitle(_title(ranking, len(shown)), fontsize=10)
    return figure


def _times(ranking: Ranking, profiles: Sequence[Profile]) -> Any:
    """Retention against switching time, and what each application wants of the retention."""
    modelled = "modelled_" if ranking.subject == "materials" else ""
    slow, fast = f"{modelled}retention_s", f"{modelled}switching_time_s"
    found = [
        (entry, retention, _of(entry, fast))
        for entry in ranking.candidates
        if (retention := _of(entry, slow)) is not None
    ]
    if not found:
        return None
    both = [(entry, slowly, fastly) for entry, slowly, fastly in found if fastly is not None]
    figure, (left, right) = _figure((8.6, 4.8), 2, sharey=True, width_ratios=[3, 2])
    for entry, retention, switching in both:
        verdict = getattr(retention, "verdict", None)
        _cross(left, switching, retention, _GREEN if verdict is Verdict.MET else _RED)
        left.annotate(
            entry.references.replace("r", "ref. "),
            (_middle(switching), _middle(retention)),
            xytext=(-6, 5),
            textcoords="offset points",
            fontsize=8,
            ha="right",
        )
    for _, retention, missing in found:
        if missing is None:
            y = _middle(retention)
            left.plot(0.02, y, "_", color=_GREY, ms=9, transform=left.get_yaxis_transform())
    left.plot([], [], "_", color=_GREY, ms=9, label="switching time not reported")
    left.set_xscale("log")
    left.set_yscale("log")
    if not both:
        left.set_xlim(1e-10, 1)
    left.set_xlabel("Switching time (s)")
    left.set_ylabel("Retention (s)")
    left.legend(loc="lower right", fontsize=8)
    left.margins(0.25)
    limit = next((each.bounds.at_most for each in ranking.criteria if each.metric == fast), None)
    if limit is not None:
        left.axvline(limit, color=_BLUE, lw=1, ls="--", zorder=0)
    wanted = [(profile, _retention(profile)) for profile in profiles]
    windows = [(profile, each) for profile, each in wanted if each is not None]
    low, high = 1e-7, max(1e11, *(_middle(each) for _, each, _ in found))
    left.set_ylim(low, high)
    for column, (profile, criterion) in enumerate(windows):
        bounds = criterion.bounds
        mine = profile.name == ranking.application
        bottom = bounds.at_least or low
        top = bounds.at_most or high
        right.bar(
            column,
            top - bottom,
            bottom=bottom,
            width=0.7,
            color=_BLUE if mine else "#C9D6DF",
        )
        if mine:
            left.axhspan(bottom, top, color=_BLUE, alpha=0.08, lw=0)
    right.set_xticks(
        range(len(windows)),
        [profile.title for profile, _ in windows],
        rotation=40,
        ha="right",
        fontsize=8,
    )
    right.set_title("wanted", fontsize=9)
    right.tick_params(labelleft=False)
    figure.suptitle(f"Retention and switching time: {ranking.title}", fontsize=10)
    return figure


def _pareto(ranking: Ranking) -> Any:
    """The two criteria with the most weight against each other, with their bounds."""
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
    figure, axes = _figure((6.4, 4.6))
    for entry in known:
        colour = _RED if entry.pareto else _GREY
        _cross(axes, entry.criteria[first], entry.criteria[second], colour, entry.pareto)
    labels = [entry for entry in known if entry.pareto][:6]
    for entry in labels:
        axes.annotate(
            _name(entry, 30),
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
                line(value, color=_BLUE, lw=1, ls="--", zorder=0)
    axes.plot([], [], "o", color=_RED, label="on the Pareto front of all criteria with weight")
    axes.plot([], [], "o", color=_GREY, label="dominated")
    axes.plot([], [], "--", color=_BLUE, label="satisfied from or up to here")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), fontsize=8)
    axes.margins(0.12)
    axes.set_xlabel(_axis(x))
    axes.set_ylabel(_axis(y))
    figure.suptitle(f"{ranking.title}: {len(known)} with both values", fontsize=10)
    return figure


def _ranks(ranking: Ranking) -> Any:
    """The probability of each rank for random weights and values."""
    from matplotlib import colormaps
    from matplotlib.patches import Patch

    shown = ranking.candidates[:_MOST]
    figure, axes = _figure((7.6, 1.5 + 0.32 * len(shown)))
    told = len(shown[0].rank_probabilities)
    colours = colormaps["viridis"]
    for row, entry in enumerate(shown):
        start = 0.0
        for place, share in enumerate(entry.rank_probabilities):
            axes.barh(row, share, left=start, height=0.8, color=colours(place / max(told - 1, 1)))
            start += share
        axes.barh(row, max(0.0, 1 - start), left=start, height=0.8, color="#E5E5E5")
    keys = [
        Patch(color=colours(place / max(told - 1, 1)), label=str(place + 1))
        for place in range(told)
    ]
    keys.append(Patch(color="#E5E5E5", label="later"))
    axes.legend(handles=keys, title="rank", loc="center left", bbox_to_anchor=(1, 0.5), fontsize=8)
    axes.set_yticks(range(len(shown)), [_name(entry) for entry in shown], fontsize=8)
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.set_xlim(0, 1)
    axes.set_xlabel(f"Probability ({ranking.samples} random weights and values)")
    figure.suptitle(_title(ranking, len(shown)), fontsize=10)
    return figure


def _cross(axes: Any, x: Value, y: Value, colour: str, front: bool = True) -> None:
    """A point with its intervals; an arrow where a value is open to one side."""
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
    """Where a point is drawn: the middle on the scale of the metric."""
    low, high = _ends(assessment)
    log = METRICS[assessment.metric].scale == "log" and low > 0
    return float((low * high) ** 0.5 if log else (low + high) / 2)


def _known(assessment: Value) -> bool:
    return assessment.minimum is not None or assessment.maximum is not None


def _of(entry: RankedCandidate, metric: str) -> Value | None:
    """What is known of a metric, asked for or not."""
    listed: list[Value] = [*entry.criteria, *entry.also_known]
    return next((each for each in listed if each.metric == metric and _known(each)), None)


def _retention(profile: Profile) -> Criterion | None:
    return next((each for each in profile.devices if each.metric == "retention_s"), None)


def _name(entry: RankedCandidate, longest: int = _LABEL) -> str:
    name = entry.label if len(entry.label) <= longest else entry.label[: longest - 1] + "…"
    return f"{entry.rank}. {name}"


def _axis(criterion: Criterion) -> str:
    unit = f" ({criterion.unit})" if criterion.unit not in ("", "1") else ""
    label = metric_label(criterion.metric)
    return f"{label[0].upper()}{label[1:]}{unit}"


def _title(ranking: Ranking, shown: int) -> str:
    return (
        f"{ranking.title}, {ranking.subject}, by the {ranking.order} score: "
        f"{shown} of {len(ranking.candidates)}"
    )
