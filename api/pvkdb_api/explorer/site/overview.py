"""The plot of the start page: activation energy against defect formation energy.

Both are energies of halide vacancies; values from the literature and computed values are separate
points.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache, partial
from typing import Any, Literal

from sqlalchemy import or_
from sqlalchemy.orm import Session

from pvkdb import suitability
from pvkdb.schemas.rankings import ProfileSummary
from pvkdb.schemas.tables import CompositionsRow
from pvkdb.store.collections import COLLECTIONS, COMPOSITIONS
from pvkdb.store.rows.energy_ranges import (
    ORIGINS,
    EnergyRange,
    Origin,
    Quantity,
    Ranges,
)
from pvkdb_api.core.cache import QueryCache
from pvkdb_api.explorer.site.rendering import link

#: Origin of the two energies of a point; ``mixed``: one is computed and one reported.
Kind = Literal["literature", "computed", "mixed"]

KINDS: Mapping[Kind, str] = {
    "literature": "literature",
    "computed": "computed",
    "mixed": "one reported, one computed",
}

#: Most rows of the table below the plot.
LISTED = 500

#: Most compositions of the plot, those of which most is known first.
PLOTTED = 2000

#: Counts on the start page: collection, filters, label.
COUNTED: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("compositions", {}, "compositions"),
    ("compositions", {"has": ("structures",)}, "compositions with a structure"),
    ("compositions", {"has": ("e_a_computed",)}, "compositions with a computed activation energy"),
    ("compositions", {"has": ("reported",)}, "compositions with energies in the literature"),
    ("energetics", {"scope": ("reported",)}, "energies in the literature"),
    ("energetics", {"scope": ("percolation", "computed")}, "computed energies"),
    ("devices", {}, "devices"),
    ("device_claims", {}, "device values in text"),
    ("references", {}, "references"),
    ("calculations", {}, "calculations"),
)

#: Paths of the tables that have a section of their own.
_PATHS = {name: f"/{name}" for name in ("compositions", "devices", "references")} | {
    "calculations": "/jobs"
}


@dataclass(frozen=True, slots=True)
class Point:
    """A composition in the plot of energies; an unknown energy is None."""

    composition: str
    family: str
    kind: Kind
    e_a: EnergyRange | None
    dfe: EnergyRange | None


@dataclass(frozen=True, slots=True)
class EnergyOverview:
    """Compositions with both energies and with only one, sorted by family and formula."""

    both: tuple[Point, ...]
    only_e_a: tuple[Point, ...]
    only_dfe: tuple[Point, ...]

    @property
    def compositions(self) -> int:
        """Number of compositions with both energies."""
        return len({point.composition for point in self.both})

    @property
    def points(self) -> tuple[Point, ...]:
        """All points, those with both energies first."""
        return (*self.both, *self.only_e_a, *self.only_dfe)

    @property
    def families(self) -> tuple[str, ...]:
        """Families of the points; their order determines colours and symbols."""
        return tuple(dict.fromkeys(point.family for point in sorted(self.points, key=_by_family)))

    @property
    def listed(self) -> tuple[Point, ...]:
        """Rows of the table below the plot, those with both energies first."""
        return self.points[:LISTED]

    @property
    def unlisted(self) -> int:
        """Number of points that the table omits."""
        return max(0, len(self.points) - LISTED)

    def embedded(self) -> dict[str, Any]:
        """Return the data of the plot as JSON for the script of the page."""
        points = {"both": self.both, "only_e_a": self.only_e_a, "only_dfe": self.only_dfe}
        return {
            "families": self.families,
            "kinds": KINDS,
            **{name: [*map(_embedded, listed)] for name, listed in points.items()},
        }


def energy_overview(session: Session) -> EnergyOverview:
    """Return the energies of halide vacancies of the compositions of which most is known."""
    points = [
        point
        for row in COMPOSITIONS.find(session, _WITH_ENERGIES, PLOTTED).rows
        for point in _points(row.formula, row.families.partition("; ")[0], _ranges(row))
    ]
    points.sort(key=_by_family)
    return EnergyOverview(
        tuple(point for point in points if point.e_a and point.dfe),
        tuple(point for point in points if point.dfe is None),
        tuple(point for point in points if point.e_a is None),
    )


_WITH_ENERGIES = COMPOSITIONS.current().where(
    or_(COMPOSITIONS.condition("has", ("e_a",)), COMPOSITIONS.condition("has", ("dfe",)))
)


def table_counts(counts: QueryCache, session: Session) -> list[tuple[str, int, str]]:
    """Return the numbers of rows on the start page: address, number, label."""
    found = []
    for name, filters, label in COUNTED:
        count = partial(COLLECTIONS[name].count, session, filters)
        path = _PATHS.get(name, f"/tables/{name}")
        chosen = {key: ",".join(values) for key, values in filters.items()}
        found.append((link(path, **chosen), counts.get(session, name, filters, count), label))
    return found


@cache
def applications() -> tuple[ProfileSummary, ...]:
    """Return the applications that come with pvkdb."""
    return tuple(suitability.applications())


def _ranges(row: CompositionsRow) -> Ranges:
    """Return the ranges of a composition; the empty end of a bound is open."""
    quantities: tuple[tuple[Quantity, str], ...] = (("E_A", "e_a"), ("DFE", "dfe"))
    found: dict[tuple[Quantity, Origin], EnergyRange] = {}
    for quantity, name in quantities:
        for origin in ORIGINS:
            low, high = (getattr(row, f"{name}_{origin}_{end}_ev") for end in ("min", "max"))
            if (
                known := next((each for each in (low, high) if each is not None), None)
            ) is not None:
                ends = known if low is None else low, known if high is None else high
                found[quantity, origin] = EnergyRange(*ends, low is None, high is None, 1)
    return found


def _points(composition: str, family: str, ranges: Ranges) -> Iterator[Point]:
    """Yield a point for each origin with both energies; if none has, one point of both origins."""
    known: list[tuple[Kind, EnergyRange | None, EnergyRange | None]] = [
        (origin, ranges.get(("E_A", origin)), ranges.get(("DFE", origin))) for origin in ORIGINS
    ]
    shown = [each for each in known if each[1] and each[2]]
    if not shown:
        e_a = next((each[1] for each in known if each[1]), None)
        dfe = next((each[2] for each in known if each[2]), None)
        mixed = e_a and dfe
        shown = [("mixed", e_a, dfe)] if mixed else [each for each in known if each[1] or each[2]]
    for each in shown:
        yield Point(composition, family, *each)


def _by_family(point: Point) -> tuple[str, str, str]:
    return point.family, point.composition, point.kind


def _embedded(point: Point) -> dict[str, Any]:
    return asdict(point) | {"e_a": _ends(point.e_a), "dfe": _ends(point.dfe)}


def _ends(energy: EnergyRange | None) -> list[float | bool] | None:
    if energy is None:
        return None
    return [energy.low, energy.high, energy.open_below, energy.open_above]
