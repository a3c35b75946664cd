"""The most likely interpretation of a formula: ions with charges, sites and family.

A formula can be split in several ways, and its abbreviations can denote several ions. They are
tried in order of likelihood; the first one that balances with common charges is chosen, then one
that balances, then a nominal one, then a list of ions without amounts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice, product

from pvkdb.chemistry.amounts import ONE, ZERO, Amount, total
from pvkdb.chemistry.charges import Charged, assign_charges, ion_choices
from pvkdb.chemistry.family import HOLLOW_CATIONS, StructureFamily, classify
from pvkdb.chemistry.formulas.formula import ParsedFormula, parsed_formulas
from pvkdb.chemistry.ions import Ion, names
from pvkdb.chemistry.sites import Sites, placements
from pvkdb.chemistry.text import PlainText
from pvkdb.errors import FormulaError

#: Largest excess charge per B ion of a nominal formula: rounding, a few per cent of vacancies, or
#: up to a fifth of the B ions with one charge more or less.
NOMINAL_EXCESS = Fraction(1, 5)

#: Largest number of interpretations that are tried for a formula.
_MAX_MEANINGS = 16


@dataclass(frozen=True, slots=True)
class Interpretation:
    """Ions on sites, their family and the excess charge.

    ``shared`` ions share a site in an open proportion, (FA,Cs)PbI3. In a ``list_of_ions`` such as
    MAPbI the amounts on ``sites`` have no meaning. Ions ``in_braces`` have no amount and are not
    part of ``sites``: the small dication in {en}FASnI3.
    """

    sites: Sites
    structure: StructureFamily
    excess: Amount
    uncommon: int
    shared: frozenset[Ion] = frozenset()
    in_braces: frozenset[Ion] = frozenset()
    list_of_ions: bool = False

    @property
    def rank(self) -> tuple[int, int]:
        """Sort key: balanced, then nominal, then lists of ions; common charges first."""
        if self.list_of_ions:
            return 2, self.uncommon
        return int(self.excess != ZERO), self.uncommon


def interpret(formula: PlainText) -> Interpretation:
    """Return the most likely interpretation of a formula.

    Raises:
        FormulaError: it cannot be read, does not balance, or leaves a site empty.
    """
    best: Interpretation | None = None
    error: FormulaError | None = None
    meanings = (meaning for reading in parsed_formulas(formula) for meaning in _meanings(reading))
    for meaning in islice(meanings, _MAX_MEANINGS):
        try:
            found = meaning.interpret(formula)
        except FormulaError as refusal:
            error = error or refusal
            continue
        if best is None or found.rank < best.rank:
            best = found
        if best.rank == (0, 0):
            return best
    if best is None:
        raise error or formula.error(0, "cannot be understood")
    return best


@dataclass(frozen=True, slots=True)
class _Meaning:
    """One meaning of a parsed formula: the amount of each ion, and ions of open proportion."""

    amounts: Mapping[str, Amount]
    bare: bool = False
    shared: frozenset[str] = frozenset()
    embraced: frozenset[str] = frozenset()

    def interpret(self, formula: PlainText) -> Interpretation:
        """Assign charges and sites to the ions.

        Raises:
            FormulaError: the charges do not balance, or a site stays empty.
        """
        if self.embraced and self.embraced != self.amounts.keys():
            return self._hollow(formula)
        try:
            charged = assign_charges(self.amounts)
            options = placements(charged.ions)
        except FormulaError as error:
            raise FormulaError(f"formula {formula.source!r} {error}") from None
        if "A" in self.amounts and "X" not in self.amounts and options[0].spacers:
            raise FormulaError(f"formula {formula.source!r} uses the letter A without an X")
        sites, structure = _most_likely([(sites, classify(sites)) for sites in options])
        if _acceptable(charged.excess, sites):
            return self._sharing(Interpretation(sites, structure, charged.excess, charged.uncommon))
        found = _from_percent(charged, sites) or _on_one_a_site(charged, sites)
        if found is not None:
            return self._sharing(found)
        if self.bare and not any(ion.generic for ion in charged.ions):
            return _list_of_ions(self.amounts)
        raise FormulaError(
            f"formula {formula.source!r} does not balance: its cations give at best "
            f"{_charge(charged, +1)}, its anions {_charge(charged, -1)}; check the amounts"
        )

    def _sharing(self, found: Interpretation) -> Interpretation:
        """Return the interpretation with the ions marked whose proportion on a site is open."""
        ions = [ion for _, group in found.sites for ion in group if ion.symbol in self.shared]
        return replace(found, shared=found.shared.union(ions)) if ions else found

    def _hollow(self, formula: PlainText) -> Interpretation:
        """Interpret {en}MAPbI3: the host must balance; the amount of the dication is open."""
        host = {symbol: n for symbol, n in self.amounts.items() if symbol not in self.embraced}
        inner = _Meaning(host, shared=self.shared).interpret(formula)
        dications = frozenset(ion_choices(symbol)[0] for symbol in self.embraced)
        return replace(inner, structure=StructureFamily("hollow"), in_braces=dications)


def _meanings(reading: ParsedFormula) -> Iterator[_Meaning]:
    """Yield the meanings of a parsed formula, the most likely first."""
    # Generic letters have no entry and denote themselves.
    options = [names().get(name, (name,)) for name in reading.amounts]
    for symbols in product(*options):
        symbol_of = dict(zip(reading.amounts, symbols, strict=True))
        amounts: dict[str, Amount] = {}
        for name, symbol in symbol_of.items():
            amounts[symbol] = amounts.get(symbol, ZERO) + reading.amounts[name]
        embraced = frozenset(symbol_of[name] for name in reading.embraced) & HOLLOW_CATIONS
        shared = frozenset(symbol_of[name] for name in reading.shared)
        yield _Meaning(amounts, reading.bare, shared, embraced)


def _most_likely(found: list[tuple[Sites, StructureFamily]]) -> tuple[Sites, StructureFamily]:
    """Return the assignment to sites that matches a family exactly, or else nearly."""
    exact = [pair for pair in found if pair[1].exact]
    # A few per cent of an alkali ion are added to the A site.
    nearly = [pair for pair in reversed(found) if pair[1].family != "other"]
    return (exact or nearly or found)[0]


def _acceptable(excess: Amount, sites: Sites) -> bool:
    """Whether a formula balances, or its excess is within the limit of nominal ones."""
    if excess == ZERO:
        return True
    b_site = total(sites.b.values())
    if excess.number is not None and b_site.number is not None:
        return abs(excess.number) <= NOMINAL_EXCESS * b_site.number
    # With symbols: the host, with all symbols zero, must be present and balance.
    host = (total(group.values()).constant for group in (sites.b, sites.x))
    return excess.constant == 0 and all(amount > 0 for amount in host)


def _list_of_ions(symbols: Iterable[str]) -> Interpretation:
    """Interpret a list of ions without amounts; charges are assigned to one ion of each kind."""
    charged = assign_charges(dict.fromkeys(symbols, ONE))
    sites = placements(charged.ions)[0]
    structure = StructureFamily("undetermined", exact=False)
    return Interpretation(sites, structure, ZERO, charged.uncommon, list_of_ions=True)


def _from_percent(charged: Charged, sites: Sites) -> Interpretation | None:
    """Interpret an A site in percent, as in Cs5(MA0.17FA0.83)95Pb(I0.83Br0.17)3."""
    s, a, b, _ = sites.sums
    if s + a != 100 * b:
        return None
    on_a = sites.a.keys() | sites.spacers.keys()
    ions = {ion: n / 100 if ion in on_a else n for ion, n in charged.ions.items()}
    excess = total(n * ion.charge for ion, n in ions.items())
    sites = placements(ions)[0]
    if not _acceptable(excess, sites):
        return None
    return Interpretation(sites, classify(sites), excess, charged.uncommon)


def _on_one_a_site(charged: Charged, sites: Sites) -> Interpretation | None:
    """Interpret A cations without amounts as sharing one site equally, as in CsMAFAPbI3."""
    if len(sites.a) < 2 or sites.spacers or any(amount != 1 for amount in sites.a.values()):
        return None
    share = ONE / len(sites.a)
    excess = charged.excess - total((1 - share) * ion.charge for ion in sites.a)
    filled = replace(sites, a=dict.fromkeys(sites.a, share))
    structure = classify(filled)
    if excess != ZERO or structure.family != "3D":
        return None
    return Interpretation(filled, structure, excess, charged.uncommon, frozenset(sites.a))


def _charge(charged: Charged, sign: int) -> str:
    part = total(n * ion.charge for ion, n in charged.ions.items() if ion.charge * sign > 0)
    return str(part) if part.number is None else f"{float(part):+g}"
