"""Site-resolved compositions: ions, sites, amounts and structure family.

A formula is read (:mod:`~pvkdb.chemistry.formulas.formula`) and its ions get charges
(:mod:`~pvkdb.chemistry.charges`), sites (:mod:`~pvkdb.chemistry.sites`) and a structure family
(:mod:`~pvkdb.chemistry.family`); :mod:`~pvkdb.chemistry.formulas.interpretation` chooses among the
possibilities. The canonical formula is the same for every spelling of a composition.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache
from html import escape

from pvkdb.chemistry.amounts import ZERO, Amount
from pvkdb.chemistry.charges import assign_charges
from pvkdb.chemistry.family import DIMENSIONALITY, Family, family_of_phase
from pvkdb.chemistry.formulas.canonical import canonical_formula, formula_units
from pvkdb.chemistry.formulas.formula import parse_amounts, parsed_formulas
from pvkdb.chemistry.formulas.interpretation import Interpretation, interpret
from pvkdb.chemistry.ions import LAYER_PHASES, Ion, molecular_geometries, names
from pvkdb.chemistry.sites import Site
from pvkdb.chemistry.text import PlainText, plain
from pvkdb.errors import FormulaError

_GREEK = {"alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε"}
_PHASE = re.compile(rf"(?P<phase>[αβγδε]'?(?:/[αβγδε]'?)*|(?:{'|'.join(_GREEK)})(?=-))-?")

#: An additive behind a colon or a raised dot, MAPbI3:ADNH3I.
_ADDED = re.compile(r"(?P<host>[^:·]+(?:\d·\d[^:·]*)*)[:·](?P<added>[\w.%+()\[\]-]+)$")
#: A salt behind a hyphen, FASnI3-SnF2, or one anion without an amount, MAPbI3(Cl), MAPbI3-Cl.
_ADDED_SALT = re.compile(r"(?P<host>.+?)-?\(?(?<=[-(])(?P<added>[A-Z][A-Za-z0-9]*)\)?$")
#: A dopant in front of its host, Mn:CsPbCl3 and Mn-doped CsPbCl3.
_DOPED = re.compile(r"(?P<added>[A-Z][a-z]?(?:\d?\+)?)(?::|-?doped)(?P<host>[^:]+)$")


@dataclass(frozen=True, slots=True)
class Occupant:
    """An ion on a site and its amount in one formula unit; None if the amount is open."""

    site: Site
    ion: Ion
    amount: Amount | None

    @property
    def number(self) -> float | None:
        """The amount, if it is a number."""
        return None if self.amount is None or self.symbolic else float(self.amount)

    @property
    def symbolic(self) -> str | None:
        """The amount, if it contains symbols, e.g. ``3n+1``."""
        return str(self.amount) if self.amount and self.amount.number is None else None


@dataclass(frozen=True, slots=True)
class Composition:
    """A halide composition, resolved by site.

    ``layers`` is n of a layered phase such as A'2 A(n-1) B(n) X(3n+1); if the formula leaves it
    open, ``layer_symbol`` is its symbol. ``excess_charge`` is zero if the ions balance; nominal
    compositions (``CsPb1-xBixI3``, ``MA0.98PbI3``) have a remainder. ``additives`` are written
    behind the host (``MAPbI3:ADNH3I``); the occupants are the host's.
    """

    formula: str
    occupants: tuple[Occupant, ...]
    family: Family
    layers: int | None = None
    layer_symbol: str | None = None
    excess_charge: Amount = field(default=ZERO)
    additives: tuple[str, ...] = ()

    def on(self, site: Site) -> tuple[Occupant, ...]:
        """Return the occupants of a site, in the order of the formula."""
        return tuple(occupant for occupant in self.occupants if occupant.site == site)

    @property
    def balanced(self) -> bool:
        """Whether the charges of the ions add up to zero for all values of the symbols."""
        return self.excess_charge == ZERO

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols in its amounts, in alphabetical order."""
        amounts = [occupant.amount for occupant in self.occupants if occupant.amount is not None]
        return tuple(sorted({letter for amount in amounts for letter in amount.symbols}))

    @property
    def numeric(self) -> bool:
        """Whether every amount is a number."""
        return all(occupant.number is not None for occupant in self.occupants)

    @property
    def dimensionality(self) -> int | None:
        """Dimensions in which octahedra connect; None if the formula does not determine it."""
        return DIMENSIONALITY[self.family]

    @property
    def lead_free(self) -> bool:
        """Whether it is known to contain no lead."""
        b_site = [occupant.ion for occupant in self.on("B")]
        return not any(ion.symbol == "Pb" or ion.generic for ion in b_site)

    def __str__(self) -> str:
        return self.formula

    def _repr_html_(self) -> str:
        name = re.sub(r"(?<=[A-Za-z)])(\d[\d.]*)", r"<sub>\1</sub>", escape(self.formula))
        sites = (f"{o.amount or 'any amount of'} {o.ion} on {o.site}" for o in self.occupants)
        return f"<p><b>{name}</b>, {escape(self.family)}: {escape(', '.join(sites))}</p>"


def parse_composition(text: str) -> Composition:
    """Parse a formula into a site-resolved composition.

    A Greek letter in front of it denotes a phase, which is not part of the composition; see
    :func:`parse_material`.

    Raises:
        FormulaError: not a halide, not balanced, or not understood; the message gives the position.

    Example:
        >>> parse_composition("PbCsBr3").formula, parse_composition("Cs2AgBiBr6").family
        ('CsPbBr3', 'double')
        >>> parse_composition("(3-AMP)(MA)n−1PbnI3n+1").layer_symbol
        'n'
    """
    return _known.get(text) or parse_material(text)[0]


