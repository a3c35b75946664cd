"""Pictures of a ranking: scores, retention against switching time, two criteria."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pvkdb.display.colours import (
    BLUE,
    GREEN,
    GREY,
    PALE_GREY,
    PALE_ORANGE,
    PALE_RED,
    PALE_SKY,
    WHITE,
)
from pvkdb.display.figures import check_ending, new_figure, save, style
from pvkdb.errors import InputError
from pvkdb.schemas.metrics import METRICS
from pvkdb.schemas.profiles import Profile
from pvkdb.schemas.rankings import Ranking, Verdict
from pvkdb.suitability.plots.planes import candidate_name, criteria_figure, times_figure

_VERDICTS = {
    Verdict.MET: ("met", GREEN),
    Verdict.GRADED: ("graded", PALE_SKY),
    Verdict.UNDECIDED: ("undecided", PALE_ORANGE),
    Verdict.NOT_DEMONSTRATED: ("not dem.", PALE_ORANGE),
    Verdict.FAILED: ("failed", PALE_RED),
    Verdict.UNKNOWN: ("unknown", PALE_GREY),
    Verdict.NOT_DEFINED: ("not def.", WHITE),
}
_MOST = 15


def plot_ranking(
    ranking: Ranking, folder: Path, profiles: Sequence[Profile] = (), ending: str = "png"
) -> list[Path]:
    """Write the pictures of a ranking, png or svg, into a folder and return their files.

    The windows of retention of the applications of ``profiles`` are drawn beside the devices.

    Raises:
        InputError: the ending is another, or the folder cannot be written to.
        MissingExtraError: matplotlib is not installed.
    """
    check_ending(Path(f"{ranking.application}.{ending}"))
    if not ranking.candidates:
        raise InputError("the ranking has no candidates with evidence; there is nothing to draw")
    stem = f"{ranking.application}-{ranking.subject}"
    written = []
    with style():
        figures = (_scores(ranking), times_figure(ranking, profiles), criteria_figure(ranking))
        for name, figure in zip(("scores", "times", "criteria"), figures, strict=True):
            if figure is not None:
                written.append(save(figure, folder / f"{stem}-{name}.{ending}"))
    return written


def _scores(ranking: Ranking) -> Any:
    """Return a figure of the score of each candidate, with every verdict beside it."""
    shown = ranking.candidates[:_MOST]
    counted = [place for place, each in enumerate(ranking.criteria) if each.weight > 0]
    figure, (left, right) = new_figure(
        (4.4 + 0.9 * len(counted) + 2.4, 1.4 + 0.34 * len(shown)),
        2,
        sharey=True,
        width_ratios=[3, max(1.0, 0.8 * len(counted))],
    )
    for row, entry in enumerate(shown):
        left.plot([entry.score_low, entry.score_high], [row, row], color=GREY, lw=1.2, zorder=1)
        left.plot(entry.score, row, "o", color=BLUE, ms=6)
    left.set_yticks(range(len(shown)), [candidate_name(entry) for entry in shown], fontsize=8)
    left.set(ylim=(len(shown) - 0.5, -0.5), xlim=(-0.03, 1.03))
    left.set_xlabel("Score, with its 95% interval")
    for column, place in enumerate(counted):
        for row, entry in enumerate(shown):
            assessment = entry.criteria[place]
            text, colour = _VERDICTS[assessment.verdict]
            if assessment.verdict in (Verdict.GRADED, Verdict.NOT_DEMONSTRATED):
                text = f"{assessment.share:.2f}"
            right.barh(row, 0.94, left=column - 0.47, height=0.9, color=colour)
            right.text(column, row, text, ha="center", va="center", fontsize=7)
    right.set_xticks(
        range(len(counted)),
        [METRICS[ranking.criteria[place].metric].label for place in counted],
        rotation=30,
        ha="right",
        fontsize=8,
    )
    right.set_xlim(-0.5, len(counted) - 0.5)
    right.tick_params(left=False, bottom=False)
    for side in ("left", "bottom"):
        right.spines[side].set_visible(False)
    count = f"{len(shown)} of {len(ranking.candidates)}"
    figure.suptitle(f"{ranking.title}, {ranking.subject}: {count}", fontsize=10)
    return figure
