"""Pictures of a ranking: score breakdown, retention against switching time, Pareto front, ranks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pvkdb.errors import InputError, MissingExtraError
from pvkdb.schemas.profiles import Profile
from pvkdb.schemas.rankings import Ranking, Verdict
from pvkdb.suitability.evidence.explanations import metric_label
from pvkdb.suitability.plots.drawing import BLUE, GREEN, GREY, ORANGE, candidate_name, new_figure
from pvkdb.suitability.plots.planes import pareto_figure, times_figure

ENDINGS = ("png", "svg")
_STYLE = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "svg.hashsalt": "pvkdb",
}
_VERDICTS = {
    Verdict.MET: ("met", GREEN),
    Verdict.PARTLY: ("partly", "#8CC5B0"),
    Verdict.GRADED: ("graded", "#9EC5DF"),
    Verdict.UNDECIDED: ("undecided", "#F2CF8D"),
    Verdict.NOT_DEMONSTRATED: ("not dem.", "#F2CF8D"),
    Verdict.FAILED: ("failed", "#E6A688"),
    Verdict.UNKNOWN: ("unknown", "#EEEEEE"),
    Verdict.NOT_DEFINED: ("not def.", "#FFFFFF"),
}
_MOST = 15


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
            ("times", times_figure(ranking, profiles)),
            ("pareto", pareto_figure(ranking)),
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


def _scores(ranking: Ranking) -> Any:
    """The three scores of each candidate, and beside them every verdict."""
    shown = ranking.candidates[:_MOST]
    counted = [place for place, each in enumerate(ranking.criteria) if each.weight > 0]
    figure, (left, right) = new_figure(
        (4.4 + 0.9 * len(counted) + 2.4, 1.4 + 0.34 * len(shown)),
        2,
        sharey=True,
        width_ratios=[3, max(1.0, 0.8 * len(counted))],
    )
    for row, entry in enumerate(shown):
        left.plot([entry.shown, entry.possible], [row, row], color=GREY, lw=1.2, zorder=1)
        left.plot(entry.shown, row, "o", color=BLUE, ms=6)
        left.plot(entry.expected, row, "|", color=ORANGE, ms=11, mew=2)
        left.plot(entry.possible, row, "o", mfc="white", mec=BLUE, ms=5, zorder=1)
    left.plot([], [], "o", color=BLUE, label="shown")
    left.plot([], [], "|", color=ORANGE, ms=11, mew=2, label="expected")
    left.plot([], [], "o", mfc="white", mec=BLUE, label="possible")
    left.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, fontsize=8)
    left.set_yticks(range(len(shown)), [candidate_name(entry) for entry in shown], fontsize=8)
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


def _ranks(ranking: Ranking) -> Any:
    """The probability of each rank for random weights and values."""
    from matplotlib import colormaps
    from matplotlib.patches import Patch

    shown = ranking.candidates[:_MOST]
    figure, axes = new_figure((7.6, 1.5 + 0.32 * len(shown)))
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
    axes.set_yticks(range(len(shown)), [candidate_name(entry) for entry in shown], fontsize=8)
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.set_xlim(0, 1)
    axes.set_xlabel(f"Probability ({ranking.samples} random weights and values)")
    figure.suptitle(_title(ranking, len(shown)), fontsize=10)
    return figure


def _title(ranking: Ranking, shown: int) -> str:
    return (
        f"{ranking.title}, {ranking.subject}, by the {ranking.order} score: "
        f"{shown} of {len(ranking.candidates)}"
    )
