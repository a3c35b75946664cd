"""Sum formulas of counted atoms, as OPTIMADE 1.2 defines them.

All atoms of a cell are counted: a supercell with a vacancy has the formula of that cell. The
formula of a composition is made in :mod:`pvkdb.chemistry.canonical`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from math import gcd
from string import ascii_lowercase, ascii_uppercase


def reduced_formula(atoms: Mapping[str, int]) -> str:
    """Return ``CsI3Pb``: elements in alphabetical order, amounts without a common factor."""
    return _join((element, atoms[element] // _factor(atoms)) for element in sorted(atoms))


def anonymous_formula(atoms: Mapping[str, int]) -> str:
    """Return ``A3BC``: the reduced amounts, largest first, named A, B … Z, Aa, Ba …"""
    amounts = sorted((number // _factor(atoms) for number in atoms.values()), reverse=True)
    return _join(zip(_letters(), amounts, strict=False))


def hill_formula(atoms: Mapping[str, int]) -> str:
    """Return ``Cs4I12Pb4``: all atoms, in the order of Hill (J. Am. Chem. Soc. 1900, 22, 478)."""
    first = ("C", "H") if "C" in atoms else ()
    ordered = sorted(atoms, key=lambda element: (element not in first, element))
    return _join((element, atoms[element]) for element in ordered)


def _factor(atoms: Mapping[str, int]) -> int:
    return gcd(*atoms.values())


def _join(parts: Iterable[tuple[str, int]]) -> str:
    return "".join(f"{name}{'' if number == 1 else number}" for name, number in parts)


def _letters() -> Iterator[str]:
    yield from ascii_uppercase
    for place in count():
        for letter in ascii_uppercase:
            yield letter + ascii_lowercase[place]