#: Compositions by canonical formula, so that canonical formulas are parsed only once.
_known: dict[str, Composition] = {}
_MOST_KNOWN = 4096


@lru_cache(maxsize=4096)
def parse_material(text: str) -> tuple[Composition, str | None]:
    """Parse a composition and the phase that is written in front of it.

    Raises:
        FormulaError: see :func:`parse_composition`.

    Example:
        >>> composition, phase = parse_material("δ-CsPbI3")
        >>> composition.formula, phase, material_family(composition, phase)
        ('CsPbI3', 'δ', ('1D', 1))
    """
    formula = plain(text)
    phase = _PHASE.match(formula.text)
    letter = _GREEK.get(phase["phase"], phase["phase"]) if phase else None
    composition = _with_additives(formula[phase.end() :] if phase else formula)
    if len(_known) >= _MOST_KNOWN:
        _known.clear()
    return _known.setdefault(composition.formula, composition), letter


def material_family(
    composition: Composition, phase: str | None = None
) -> tuple[Family, int | None]:
    """Return family and dimensionality of a material, which is a composition in a phase.

    ``phase`` is a space group, a Greek letter, or a word such as ``dimer`` and ``layered``.

    Example:
        >>> material_family(parse_composition("Cs3Sb2I9"), "P-3m1")
        ('A3B2X9 layered', 2)
    """
    family = family_of_phase(composition.family, phase)
    return family, DIMENSIONALITY[family]


def unplaced_molecule(composition: Composition) -> Ion | None:
    """Return a molecule that no prototype holds.

    ABX3 and A3B2X9 hold MA and FA, A2BX4 some spacers.
    """
    small = {*molecular_geometries()}
    held = {"3D": small, "A3B2X9": small, "RP": {*LAYER_PHASES}}
    known = held.get(composition.family, set())
    return next(
        (
            occupant.ion
            for occupant in composition.occupants
            if occupant.ion.molecular and (occupant.site != "A" or occupant.ion.symbol not in known)
        ),
        None,
    )


def _with_additives(formula: PlainText) -> Composition:
    """Return the composition of a formula without phase, including its additives."""
    if match := _DOPED.match(formula.text):
        return _add(_composition(formula[match.start("host") :]), match["added"])
    if match := _ADDED.match(formula.text):
        return _add(_composition(formula[: match.end("host")]), match["added"])
    try:
        return _composition(formula)
    except FormulaError as error:
        match = _ADDED_SALT.match(formula.text)
        if match is None or not _is_salt_or_anion(match["added"]):
            raise
        try:
            host = _composition(formula[: match.end("host")])
        except FormulaError:
            raise error from None
        return _add(host, match["added"])


def _add(host: Composition, added: str) -> Composition:
    """Return the composition of a host with an additive, whose text is kept as written."""
    return replace(host, formula=f"{host.formula}:{added}", additives=(added,))


def _is_salt_or_anion(text: str) -> bool:
    """Whether a text is a binary salt such as SnF2, or an anion without an amount.

    The CsPbBr3 of CsPbCl3-CsPbBr3 is neither: it is a second composition.
    """
    try:
        amounts = parse_amounts(text)
        charged = assign_charges({names()[name][0]: n for name, n in amounts.items()})
    except (FormulaError, KeyError):
        return False
    if text in names():
        return charged.excess != ZERO and all(ion.charge < 0 for ion in charged.ions)
    return charged.excess == ZERO and len(charged.ions) == 2


def _composition(formula: PlainText) -> Composition:
    """Return the composition of a formula without phase and additives.

    Raises:
        FormulaError: see :func:`parse_composition`.
    """
    found = interpret(formula)
    scale = formula_units(found)
    occupants = _occupants(found, scale)
    for brackets in (False, True):
        canonical = canonical_formula(found, scale, brackets)
        if _reads_back(canonical, occupants):
            break
    else:
        raise FormulaError(
            f"formula {formula.source!r} has no unique canonical form; round its amounts"
        )
    layers = found.structure.layers
    number = None if layers is None else layers.number
    return Composition(
        formula=canonical,
        occupants=occupants,
        family=found.structure.family,
        layers=None if number is None else int(number),
        layer_symbol=str(layers) if layers is not None and number is None else None,
        excess_charge=found.excess * scale,
    )


def _reads_back(formula: str, occupants: tuple[Occupant, ...]) -> bool:
    """Whether a canonical formula is parsed to these occupants."""
    try:
        text = plain(formula)
        reading, *others = parsed_formulas(text)
        if not others and all(len(names().get(name, (name,))) == 1 for name in reading.amounts):
            return True
        found = interpret(text)
    except FormulaError:
        return False
    return _occupants(found, formula_units(found)) == occupants


def _occupants(found: Interpretation, scale: Fraction) -> tuple[Occupant, ...]:
    occupants = [Occupant("A", ion, None) for ion in sorted(found.in_braces)]
    for site, group in found.sites:
        for ion, amount in group.items():
            is_open = found.list_of_ions or ion in found.shared
            occupants.append(Occupant(site, ion, None if is_open else amount * scale))
    return tuple(occupants)
