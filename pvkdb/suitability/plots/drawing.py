"""What the pictures of rankings share: figures without a window, colours, names."""

from __future__ import annotations

from typing import Any

from pvkdb.schemas.rankings import RankedCandidate

#: Okabe and Ito's colours, which the colour-blind tell apart.
BLUE, ORANGE, GREEN, RED, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#999999"
_LABEL = 38


def new_figure(size: tuple[float, float], columns: int = 1, **keywords: Any) -> tuple[Any, Any]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(1, columns, **keywords)


def candidate_name(entry: RankedCandidate, longest: int = _LABEL) -> str:
    name = entry.label if len(entry.label) <= longest else entry.label[: longest - 1] + "…"
    return f"{entry.rank}. {name}"
