"""The overview of the start page: the activation energy of each material against its defect
formation energy, of halide vacancies, literature and computed apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from pvkdb import suitability
from pvkdb.schemas.rankings import ProfileSummary
from pvkdb.store.collections import COLLECTIONS
from pvkdb.store.collections.collection import Collection
from pvkdb.store.curation.energy_ranges import ORIGINS, EnergyRange, Origin, Ranges, energy_ranges
from pvkdb.store.models.materials import Material
from pvkdb_api.core.cache import QueryCache

#: Where the two energies of a point come from; ``mixed`` where one is computed and one reported.
Kind = Literal["literature", "computed", "mixed"]

KINDS: Mapping[Kind, str] = {
    "literature": "literature",
    "computed": "computed",
    "mixed": "one reported, one computed",
}

#: Rows of the table beside the plot.
LISTED = 500

#: What the store is counted by on the start page: collection, its page, its name.
COUNTED = (
    ("materials", "/materials", "materials"),
    ("energetics", "/tables/energetics", "energies of ions and defects"),
    ("devices", "/devices", "devices"),
    ("device_claims", "/tables/device_claims", "device figures in text"),
    ("references", "/references", "references"),
    ("calculations", "/jobs", "calculations"),
)


@dataclass(frozen=True, slots=True)
class Point:
    """A material in the plot. One of the energies is None where it is not known."""

    material: str
    family: str
    kind: Kind
    e_a: EnergyRange | None
    dfe: EnergyRange | None


@dataclass(frozen=True, slots=True)
class Overview:
    """Materials with both energies, and those with one of them; by family, then by name."""

    both: tuple[Point, ...]
    only_e_a: tuple[Point, ...]
    only_dfe: tuple[Point, ...]

    @property
    def materials(self) -> int:
        """How many materials have both."""
        return len({point.material for point in self.both})

    @property
    def families(self) -> tuple[str, ...]:
        """Families that occur; their places decide colours and symbols."""
        every = (*self.both, *self.only_e_a, *self.only_dfe)
        return tuple(dict.fromkeys(point.family for point in sorted(every, key=_by_family)))

    @property
    def listed(self) -> tuple[Point, ...]:
        """The rows of the table beside the plot, those with both energies first."""
        return (*self.both, *self.only_e_a, *self.only_dfe)[:LISTED]

    @property
    def unlisted(self) -> int:
        """How many points the table leaves out."""
        return max(0, len(self.both) + len(self.only_e_a) + len(self.only_dfe) - LISTED)

    def embedded(self) -> dict[str, Any]:
        """The plot's data, to stand in the page."""
        return {
            "families": self.families,
            "kinds": KINDS,
            "both": [*map(_embedded, self.both)],
            "only_e_a": [*map(_embedded, self.only_e_a)],
            "only_dfe": [*map(_embedded, self.only_dfe)],
        }


def overview(session: Session) -> Overview:
    """The overview of a store."""
    ranges = energy_ranges(session, halides_only=True)
    known = select(Material.id, Material.family).where(Material.id.in_(ranges))
    points = [
        point
        for material, family in session.execute(known)
        for point in _points(material, family, ranges[material])
    ]
    points.sort(key=_by_family)
    return Overview(
        tuple(point for point in points if point.e_a and point.dfe),
        tuple(point for point in points if point.dfe is None),
        tuple(point for point in points if point.e_a is None),
    )


def counted(counts: QueryCache, session: Session) -> list[tuple[str, int, str]]:
    """What the store holds: address of a page, number, name."""
    return [
        (path, _count(counts, session, COLLECTIONS[name]), words) for name, path, words in COUNTED
    ]


@cache
def applications() -> tuple[ProfileSummary, ...]:
    """The applications that come with pvkdb, read once."""
    return tuple(suitability.applications())


def _points(material: str, family: str, ranges: Ranges) -> Iterator[Point]:
    """A point for each origin that knows both; else what the origins know together."""

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


def _count(counts: QueryCache, session: Session, collection: Collection[Any]) -> int:
    return counts.get(session, collection.name, {}, lambda: collection.count(session, {}))


def _by_family(point: Point) -> tuple[str, str, str]:
    return point.family, point.material, point.kind


def _embedded(point: Point) -> dict[str, Any]:
    return {
        "material": point.material,
        "family": point.family,
        "kind": point.kind,
        "e_a": _ends(point.e_a),
        "dfe": _ends(point.dfe),
    }


def _ends(energy: EnergyRange | None) -> list[float | bool] | None:
    if energy is None:
        return None
    return [energy.low, energy.high, energy.open_below, energy.open_above]
