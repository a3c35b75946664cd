"""Structure families from the ratio A : B : X, the kind of A cation, and the phase."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from math import sqrt
from typing import Literal, get_args

from pvkdb.chemistry.amounts import Amount, total
from pvkdb.chemistry.ions import site_radius
from pvkdb.chemistry.sites import Group, Sites
from pvkdb.chemistry.text import plain_phase
from pvkdb.errors import MissingRadiusError

Family = Literal[
    "3D",
    "double",
    "vacancy-ordered",
    "A3B2X9",
    "A3B2X9 dimer",
    "A3B2X9 layered",
    "RP",
    "DJ",
    "ACI",
    "1D",
    "0D",
    "hollow",
    "rudorffite",
    "other",
    "undetermined",
]
FAMILIES: tuple[Family, ...] = get_args(Family)

#: Dimensions in which BX6 octahedra connect; None if the family does not determine it.
DIMENSIONALITY: dict[Family, int | None] = {
    "3D": 3,
    "double": 3,
    "vacancy-ordered": 0,
    "A3B2X9": None,
    "A3B2X9 dimer": 0,
    "A3B2X9 layered": 2,
    "RP": 2,
    "DJ": 2,
    "ACI": 2,
    "1D": 1,
    "0D": 0,
    "hollow": 3,
    "rudorffite": None,
    "other": None,
    "undetermined": None,
}

#: Families by A : B : X if every A cation fits into the cuboctahedral hole.
_BY_STOICHIOMETRY: dict[tuple[int, int, int], Family] = {
    (1, 1, 3): "3D",
    (2, 1, 6): "vacancy-ordered",
    (3, 2, 9): "A3B2X9",
    (4, 1, 6): "0D",  # Cs4PbBr6
    (3, 1, 6): "0D",  # Cs3BiBr6
    (3, 2, 5): "0D",  # Cs3Cu2I5
    (2, 1, 4): "RP",  # n = 1
    (1, 2, 3): "1D",  # CsCu2I3
}

#: The same if spacers are the only A cations.
_BY_STOICHIOMETRY_OF_SPACERS: dict[tuple[int, int, int], Family] = {
    (1, 1, 3): "1D",  # (PrPyr)PbI3
    (3, 1, 5): "1D",  # (IFA)3PbI5, as the review describes it
    (2, 1, 6): "0D",
    (4, 1, 6): "0D",
}

#: Small dications that replace A and B cations in hollow perovskites, {en}MAPbI3.
HOLLOW_CATIONS = frozenset({"EDA", "DAE", "PDA", "DAP", "PN"})

#: Tolerance of A : B and X : B in an ABX3 perovskite with vacancies or rounded amounts.
_OFF_STOICHIOMETRY = Fraction(1, 10)
#: Largest share of spacers among the A cations of a 3D perovskite with an additive.
_SPACER_ADDITIVE = Fraction(1, 10)
#: Value of symbols when amounts are compared by size.
_SMALL_SHARE = Fraction(1, 20)
#: Tolerance of a layer number that is computed from rounded amounts.
_ROUNDED_LAYERS = Fraction(1, 10)


@dataclass(frozen=True, slots=True)
class StructureFamily:
    """A family, and the number of layers n of a layered phase: a number or a symbol.

    ``exact`` is True if the sites have exactly the ratio of the family.
    """

    family: Family
    layers: Amount | None = None
    exact: bool = True


def classify(sites: Sites) -> StructureFamily:
    """Return the family of a composition.

    Symbols are kept if the ratios hold for all their values (``MAPb(BrxI1-x)3``, or n in
    ``(PEA)2MAn-1PbnI3n+1``); otherwise the family is that of the host, with symbols zero.
    """
    found = _exact(sites)
    if found is not None:
        return found
    symbols = {letter for amount in sites.sums for letter in amount.symbols}
    # From here on amounts are compared by size; a symbol counts as a small share.
    sample = sites.at(dict.fromkeys(symbols, _SMALL_SHARE))
    if _is_hollow(sample):
        return StructureFamily("hollow")
    if symbols:
        host = sites.at(dict.fromkeys(symbols, Fraction(0)))
        found = _exact(host) if host.complete else None
    return found or _near(sample) or StructureFamily("other", exact=False)


def _exact(sites: Sites) -> StructureFamily | None:
    """Return the family whose site ratios are met exactly; None if there is none."""
    s, a, b, x = sites.sums
    layered = _layered(sites)
    if layered is not None:
        return layered
    if s and a:
        return None
    if not s and _is_rudorffite(sites):
        return StructureFamily("rudorffite")
    table = _BY_STOICHIOMETRY_OF_SPACERS if s else _BY_STOICHIOMETRY
    family = next(
        (family for (p, q, r), family in table.items() if (s + a) * q == b * p and x * q == b * r),
        None,
    )
    if family == "3D":
        family = "double" if _mixes_charges(sites.b) else "3D"
    elif family == "RP":
        # Isolated tetrahedra, such as those of Cs2ZnBr4, have the ratio of a single layer.
        return (
            StructureFamily("RP", Amount.of(1)) if _octahedral(sites) else StructureFamily("other")
        )
    return None if family is None else StructureFamily(family)


def _layered(sites: Sites) -> StructureFamily | None:
    """A'2A(n-1)B(n)X(3n+1) (RP), A'A(n-1)B(n)X(3n+1) (DJ), and A(n+1)B(n)X(3n+1) without spacers.

    The last is RP with one kind of cation, and ACI (alternating cations in the interlayer space)
    with one guanidinium for n others.
    """
    s, a, b, x = sites.sums
    charges = {ion.charge for ion in sites.spacers}
    family: Family
    if charges == {1}:
        unit, family = (s / 2).number, "RP"
    elif charges == {2}:
        unit, family = s.number, "DJ"
    elif not charges:
        unit, family = (a - b).number, "RP"
    else:
        return None
    if unit is None or unit <= 0:
        return None
    layers = b / unit
    small = a / unit if charges else layers - 1
    if small != layers - 1 or x / unit != 3 * layers + 1:
        return None
    number = layers.number
    if number is not None and number.denominator != 1:
        return None
    if charges:
        return StructureFamily(family, layers)
    guanidinium = total(n for ion, n in sites.a.items() if ion.symbol == "GA")
    if guanidinium == unit and layers != 1:
        return StructureFamily("ACI", layers)
    # More layers have the ratio of ABX3 with a small excess of AX. A single layer is
    # distinguished from isolated tetrahedra by the size of the ions.
    return StructureFamily("RP", layers) if number in (None, 2, 3) else None


def _near(sites: Sites) -> StructureFamily | None:
    """Return the closest family for rounded or off-stoichiometric amounts, or with an additive."""
    s, a, b, x = (amount.number or Fraction(0) for amount in sites.sums)
    if min(b, s + a) <= 0:
        return None
    if abs((s + a) / b - 1) <= _OFF_STOICHIOMETRY and abs(x / b / 3 - 1) <= _OFF_STOICHIOMETRY:
        if s <= (s + a) * _SPACER_ADDITIVE:
            return StructureFamily("3D", exact=False)
        return None if a else StructureFamily("1D", exact=False)
    charges = {ion.charge for ion in sites.spacers}
    if charges not in ({1}, {2}) or s <= 0:
        return None
    unit = s / 2 if charges == {1} else s
    layers = round(b / unit)
    off = (b / unit - layers, a / unit - (layers - 1), (x / unit - (3 * layers + 1)) / 3)
    if layers >= 1 and all(abs(value) <= _ROUNDED_LAYERS for value in off):
        return StructureFamily("RP" if charges == {1} else "DJ", Amount.of(layers), exact=False)
    return None


def _is_hollow(sites: Sites) -> bool:
    """Whether small dications replace B and X: A(1-x)en(x)B(1-0.7x)X(3-0.4x)."""
    s, a, b, x = (amount.number or Fraction(0) for amount in sites.sums)
    symbols = {ion.symbol for ion in sites.spacers}
    if min(a, s) <= 0 or not symbols <= HOLLOW_CATIONS:
        return False
    return Fraction(3, 5) <= b / (s + a) < 1 and x / (s + a) >= Fraction(5, 2)


def _mixes_charges(b_site: Group) -> bool:
    """Whether ions of unequal charge, none of them 2+, fill at least half of the B site."""
    divalent = total(n for ion, n in b_site.items() if ion.charge == 2)
    other = total(n for ion, n in b_site.items() if ion.charge != 2)
    return len({ion.charge for ion in b_site}) > 1 and other.constant >= divalent.constant


def _octahedral(sites: Sites) -> bool:
    """Whether every B is large enough for an octahedron of X: r_B / r_X of √2 − 1 or more.

    Source: L. Pauling, J. Am. Chem. Soc. 51, 1010 (1929), doi 10.1021/ja01379a006.
    """
    if any(ion.generic for group in (sites.b, sites.x) for ion in group):
        return True  # a generic formula denotes its phase
    try:
        smallest = min(site_radius(ion, "B").radius_ang for ion in sites.b)
        largest = max(site_radius(ion, "X").radius_ang for ion in sites.x)
    except MissingRadiusError:
        return False
    return smallest / largest >= sqrt(2) - 1


def _is_rudorffite(sites: Sites) -> bool:
    """Whether it is a silver or copper bismuth or antimony halide, A(a)B(b)X(a+3b)."""
    silver = all(ion.symbol in ("Ag", "Cu") for ion in sites.a)
    return silver and all(ion.charge == 3 for ion in sites.b)


#: Phases that determine how the octahedra connect, by the family of the formula.
_BY_PHASE: dict[Family, tuple[tuple[str, Family], ...]] = {
    "A3B2X9": (
        (r"p6_?3/?mmc|dimer\w*|0d", "A3B2X9 dimer"),
        (r"p-?3-?m1|layer\w*|2d", "A3B2X9 layered"),
    ),
    # The yellow phases of FAPbI3 and CsPbI3 are chains (section 2.1.2.3 of the review).
    "3D": ((r"δ|delta|yellow|2h", "1D"),),
}


def family_of_phase(family: Family, phase: str | None) -> Family:
    """Return the family of a material from its formula's family and its phase.

    A3B2X9 forms dimers of face-sharing octahedra in P6_3/mmc and corrugated layers in P-3m1; ABX3
    forms chains in the δ phase. Other phases do not change the family.

    Example:
        >>> family_of_phase("A3B2X9", "P6_3/mmc"), family_of_phase("3D", "Pnma")
        ('A3B2X9 dimer', '3D')
    """
    word = plain_phase(phase or "").lower().removesuffix("-phase")
    for pattern, found in _BY_PHASE.get(family, ()):
        if re.fullmatch(pattern, word):
            return found
    return family


#: Families whose phases differ by tilts of the same network of octahedra.
TILTED: tuple[Family, ...] = (
    *("3D", "double", "hollow", "vacancy-ordered", "A3B2X9 dimer", "A3B2X9 layered", "1D"),
)
#: Phases of ABX3 whose octahedra share faces.
FACE_SHARING = ("2H", "4H", "6H", "9R")


def network(family: str, phase: str | None) -> str | None:
    """Return the network of octahedra of a material: its family, where phases differ by tilts.

    Ions move alike in phases of one network. None: the phase is not given.

    Example:
        >>> network("3D", "Pnma") == network("3D", "Pm-3m"), network("RP", "I4/mmm")
        (True, 'I4/mmm')
    """
    return family if phase and family in TILTED and phase not in FACE_SHARING else phase


def families_by_phase(family: Family) -> frozenset[Family]:
    """Return the families that phases of a formula's family may have instead.

    Example:
        >>> sorted(families_by_phase("A3B2X9"))
        ['A3B2X9 dimer', 'A3B2X9 layered']
    """
    return frozenset(found for _, found in _BY_PHASE.get(family, ()))
