"""Perovskites, double perovskites and vacancy-ordered ones, with tilted octahedra."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from math import sqrt

from ase import Atoms

from pvkdb.compositions.compounds import Compound, Stoichiometry
from pvkdb_pipelines.geometry.neighbours import neighbours
from pvkdb_pipelines.prototypes.glazer import tilted_perovskite, tilted_rock_salt
from pvkdb_pipelines.prototypes.molecules import placeholder
from pvkdb_pipelines.prototypes.prototype import TABLES, PrototypeInfo
from pvkdb_pipelines.prototypes.radii import (
    HALIDES_OF_RADII,
    LARGE_CATION_OF_RADII,
    LATTICE_OF_RADII,
    contact_ang,
    radius_ang,
)

#: Tilts to try, degrees: 10 suits most halides, less suits a large A cation.
_TILTS_DEG = (10.0, 5.0, 2.0)
#: Smallest A–X distance after the tilt, over the sum of the radii.
_CLOSEST_A_X = 0.86
#: The same for an A cation that is too large for its site.
_SQUEEZED_A_X = 0.90
#: Shift of B along each pseudo-cubic axis in the R3m start, over the lattice constant. Three
#: bonds of CsGeI3 are 0.5 Å shorter than the other three: 2 · 0.04 · 6 Å.
_OFF_CENTRE = 0.04


def tilted(compound: Compound, glazer: str) -> Atoms:
    """Build the primitive cell of ABX3 with tilted octahedra."""
    ions = compound.sites
    # An A cation that is too large for its site (t above 1.06) determines the lattice constant.
    lattice_ang = max(
        LATTICE_OF_RADII * 2 * contact_ang(ions["B"], 6, ions["X"]),
        _SQUEEZED_A_X * sqrt(2) * contact_ang(ions["A"], 12, ions["X"]),
    )

    # A molecule is placed on the A site later.
    symbols = placeholder(ions["A"]), ions["B"].symbol, ions["X"].symbol
    build = partial(tilted_perovskite, *symbols, lattice_ang, glazer=glazer, primitive=True)
    return _largest_tilt(build, compound, glazer)


def off_centred(compound: Compound) -> Atoms:
    """Build cubic ABX3 with B moved towards three of its halides, along the cube's diagonal."""
    atoms = tilted(compound, "a0a0a0")
    ions = compound.sites
    shift = _OFF_CENTRE * atoms.cell.sum(axis=0)
    atoms.positions[atoms.symbols == ions["B"].symbol] += shift
    return atoms


def tilted_double(compound: Compound, glazer: str) -> Atoms:
    """Build A2BB'X6 with two sizes of octahedra, or A3BX6 with A as the other ion."""
    ions = compound.sites
    other = ions.get("B'", ions["A"])
    lengths = [LATTICE_OF_RADII * contact_ang(ion, 6, ions["X"]) for ion in (ions["B"], other)]

    symbols = ions["A"].symbol, ions["B"].symbol, other.symbol, ions["X"].symbol
    build = partial(tilted_rock_salt, *symbols, lengths[0], sum(lengths), glazer)
    return _largest_tilt(build, compound, glazer)


def _largest_tilt(build: Callable[[float], Atoms], compound: Compound, glazer: str) -> Atoms:
    """Return the structure with the largest tilt at which A and X are not too close."""
    if glazer == "a0a0a0":
        return build(0.0)
    ions = compound.sites
    closest = _CLOSEST_A_X * contact_ang(ions["A"], 12, ions["X"])
    for tilt_deg in _TILTS_DEG:
        atoms = build(tilt_deg)
        cation, halide = (atoms.symbols == placeholder(ions[role]) for role in ("A", "X"))
        if len(neighbours(atoms, closest).between(cation, halide).first) == 0:
            break
    return atoms


def tilted_vacancy_ordered(compound: Compound, glazer: str) -> Atoms:
    """Build A2BX6, whose lattice constant follows from A–X or from X–X contacts."""
    ions = compound.sites
    bond = LATTICE_OF_RADII * contact_ang(ions["B"], 6, ions["X"])
    a_x = LARGE_CATION_OF_RADII * contact_ang(ions["A"], 12, ions["X"])
    # A lies at (L/2, L/2, L/2) from the centre of an octahedron, a halide at (bond, 0, 0).
    of_a = (2 * bond + sqrt(4 * bond**2 + 12 * (a_x**2 - bond**2))) / 3
    # Halides of neighbouring octahedra are √2 (L - bond) apart.
    of_halides = bond + HALIDES_OF_RADII * sqrt(2) * radius_ang(ions["X"], 6)
    a, b, x = (ions[role].symbol for role in ("A", "B", "X"))
    return tilted_rock_salt(a, b, None, x, bond, max(of_a, of_halides), glazer)


#: Functions that build networks of octahedra from their tilts.
_BUILDERS: dict[Stoichiometry, Callable[..., Atoms]] = {
    "ABX3": tilted,
    "A2BB'X6": tilted_double,
    "A2BX6": tilted_vacancy_ordered,
    "A3BX6": tilted_double,
}


def networks() -> Iterator[PrototypeInfo]:
    """Yield the prototypes that are networks of octahedra."""
    for entry in TABLES["network"]:
        facts = {"space_group": entry["phase"], **entry}
        tilts = facts.pop("tilts", None)
        build = _BUILDERS[facts["stoichiometry"]]
        start = off_centred if tilts is None else partial(build, glazer=tilts)
        yield PrototypeInfo(**facts, coordination=6, start=start)
