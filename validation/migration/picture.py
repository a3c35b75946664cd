"""The picture of the page of migration barriers."""

from __future__ import annotations

from pathlib import Path

from pvkdb.display.colours import BLUE, GREEN, RED
from validation.barrier_cases import POTENTIALS
from validation.migration.comparison import compare
from validation.migration.results import Results


def write_picture(results: Results, path: Path) -> None:
    """Plot computed against reported activation energies, one mark per statement and potential.

    Marks of upper bounds are hollow.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    compared, _ = compare(results)
    figure = Figure(figsize=(5.2, 4.6), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    highest = 0.1
    for potential, colour, mark in zip(POTENTIALS, (BLUE, RED, GREEN), "os^", strict=True):
        axes.plot([], [], mark, color=colour, markersize=5, label=potential.value)
        for entry in compared:
            value = entry.values.get(potential)
            if value is None:
                continue
            low, high = entry.interval
            face = "none" if potential in entry.at_most else colour
            axes.plot([low, high], [value, value], color=colour, linewidth=1.0, alpha=0.6)
            (drawn,) = axes.plot((low + high) / 2, value, mark, color=colour, markersize=5)
            drawn.set_markerfacecolor(face)
            highest = max(highest, high, value)
    axes.plot([0, highest], [0, highest], color="#888888", linewidth=0.8, linestyle="--")
    axes.set_xlabel("Reported (eV)")
    axes.set_ylabel("Computed bottleneck (eV)")
    axes.legend(frameon=False)
    axes.set_aspect("equal")
    with rc_context({"svg.hashsalt": "pvkdb"}):
        figure.savefig(path, metadata={"Date": None})
