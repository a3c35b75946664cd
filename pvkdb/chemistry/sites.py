"""Ions on the A, B and X sites of a halide perovskite."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from pvkdb.chemistry.amounts import Amount, total
from pvkdb.chemistry.ions import (
    A_SITE_ELEMENTS,
    GENERIC_SPACERS,
    HALIDES,
    Ion,
    molecular_ions,
    site_radius,
)
from pvkdb.errors import FormulaError, MissingRadiusError

Site = Literal["A", "B", "X"]
SITES: tuple[Site, ...] = ("A", "B", "X")
Group = dict[Ion, Amount]

#: Cations on the A site of rudorffites, A(a)B(b)X(a+3b) with trivalent B, if there are no larger
#: ones; I. Turkevych et al., Photovoltaic rudorffites, ChemSusChem (2017).
_RUDORFFITE_ELEMENTS = ("Ag", "Cu")


@dataclass(frozen=True, slots=True)
class Sites:
    """The ions of a composition by site; ``spacers`` are too large for the A site of ABX3."""

    spacers: Group = field(default_factory=dict)
    a: Group = field(default_factory=dict)
    b: Group = field(default_factory=dict)
    x: Group = field(default_factory=dict)

    def __iter__(self) -> Iterator[tuple[Site, Group]]:
        """Yield the sites and their ions in the order of a formula."""
        yield "A", _by_charge(self.spacers)
        yield "A", _by_charge(self.a)
        yield "B", _by_charge(self.b)
        yield "X", dict(sorted(self.x.items(), key=lambda item: _anion_order(item[0])))

    @property
    def sums(self) -> tuple[Amount, Amount, Amount, Amount]:
        """Total amounts of spacers, A, B and X."""
        s, a, b, x = (total(group.values()) for group in (self.spacers, self.a, self.b, self.x))
        return s, a, b, x

    @property
    def complete(self) -> bool:
        """Whether the A, B and X sites are all occupied."""
        return bool((self.spacers or self.a) and self.b and self.x)

    def at(self, values: Mapping[str, Fraction]) -> Sites:
        """Return the sites with numbers for symbols."""
        groups = (self.spacers, self.a, self.b, self.x)
        return Sites(*({i: n.at(values) for i, n in g.items() if n.at(values)} for g in groups))


def placements(ions: Mapping[Ion, Amount]) -> list[Sites]:
    """Return the ways to assign ions to sites, the usual one first.

    Only small alkali ions have several: Na is a B-site ion of Cs2NaBiCl6 and an A-site ion of
    Cs0.95Na0.05PbI3. Beside a larger A cation, the B site is tried first.

    Raises:
        FormulaError: the A, B or X site is empty.
    """
    x = {ion: n for ion, n in ions.items() if ion.charge < 0}
    cations = {ion: n for ion, n in ions.items() if ion.charge > 0}
    spacers = {ion: n for ion, n in cations.items() if is_spacer(ion)}
    large = {ion: n for ion, n in cations.items() if ion not in spacers and _is_large(ion)}
    rest = {ion: n for ion, n in cations.items() if ion not in spacers and ion not in large}
    small = {ion: n for ion, n in rest.items() if ion in _SMALL}
    larger = _larger_of_two(rest, x)
    if spacers or large:
        on_a: list[Group] = [{}, small] if small else [{}]
    elif larger is not None:
        on_a = [{larger: rest[larger]}]
    elif small:
        largest = min(small, key=_SMALL.index)
        on_a = [{largest: small[largest]}, small] if len(small) > 1 else [small]
    elif {ion.charge for ion in rest if ion not in _RUDORFFITE} == {3}:
        on_a = [{ion: n for ion, n in rest.items() if ion in _RUDORFFITE}]
    else:
        on_a = [{}]
    found = [
        Sites(spacers, large | moved, {i: n for i, n in rest.items() if i not in moved}, x)
        for moved in on_a
    ]
    first = found[0]
    if not any(ion.charge == -1 for ion in x):
        raise FormulaError("holds no halide; pvkdb covers compounds of F, Cl, Br and I")
    if not cations:
        raise FormulaError("holds no cation, so its charge cannot balance")
    if not (first.spacers or first.a):
        raise FormulaError(
            "holds no A-site cation such as Cs, MA or FA (all known ones: pvkdb export ions)"
        )
    found = [sites for sites in found if sites.b]
    if not found:
        raise FormulaError("holds no B-site cation such as Pb, Sn, Ge or Bi")
    return found


def _larger_of_two(cations: Group, x: Group) -> Ion | None:
    """Return the A ion of ABX3 without Cs, Rb or molecules: the cation larger at CN 6.

    So BaLiF3 has Li on B, and PbNaF3 too. Source: C. J. Bartel et al., Sci. Adv. 5, eaav0693
    (2019), doi 10.1126/sciadv.aav0693, who assign their compounds in this way.
    """
    if len(cations) != 2 or len(set(cations.values())) != 1:
        return None
    if total(x.values()) != 3 * next(iter(cations.values())):
        return None
    try:
        return max(cations, key=lambda ion: (site_radius(ion, "B").radius_ang, -ion.charge))
    except MissingRadiusError:
        return None


def is_spacer(ion: Ion) -> bool:
    """Whether a cation is too large for the hole between corner-sharing octahedra."""
    if ion.generic:
        return ion.symbol in GENERIC_SPACERS
    return ion.molecular and molecular_ions()[ion.symbol].role == "spacer"


_SMALL = [Ion(symbol, 1) for symbol in A_SITE_ELEMENTS[2:]]
_RUDORFFITE = [Ion(symbol, 1) for symbol in _RUDORFFITE_ELEMENTS]


def _is_large(ion: Ion) -> bool:
    """Whether a cation can be only on the A site: a molecule, Cs or Rb, or the letter A."""
    if ion.generic:
        return ion.symbol == "A"
    return ion.molecular or ion.symbol in A_SITE_ELEMENTS[:2]


def _by_charge(group: Group) -> Group:
    """Return the ions sorted: elements before molecules, then by charge, then by symbol."""
    return dict(
        sorted(group.items(), key=lambda item: (item[0].molecular, item[0].charge, item[0].symbol))
    )


def _anion_order(ion: Ion) -> tuple[int, str]:
    """Return the sort key of anions: I, Br, Cl, F, then the others alphabetically."""
    order = HALIDES[::-1].index(ion.symbol) if ion.symbol in HALIDES else len(HALIDES)
    return order, ion.symbol
