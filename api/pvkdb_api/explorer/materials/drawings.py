"""Drawings of a migration: the graph of sites and hops, and the energy along a hop."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from pvkdb.schemas.calculations.migration import DefectSite, HopBarrier, NebResult
from pvkdb_api.explorer.materials.charts import Tick, axis_over

# ── The graph ───────────────────────────────────────────────────────────────────────────────────

GRAPH_SIZE = 460.0
_CENTRE = GRAPH_SIZE / 2
_RING = 158.0
NODE_RADIUS = 21.0
#: How far hops between the same two sites bend apart.
_BEND = 26.0
#: How far a hop to an equivalent site of its own kind reaches out.
_LOOP = 62.0
_THIN, _THICK = 1.4, 5.0
#: Saddles that are so close to the threshold lie on its path, in eV.
_SAME_EV = 1e-9

Kind = Literal["path", "above", "open"]


@dataclass(frozen=True, slots=True)
class Node:
    """A class of equivalent sites."""

    site: DefectSite
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Edge:
    """A class of equivalent hops: on the easiest path, above it, or without a saddle point."""

    number: int
    barrier: HopBarrier
    curve: str
    width: float
    kind: Kind
    limiting: bool
    chosen: bool


@dataclass(frozen=True, slots=True)
class Graph:
    """Sites as nodes, hops as edges: the lower the saddle, the thicker."""

    nodes: list[Node]
    edges: list[Edge]
    size: float = GRAPH_SIZE
    radius: float = NODE_RADIUS


def graph_of(result: NebResult, chosen: int) -> Graph | None:
    """The graph of a result; None without sites.

    Args:
        result: of a calculation.
        chosen: number of the hop that is looked at, from 1.
    """
    if not result.sites:
        return None
    nodes = {}
    count = len(result.sites)
    for place, site in enumerate(result.sites):
        angle = 2 * math.pi * place / count - math.pi / 2
        ring = _RING if count > 1 else 0.0
        nodes[site.name] = Node(
            site,
            round(_CENTRE + ring * math.cos(angle), 1),
            round(_CENTRE + ring * math.sin(angle), 1),
        )
    threshold = next(
        each for each in result.percolation if each.direction == f"{result.dimensionality}D"
    )
    saddles = [each.saddle_ev for each in result.hops if each.saddle_ev is not None]
    curves = _curves(result, nodes)
    edges = [
        Edge(
            number=number,
            barrier=barrier,
            curve=curve,
            width=_width(barrier.saddle_ev, saddles),
            kind=_kind(barrier.saddle_ev, threshold.e_a_ev),
            limiting=number == threshold.hop + 1,
            chosen=number == chosen,
        )
        for number, (barrier, curve) in enumerate(zip(result.hops, curves, strict=True), start=1)
    ]
    # What matters is drawn last, on top.
    edges.sort(key=lambda edge: (edge.chosen, edge.limiting, edge.kind == "path", -edge.number))
    return Graph([*nodes.values()], edges)


def _kind(saddle_ev: float | None, threshold_ev: float) -> Kind:
    if saddle_ev is None:
        return "open"
    return "path" if saddle_ev <= threshold_ev + _SAME_EV else "above"


def _width(saddle_ev: float | None, saddles: list[float]) -> float:
    if saddle_ev is None:
        return _THIN
    low, high = min(saddles), max(saddles)
    share = 1.0 if high == low else (high - saddle_ev) / (high - low)
    return round(_THIN + share * (_THICK - _THIN), 2)


def _curves(result: NebResult, nodes: dict[str, Node]) -> list[str]:
    """A curve for each hop; several between the same sites bend apart."""
    between: Counter[tuple[str, ...]] = Counter(
        tuple(sorted((each.hop.start, each.hop.end))) for each in result.hops
    )
    drawn: dict[tuple[str, ...], int] = defaultdict(int)
    curves = []
    for each in result.hops:
        pair = tuple(sorted((each.hop.start, each.hop.end)))
        place, many = drawn[pair], between[pair]
        drawn[pair] += 1
        first, second = nodes[pair[0]], nodes[pair[1]]
        curves.append(
            _loop(first, place, many) if first is second else _arc(first, second, place, many)
        )
    return curves


def _arc(first: Node, second: Node, place: int, many: int) -> str:
    across, along = -(second.y - first.y), second.x - first.x
    length = math.hypot(across, along) or 1.0
    bend = _BEND * (place - (many - 1) / 2) * 2
    x = (first.x + second.x) / 2 + bend * across / length
    y = (first.y + second.y) / 2 + bend * along / length
    return f"M{first.x} {first.y}Q{x:.1f} {y:.1f} {second.x} {second.y}"


def _loop(node: Node, place: int, many: int) -> str:
    """Outwards from the middle of the drawing; around a node in the middle, evenly."""
    if math.hypot(node.x - _CENTRE, node.y - _CENTRE) < 1:
        middle, spread, reach = 2 * math.pi * place / many - math.pi / 2, 0.5, 2.6 * _LOOP
        spread = min(0.5, 2.4 / many)
    else:
        middle = math.atan2(node.y - _CENTRE, node.x - _CENTRE)
        spread, reach = 0.55, _LOOP * (1 + 0.35 * place)
    ends = [
        (node.x + reach * math.cos(middle + side), node.y + reach * math.sin(middle + side))
        for side in (-spread, spread)
    ]
    (a, b), (c, d) = ends
    return f"M{node.x} {node.y}C{a:.1f} {b:.1f} {c:.1f} {d:.1f} {node.x} {node.y}"


# ── The profile ─────────────────────────────────────────────────────────────────────────────────

PROFILE_WIDTH, PROFILE_HEIGHT = 560.0, 320.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 62.0, 500.0, 26.0, 262.0


@dataclass(frozen=True, slots=True)
class Image:
    """An image on the profile."""

    x: float
    y: float
    length_ang: float
    energy_ev: float


@dataclass(frozen=True, slots=True)
class Profile:
    """The energy along a hop: images, and the cubic through them with the forces as slopes."""

    images: list[Image]
    curve: str
    energies: list[Tick]
    lengths: list[Tick]
    zero: float
    top: float
    saddle: int
    width: float = PROFILE_WIDTH
    height: float = PROFILE_HEIGHT
    left: float = _LEFT
    right: float = _RIGHT
    bottom: float = _BOTTOM


def profile_of(barrier: HopBarrier) -> Profile | None:
    """The profile of a hop; None where it has no path.

    Between images runs the cubic whose slopes are the forces along the path (Hermite's), as in the
    figures of ``pvkdb neb``. It is drawn exactly: such a cubic is a Bézier curve.
    """
    lengths, energies = barrier.reaction_coordinate_ang, barrier.image_energies_ev
    if len(lengths) < 2 or len(lengths) != len(energies):
        return None
    across = axis_over([0.0, lengths[-1]], _LEFT, _RIGHT, about=6)
    up = axis_over([*energies, max(energies) * 1.12], _BOTTOM, _TOP, about=5)
    slopes = [-force for force in barrier.image_tangent_forces_ev_per_ang]
    points = [*zip(lengths, energies, strict=True)]
    curve = f"M{across.at(lengths[0])} {up.at(energies[0])}"
    for place, ((s, e), (t, f)) in enumerate(pairwise(points)):
        if len(slopes) != len(points):
            curve += f"L{across.at(t)} {up.at(f)}"
            continue
        third = (t - s) / 3
        one, two = e + slopes[place] * third, f - slopes[place + 1] * third
        curve += (
            f"C{across.at(s + third)} {up.at(one)} {across.at(t - third)} {up.at(two)} "
            f"{across.at(t)} {up.at(f)}"
        )
    saddle = energies.index(max(energies))
    return Profile(
        images=[Image(across.at(s), up.at(e), s, e) for s, e in points],
        curve=curve,
        energies=up.ticks(5),
        lengths=across.ticks(6),
        zero=up.at(0.0),
        top=up.at(energies[saddle]),
        saddle=saddle,
    )
