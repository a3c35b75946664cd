"""The plot of the start page: activation energy against defect formation energy.

Both are energies of halide vacancies; values from the literature and computed values are separate
points.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache, partial
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from pvkdb import suitability
from pvkdb.schemas.rankings import ProfileSummary
from pvkdb.store.collections import COLLECTIONS
from pvkdb.store.curation.energy_ranges import ORIGINS, EnergyRange, Origin, Ranges, energy_ranges
from pvkdb.store.models.materials import Material
from pvkdb_api.core.cache import QueryCache

#: Origin of the two energies of a point; ``mixed``: one is computed and one reported.
Kind = Literal["literature", "computed", "mixed"]

KINDS: Mapping[Kind, str] = {
    "literature": "literature",
    "computed": "computed",
    "mixed": "one reported, one computed",
}

#: Most rows of the table below the plot.
LISTED = 500

#: QueryCache on the start page: collection, address, label.
COUNTED = (
    ("materials", "/materials", "materials"),
    ("energetics", "/tables/energetics", "energies of ions and defects"),
    ("devices", "/devices", "devices"),
    ("device_claims", "/tables/device_claims", "device values in text"),
    ("references", "/references", "references"),
    ("calculations", "/jobs", "calculations"),
)


@dataclass(frozen=True, slots=True)
class Point:
    """A material in the plot of energies; an unknown energy is None."""

    material: str
    family: str
    kind: Kind
    e_a: EnergyRange | None
    dfe: EnergyRange | None


@dataclass(frozen=True, slots=True)
class EnergyOverview:
    """Materials with both energies and with only one, sorted by family and name."""

    both: tuple[Point, ...]
    only_e_a: tuple[Point, ...]
    only_dfe: tuple[Point, ...]

    @property
    def materials(self) -> int:
        """Number of materials with both energies."""
        return len({point.material for point in self.both})

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
    """Return the energies of halide vacancies of all materials."""
    ranges = energy_ranges(session, halides_only=True)
    known = select(Material.id, Material.family).where(Material.id.in_(ranges))
    points = [
        point
        for material, family in session.execute(known)
        for point in _points(material, family, ranges[material])
    ]
    points.sort(key=_by_family)
    return EnergyOverview(
        tuple(point for point in points if point.e_a and point.dfe),
        tuple(point for point in points if point.dfe is None),
        tuple(point for point in points if point.e_a is None),
    )


def table_counts(counts: QueryCache, session: Session) -> list[tuple[str, int, str]]:
    """Return the number of rows of the main tables: address, number, label."""
    return [
        (path, counts.get(session, name, {}, partial(COLLECTIONS[name].count, session, {})), label)
        for name, path, label in COUNTED
    ]


@cache
def applications() -> tuple[ProfileSummary, ...]:
    """Return the applications that come with pvkdb."""
    return tuple(suitability.applications())


def _points(material: str, family: str, ranges: Ranges) -> Iterator[Point]:
    """Yield a point for each origin with both energies; if none has, one point of both origins."""

    def pair(kind: Kind, e_a: EnergyRange | None, dfe: EnergyRange | None) -> Point:
        return Point(material, family, kind, e_a, dfe)

    known: tuple[tuple[Origin, EnergyRange | None, EnergyRange | None], ...] = tuple(
        (origin, ranges.get(("E_A", origin)), ranges.get(("DFE", origin))) for origin in ORIGINS
    )
    whole = [pair(*each) for each in known if each[1] and each[2]]
    e_a = next((each[1] for each in known if each[1]), None)
    dfe = next((each[2] for each in known if each[2]), None)
    if whole:
        yield from whole
    elif e_a and dfe:
        yield pair("mixed", e_a, dfe)
    else:
        yield from (pair(*each) for each in known if each[1] or each[2])


def _by_family(point: Point) -> tuple[str, str, str]:
    return point.family, point.material, point.kind


def _embedded(point: Point) -> dict[str, Any]:
    return asdict(point) | {"e_a": _ends(point.e_a), "dfe": _ends(point.dfe)}


def _ends(energy: EnergyRange | None) -> list[float | bool] | None:
    if energy is None:
        return None
    return [energy.low, energy.high, energy.open_below, energy.open_above]
