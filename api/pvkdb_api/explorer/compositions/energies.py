"""Energies of a composition: a strip plot per quantity, literature and computed values apart."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from pvkdb.display.numbers import computed_ev, short_number
from pvkdb.schemas.calculations import PotentialName
from pvkdb.schemas.calculations.reliability import barrier_error
from pvkdb.schemas.tables import EnergeticsRow
from pvkdb.store.collections import ENERGETICS
from pvkdb.store.rows.energy_ranges import open_path
from pvkdb_api.explorer.compositions.drawings import ChartAxis, axis_over
from pvkdb_api.explorer.site.rendering import link
from pvkdb_api.explorer.tables.cells import calculation_of

WIDTH = 920.0
_LEFT, _RIGHT = 16.0, 904.0
_LANE = 17.0
_HEADING = 24.0
_BAND_GAP = 10.0
_AXIS = 40.0
#: Width of the mark of a single value.
_MARK = 14.0
#: Number of colours of marks in the style sheet.
_COLOURS = 8
#: Lower and upper end of the axis of formation energies.
_DEEP, _HIGH = 262.0, 26.0
#: Length of the arrow of a bound.
_ARROW = 34.0

QUANTITIES = {"E_A": "Activation energy of migration", "DFE": "Defect formation energy"}


def statements(session: Session, formula: str, phase: str | None) -> list[EnergeticsRow]:
    """Return all energies of a composition: of the given phase first, single hops last."""
    rows = ENERGETICS.iterate(session, {"material": (formula,)})
    return sorted(
        rows,
        key=lambda row: (
            row.scope == "hop",
            row.phase != phase,
            row.phase or "",
            calculation_of(row) is not None,
            row.quantity == "DFE",
        ),
    )


def formation_lines(rows: Sequence[EnergeticsRow]) -> tuple[list[EnergeticsRow], ChartAxis] | None:
    """Return computed formation energies of neutral defects with an axis; None without any.

    An energy of a charged defect needs a valence band maximum, which no row has, and that of a
    salt is not between the limits of the halide.
    """
    computed = [row for row in rows if row.quantity == "DFE" and calculation_of(row)]
    found = [row for row in computed if not (row.charge or row.bound or "+" in row.defect)]
    ends = [end or 0.0 for row in found for end in (row.value_min_ev, row.value_max_ev)]
    return (found, axis_over([0.0, *ends], _DEEP, _HIGH)) if found else None


def value_text(row: EnergeticsRow) -> str:
    """Return an energy as text: ``0.2 to 0.3 eV``, ``at least 0.5 eV``, ``about 0.4 eV``."""
    ends = row.value_min_ev, row.value_max_ev
    shown = range_text(*map(computed_ev, ends) if calculation_of(row) else ends)
    return f"{'about ' if row.approximate else ''}{shown}"


def range_text(low: float | None, high: float | None) -> str:
    """Return a range of energies as text; the side without an end makes it a bound."""
    least, most = short_number(low), short_number(high)
    if low is None or high is None:
        return f"at most {most} eV" if low is None else f"at least {least} eV"
    return f"{least} eV" if least == most else f"{least} to {most} eV"


def strips(rows: Sequence[EnergeticsRow], host: Container[str]) -> list[dict[str, Any]]:
    """Return a strip plot for each quantity with values; a computed barrier has one mark.

    Its bands are the energies from the literature and the computed ones; ``colours`` are the
    numbers of the colours with their defects, those of the ions of the ``host`` first.
    """
    colours = _colours(rows, host)
    kept = _folded(rows)
    listed = {name: [row for row in kept if row.quantity == name] for name in QUANTITIES}
    return [_strip(name, found, colours) for name, found in listed.items() if found]


def _folded(rows: Sequence[EnergeticsRow]) -> list[EnergeticsRow]:
    """Return the rows with only the open path of each calculation, without its hops."""
    paths: dict[str, list[EnergeticsRow]] = defaultdict(list)
    for row in rows:
        if row.scope == "percolation" and (key := calculation_of(row)):
            paths[key].append(row)
    limiting = {key: open_path(found) for key, found in paths.items()}
    return [row for row in rows if limiting.get(calculation_of(row) or "", row) is row]


def _colours(rows: Sequence[EnergeticsRow], host: Container[str]) -> dict[str, int]:
    """Return the number of a colour for each defect; the rarest ones share the last colour.

    Defects of the ions of the composition come first, vacancies before others.
    """
    counts = Counter(row.defect for row in rows)
    foreign = {row.defect for row in rows if row.species not in host}
    ordered = sorted(
        counts,
        key=lambda defect: (defect in foreign, not defect.startswith("V_"), -counts[defect]),
    )
    return {defect: min(place, _COLOURS) for place, defect in enumerate(ordered, start=1)}


def _strip(
    quantity: str, rows: Sequence[EnergeticsRow], colours: Mapping[str, int]
) -> dict[str, Any]:
    ends = [end for row in rows for end in (row.value_min_ev, row.value_max_ev) if end is not None]
    axis = axis_over([0.0, *ends, max(ends) * 1.06], _LEFT, _RIGHT, about=6)
    top, bands = 0.0, list[dict[str, Any]]()
    for kind in ("literature", "computed"):
        listed = [row for row in rows if (calculation_of(row) is None) is (kind == "literature")]
        if listed:
            marks, lanes = _marks(listed, axis, top + _HEADING, colours)
            bottom = top + _HEADING + lanes * _LANE
            name = kind.capitalize()
            bands.append({"name": name, "kind": kind, "top": top, "bottom": bottom, "marks": marks})
            top = bottom + _BAND_GAP
    used: dict[int, list[str]] = {}
    for defect, colour in colours.items():
        if any(row.defect == defect for row in rows):
            used.setdefault(colour, []).append(defect)
    return {
        "quantity": quantity,
        "title": QUANTITIES[quantity],
        "bands": bands,
        "ticks": axis.ticks(8),
        "base": top,
        "height": top + _AXIS,
        "width": WIDTH,
        "colours": [*used.items()],
    }


def _marks(
    rows: Iterable[EnergeticsRow], axis: ChartAxis, top: float, colours: Mapping[str, int]
) -> tuple[list[dict[str, Any]], int]:
    """Return the marks of a band, each on the first free lane, and the number of lanes."""
    ends: list[float] = []
    marks = []
    for row in sorted(rows, key=lambda row: (row.scope == "hop", _extent(row, axis))):
        left, right = _extent(row, axis)
        lane = next((place for place, end in enumerate(ends) if end <= left), len(ends))
        ends[lane : lane + 1] = [right + 2]
        marks.append(_mark(row, axis, top + (lane + 0.5) * _LANE, colours[row.defect]))
    return marks, len(ends)


def _extent(row: EnergeticsRow, axis: ChartAxis) -> tuple[float, float]:
    low, high = row.value_min_ev, row.value_max_ev
    left = axis.at(low) if low is not None else axis.at(high or 0.0) - _ARROW
    right = axis.at(high) if high is not None else axis.at(low or 0.0) + _ARROW
    return left - _MARK / 2, right + _MARK / 2


def _mark(row: EnergeticsRow, axis: ChartAxis, height: float, colour: int) -> dict[str, Any]:
    """Return one energy as it is drawn: shape, position, colour and link.

    ``marker`` is the place of its potential among the shipped ones; each has a shape of its own.
    """
    left, right = _extent(row, axis)
    low, high = row.value_min_ev, row.value_max_ev
    shape = "point" if low == high else "interval"
    if low is None or high is None:
        shape = "upper" if low is None else "lower"
    calculation = calculation_of(row)
    source = f"{row.source}{f' ({row.references})' if row.references else ''}"
    how = " ".join(part for part in (row.method, row.functional, row.scope) if part)
    where = ", ".join(part for part in (row.phase, row.direction) if part)
    error = f", error {barrier_error(row.functional or '')}" if row.scope == "percolation" else ""
    potentials: list[str] = [*PotentialName, row.functional or ""]
    charge = "" if row.charge is None else f" {row.charge:+d}"
    lines = (
        f"{row.quantity} of {row.defect}{charge}: {value_text(row)}{error}",
        f"{how}{f'; {where}' if where else ''}",
        row.conditions,
        source,
    )
    if calculation:
        address = link("/jobs", calculation)
    else:
        first = row.references.split()
        address = link("/references", first[0]) if first else f"#{row.id}"
    return {
        "shape": shape,
        "left": left + _MARK / 2,
        "right": right - _MARK / 2,
        "height": height,
        "colour": colour,
        "marker": potentials.index(row.functional or ""),
        "text": "\n".join(filter(None, lines)),
        "address": address,
    }
