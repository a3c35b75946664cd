"""Prototypes: structure types of the compounds of a stoichiometry."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from importlib import resources
from typing import Any

from ase import Atoms

from pvkdb.compositions.compounds import Compound, Stoichiometry
from pvkdb_pipelines.prototypes.wyckoff import WyckoffSite, WyckoffStructure, length_shares


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
        spacer: Symbol of the molecule between its layers; None if it has ions.
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
    spacer: str | None = None


#: The tables of ``prototypes.toml``, which explains their keys.
TABLES: dict[str, list[dict[str, Any]]] = tomllib.loads(
    (resources.files(__package__) / "prototypes.toml").read_text(encoding="utf-8")
)


def published() -> Iterator[PrototypeInfo]:
    """Yield the prototypes with published cells and Wyckoff positions."""
    for entry in TABLES["prototype"]:
        facts = {"space_group": entry["phase"], **entry}
        structure = structure_of(facts["number"], facts.pop("cell"), facts.pop("sites"))
        yield PrototypeInfo(
            **facts,
            wyckoff=structure.wyckoff,
            coordination=next(s.coordination for s in reversed(structure.sites) if s.role != "X"),
            start=structure.fit,
        )


def structure_of(number: int, cell: list[float], sites: str) -> WyckoffStructure:
    """Return the structure of a space group, from its free cell parameters and a line an orbit."""
    orbits = tuple(map(_site, sites.strip().splitlines()))
    return WyckoffStructure(number, _cell(number, cell), orbits)


def _site(line: str) -> WyckoffSite:
    place, _, coordination = line.partition(":")
    role, wyckoff, *coordinates = place.split()
    x, y, z = (float(Fraction(text)) for text in coordinates)
    return WyckoffSite(role, wyckoff, (x, y, z), int(coordination or 0))  # type: ignore[arg-type]


def _cell(number: int, cell: list[float]) -> tuple[float, float, float, float, float, float]:
    """Return all six cell parameters from the free ones of the crystal system."""
    shares = length_shares(number)
    a, b, c = (shares @ cell[: shares.shape[1]]).tolist()
    beta, gamma = cell[3] if number < 16 else 90.0, 120.0 if 143 <= number < 195 else 90.0
    return a, b, c, 90.0, beta, gamma
