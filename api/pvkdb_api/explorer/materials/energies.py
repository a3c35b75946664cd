"""Statements on energies: a strip for each quantity, the literature and what was computed apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from sqlalchemy.orm import Session

from pvkdb.display.numbers import short_number
from pvkdb.schemas.tables import EnergeticsRow, MaterialsRow
from pvkdb.store.collections import ENERGETICS
from pvkdb_api.explorer.materials.charts import Axis, Tick, axis_over
from pvkdb_api.explorer.site.rendering import link

WIDTH = 920.0
_LEFT, _RIGHT = 16.0, 904.0
_LANE = 17.0
_HEADING = 24.0
_BAND_GAP = 10.0
_AXIS = 40.0
#: Width that a single value takes on its lane.
_MARK = 14.0
#: Colours of marks in the style sheet.
_COLOURS = 8
#: Arrows of bounds are so long.
_ARROW = 34.0

QUANTITIES = {"E_A": "Activation energy of migration", "DFE": "Defect formation energy"}

_COMPUTED = "calculation "


def computed(row: EnergeticsRow) -> bool:
    """Whether pvkdb computed a statement; all others are of the literature."""
    return row.source.startswith(_COMPUTED)


def calculation_of(row: EnergeticsRow) -> str | None:
    """The calculation that a statement is from."""
    return row.source.removeprefix(_COMPUTED) if computed(row) else None


def calculation_address(key: str) -> str:
    """The page of a calculation."""
    return link("/jobs", key)


def statements(session: Session, material: MaterialsRow) -> list[EnergeticsRow]:
    """Every statement on a composition: those on the phase of the material first, hops last."""
    rows = ENERGETICS.iterate(session, {"material": (material.formula,)})
    return sorted(
        rows,
        key=lambda row: (
            row.scope == "hop",
            row.phase != material.phase,
            computed(row),
            row.quantity == "DFE",
        ),
    )


def value_text(row: EnergeticsRow) -> str:
    """The energy of a statement in words."""
    low, high = row.value_min_ev, row.value_max_ev
    sign = "about " if row.approximate else ""
    if low is None:
        return f"{sign}at most {short_number(high)} eV"
    if high is None:
        return f"{sign}at least {short_number(low)} eV"
    return (
        f"{sign}{short_number(low)} eV"
        if low == high
        else f"{sign}{short_number(low)} to {short_number(high)} eV"
    )


@dataclass(frozen=True, slots=True)
class Mark:
    """A statement on the strip."""

    shape: Literal["point", "interval", "lower", "upper"]
    left: float
    right: float
    height: float
    colour: int
    hop: bool
    text: str
    address: str


@dataclass(frozen=True, slots=True)
class Band:
    """The statements of one kind of source."""

    name: str
    kind: Literal["literature", "computed"]
    top: float
    bottom: float
    marks: list[Mark]


@dataclass(frozen=True)
class Strip:
    """The statements on one quantity over an axis of energies."""

    quantity: str
    title: str
    bands: list[Band]
    ticks: list[Tick]
    base: float
    height: float
    width: float = WIDTH
    #: Numbers of the colours, with the defects that have them.
    colours: list[tuple[int, list[str]]] = field(default_factory=list)


def strips(rows: Sequence[EnergeticsRow], host: Container[str]) -> list[Strip]:
    """A strip for each quantity on which there are statements.

    Args:
        rows: the statements.
        host: symbols of the ions of the material, whose defects get colours first.
    """
    colours = _colours(rows, host)
    found = []
    for quantity, title in QUANTITIES.items():
        listed = [row for row in rows if row.quantity == quantity]
        if listed:
            found.append(_strip(quantity, title, listed, colours))
    return found


def _colours(rows: Sequence[EnergeticsRow], host: Container[str]) -> dict[str, int]:
    """A colour for each of the commonest defects; the others share the last.

    Those of the material's own ions come first, and among them the vacancies.
    """
    counts = Counter(row.defect for row in rows)
    foreign = {row.defect for row in rows if row.species not in host}
    ordered = sorted(
        counts,
        key=lambda defect: (defect in foreign, not defect.startswith("V_"), -counts[defect]),
    )
    return {defect: min(place, _COLOURS) for place, defect in enumerate(ordered, start=1)}


def _strip(
    quantity: str, title: str, rows: Sequence[EnergeticsRow], colours: Mapping[str, int]
) -> Strip:
    ends = [end for row in rows for end in (row.value_min_ev, row.value_max_ev) if end is not None]
    axis = axis_over([0.0, *ends, max(ends) * 1.06], _LEFT, _RIGHT, about=6)
    top, bands = 0.0, []
    for name, kind in (("Literature", "literature"), ("Computed", "computed")):
        mine = [row for row in rows if computed(row) is (kind == "computed")]
        if mine:
            marks, lanes = _placed(mine, axis, top + _HEADING, colours)
            bottom = top + _HEADING + lanes * _LANE
            band_kind: Literal["literature", "computed"] = (
                "computed" if kind == "computed" else "literature"
            )
            bands.append(Band(name, band_kind, top, bottom, marks))
            top = bottom + _BAND_GAP
    used: dict[int, list[str]] = {}
    for defect, colour in colours.items():
        if any(row.defect == defect for row in rows):
            used.setdefault(colour, []).append(defect)
    return Strip(
        quantity=quantity,
        title=title,
        bands=bands,
        ticks=axis.ticks(8),
        base=top,
        height=top + _AXIS,
        colours=[*used.items()],
    )


def _placed(
    rows: Iterable[EnergeticsRow], axis: Axis, top: float, colours: Mapping[str, int]
) -> tuple[list[Mark], int]:
    """The marks, each on the first lane on which it touches no other one."""
    ends: list[float] = []
    marks = []
    for row in sorted(rows, key=lambda row: (row.scope == "hop", _extent(row, axis))):
        left, right = _extent(row, axis)
        lane = next((place for place, end in enumerate(ends) if end <= left), len(ends))
        ends[lane : lane + 1] = [right + 2]
        marks.append(_mark(row, axis, top + (lane + 0.5) * _LANE, colours[row.defect]))
    return marks, len(ends)


def _extent(row: EnergeticsRow, axis: Axis) -> tuple[float, float]:
    low, high = row.value_min_ev, row.value_max_ev
    left = axis.at(low) if low is not None else axis.at(high or 0.0) - _ARROW
    right = axis.at(high) if high is not None else axis.at(low or 0.0) + _ARROW
    return left - _MARK / 2, right + _MARK / 2


def _mark(row: EnergeticsRow, axis: Axis, height: float, colour: int) -> Mark:
    left, right = _extent(row, axis)
    low, high = row.value_min_ev, row.value_max_ev
    shape: Literal["point", "interval", "lower", "upper"] = "point" if low == high else "interval"
    if low is None or high is None:
        shape = "upper" if low is None else "lower"
    calculation = calculation_of(row)
    place = f"{row.source}{f' ({row.references})' if row.references else ''}"
    how = " ".join(part for part in (row.method, row.functional, row.scope) if part)
    where = ", ".join(part for part in (row.phase, row.direction) if part)
    first = row.references.split()
    return Mark(
        shape=shape,
        left=left + _MARK / 2,
        right=right - _MARK / 2,
        height=height,
        colour=colour,
        hop=row.scope == "hop",
        text="\n".join(
            part
            for part in (
                f"{row.quantity} of {row.defect}: {value_text(row)}",
                f"{how}{f'; {where}' if where else ''}",
                row.conditions or "",
                place,
            )
            if part
        ),
        address=(
            calculation_address(calculation)
            if calculation
            else link("/references", first[0])
            if first
            else f"#{row.id}"
        ),
    )


@dataclass(frozen=True, slots=True)
class Span:
    """The span of some statements."""

    count: int
    low: float | None
    high: float | None


def span(rows: Iterable[EnergeticsRow]) -> Span | None:
    """The span of energies; ends that only a bound hides are left open. None without statements."""
    listed = [*rows]
    if not listed:
        return None
    lows, highs = [row.value_min_ev for row in listed], [row.value_max_ev for row in listed]
    known = [low for low in lows if low is not None], [high for high in highs if high is not None]
    return Span(
        len(listed),
        min(known[0]) if len(known[0]) == len(lows) else None,
        max(known[1]) if len(known[1]) == len(highs) else None,
    )
