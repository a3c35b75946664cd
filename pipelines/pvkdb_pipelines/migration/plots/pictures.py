"""Figures of migration: the structure along a hop, and the graph of all hops in the crystal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import covalent_radii
from ase.data.colors import jmol_colors

from pvkdb.display.colours import DARK_GREY, GREY
from pvkdb.display.figures import check_ending, new_figure, save, style
from pvkdb.errors import InputError
from pvkdb.schemas.calculations.migration import HopBarrier, NebResult
from pvkdb.schemas.calculations.reliability import barrier_error
from pvkdb_pipelines.geometry.symmetry import standard_cell
from pvkdb_pipelines.migration.plots.energy_profile import STYLE, formula_symbol
from pvkdb_pipelines.migration.sites.hops import find_hops
from pvkdb_pipelines.migration.sites.operations import SYMPREC_ANG, operations_of
from pvkdb_pipelines.migration.sites.sites import parse_defect, vacancy_sites

#: Atoms farther than this from the line of the hop are not drawn, Å.
_AROUND_ANG = 5.0
#: Atoms farther than this in front of or behind it are not drawn, Å.
_DEPTH_ANG = 3.2
#: Share of the covalent radius that is drawn.
_SCALE = 0.45


def plot_path(result: NebResult, barrier: HopBarrier, images: Sequence[Atoms], path: Path) -> Path:
    """Draw the neighbourhood of a hop, the moving atom once for each image.

    The view is perpendicular to the plane of the arc. Atoms are at their positions in the saddle
    point.

    ``images`` are all structures of the hop.

    Raises:
        InputError: the file is neither ``.png`` nor ``.svg``.
        MissingExtraError: matplotlib is not installed.
    """
    figure, axes = _figure(path, (4.8, 4.2))
    moving = _moving_atom(images)
    track = np.array([image.positions[moving] for image in images])
    saddle = images[int(np.argmax(barrier.image_energies_ev))]
    centre = (track[0] + track[-1]) / 2
    around = _neighbourhood(saddle, moving, centre)
    along = (track[-1] - track[0]) / np.linalg.norm(track[-1] - track[0])
    bulge = track[len(track) // 2] - centre
    bulge -= (bulge @ along) * along
    if np.linalg.norm(bulge) < 0.05:
        bulge = np.cross(along, [0.3, 0.5, 0.8])
    up = bulge / np.linalg.norm(bulge)
    view = np.array([along, up, np.cross(along, up)])
    # Atoms in front of the path are nearly transparent.
    drawn = [
        (number, position, 0.9 if view[2] @ (position - centre) < 0.5 else 0.25)
        for number, position in around
        if abs(view[2] @ (position - centre)) < _DEPTH_ANG
    ]
    drawn += [
        (int(saddle.numbers[moving]), position, 0.25 + 0.65 * share)
        for position, share in zip(track, np.linspace(0, 1, len(track)), strict=True)
    ]
    _draw_atoms(axes, drawn, view, centre)
    flat = (track - centre) @ view.T
    axes.plot(*flat.T[:2], color="black", linewidth=1.2, zorder=1e4)
    axes.set_title(
        f"{formula_symbol(result.formula)}, {barrier.hop.hop_class}, "
        f"{barrier.hop.length_ang:.2f} Å",
        fontsize=10,
    )
    axes.set_xlabel("Along the hop (Å)")
    axes.set_ylabel("Across it (Å)")
    axes.set_aspect("equal")
    return save(figure, path, dpi=200)


def plot_graph(result: NebResult, host: Atoms, path: Path, potential: str = "") -> Path:
    """Draw the sites of a vacancy in the conventional cell and its hops, coloured by their saddles.

    Three views, along each axis. The hops that limit the thresholds are drawn thick. ``host`` is
    the complete supercell; the measured error of ``potential`` is named.

    Raises:
        InputError: the file is neither ``.png`` nor ``.svg``, or the defect is not a vacancy.
        MissingExtraError: matplotlib is not installed.
    """
    kind, symbol = parse_defect(result.defect)
    if kind != "vacancy":
        raise InputError("the migration graph is drawn for vacancies only")
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    figure, axes = _figure(path, (9.6, 3.6), columns=3)
    elements = {site.name.rstrip("0123456789") for site in result.sites}
    sites = vacancy_sites(operations_of(host), symbol, elements)
    classes = find_hops(sites, result.cutoff_ang)
    saddles = [barrier.saddle_ev for barrier in result.hops]
    known = [saddle for saddle in saddles if saddle is not None]
    scale = Normalize(0.0, max(known))
    colours = colormaps["viridis_r"]
    limiting = {threshold.hop for threshold in result.percolation}
    vectors = host.cell.array
    conventional = standard_cell(host, SYMPREC_ANG).cell.array
    shown = _in_cell(sites.positions, conventional)
    for view, axis in enumerate(axes):
        right, up = [index for index in range(3) if index != view]
        basis = _in_plane(conventional, right, up)
        for index, (hops, saddle) in enumerate(zip(classes, saddles, strict=True)):
            if saddle is None:
                continue
            colour, height = colours(scale(saddle)), 3 - saddle / max(known)
            width = 2.2 if index in limiting else 0.9
            for i, j, vector in hops.members:
                step = sites.positions[j] + np.array(vector) @ vectors - sites.positions[i]
                for site, direction in ((i, step), (j, -step)):
                    if site in shown:
                        flat = np.array([shown[site], shown[site] + direction]) @ basis.T
                        axis.plot(*flat.T, color=colour, linewidth=width, zorder=height)
        flat = np.array(list(shown.values())) @ basis.T
        axis.scatter(*flat.T, s=26, color=DARK_GREY, zorder=5)
        corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]])
        edges = corners[:, :1] * conventional[right] + corners[:, 1:] * conventional[up]
        axis.plot(*(edges @ basis.T).T, color=GREY, linewidth=0.8, zorder=0)
        axis.set_aspect("equal")
        axis.set_title(f"along {'abc'[view]}", fontsize=9.5)
        axis.set_xlabel(f"{'abc'[right]} (Å)")
        axis.set_ylabel(f"{'abc'[up]} (Å)")
    bar = figure.colorbar(ScalarMappable(scale, colours), ax=list(axes), shrink=0.85)
    bar.set_label("Saddle above the lowest site (eV)")
    figure.suptitle(
        f"{formula_symbol(result.formula)} ({result.host}), {result.defect}: "
        f"$E_\\mathrm{{A}}$ = {result.e_a_ev:.2f} eV in {result.dimensionality}D, "
        f"error {barrier_error(potential)}",
        fontsize=10.5,
    )
    return save(figure, path, dpi=200)


def _figure(path: Path, size: tuple[float, float], columns: int = 1) -> tuple[Any, Any]:
    check_ending(path)
    with style(STYLE):
        return new_figure(size, columns)


def _moving_atom(images: Sequence[Atoms]) -> int:
    """Return the index of the atom that moves farthest between the ends of a path."""
    steps = images[-1].positions - images[0].positions
    return int(np.linalg.norm(steps, axis=1).argmax())


def _neighbourhood(atoms: Atoms, moving: int, centre: np.ndarray) -> list[tuple[int, np.ndarray]]:
    """Return atomic numbers and positions around a point, without the moving atom."""
    shifts = np.stack(np.meshgrid(*[[-1, 0, 1]] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    found = []
    for shift in shifts @ atoms.cell.array:
        for index, position in enumerate(atoms.positions + shift):
            near = np.linalg.norm(position - centre) < _AROUND_ANG
            if near and not (index == moving and not shift.any()):
                found.append((int(atoms.numbers[index]), position))
    return found


def _draw_atoms(
    axes: Any, atoms: Sequence[tuple[int, np.ndarray, float]], view: np.ndarray, centre: np.ndarray
) -> None:
    from matplotlib.patches import Circle

    for number, position, alpha in atoms:
        x, y, depth = view @ (position - centre)
        axes.add_patch(
            Circle(
                (x, y),
                _SCALE * covalent_radii[number],
                facecolor=jmol_colors[number],
                edgecolor="black",
                linewidth=0.6,
                alpha=alpha,
                zorder=100 + depth,
            )
        )
    axes.autoscale_view()


def _in_cell(positions: np.ndarray, cell: np.ndarray) -> dict[int, np.ndarray]:
    """Return the distinct points of one cell of a supercell, by index, moved into the cell."""
    scaled = positions @ np.linalg.inv(cell)
    scaled -= np.floor(scaled + 1e-4)
    shown: dict[int, np.ndarray] = {}
    for index, point in enumerate(scaled):
        apart = [point - other for other in shown.values()]
        if all(np.abs(step - np.rint(step)).max() > 1e-3 for step in apart):
            shown[index] = point
    return {index: point @ cell for index, point in shown.items()}


def _in_plane(vectors: np.ndarray, right: int, up: int) -> np.ndarray:
    """Return the two orthonormal axes of a drawing plane, one along the cell vector ``right``."""
    first = vectors[right] / np.linalg.norm(vectors[right])
    second = vectors[up] - (vectors[up] @ first) * first
    return np.array([first, second / np.linalg.norm(second)])
