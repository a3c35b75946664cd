"""Site-resolved compositions: which ion on which site, how much, and what family that makes.

From the amounts of a formula, charges are assigned so that the formula balances, ions are put on
the A, B and X sites, and the structure family follows from the stoichiometry and the kind of
A-site cation. The canonical formula is the same for every spelling of a composition.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import product
from math import gcd, lcm, prod, sqrt
from typing import Literal, get_args

from pvkdb.chemistry.formula import format_amount, is_exact, parse_amounts
from pvkdb.chemistry.ions import (
    A_SITE_ELEMENTS,
    HALIDES,
    NON_METALS,
    Ion,
    cation_charges,
    common_charges,
    molecular_ions,
    site_radius,
)
from pvkdb.errors import FormulaError, InputError, MissingRadiusError

Family = Literal["3D", "double", "vacancy-ordered", "A3B2X9", "RP", "DJ", "1D", "0D", "other"]
FAMILIES: tuple[Family, ...] = get_args(Family)
Site = Literal["A", "B", "X"]
SITES: tuple[Site, ...] = ("A", "B", "X")

#: Assignments of charges to try before a formula is refused as too complex.
_MAX_CHARGE_ASSIGNMENTS = 20_000

#: Connectivity of the BX6 octahedra; None where the stoichiometry alone does not decide it.
_DIMENSIONALITY: dict[Family, int | None] = {
    "3D": 3,
    "double": 3,
    "vacancy-ordered": 0,
    "A3B2X9": None,
    "RP": 2,
    "DJ": 2,
    "1D": 1,
    "0D": 0,
    "other": None,
}

#: Families that A : B : X decides when every A cation is small enough for the cuboctahedral hole.
_BY_STOICHIOMETRY: dict[tuple[int, ...], Family] = {
    (1, 1, 3): "3D",
    (2, 1, 6): "vacancy-ordered",
    (3, 2, 9): "A3B2X9",
    (4, 1, 6): "0D",  # Cs4PbBr6
    (3, 2, 5): "0D",  # Cs3Cu2I5
    (2, 1, 4): "RP",  # n = 1
    (1, 2, 3): "1D",  # CsCu2I3
}


@dataclass(frozen=True, slots=True)
class Occupant:
    """An ion on a site and its amount in one formula unit."""

    site: Site
    ion: Ion
    amount: Fraction


@dataclass(frozen=True, slots=True)
class Composition:
    """A charge-balanced halide composition.

    ``layers`` is n of a layered phase (A'2 A(n-1) B(n) X(3n+1) and its Dion-Jacobson sibling).
    """

    formula: str
    occupants: tuple[Occupant, ...]
    family: Family
    layers: int | None = None

    def on(self, site: Site) -> tuple[Occupant, ...]:
        """The occupants of a site, in the order of the formula."""
        return tuple(occupant for occupant in self.occupants if occupant.site == site)

    @property
    def dimensionality(self) -> int | None:
        """Dimensions in which octahedra connect; None where the formula does not decide it."""
        return _DIMENSIONALITY[self.family]

    @property
    def lead_free(self) -> bool:
        """Whether no lead is present."""
        return all(occupant.ion.symbol != "Pb" for occupant in self.occupants)

    def __str__(self) -> str:
        return self.formula


@lru_cache(maxsize=4096)
def parse_composition(text: str) -> Composition:
    """Parse a formula into a charge-balanced, site-resolved composition.

    Raises:
        FormulaError: not a halide, not balanced, or not understood; the message says where.

    Example:
        >>> parse_composition("PbCsBr3").formula, parse_composition("Cs2AgBiBr6").family
        ('CsPbBr3', 'double')
    """
    amounts = parse_amounts(text)
    anions = {symbol: amount for symbol, amount in amounts.items() if symbol in HALIDES}
    if not anions:
        raise FormulaError(
            f"formula {text!r} holds no halide; pvkdb covers compounds of F, Cl, Br and I"
        )
    cations = {symbol: amount for symbol, amount in amounts.items() if symbol not in HALIDES}
    ions = _balance(text, cations, sum(anions.values(), Fraction(0)))
    spacers, a_site, b_site = _assign_sites(text, ions)
    x_site = {Ion(symbol, -1): amount for symbol, amount in anions.items()}
    family, layers = _family(spacers, a_site, b_site, x_site)
    scale = _scale(family, (spacers, a_site, b_site, x_site))
    ordered: tuple[tuple[Site, list[tuple[Ion, Fraction]]], ...] = (
        ("A", _sorted(spacers)),
        ("A", _sorted(a_site)),
        ("B", _sorted(b_site)),
        ("X", sorted(x_site.items(), key=lambda item: -HALIDES.index(item[0].symbol))),
    )
    occupants = tuple(
        Occupant(site, ion, amount * scale) for site, group in ordered for ion, amount in group
    )
    return Composition(_canonical(occupants), occupants, family, layers)


def _balance(text: str, cations: dict[str, Fraction], negative: Fraction) -> dict[Ion, Fraction]:
    """Charges that make the formula neutral: the likeliest set of them."""
    if not cations:
        raise FormulaError(f"formula {text!r} holds no cation, so its charge cannot balance")
    options: list[list[Ion]] = []
    for symbol in cations:
        if symbol in molecular_ions():
            options.append([molecular_ions()[symbol].ion])
        else:
            options.append([Ion(symbol, charge) for charge in _charges(symbol)])
    if prod(len(choices) for choices in options) > _MAX_CHARGE_ASSIGNMENTS:
        raise FormulaError(
            f"formula {text!r} holds {len(cations)} cations, too many to assign charges to"
        )
    totals = {
        choice: sum(ion.charge * n for ion, n in zip(choice, cations.values(), strict=True))
        for choice in product(*options)
    }
    balanced = [choice for choice, positive in totals.items() if positive == negative]
    if not balanced:
        closest = min(totals.values(), key=lambda positive: abs(positive - negative))
        raise FormulaError(
            f"formula {text!r} does not balance: its cations give at best "
            f"{float(closest):+g}, its halides {-float(negative):+g}; check the amounts"
        )
    chosen = min(balanced, key=_unlikeliness)
    return dict(zip(chosen, cations.values(), strict=True))


def _unlikeliness(choice: tuple[Ion, ...]) -> tuple[int, int, list[Ion]]:
    """Few uncommon charges first, then evenly spread ones; the ions themselves break ties."""
    elements = [ion for ion in choice if not ion.molecular]
    uncommon = sum(ion.charge not in common_charges(ion.symbol) for ion in elements)
    return uncommon, sum(ion.charge**2 for ion in choice), sorted(choice)


def _charges(symbol: str) -> tuple[int, ...]:
    """Charges to try for an element.

    Raises:
        FormulaError: the element is no cation of a halide perovskite.
    """
    if symbol in NON_METALS:
        raise FormulaError(
            f"{symbol!r} cannot stand on a cation site alone; it seems to belong to an organic "
            "cation that pvkdb does not know (see: pvkdb export ions)"
        )
    charges = cation_charges(symbol)
    if not charges:
        raise FormulaError(f"{symbol!r} has no cation in Shannon's table, so it cannot be placed")
    return charges


def _assign_sites(
    text: str, ions: dict[Ion, Fraction]
) -> tuple[dict[Ion, Fraction], dict[Ion, Fraction], dict[Ion, Fraction]]:
    """Split cations into large spacers, A-site and B-site ions."""
    spacers = {
        ion: n
        for ion, n in ions.items()
        if ion.molecular and molecular_ions()[ion.symbol].role == "spacer"
    }
    a_site = {
        ion: n
        for ion, n in ions.items()
        if ion not in spacers and (ion.molecular or ion.symbol in A_SITE_ELEMENTS[:2])
    }
    rest = {ion: n for ion, n in ions.items() if ion not in spacers and ion not in a_site}
    if not a_site and not spacers:
        for symbol in A_SITE_ELEMENTS[2:]:
            if Ion(symbol, 1) in rest:
                a_site = {Ion(symbol, 1): rest.pop(Ion(symbol, 1))}
                break
    if not a_site and not spacers:
        known = ", ".join([*A_SITE_ELEMENTS, *sorted(molecular_ions())])
        raise FormulaError(f"formula {text!r} holds no A-site cation; pvkdb knows these: {known}")
    if not rest:
        raise FormulaError(f"formula {text!r} holds no B-site cation such as Pb, Sn, Ge or Bi")
    return spacers, a_site, rest


def _family(
    spacers: dict[Ion, Fraction],
    a_site: dict[Ion, Fraction],
    b_site: dict[Ion, Fraction],
    x_site: dict[Ion, Fraction],
) -> tuple[Family, int | None]:
    s, a, b, x = (sum(g.values(), Fraction(0)) for g in (spacers, a_site, b_site, x_site))
    if not spacers:
        family: Family = _BY_STOICHIOMETRY.get(_ratio(a, b, x), "other")
        if family == "3D" and len({ion.charge for ion in b_site}) > 1:
            family = "double"
        if family == "RP" and not _octahedral(b_site, x_site):
            family = "other"  # isolated tetrahedra, such as Cs2ZnBr4
        return family, 1 if family == "RP" else None
    charges = {ion.charge for ion in spacers}
    per_layer = {frozenset({1}): Fraction(2), frozenset({2}): Fraction(1)}.get(frozenset(charges))
    if per_layer is not None:
        unit = s / per_layer
        layers = b / unit
        if layers.denominator == 1 and a / unit == layers - 1 and x / unit == 3 * layers + 1:
            return ("RP" if charges == {1} else "DJ"), int(layers)
    if not a_site and _ratio(s, b, x) == (1, 1, 3):
        return "1D", None
    return "other", None


def _octahedral(b_site: dict[Ion, Fraction], x_site: dict[Ion, Fraction]) -> bool:
    """Whether every B is large enough for an octahedron of X: r_B / r_X of √2 − 1 or more.

    Source: L. Pauling, J. Am. Chem. Soc. 51, 1010 (1929), doi 10.1021/ja01379a006.
    """
    try:
        smallest = min(site_radius(ion, "B").radius_ang for ion in b_site)
        largest = max(site_radius(ion, "X").radius_ang for ion in x_site)
    except MissingRadiusError:
        return False
    return smallest / largest >= sqrt(2) - 1


def _ratio(*amounts: Fraction) -> tuple[int, ...]:
    denominator = lcm(*(amount.denominator for amount in amounts))
    whole = [int(amount * denominator) for amount in amounts]
    divisor = gcd(*whole) or 1
    return tuple(value // divisor for value in whole)


def _scale(family: Family, groups: Iterable[dict[Ion, Fraction]]) -> Fraction:
    """Factor to one formula unit: the smallest whole numbers of ions on each *site*.

    A double perovskite counts twice ABX3, so that Cs2AgBiBr6 stays A2BB'X6.
    """
    sums = [amount for group in groups if (amount := sum(group.values(), Fraction(0)))]
    whole = 2 if family == "double" else _ratio(*sums)[0]
    return Fraction(whole) / sums[0]


def _sorted(group: dict[Ion, Fraction]) -> list[tuple[Ion, Fraction]]:
    """Elements before molecules, then by charge, then alphabetical."""
    return sorted(
        group.items(), key=lambda item: (item[0].molecular, item[0].charge, item[0].symbol)
    )


def _canonical(occupants: tuple[Occupant, ...]) -> str:
    """The formula; in whole numbers where decimals could not hold the amounts exactly."""
    exact = all(is_exact(occupant.amount) for occupant in occupants)
    factor = 1 if exact else lcm(*(occupant.amount.denominator for occupant in occupants))
    parts = []
    for occupant in occupants:
        entry = molecular_ions().get(occupant.ion.symbol)
        amount = format_amount(occupant.amount * factor)
        # Spacers stand in brackets; so do names that would run into a number.
        bracket = entry is not None and (entry.role == "spacer" or not entry.symbol.isalpha())
        parts.append(
            f"({occupant.ion.symbol}){amount}" if bracket else occupant.ion.symbol + amount
        )
    return "".join(parts)


def monatomic_abx3(composition: Composition) -> tuple[str, str, str]:
    """The elements on A, B and X of an inorganic ABX3 composition with one ion on each site.

    Raises:
        InputError: the composition is not of this kind; says why.
    """
    sites = [composition.on(site) for site in SITES]
    reason = None
    if composition.family != "3D":
        reason = f"its family is {composition.family}, not 3D"
    elif any(len(occupants) > 1 for occupants in sites):
        reason = "a site is shared by several ions"
    elif sites[0][0].ion.molecular:
        reason = f"{sites[0][0].ion} is a molecule, which the prototype cannot orient"
    if reason is not None:
        raise InputError(
            f"the Pnma prototype takes inorganic ABX3 with one ion on each site; "
            f"{composition.formula} cannot be built: {reason}"
        )
    return sites[0][0].ion.symbol, sites[1][0].ion.symbol, sites[2][0].ion.symbol
