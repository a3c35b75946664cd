"""Figure of the energy along a hop."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import cycle
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from scipy.interpolate import CubicHermiteSpline

from pvkdb.display.colours import CURVES, DARK_GREY, LIGHT_GREY
from pvkdb.display.figures import check_ending, new_figure, save, style
from pvkdb.errors import InputError
from pvkdb.schemas.calculations.migration import HopBarrier, NebResult
from pvkdb.schemas.calculations.reliability import barrier_error

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Settings of matplotlib beside the common style.
STYLE = {
    "font.family": "sans-serif",
    "font.size": 9.5,
    "axes.linewidth": 0.8,
    "svg.fonttype": "none",
}
_ARROW = {"arrowstyle": "<->", "color": DARK_GREY, "linewidth": 0.9, "shrinkA": 4, "shrinkB": 0}

#: Smallest and largest barrier reported elsewhere, eV, and where (e.g. reference keys).
LiteratureRange: TypeAlias = tuple[float, float, str]


def plot_profiles(
    profiles: Mapping[str, NebResult],
    path: str | Path,
    literature: LiteratureRange | None = None,
) -> Path:
    """Draw the energy of each image of the limiting hop and the curve through them.

    The curve is the cubic Hermite spline through energies and true forces along the path, so
    its slope at each image is the computed one. Forward and reverse barriers are those of the
    images, not of the curve.

    ``profiles`` are results by the name of their potential, all of one material; the range that
    ``literature`` reports is drawn in a separate panel.

    Raises:
        InputError: No profile, several materials, or a file that is neither ``.png`` nor ``.svg``.
        MissingExtraError: matplotlib is not installed.
    """
    path = Path(path)
    check_ending(path)
    materials = {(result.formula, result.phase, result.defect) for result in profiles.values()}
    if len(materials) != 1:
        raise InputError(
            f"a figure shows one material, not {len(materials)}; give profiles of one "
            "formula, phase and defect"
        )
    with style(STYLE):
        if literature is None:
            figure, axes = new_figure((4.8, 3.5))
        else:
            figure, (axes, apart) = new_figure((5.6, 3.5), 2, sharey=True, width_ratios=(6, 1))
            _draw_literature(apart, literature)
        marks = cycle(zip(CURVES, cycle("osD^v"), strict=False))
        for mark, (name, result) in zip(marks, profiles.items(), strict=False):
            _draw_profile(axes, name, result, mark, alone=len(profiles) == 1)
        _label(axes, profiles, literature)
        return save(figure, path, dpi=200)


def interpolated_profile(barrier: HopBarrier, points: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Return path length (Å) and energy (eV) of the Hermite spline, each of shape (points,)."""
    coordinate = np.array(barrier.reaction_coordinate_ang)
    slopes = -np.array(barrier.image_tangent_forces_ev_per_ang)
    spline = CubicHermiteSpline(coordinate, np.array(barrier.image_energies_ev), slopes)
    dense = np.linspace(coordinate[0], coordinate[-1], points)
    return dense, spline(dense)


def _draw_profile(
    axes: Axes, name: str, result: NebResult, mark: tuple[str, str], *, alone: bool
) -> None:
    """Draw the curve and the images of a profile; its barriers as arrows if it is the only one."""
    barrier, (colour, marker) = result.limiting, mark
    coordinate, energy = interpolated_profile(barrier)
    forward, reverse = barrier.barrier_forward_ev or 0.0, barrier.barrier_reverse_ev or 0.0
    axes.plot(coordinate, energy, color=colour, linewidth=1.6, zorder=2)
    axes.plot(
        barrier.reaction_coordinate_ang,
        barrier.image_energies_ev,
        marker,
        color=colour,
        markeredgecolor="white",
        markeredgewidth=0.8,
        markersize=6.5,
        zorder=3,
        label=f"{name}{result.host.removeprefix(result.phase)}: {forward:.2f} / {reverse:.2f} eV, "
        f"error {barrier_error(name)}",
    )
    if not alone:
        return
    top = max(barrier.image_energies_ev)
    ends = (
        (barrier.reaction_coordinate_ang[0], barrier.image_energies_ev[0], forward, "left"),
        (barrier.reaction_coordinate_ang[-1], barrier.image_energies_ev[-1], reverse, "right"),
    )
    axes.plot(
        [ends[0][0], ends[1][0]], [top, top], color=DARK_GREY, linewidth=0.7, linestyle=(0, (4, 3))
    )
    for position, end, height, side in ends:
        axes.annotate("", (position, top), (position, end), arrowprops=_ARROW)
        direction = 1 if side == "left" else -1
        axes.annotate(
            f"{height:.3f} eV",
            (position, (3 * top + end) / 4),
            xytext=(5 * direction, 0),
            textcoords="offset points",
            horizontalalignment=side,
            verticalalignment="center",
        )


def _draw_literature(axes: Axes, literature: LiteratureRange) -> None:
    """Draw the reported range of barriers in a panel beside the profile, on its energy scale."""
    lowest, highest, source = literature
    axes.axhspan(lowest, highest, color=LIGHT_GREY, linewidth=0)
    for edge in {lowest, highest}:
        axes.axhline(edge, color=DARK_GREY, linewidth=1.2)
    axes.set_xticks([])
    axes.tick_params(left=False, labelleft=False)
    axes.spines[["left", "bottom"]].set_visible(False)
    values = f"{lowest:.2f}" if lowest == highest else f"{lowest:.2f}–{highest:.2f}"
    axes.annotate(
        f"{values} eV",
        (0.5, highest),
        xycoords=("axes fraction", "data"),
        xytext=(0, 4),
        textcoords="offset points",
        horizontalalignment="center",
        fontsize=8.5,
    )
    axes.set_xlabel("literature\n" + fill(source, 14), fontsize=8.5, color=DARK_GREY)


def _label(
    axes: Axes, profiles: Mapping[str, NebResult], literature: LiteratureRange | None
) -> None:
    """Set title, axis labels and limits."""
    first = next(iter(profiles.values()))
    formula = formula_symbol(first.formula)
    material = f"{formula} ($\\mathit{{{first.phase}}}$), limiting hop of {_symbol(first.defect)}"
    if len(profiles) == 1:
        name = next(iter(profiles))
        axes.set_title(f"{material}, {name}, error {barrier_error(name)}", fontsize=10.5)
    else:
        axes.set_title(material, fontsize=10.5)
        axes.legend(frameon=False, title="forward / reverse barrier", loc="upper left")
    axes.axhline(0.0, color=DARK_GREY, linewidth=0.6, zorder=1)
    axes.set_xlabel("Path length (Å)")
    axes.set_ylabel("Energy (eV)")
    highest = max(max(result.image_energies_ev) for result in profiles.values())
    lowest = min(min(result.image_energies_ev) for result in profiles.values())
    room = 0.12 if len(profiles) == 1 else 0.55
    ceiling = highest + room * (highest - lowest)
    if literature is not None:
        ceiling = max(ceiling, literature[1] + 0.15 * (literature[1] - lowest))
    axes.set_ylim(lowest - 0.08 * (highest - lowest), ceiling)


def formula_symbol(formula: str) -> str:
    """Return a formula with subscripts for matplotlib."""
    return re.sub(r"(?<=[A-Za-z)])(\d+)", r"$_{\1}$", formula)


def _symbol(defect: str) -> str:
    """Return a defect in Kröger–Vink notation: V_Br, Ag_i."""
    what, _, where = defect.partition("_")
    return f"$\\mathrm{{{what}}}_\\mathrm{{{where}}}$"
