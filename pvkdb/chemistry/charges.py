"""Charges of the ions of a formula: the most likely set that balances it.

Halides and molecular ions have one charge each; an element can have any positive charge of
Shannon's table, and indium the charge 1. If several sets balance, the one with the fewest uncommon
charges is chosen, then the one with the most even charges.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import lcm

from pvkdb.chemistry.amounts import Amount, total
from pvkdb.chemistry.ions import (
    CHALCOGENS,
    HALIDES,
    Ion,
    cation_charges,
    common_charges,
    generic_ions,
    molecular_ions,
)
from pvkdb.errors import FormulaError

#: Largest numbers of ions and of sums of charges; formulas with more are refused as too complex.
_MAX_IONS = 16
_MAX_SUMS = 1_000


#: Number of uncommon charges, sum of squared charges, ions: smaller is more likely.
_Choice = tuple[int, int, tuple[Ion, ...]]


@dataclass(frozen=True, slots=True)
class Charged:
    """Ions with their amounts; ``excess`` is their total charge, zero if they balance.

    ``uncommon`` counts the elements in an oxidation state that is not common for them.
    """

    ions: Mapping[Ion, Amount]
    excess: Amount
    uncommon: int


def assign_charges(amounts: Mapping[str, Amount]) -> Charged:
    """Assign charges to the symbols of a formula.

    If no set of charges balances, the closest set of common charges is returned. Sets are compared
    with all symbols zero first, so that a dopant does not hide the charge of its host.

    Raises:
        FormulaError: too many elements with too many charges.
    """
    amounts = dict(sorted(amounts.items()))  # one result for every order of the ions
    too_complex = f"holds {len(amounts)} ions, too many to assign charges to"
    if len(amounts) > _MAX_IONS:
        raise FormulaError(too_complex)
    vectors = _whole_numbers(amounts.values())
    nothing = (0,) * (len(vectors[0]) if vectors else 0)
    # The most likely set of charges for each total charge, a vector over the monomials.
    best: dict[tuple[int, ...], _Choice] = {nothing: (0, 0, ())}
    for symbol, vector in zip(amounts, vectors, strict=True):
        options = [(ion, _is_uncommon(ion)) for ion in ion_choices(symbol, "X" in amounts)]
        longer: dict[tuple[int, ...], _Choice] = {}
        for charge, (uncommon, spread, before) in best.items():
            for ion, is_uncommon in options:
                sums = tuple(q + ion.charge * n for q, n in zip(charge, vector, strict=True))
                choice = (uncommon + is_uncommon, spread + ion.charge**2, (*before, ion))
                if sums not in longer or choice < longer[sums]:
                    longer[sums] = choice
        if len(longer) > _MAX_SUMS:
            raise FormulaError(too_complex)
        best = longer
    chosen = best.get(nothing)
    if chosen is None:
        host = any(amount.constant for amount in amounts.values())
        chosen = min(
            best.items(),
            key=lambda item: (
                item[1][0],
                abs(item[0][0]) if host else 0,
                sum(map(abs, item[0])),
                item[1],
            ),
        )[1]
    uncommon, _, likeliest = chosen
    ions = dict(zip(likeliest, amounts.values(), strict=True))
    excess = total(amount * ion.charge for ion, amount in ions.items())
    return Charged(ions, excess, uncommon)


def ion_choices(symbol: str, beside_x: bool = False) -> tuple[Ion, ...]:
    """Return the ions that a symbol may denote. B is any B-site ion if X occurs, else boron."""
    if symbol in generic_ions() and (beside_x or not cation_charges(symbol)):
        return generic_ions()[symbol]
    if symbol in molecular_ions():
        return (molecular_ions()[symbol].ion,)
    if symbol in HALIDES:
        return (Ion(symbol, -1),)
    if symbol in CHALCOGENS:
        return (Ion(symbol, -2),)
    return tuple(Ion(symbol, charge) for charge in cation_charges(symbol))


def _is_uncommon(ion: Ion) -> bool:
    element = ion.charge > 0 and not (ion.molecular or ion.generic)
    return element and ion.charge not in common_charges(ion.symbol)


def _whole_numbers(amounts: Iterable[Amount]) -> list[tuple[int, ...]]:
    """Return the coefficients of all monomials, constant term first, as whole numbers."""
    amounts = list(amounts)
    factor = lcm(*(amount.denominator for amount in amounts))
    monomials = sorted({key for amount in amounts for key, _ in amount.terms})
    return [
        tuple(int(coefficients.get(key, 0) * factor) for key in monomials)
        for coefficients in (dict(amount.terms) for amount in amounts)
    ]
