"""Prototypes: structure types of the compounds of a stoichiometry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ase import Atoms

from pvkdb_pipelines.prototypes.compounds import Compound, Stoichiometry
from pvkdb_pipelines.prototypes.wyckoff import WyckoffSite, WyckoffStructure


@dataclass(frozen=True)
class PrototypeInfo:
    """A structure type that compounds of a stoichiometry can adopt.

    Attributes:
        stoichiometry: Stoichiometry of its compounds, e.g. ``ABX3``.
        phase: Its name among the prototypes of the stoichiometry, e.g. ``Pnma``, ``delta``.
        name: Description, with the compound that the type is named after.
        space_group: Short Hermann-Mauguin symbol of the starting structure.
        number: Number of the space group.
        wyckoff: Occupied Wyckoff positions, e.g. ``A 2d, B 2a, X 6h``.
        coordination: Halides around B, or around the cation of AX.
        linkage: How the polyhedra of B are connected.
        source: Publication of the structure.
        start: Builds the starting structure of a compound, with lengths from radii.
    """

    stoichiometry: Stoichiometry
    phase: str
    name: str
    space_group: str
    number: int
    wyckoff: str
    coordination: int
    linkage: str
    source: str
    start: Callable[[Compound], Atoms] = field(repr=False, compare=False)


def published(
    stoichiometry: Stoichiometry,
    phase: str,
    name: str,
    space_group: tuple[str, int],
    cell: tuple[float, ...],
    sites: str,
    *,
    linkage: str,
    source: str,
) -> PrototypeInfo:
    """Return the prototype of a published cell and its Wyckoff positions.

    Args:
        stoichiometry, phase, name, linkage, source: See :class:`PrototypeInfo`.
        space_group: Symbol and number.
        cell: The independent ones of a, b, c in Å and, if monoclinic, beta in degrees.
        sites: One line per orbit: ion, Wyckoff letter, x, y, z and, for cations, the number of
            halides around it: ``B 2a 0 0 0 : 6``.
    """
    symbol, number = space_group
    structure = WyckoffStructure(number, _cell(number, cell), tuple(map(_site, _lines(sites))))
    coordination = next(s.coordination for s in reversed(structure.sites) if s.role != "X")
    return PrototypeInfo(
        stoichiometry=stoichiometry,
        phase=phase,
        name=name,
        space_group=symbol,
        number=number,
        wyckoff=structure.wyckoff,
        coordination=coordination,
        linkage=linkage,
        source=source,
        start=structure.fit,
    )


def _lines(sites: str) -> list[str]:
    return [line for line in (line.strip() for line in sites.splitlines()) if line]


def _site(line: str) -> WyckoffSite:
    place, _, coordination = line.partition(":")
    role, wyckoff, *coordinates = place.split()
    x, y, z = (_fraction(text) for text in coordinates)
    return WyckoffSite(role, wyckoff, (x, y, z), int(coordination or 0))  # type: ignore[arg-type]


def _fraction(text: str) -> float:
    numerator, _, denominator = text.partition("/")
    return float(numerator) / float(denominator or 1)


def _cell(number: int, cell: tuple[float, ...]) -> tuple[float, float, float, float, float, float]:
    """Return all six cell parameters from the free ones of the crystal system."""
    if number >= 195:
        (a,) = cell
        return a, a, a, 90.0, 90.0, 90.0
    if number >= 75:
        a, c = cell
        return a, a, c, 90.0, 90.0, 120.0 if number >= 143 else 90.0
    if number >= 16:
        a, b, c = cell
        return a, b, c, 90.0, 90.0, 90.0
    a, b, c, beta = cell
    return a, b, c, 90.0, beta, 90.0
