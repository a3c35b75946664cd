"""Charge-neutral compositions from lists of ions, over structure types.

Every composition has one ion on each site, or two on one site where the plan has mixing.
Compositions that are not charge-neutral are not enumerated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations

from pvkdb.chemistry import Composition, parse_composition
from pvkdb.chemistry.composition import Site
from pvkdb.chemistry.ions import Ion


@dataclass(frozen=True, slots=True)
class StructureType:
    """A structure type: the charges of its B ions, and the amounts of A, B and X."""

    name: str
    b_charges: tuple[int, ...]
    amounts: tuple[int, int, int]
    description: str


#: Types by name. All have monovalent A and X.
TYPES: dict[str, StructureType] = {
    entry.name: entry
    for entry in (
        StructureType("ABX3", (2,), (1, 1, 3), "perovskite and its competitors"),
        StructureType("A2BB'X6", (1, 3), (2, 1, 6), "elpasolite (ordered double perovskite)"),
        StructureType("A2BX6", (4,), (2, 1, 6), "vacancy-ordered, K2PtCl6 type"),
        StructureType("A3B2X9", (3,), (3, 2, 9), "dimers or corrugated layers"),
        StructureType("A2BX4", (2,), (2, 1, 4), "Ruddlesden-Popper, n = 1"),
    )
}


@dataclass(frozen=True, slots=True)
class Mixing:
    """Two ions that share a site; ``share`` is the fraction of the second ion."""

    site: Site
    share: Fraction


@dataclass(frozen=True, slots=True)
class EnumeratedCandidate:
    """A composition in a structure type; ``mixed`` if a site has two ions."""

    type: str
    composition: Composition
    mixed: bool = False

    @property
    def name(self) -> str:
        """Name of the candidate in reports: formula and type."""
        return f"{self.composition.formula} ({self.type})"


def enumerate_candidates(
    types: Sequence[str], ions: Mapping[Site, Sequence[Ion]], mixing: Sequence[Mixing] = ()
) -> Iterator[EnumeratedCandidate]:
    """Yield every neutral composition of the types once, in the order of types and ions.

    Example:
        >>> ions = {"A": [Ion("Cs", 1)], "B": [Ion("Pb", 2)], "X": [Ion("Br", -1)]}
        >>> [candidate.name for candidate in enumerate_candidates(["ABX3", "A2BX4"], ions)]
        ['CsPbBr3 (ABX3)', 'Cs2PbBr4 (A2BX4)']
    """
    seen = set()
    for name in types:
        for candidate in _of_type(TYPES[name], ions, mixing):
            key = (candidate.type, candidate.composition.formula)
            if key not in seen:
                seen.add(key)
                yield candidate


def _of_type(
    kind: StructureType, ions: Mapping[Site, Sequence[Ion]], mixing: Sequence[Mixing]
) -> Iterator[EnumeratedCandidate]:
    choices: dict[Site, list[dict[Ion, Fraction]]] = {
        "A": [{ion: Fraction(1)} for ion in ions["A"] if ion.charge == 1],
        "B": list(_b_sites(kind, ions["B"])),
        "X": [{ion: Fraction(1)} for ion in ions["X"] if ion.charge == -1],
    }
    yield from _products(kind, choices, mixed=False)
    for rule in mixing:
        if rule.site == "B" and len(kind.b_charges) > 1:
            continue  # an elpasolite's B sites are two sites already
        pure = [next(iter(site)) for site in choices[rule.site]]
        pairs = [
            {first: 1 - rule.share, second: rule.share}
            for pair in combinations(pure, 2)
            for first, second in (pair, pair[::-1])
        ]
        yield from _products(kind, {**choices, rule.site: pairs}, mixed=True)


def _b_sites(kind: StructureType, ions: Sequence[Ion]) -> Iterator[dict[Ion, Fraction]]:
    if len(kind.b_charges) == 1:
        yield from ({ion: Fraction(1)} for ion in ions if ion.charge == kind.b_charges[0])
        return
    low, high = kind.b_charges
    for first in (ion for ion in ions if ion.charge == low):
        yield from (
            {first: Fraction(1), second: Fraction(1)} for second in ions if second.charge == high
        )


def _products(
    kind: StructureType, choices: Mapping[Site, Sequence[dict[Ion, Fraction]]], mixed: bool
) -> Iterator[EnumeratedCandidate]:
    for a in choices["A"]:
        for b in choices["B"]:
            if any(ion in a for ion in b):
                continue  # Na2NaBiCl6 is another compound, Na3BiCl6
            for x in choices["X"]:
                sites = zip((a, b, x), kind.amounts, strict=True)
                text = "".join(_site_text(site, amount) for site, amount in sites)
                composition = parse_composition(text)
                # Cs2CuFeI6 is read as Cs(Cu,Fe)I3 with divalent ions: not of this type.
                placed: dict[Site, set[Ion]] = {"A": set(a), "B": set(b), "X": set(x)}
                if all(
                    {occupant.ion for occupant in composition.on(site)} == ions_of
                    for site, ions_of in placed.items()
                ):
                    yield EnumeratedCandidate(kind.name, composition, mixed)


def _site_text(site: Mapping[Ion, Fraction], amount: int) -> str:
    return "".join(f"({ion.symbol}){_decimal(share * amount)}" for ion, share in site.items())


def _decimal(value: Fraction) -> str:
    return "" if value == 1 else f"{float(value):.6f}".rstrip("0").rstrip(".")
