"""Canonical formulas: one formula unit, one order of ions, one spelling of each amount."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from math import gcd, lcm

from pvkdb.chemistry.amounts import ONE, Amount, total
from pvkdb.chemistry.formulas.interpretation import Interpretation
from pvkdb.chemistry.ions import Ion, molecular_ions
from pvkdb.chemistry.sites import Group, Site, is_spacer


def formula_units(found: Interpretation) -> Fraction:
    """Return the factor by which the written amounts give one formula unit.

    A formula unit has the smallest whole numbers of ions on each *site*. A double perovskite counts
    as twice ABX3, so that Cs2AgBiBr6 stays A2BB'X6. A perovskite off the ideal ratio is normalised
    to its B ions, so that additives and vacancies stay visible, as in (PEA)0.05MA0.95PbI3. Symbols
    count as zero, except in a layer number.
    """
    if found.list_of_ions:
        return Fraction(1)
    _, _, b, _ = found.sites.sums
    layers = found.structure.layers
    if layers is not None and layers.number is None:
        return layers.terms[0][1] / b.terms[0][1]  # b = n layers
    if found.shared and found.structure.family == "other" and b.constant > 0:
        return 1 / b.constant
    sums = [amount.constant for amount in found.sites.sums if amount.constant > 0]
    if not sums:
        return Fraction(1)
    balanced = not found.excess
    ideal = balanced and found.structure.exact
    if not ideal and found.structure.family in ("3D", "double") and b.constant > 0:
        return (1 if found.structure.family == "3D" else 2) / b.constant
    doubled = balanced and len({ion.charge for ion in found.sites.b}) > 1
    ratio = _ratio(sums)
    return Fraction(2 if doubled and ratio == (1, 1, 3) else ratio[0]) / sums[0]


def canonical_formula(found: Interpretation, scale: Fraction, brackets: bool = False) -> str:
    """Return the formula of an interpretation with amounts multiplied by ``scale``.

    Amounts are whole numbers if six decimals are not exact. ``brackets`` puts every name in
    brackets, for the rare formulas that would be read differently without them.
    """
    units = [(f"{{{ion.symbol}}}", ONE) for ion in sorted(found.in_braces)]
    for ions, amount in _units(found):
        name = ",".join(ion.symbol for ion in ions)
        bracketed = brackets or len(ions) > 1 or _needs_brackets(ions[0])
        units.append((f"({name})" if bracketed else name, amount * scale))
    exact = all(amount.exact for _, amount in units)
    factor = 1 if exact else lcm(*(amount.denominator for _, amount in units))
    return "".join(
        name if amount * factor == 1 else f"{name}{amount * factor}" for name, amount in units
    )


def amounts_text(amounts: Iterable[tuple[Ion, Amount]], brackets: bool = False) -> str:
    """Return ions with their amounts as a canonical formula has them, unless it is scaled."""
    return "".join(
        (f"({ion.symbol})" if brackets or _needs_brackets(ion) else ion.symbol)
        + ("" if amount == 1 else str(amount))
        for ion, amount in amounts
    )


def _units(found: Interpretation) -> Iterator[tuple[list[Ion], Amount]]:
    """Yield the units of a formula with their amounts: ions that share a site, or one ion."""
    by_site: dict[Site, Group] = {}
    for site, group in found.sites:
        by_site[site] = by_site.get(site, {}) | group
    for group in by_site.values():
        if found.list_of_ions:
            yield [*group], ONE
            continue
        shared = [ion for ion in group if ion in found.shared]
        for ion, amount in group.items():
            if ion not in shared:
                yield [ion], amount
            elif ion == shared[0]:
                yield shared, total(group[other] for other in shared)


def _needs_brackets(ion: Ion) -> bool:
    """Whether an ion needs brackets: spacers, molecular anions, and names that end in a digit."""
    if is_spacer(ion):
        return True
    return ion.molecular and (molecular_ions()[ion.symbol].role == "X" or not ion.symbol.isalpha())


def _ratio(amounts: list[Fraction]) -> tuple[int, ...]:
    denominator = lcm(*(amount.denominator for amount in amounts))
    whole = [int(amount * denominator) for amount in amounts]
    divisor = gcd(*whole) or 1
    return tuple(value // divisor for value in whole)
