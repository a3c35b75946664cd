"""The picture of docs/validation/prediction.md: measured against predicted, one panel a metric."""

from __future__ import annotations

from itertools import cycle
from pathlib import Path
from typing import Any

from pvkdb.display.colours import BLUE, GREEN, ORANGE, PURPLE, RED, SKY
from pvkdb.schemas.metrics import METRICS
from validation.prediction_points import MEASURED, Point
from validation.prediction_results import Results

_COLOURS = (BLUE, RED, GREEN, PURPLE, ORANGE, SKY, "#000000", "#8B4513")


def write_picture(results: Results, path: Path) -> None:
    """Plot windows as bars, their middles as marks, and lower bounds as triangles."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    materials = sorted({point.material for point in results.points.points})
    colours = dict(zip(materials, cycle(_COLOURS), strict=False))
    with rc_context({"svg.hashsalt": "pvkdb", "font.size": 9}):
        figure = Figure(figsize=(10.5, 4.0), layout="constrained")
        FigureCanvasAgg(figure)
        panels = figure.subplots(1, len(MEASURED))
        for axes, metric in zip(panels, MEASURED, strict=True):
            label = METRICS[metric].label.removesuffix(", model")
            unit = "V" if metric.endswith("_v") else "s"
            for point in results.of(metric):
                _draw(axes, point, colours[point.material])
            low, high = axes.get_xlim()
            axes.plot([low, high], [low, high], color="#888888", lw=0.8, ls="--")
            axes.set_xlim(low, high)
            axes.set_xlabel(f"Predicted {label} ({unit})")
            axes.set_ylabel(f"Measured ({unit})")
        for material, colour in colours.items():
            panels[0].plot([], [], "o", color=colour, label=material)
        figure.legend(loc="outside lower center", ncols=len(materials), frameon=False)
        figure.savefig(path, metadata={"Date": None})


def _draw(axes: Any, point: Point, colour: str) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    ends = [point.predicted_min, point.predicted_max]
    axes.plot(ends, [point.measured] * 2, color=colour, lw=1, alpha=0.4)
    if point.measured_max is not None:
        sides = [point.measured_min, point.measured_max]
        axes.plot([point.predicted] * 2, sides, color=colour, lw=1, alpha=0.4)
    axes.plot(point.predicted, point.measured, "^" if point.bound else "o", color=colour, ms=5)
