"""The read margin over the size of the array, as a picture."""

from __future__ import annotations

from math import inf
from pathlib import Path

from pvkdb.crossbar.limits import read_margin
from pvkdb.display.figures import new_figure, save
from pvkdb.schemas.crossbar import CrossbarDocument, Read

_STYLES = {Read.FLOATING: "-", Read.HALF_BIAS: "--", Read.THIRD_BIAS: ":"}
_POINTS = 200


def plot_margins(document: CrossbarDocument, path: Path) -> None:
    """Draw the margin curves of every kind of cell, the required margin, and exact reads as points.

    Raises:
        InputError: the file cannot be written.
    """
    ratio = inf if document.on_off_ratio is None else document.on_off_ratio
    largest = max([10.0, *(3 * limit.root for limit in document.limits)])
    sizes = [largest ** (step / _POINTS) for step in range(_POINTS + 1)]
    figure, axes = new_figure((8.4, 4.2))
    colours: dict[str, str] = {}
    for limit in document.limits:
        colour = colours.setdefault(limit.cell.value, f"C{len(colours)}")
        margins = [
            read_margin(n, ratio, document.pull_up_ratio, limit.cell, limit.selectivity, limit.read)
            for n in sizes
        ]
        label = f"{limit.cell.value}, {limit.read.value}: N = {limit.size}"
        axes.plot(sizes, margins, _STYLES[limit.read], color=colour, label=label)
    for exact in document.exact:
        colour = colours[exact.cell.value]
        for margin, marker in ((exact.margin_far, "v"), (exact.margin_near, "^")):
            axes.plot([exact.size], [margin], marker, color=colour, markersize=5)
    axes.axhline(document.margin, color="0.4", linewidth=0.8)
    axes.set(xscale="log", xlabel="lines of each kind, N")
    axes.set(yscale="log", ylabel="read margin ΔV / V$_{read}$")
    axes.set_ylim(bottom=document.margin / 100)
    axes.set_title(
        f"on/off {ratio:g}, R$_{{pull-up}}$ = {document.pull_up_ratio:g} R$_{{LRS}}$"
        + ("; exact circuit: ▲ near, ▼ far cell" if document.exact else ""),
        fontsize="medium",
    )
    axes.legend(fontsize="small", loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    save(figure, path)
