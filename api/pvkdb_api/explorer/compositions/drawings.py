"""Drawings of the material page: axes, migration graph, profile of a hop, phase diagrams."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from pvkdb.display.numbers import short_number
from pvkdb.schemas.calculations.migration import DefectSite, HopBarrier, NebResult
from pvkdb.suitability.evidence.phase_diagrams import CompoundDiagram

# ── Axes ────────────────────────────────────────────────────────────────────────────────────────

#: Steps between ticks, times a power of ten.
_STEPS = (1.0, 2.0, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Tick:
    """A tick of an axis: its position and its label."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class ChartAxis:
    """A linear axis that maps values to positions; ``start`` can be larger than ``end``."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Return the position of a value along the axis, in the units of the drawing."""
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 2)

    def ticks(self, about: int = 5) -> list[Tick]:
        """Return ticks at round values."""
        step = _step(self.high - self.low, about)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [
            Tick(self.at(number * step), short_number(round(number * step, 10)))
            for number in range(first, last + 1)
        ]


def axis_over(values: Sequence[float], start: float, end: float, about: int = 5) -> ChartAxis:
    """Return an axis that contains all values and ends at round numbers."""
    low, high = min(values), max(values)
    if high - low < 1e-9:
        low, high = low - 0.1, high + 0.1
    step = _step(high - low, about)
    return ChartAxis(math.floor(low / step) * step, math.ceil(high / step) * step, start, end)


def _step(span: float, about: int) -> float:
    size = 10.0 ** math.floor(math.log10(span / about))
    return next(size * step for step in _STEPS if span / (size * step) <= about)


# ── The graph ───────────────────────────────────────────────────────────────────────────────────

GRAPH_SIZE = 460.0
_CENTRE = GRAPH_SIZE / 2
_RING = 158.0
NODE_RADIUS = 21.0
#: Distance between the curves of hops that connect the same two sites.
_BEND = 26.0
#: Size of the loop of a hop between equivalent sites.
_LOOP = 62.0
_THIN, _THICK = 1.4, 5.0
#: A saddle this close to the threshold is on its path, in eV.
_SAME_EV = 1e-9

Kind = Literal["path", "above", "open"]


@dataclass(frozen=True, slots=True)
class GraphNode:
    """A class of equivalent sites."""

    site: DefectSite
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class GraphEdge:
    """A class of equivalent hops: on the easiest path, above it, or without a saddle point."""

    number: int
    barrier: HopBarrier
    curve: str
    width: float
    kind: Kind
    limiting: bool
    chosen: bool


def graph_of(result: NebResult, chosen: int) -> dict[str, Any] | None:
    """Return sites as nodes and hops as edges, a lower saddle thicker; None if there are no sites.

    ``chosen`` is the number of the chosen hop, from 1.
    """
    if not result.sites:
        return None
    nodes = {}
    count = len(result.sites)
    for place, site in enumerate(result.sites):
        angle = 2 * math.pi * place / count - math.pi / 2
        ring = _RING if count > 1 else 0.0
        nodes[site.name] = GraphNode(
            site,
            round(_CENTRE + ring * math.cos(angle), 1),
            round(_CENTRE + ring * math.sin(angle), 1),
        )
    easiest_ev = result.threshold_ev(f"{result.dimensionality}D") or 0.0
    saddles = [each.saddle_ev for each in result.hops if each.saddle_ev is not None]
    # A hop that failed may end at a site that is none: it is listed, but not drawn.
    drawn = {
        number: barrier
        for number, barrier in enumerate(result.hops, start=1)
        if nodes.keys() >= {barrier.hop.start, barrier.hop.end}
    }
    curves = _curves([*drawn.values()], nodes)
    edges = [
        GraphEdge(
            number=number,
            barrier=barrier,
            curve=curve,
            width=_width(barrier.saddle_ev, saddles),
            kind=_kind(barrier.saddle_ev, easiest_ev),
            limiting=number == result.limiting_number,
            chosen=number == chosen,
        )
        for (number, barrier), curve in zip(drawn.items(), curves, strict=True)
    ]
    # The most important edges are drawn last, on top.
    edges.sort(key=lambda edge: (edge.chosen, edge.limiting, edge.kind == "path", -edge.number))
    return {"nodes": [*nodes.values()], "edges": edges, "size": GRAPH_SIZE, "radius": NODE_RADIUS}


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


def _curves(hops: Sequence[HopBarrier], nodes: dict[str, GraphNode]) -> list[str]:
    """Return a curve for each hop; hops between the same sites get separate curves."""
    between: Counter[tuple[str, ...]] = Counter(
        tuple(sorted((each.hop.start, each.hop.end))) for each in hops
    )
    drawn: dict[tuple[str, ...], int] = defaultdict(int)
    curves = []
    for each in hops:
        pair = tuple(sorted((each.hop.start, each.hop.end)))
        place, many = drawn[pair], between[pair]
        drawn[pair] += 1
        first, second = nodes[pair[0]], nodes[pair[1]]
        curves.append(
            _loop(first, place, many) if first is second else _arc(first, second, place, many)
        )
    return curves


def _arc(first: GraphNode, second: GraphNode, place: int, many: int) -> str:
    across, along = -(second.y - first.y), second.x - first.x
    length = math.hypot(across, along) or 1.0
    bend = _BEND * (place - (many - 1) / 2) * 2
    x = (first.x + second.x) / 2 + bend * across / length
    y = (first.y + second.y) / 2 + bend * along / length
    return f"M{first.x} {first.y}Q{x:.1f} {y:.1f} {second.x} {second.y}"


