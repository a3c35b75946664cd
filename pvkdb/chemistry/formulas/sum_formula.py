"""Sum formulas of counted atoms, as OPTIMADE 1.2 defines them.

All atoms of a cell are counted: a supercell with a vacancy has the formula of that cell. The
formula of a composition is made in :mod:`pvkdb.chemistry.formulas.canonical`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import gcd
from string import ascii_lowercase, ascii_uppercase

from pvkdb.chemistry.formulas.composition import Composition, parse_composition
from pvkdb.chemistry.ions import molecular_ions
from pvkdb.errors import FormulaError

#: Names of elements in an anonymous formula: A, B … Z, Aa, Ba …
_NAMES = [first + second for second in ("", *ascii_lowercase) for first in ascii_uppercase]


def composition_of_atoms(atoms: Mapping[str, int]) -> Composition:
    """Return the composition of counted atoms, with at most one kind of molecular A ion.

    Raises:
        FormulaError: their ions do not balance, or no or several molecular ions have these atoms.

    Example:
        >>> composition_of_atoms({"Pb": 4, "I": 12, "C": 4, "N": 4, "H": 24}).formula
        'MAPbI3'
    """
    organic = {element: number for element, number in atoms.items() if element in set("CHNOS")}
    units = gcd(*organic.values())
    one = hill_formula({element: number // units for element, number in organic.items()})
    ions = molecular_ions().values()
    found = [each.symbol for each in ions if (each.role, each.formula) == ("A", one)]
    if organic and len(found) != 1:
        known = " or ".join(found) or "no A ion that pvkdb knows"
        raise FormulaError(f"the atoms {one} are {known}; give the formula")
    rest = hill_formula({name: n for name, n in atoms.items() if name not in organic})
    return parse_composition(f"({found[0]}){units}{rest}" if organic else rest)


def reduced_formula(atoms: Mapping[str, int]) -> str:
    """Return ``CsI3Pb``: elements in alphabetical order, amounts without a common factor."""
    return _join((element, atoms[element] // _factor(atoms)) for element in sorted(atoms))


def anonymous_formula(atoms: Mapping[str, int]) -> str:
    """Return ``A3BC``: the reduced amounts, largest first, named A, B … Z, Aa, Ba …"""
    amounts = sorted((number // _factor(atoms) for number in atoms.values()), reverse=True)
    return _join(zip(_NAMES, amounts, strict=False))


def hill_formula(atoms: Mapping[str, int]) -> str:
    """Return ``Cs4I12Pb4``: all atoms, in the order of Hill (J. Am. Chem. Soc. 1900, 22, 478)."""
    first = ("C", "H") if "C" in atoms else ()
    ordered = sorted(atoms, key=lambda element: (element not in first, element))
    return _join((element, atoms[element]) for element in ordered)


def _factor(atoms: Mapping[str, int]) -> int:
    return gcd(*atoms.values())


def _join(parts: Iterable[tuple[str, int]]) -> str:
    return "".join(f"{name}{'' if number == 1 else number}" for name, number in parts)
