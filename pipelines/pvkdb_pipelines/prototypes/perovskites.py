"""Perovskites, double perovskites and vacancy-ordered ones, with tilted octahedra."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import sqrt

from ase import Atoms
from ase.data import atomic_numbers

from pvkdb_pipelines.geometry.neighbours import neighbours
from pvkdb_pipelines.prototypes.compounds import Compound, Stoichiometry
from pvkdb_pipelines.prototypes.glazer import tilted_perovskite, tilted_rock_salt
from pvkdb_pipelines.prototypes.prototype import PrototypeInfo
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

    def build(tilt_deg: float) -> Atoms:
        return tilted_perovskite(
            ions["A"].symbol,
            ions["B"].symbol,
            ions["X"].symbol,
            lattice_ang,
            tilt_deg,
            glazer=glazer,
            primitive=True,
        )

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

    def build(tilt_deg: float) -> Atoms:
        return tilted_rock_salt(
            ions["A"].symbol,
            ions["B"].symbol,
            other.symbol,
            ions["X"].symbol,
            lengths[0],
            sum(lengths),
            glazer,
            tilt_deg,
        )

    return _largest_tilt(build, compound, glazer)


def _largest_tilt(build: Callable[[float], Atoms], compound: Compound, glazer: str) -> Atoms:
    """Return the structure with the largest tilt at which A and X are not too close."""
    if glazer == "a0a0a0":
        return build(0.0)
    ions = compound.sites
    closest = _CLOSEST_A_X * contact_ang(ions["A"], 12, ions["X"])
    for tilt_deg in _TILTS_DEG:
        atoms = build(tilt_deg)
        pairs = neighbours(atoms, closest)
        cation, halide = (atoms.numbers == atomic_numbers[ions[r].symbol] for r in ("A", "X"))
        if len(pairs.between(cation, halide).first) == 0:
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
    return tilted_rock_salt(
        ions["A"].symbol,
        ions["B"].symbol,
        None,
        ions["X"].symbol,
        bond,
        max(of_a, of_halides),
        glazer,
    )


_HOWARD_STOKES = (
    "C. J. Howard, H. T. Stokes, Acta Cryst. B 54, 782 (1998), doi:10.1107/S0108768198004200"
)
_HOWARD_KENNEDY_WOODWARD = (
    "C. J. Howard, B. J. Kennedy, P. M. Woodward, Acta Cryst. B 59, 463 (2003), "
    "doi:10.1107/S0108768103010073"
)


def _network(
    stoichiometry: Stoichiometry,
    phase: str,
    name: str,
    number: int,
    wyckoff: str,
    start: Callable[[Compound], Atoms],
    *,
    symbol: str | None = None,
    linkage: str = "corners with 6",
    source: str = _HOWARD_KENNEDY_WOODWARD,
) -> PrototypeInfo:
    """Return the prototype of a network of octahedra; its phase is named after its space group."""
    return PrototypeInfo(
        stoichiometry, phase, name, symbol or phase, number, wyckoff, 6, linkage, source, start
    )


def _tilted(phase: str, name: str, number: int, glazer: str, wyckoff: str) -> PrototypeInfo:
    start = partial(tilted, glazer=glazer)
    name = f"{name}, tilts {glazer}"
    return _network("ABX3", phase, name, number, wyckoff, start, source=_HOWARD_STOKES)


PEROVSKITES: tuple[PrototypeInfo, ...] = (
    _tilted("Pm-3m", "cubic perovskite", 221, "a0a0a0", "A 1b, B 1a, X 3d"),
    _tilted("P4/mbm", "beta-CsSnI3", 127, "a0a0c+", "A 2c, B 2a, X 2b 4g"),
    _tilted("I4/mcm", "SrTiO3 at low temperature", 140, "a0a0c-", "A 4b, B 4c, X 4a 8h"),
    _tilted("Pnma", "GdFeO3", 62, "a-b+a-", "A 4c, B 4b, X 4c 8d"),
    _tilted("R-3c", "LaAlO3", 167, "a-a-a-", "A 6a, B 6b, X 18e"),
    _network(
        "ABX3",
        "R3m",
        "cubic perovskite with B off its centre, CsGeCl3",
        160,
        "A 3a, B 3a, X 9b",
        off_centred,
        source="G. Thiele, H. W. Rotter, K. D. Schmidt, Z. Anorg. Allg. Chem. 545, 148 (1987), "
        "doi:10.1002/zaac.19875450217",
    ),
    _network(
        "A2BB'X6",
        "Fm-3m",
        "elpasolite, K2NaAlF6",
        225,
        "A 8c, B 4a, B' 4b, X 24e",
        partial(tilted_double, glazer="a0a0a0"),
    ),
    _network(
        "A2BB'X6",
        "P2_1/n",
        "tilted double perovskite, tilts a-a-b+",
        14,
        "A 4e, B 2a, B' 2b, X 4e 4e 4e",
        partial(tilted_double, glazer="a-b+a-"),
        symbol="P2_1/c",
    ),
    _network(
        "A2BX6",
        "Fm-3m",
        "vacancy-ordered double perovskite, K2PtCl6 (J1_1)",
        225,
        "A 8c, B 4a, X 24e",
        partial(tilted_vacancy_ordered, glazer="a0a0a0"),
        linkage="isolated",
        source="AFLOW A6B2C_cF36_225_e_c_a; R. J. Williams, D. R. Dillin, W. O. Milligan, "
        "Acta Cryst. B 29, 1369 (1973)",
    ),
    _network(
        "A2BX6",
        "P4/mnc",
        "K2PtCl6 with octahedra turned in phase, tilts a0a0c+",
        128,
        "A 4d, B 2a, X 4e 8h",
        partial(tilted_vacancy_ordered, glazer="a0a0c+"),
        linkage="isolated",
    ),
    _network(
        "A3BX6",
        "Fm-3m",
        "elpasolite with A on the second octahedral site, (NH4)3FeF6",
        225,
        "A 4b 8c, B 4a, X 24e",
        partial(tilted_double, glazer="a0a0a0"),
        linkage="isolated",
    ),
    _network(
        "A3BX6",
        "P2_1/n",
        "cryolite, Na3AlF6 (J2_6)",
        14,
        "A 2b 4e, B 2a, X 4e 4e 4e",
        partial(tilted_double, glazer="a-b+a-"),
        symbol="P2_1/c",
        linkage="isolated",
        source="AFLOW AB6C3_mP20_14_a_3e_be-001; " + _HOWARD_KENNEDY_WOODWARD,
    ),
)
