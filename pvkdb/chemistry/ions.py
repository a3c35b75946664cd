"""Ions of halide perovskites: symbols, charges and radii, each radius with its source.

A radius is meaningless without kind, coordination and source (Shannon's table alone has two kinds
that differ by 0.14 Å), so :class:`Radius` contains all three.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from typing import Any, Literal

from pvkdb.errors import InputError, MissingRadiusError

Role = Literal["A", "spacer", "X"]

#: Halides, by increasing effective ionic radius.
HALIDES = ("F", "Cl", "Br", "I")

#: Anions that partly replace halides, as in MASbSI2.
CHALCOGENS = ("O", "S", "Se")

#: Elements that are not ions of halide perovskites; in a formula they belong to molecules.
NON_METALS = frozenset({"H", "C", "N", "P"})

#: Elements found on the A site of halide perovskites, largest first (12-coordinate Shannon radii).
#: The first two are never on the B site; the others are if a larger A cation is present. In+, last,
#: has no such radius, and is on the A site only if none of the others is.
A_SITE_ELEMENTS = ("Cs", "Rb", "Tl", "K", "Na", "Li", "In")


@dataclass(frozen=True, slots=True, order=True)
class Ion:
    """An ion with its formal charge. The symbol of a ``molecular`` ion is an abbreviation.

    A ``generic`` ion is a letter for any ion of its site, such as the X of CsPbX3.
    """

    symbol: str
    charge: int
    molecular: bool = False
    generic: bool = False

    def __str__(self) -> str:
        size = "" if abs(self.charge) == 1 else str(abs(self.charge))
        return f"{self.symbol}{size}{'+' if self.charge > 0 else '-'}"


@dataclass(frozen=True, slots=True)
class MolecularIon:
    """Registry entry of a molecular ion; ``formula`` is the sum formula without charge.

    ``occurrences`` is the number of cells in the Perovskite Database with the ion; ``note``
    explains differences from the source.
    """

    symbol: str
    aliases: tuple[str, ...]
    role: Role
    charge: int
    formula: str
    smiles: str
    name: str
    occurrences: int
    source: str
    note: str

    @property
    def ion(self) -> Ion:
        """The ion as used in compositions."""
        return Ion(self.symbol, self.charge, molecular=True)


@dataclass(frozen=True, slots=True)
class Radius:
    """A published radius in Å.

    ``kind`` is "effective ionic" (Shannon) or "effective molecular" (Kieslich), ``coordination``
    is None for molecular cations, ``source`` is a key of ``sources``.
    """

    ion: Ion
    radius_ang: float
    kind: str
    coordination: int | None
    spin: str | None
    geometry: str | None
    source: str

    @property
    def label(self) -> str:
        """Description of the radius, e.g. ``Cs+ 1.88 Å (effective ionic, CN 12, shannon1976)``."""
        place = f", CN {self.coordination}" if self.coordination else ""
        return f"{self.ion} {self.radius_ang:g} Å ({self.kind}{place}, {self.source})"


def _rows(name: str) -> Iterator[dict[str, str]]:
    text = (resources.files("pvkdb.chemistry") / "data" / name).read_text(encoding="utf-8")
    return csv.DictReader(text.splitlines())


@cache
def sources() -> dict[str, dict[str, str]]:
    """Return citations, DOIs and licences of the radii and the registry, by key."""
    return {row["key"]: row for row in _rows("sources.csv")}


@cache
def molecular_ions() -> dict[str, MolecularIon]:
    """Return the registry of molecular ions by symbol; ``curation/ions.py`` creates it."""
    found = {}
    for row in _rows("molecular_ions.csv"):
        values: dict[str, Any] = row | {
            "aliases": tuple(alias for alias in row["aliases"].split(";") if alias),
            "charge": int(row["charge"]),
            "occurrences": int(row["occurrences"] or 0),
        }
        found[row["symbol"]] = MolecularIon(**values)
    return found


#: Phases of A2BX4 of which a structure with these spacers is at hand (prototypes/layers).
LAYER_PHASES = {"BA": "Pbca", "PEA": "P-1"}


@cache
def molecular_geometries() -> dict[str, tuple[tuple[str, tuple[float, float, float]], ...]]:
    """Return the atoms of the molecules that structures can hold: element and position in Å.

    The middle of the heavy atoms is the origin, a mirror plane is normal to x. MA lies along z, C
    to N; FA is planar, with its C-H bond along z. Bonds and angles of the groups CH3 and NH3 are
    means of neutron diffraction (C-H 1.09, N-H 1.03 Å; X-C-H 110.5°, X-N-H 110.8°), C-N 1.488 Å is
    from F. H. Allen et al., J. Chem. Soc. Perkin Trans. 2 (1987) S1, doi:10.1039/P298700000S1, and
    FA from the calculation of M. T. Weller et al., J. Phys. Chem. Lett. 6, 3209 (2015),
    doi:10.1021/acs.jpclett.5b01432 (C-N 1.307 Å, N-C-N 125.9°). They are starts of relaxations.
    """
    found: dict[str, tuple[tuple[str, tuple[float, float, float]], ...]] = {}
    for row in _rows("molecular_geometries.csv"):
        x, y, z = (float(row[f"{axis}_ang"]) for axis in "xyz")
        found[row["symbol"]] = (*found.get(row["symbol"], ()), (row["element"], (x, y, z)))
    return found


def _spellings(alias: str) -> set[str]:
    """Return the spellings of an alias that differ in hyphens (4-F-PEA) or the order of H3N."""
    found = {alias}
    if halogenated := re.fullmatch(r"(\d|[omp])-?(F|Cl|Br|I)-?([A-Z]{2,})", alias):
        place, halogen, rest = halogenated.groups()
        found.update(f"{place}{a}{halogen}{b}{rest}" for a in ("", "-") for b in ("", "-"))
    if re.match(r"NH3[C(]", alias):
        found.add(f"H3N{alias[3:]}")
    return found


@cache
def names() -> dict[str, tuple[str, ...]]:
    """Return the symbols that each spelling of an ion may denote, the most likely first.

    A symbol of the registry denotes its own ion only, so that canonical formulas are unique. If
    several ions share an abbreviation, the more common one comes first; elements come last (Ac is
    acetate, then actinium).
    """
    meanings: dict[str, list[str]] = {}
    for entry in sorted(molecular_ions().values(), key=lambda e: (-e.occurrences, e.symbol)):
        spellings = {name for alias in entry.aliases for name in _spellings(alias)}
        for alias in sorted(spellings - molecular_ions().keys()):
            meanings.setdefault(alias, []).append(entry.symbol)
    for symbol in molecular_ions():
        meanings[symbol] = [symbol]
    for element in sorted(elements() - NON_METALS):
        meanings.setdefault(element, []).append(element)
    meanings["CS"] = ["Cs"]  # the capital S is a common misprint
    return {name: tuple(dict.fromkeys(symbols)) for name, symbols in meanings.items()}


@cache
def radii() -> tuple[Radius, ...]:
    """Return all tabulated radii."""
    molecular = molecular_ions()
    return tuple(
        Radius(
            ion=Ion(
                row["ion"],
                int(row["charge"]),
                molecular=row["ion"] in molecular or row["kind"] == "effective molecular",
            ),
            radius_ang=float(row["radius_ang"]),
            kind=row["kind"],
            coordination=int(row["coordination"]) if row["coordination"] else None,
            spin=row["spin"] or None,
            geometry=row["geometry"] or None,
            source=row["source"],
        )
        for row in _rows("radii.csv")
    )


@cache
def elements() -> frozenset[str]:
    """Return the elements with a tabulated radius of any charge."""
    return frozenset(radius.ion.symbol for radius in radii() if not radius.ion.molecular)


@lru_cache
def common_charges(symbol: str) -> frozenset[int]:
    """Return the common positive oxidation states of an element, from pymatgen."""
    rows = (row for row in _rows("common_charges.csv") if row["element"] == symbol)
    return frozenset(int(charge) for row in rows for charge in row["charges"].split())


@cache
def ions_without_radius() -> dict[Ion, str]:
    """Return the ions of elements that halide perovskites have and no radius, with their source."""
    return {Ion(row["ion"], int(row["charge"])): row["source"] for row in _rows("no_radius.csv")}


@lru_cache
def cation_charges(symbol: str) -> tuple[int, ...]:
    """Return the positive charges of an element that is known as an ion, in ascending order."""
    known = (*(radius.ion for radius in radii()), *ions_without_radius())
    named = (ion for ion in known if ion.symbol == symbol and not ion.molecular)
    return tuple(sorted({ion.charge for ion in named if ion.charge > 0}))


#: Possible charges of the letters for any ion of a site, the most likely first. A', L and R are
#: spacers, as are the A of Ruddlesden-Popper and Dion-Jacobson phases, printed ARP and ADJ.
_GENERIC_CHARGES = {
    "X": (-1,),
    "A": (1,),
    "B": (2, 4, 3, 1),
    "M": (2, 4, 3, 1),
    "B'": (1, 2),
    "B''": (3, 4),
    "L": (1,),
    "R": (1,),
    "RNH3": (1,),
    "A'": (1, 2),
    "ARP": (1,),
    "ADJ": (2,),
}
GENERIC_SPACERS = frozenset({"L", "R", "RNH3", "A'", "ARP", "ADJ"})


@cache
def generic_ions() -> dict[str, tuple[Ion, ...]]:
    """Return the letters that denote any ion of a site, with their possible charges."""
    return {
        letter: tuple(Ion(letter, charge, generic=True) for charge in charges)
        for letter, charges in _GENERIC_CHARGES.items()
    }


def ion(symbol: str, charge: int | None = None) -> Ion:
    """Look up an ion by symbol; the charge is optional if only one is possible.

    Raises:
        InputError: the symbol is unknown, or the charge is ambiguous.
    """
    for meaning in names().get(symbol, ()):
        if meaning in molecular_ions():
            return molecular_ions()[meaning].ion
    if symbol in HALIDES and charge in (None, -1):
        return Ion(symbol, -1)
    known = cation_charges(symbol)
    if not known:
        raise InputError(f"{symbol!r} is not an ion that pvkdb knows; see: pvkdb export ions")
    if charge is None and len(known) == 1:
        return Ion(symbol, known[0])
    if charge is None:
        choices = ", ".join(f"{value:+d}" for value in known)
        raise InputError(f"{symbol!r} has several charges ({choices}); give one")
    return Ion(symbol, charge)


@cache
def site_radius(of: Ion, site: Literal["A", "B", "X"]) -> Radius:
    """Return the radius that Bartel et al. use for an ion on a site.

    A: the tabulated coordination nearest to 12; B and X: 6-coordinate, high spin if both spins are
    listed; molecular cations: the effective radius of Kieslich et al.
    Source: C. J. Bartel et al., Sci. Adv. 5, eaav0693 (2019), doi 10.1126/sciadv.aav0693.

    Raises:
        MissingRadiusError: no radius of this ion is known for the site.
    """
    known = [r for r in radii() if r.ion == of and r.geometry is None]
    if not known:
        raise MissingRadiusError(
            f"no radius with a source is known for {of}; "
            "tolerance factors of this composition are undefined"
        )
    if of.molecular:
        return known[0]
    target = 12 if site == "A" else 6
    if site != "A" and not any(r.coordination == target for r in known):
        raise MissingRadiusError(
            f"no 6-coordinate radius is known for {of}, which the {site} site needs"
        )
    # Nearest coordination first; then high spin before low spin.
    return min(known, key=lambda r: (abs((r.coordination or 0) - target), r.spin == "LS"))