def _loop(node: GraphNode, place: int, many: int) -> str:
    """Return a loop that points away from the centre; a central node has evenly spaced loops."""
    if math.hypot(node.x - _CENTRE, node.y - _CENTRE) < 1:
        middle = 2 * math.pi * place / many - math.pi / 2
        spread, reach = min(0.5, 2.4 / many), 2.6 * _LOOP
    else:
        middle = math.atan2(node.y - _CENTRE, node.x - _CENTRE)
        spread, reach = 0.55, _LOOP * (1 + 0.35 * place)
    (a, b), (c, d) = (
        (node.x + reach * math.cos(middle + side), node.y + reach * math.sin(middle + side))
        for side in (-spread, spread)
    )
    return f"M{node.x} {node.y}C{a:.1f} {b:.1f} {c:.1f} {d:.1f} {node.x} {node.y}"


# ── The profile ─────────────────────────────────────────────────────────────────────────────────

PROFILE_WIDTH, PROFILE_HEIGHT = 560.0, 320.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 62.0, 500.0, 26.0, 262.0


def profile_of(barrier: HopBarrier) -> dict[str, Any] | None:
    """Return the energy along a hop, images and a curve through them; None if it has no path.

    The curve is a cubic Hermite spline whose slopes are the forces along the path, as in the
    figures of ``pvkdb neb``. A Bézier curve represents it exactly.
    """
    lengths, energies = barrier.reaction_coordinate_ang, barrier.image_energies_ev
    if len(lengths) < 2 or len(lengths) != len(energies):
        return None
    x_axis = axis_over([0.0, lengths[-1]], _LEFT, _RIGHT, about=6)
    y_axis = axis_over([*energies, max(energies) * 1.12], _BOTTOM, _TOP, about=5)
    slopes = [-force for force in barrier.image_tangent_forces_ev_per_ang]
    points = [*zip(lengths, energies, strict=True)]
    curve = f"M{x_axis.at(lengths[0])} {y_axis.at(energies[0])}"
    for place, ((s, e), (t, f)) in enumerate(pairwise(points)):
        if len(slopes) != len(points):
            curve += f"L{x_axis.at(t)} {y_axis.at(f)}"
            continue
        third = (t - s) / 3
        one, two = e + slopes[place] * third, f - slopes[place + 1] * third
        curve += (
            f"C{x_axis.at(s + third)} {y_axis.at(one)} {x_axis.at(t - third)} {y_axis.at(two)} "
            f"{x_axis.at(t)} {y_axis.at(f)}"
        )
    saddle = energies.index(max(energies))
    return {
        "images": [
            {"x": x_axis.at(s), "y": y_axis.at(e), "length_ang": s, "energy_ev": e}
            for s, e in points
        ],
        "curve": curve,
        "energies": y_axis.ticks(5),
        "lengths": x_axis.ticks(6),
        "zero": y_axis.at(0.0),
        "top": y_axis.at(energies[saddle]),
        "saddle": saddle,
        "width": PROFILE_WIDTH,
        "height": PROFILE_HEIGHT,
        "left": _LEFT,
        "right": _RIGHT,
        "bottom": _BOTTOM,
    }


# ── Phase diagrams ──────────────────────────────────────────────────────────────────────────────

#: Places of a label beside its mark: shift of the end of its line, and which end that is.
_BESIDE = ((11.0, 5.0, "start"), (-11.0, 5.0, "end"), (0.0, 24.0, "middle"), (0.0, -12.0, "middle"))
#: Width of a letter and height of a line in the largest type, that of phones.
_LETTER, _LINE = 9.5, 20.0
_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def drawn_diagram(diagram: CompoundDiagram, own: str) -> dict[str, Any]:
    """Return a diagram with its compounds in place; stable ones have labels where they fit.

    A label is text, x, y and anchor; ``energies`` are the ticks of the axis of a hull.
    ``own`` is the formula that has a label in any case, placed first.
    """
    hull = len(diagram.corners) == 2
    points, side = diagram.points, _RIGHT - _LEFT
    energies = axis_over([0.0, *(1000 * p.formation_ev for p in points.values())], _BOTTOM, _TOP)
    rise = 0.0 if hull else side * math.sqrt(3) / 2
    bottom = _TOP + rise if rise else _BOTTOM
    places = {}
    for name, each in points.items():
        top = 0.0 if hull else each.shares[2]
        x = _LEFT + side * (each.shares[1] + top / 2)
        y = bottom - rise * top if rise else energies.at(1000 * each.formation_ev)
        places[name] = round(x, 1), round(y, 1)
    taken = [(x - 7, y - 7, x + 7, y + 7) for x, y in places.values()]
    labels = {}
    named = [name for name in points if points[name].above_hull_ev <= 0 or name == own]
    for name in sorted(named, key=lambda name: (name != own, places[name])):
        text, (x, y) = name.translate(_SUBSCRIPTS), places[name]
        at_base = not hull and y == round(bottom, 1)
        for across, down, anchor in (_BESIDE[2], *_BESIDE) if at_base else _BESIDE:
            start = x + across - _LETTER * len(text) * ("start", "middle", "end").index(anchor) / 2
            box = (start, y + down - 0.8 * _LINE, start + _LETTER * len(text), y + down + 4)
            inside = box[0] > (_LEFT if hull else 0) and box[2] < PROFILE_WIDTH and box[1] > 0
            if inside and all(
                box[0] > other[2] or box[2] < other[0] or box[1] > other[3] or box[3] < other[1]
                for other in taken
            ):
                taken.append(box)
                labels[name] = text, x + across, y + down, anchor
                break
    return {
        "diagram": diagram,
        "places": places,
        "labels": labels,
        "energies": energies.ticks(),
        "corners": [corner.translate(_SUBSCRIPTS) for corner in diagram.corners],
        "height": bottom + 60,
        "bottom": bottom,
    }
