"""Compounds: one ion on each site of a stoichiometry such as A2BB'X6, and mixtures of ABX3."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Literal, cast, get_args

from pvkdb.chemistry import Composition, Ion
from pvkdb.chemistry.formulas.composition import unplaced_molecule
from pvkdb.chemistry.ions import molecular_ions
from pvkdb.errors import InputError, unknown_name

Stoichiometry = Literal[
    "ABX3",
    "A2BB'X6",
    "A2BX6",
    "A3B2X9",
    "A2BX4",
    "A4BX6",
    "A3BX6",
    "AB2X5",
    "AB2X3",
    "A3B2X5",
    "AX",
    "BX2",
    "BX3",
    "BX4",
]
STOICHIOMETRIES: tuple[Stoichiometry, ...] = get_args(Stoichiometry)

#: Sites of the stoichiometries. A is the large cation, B and B' are the others, X is the halide.
#: The cation of AX may be any monovalent one, such as the Ag of AgBr.
Role = Literal["A", "B", "B'", "X"]
#: Ions on the sites of a formula unit of ABX3.
_ABX3: dict[Literal["A", "B", "X"], int] = {"A": 1, "B": 1, "X": 3}
#: A site is full if its amounts differ from its number of atoms by less.
_FULL = 1e-6
_ROLE = re.compile(r"([ABX]'*)(\d*)")
_ELEMENT = re.compile(r"([A-Z][a-z]?)(\d*)")


@dataclass(frozen=True, slots=True)
class Compound:
    """A stoichiometry with one ion on each site, by its letters; on A it may be a molecule."""

    stoichiometry: Stoichiometry
    ions: tuple[Ion, ...]

    @property
    def sites(self) -> dict[Role, Ion]:
        """The ion on each site."""
        return dict(zip(counts(self.stoichiometry), self.ions, strict=True))

    @property
    def shares(self) -> dict[Role, dict[Ion, float]]:
        """The ions on each site, with their shares of it."""
        return {role: {ion: 1.0} for role, ion in self.sites.items()}

    def on(self, site: str) -> list[Ion]:
        """Return the ions on A, on B and B', or on X."""
        return [ion for role, shares in self.shares.items() if role[0] == site for ion in shares]

    @property
    def halides(self) -> list[Ion]:
        """The monatomic ions on X: all but SCN."""
        return [ion for ion in self.on("X") if not ion.molecular]

    @property
    def ends(self) -> dict[Compound, float]:
        """The compounds with one ion on each site, and their shares in a random mixture."""
        chosen = [shares.items() for shares in self.shares.values()]
        return {
            Compound(self.stoichiometry, tuple(ion for ion, _ in ions)): prod(x for _, x in ions)
            for ions in product(*chosen)
        }

    @property
    def atoms_per_formula(self) -> float:
        """Atoms in one formula unit, an ``int`` if whole; of Cs0.2FA0.8PbBr3, 10.6."""
        atoms = round(sum(self.numbers_of_elements.values()), 6)
        return int(atoms) if atoms.is_integer() else atoms

    @property
    def formula(self) -> str:
        """The formula in the order of the stoichiometry, e.g. ``Cs2AgBiBr6``."""
        numbers = counts(self.stoichiometry)
        return "".join(
            f"{ion.symbol}{numbers[role] if numbers[role] > 1 else ''}"
            for role, ion in self.sites.items()
        )

    @property
    def numbers_of_elements(self) -> dict[str, float]:
        """Atoms of each element in one formula unit."""
        numbers: dict[str, float] = defaultdict(float)
        for role, shares in self.shares.items():
            for ion, share in shares.items():
                formula = molecular_ions()[ion.symbol].formula if ion.molecular else ion.symbol
                for element, inside in _ELEMENT.findall(formula):
                    numbers[element] += share * counts(self.stoichiometry)[role] * int(inside or 1)
        return dict(numbers)

    @property
    def molecular(self) -> bool:
        """Whether a molecule is on one of its sites."""
        return any(ion.molecular for shares in self.shares.values() for ion in shares)

    def __str__(self) -> str:
        return self.formula


@dataclass(frozen=True, slots=True)
class Mixture(Compound):
    """A compound whose sites are shared, of those with prototypes ABX3.

    ``ions`` are the first of each site, in the formula's order.
    """

    mixed: Composition

    @property
    def formula(self) -> str:
        """The canonical formula, e.g. ``CsPbI2Br``."""
        return self.mixed.formula

    @property
    def shares(self) -> dict[Role, dict[Ion, float]]:
        """The ions on each site, with their shares of it."""
        full = counts(self.stoichiometry)
        return {
            site: {each.ion: (each.number or 0.0) / full[site] for each in self.mixed.on(site)}
            for site in _ABX3
        }


def counts(stoichiometry: Stoichiometry) -> dict[Role, int]:
    """Return the number of atoms on each site in one formula unit.

    Example:
        >>> counts("A2BB'X6")
        {'A': 2, 'B': 1, "B'": 1, 'X': 6}
    """
    return {role: int(number or 1) for role, number in _ROLE.findall(stoichiometry)}


#: Stoichiometry of the families that have prototypes.
_OF_FAMILY: dict[str, Stoichiometry] = {
    "3D": "ABX3",
    "double": "A2BB'X6",
    "vacancy-ordered": "A2BX6",
    "A3B2X9": "A3B2X9",
    "A3B2X9 dimer": "A3B2X9",
    "A3B2X9 layered": "A3B2X9",
    "RP": "A2BX4",
}
FAMILIES_WITH_PROTOTYPES = tuple(_OF_FAMILY)


def stoichiometry_of(name: str) -> Stoichiometry:
    """Return the stoichiometry of a family (``double``) or stoichiometry (``A2BB'X6``).

    Raises:
        InputError: there are no prototypes for it.
    """
    if name in STOICHIOMETRIES:
        return name
    if name in _OF_FAMILY:
        return _OF_FAMILY[name]
    raise InputError(unknown_name("family with prototypes", name, [*_OF_FAMILY, *STOICHIOMETRIES]))


def compound_of(composition: Composition) -> Compound:
    """Return the compound of a composition; ABX3 may be a :class:`Mixture`, and hold MA or FA.

    Raises:
        InputError: sites are shared by ions without order, or contain generic letters or molecules
            that no prototype holds, or the amounts are open or do not match a stoichiometry with
            prototypes; the message gives the remedy.
    """
    reason = _obstacle(composition)
    if reason is None:
        for stoichiometry in STOICHIOMETRIES:
            found = _filled(composition, stoichiometry)
            if found is not None:
                return found
        if (mixture := _mixed(composition)) is not None:
            return mixture
        on_b = [str(occupant.ion) for occupant in composition.on("B")]
        if len(on_b) > 1 and composition.family != "double":
            reason = f"site B is shared by {' and '.join(on_b)}"
        else:
            reason = f"there is no prototype of its family ({composition.family})"
    raise InputError(
        f"{composition.formula} cannot be built from a prototype, which holds one ion on each site "
        f"or, of ABX3, mixtures: {reason}; choose another composition, or import a structure with "
        "pvkdb structure FORMULA --from FILE"
    )


def compound_like(composition: Composition) -> Compound:
    """Return the compound of a composition whose structure is at hand, of any stoichiometry.

    It may hold any molecules, and several ions on a site: of whole amounts, each is a site of its
    own (A and A'); otherwise they share it.

    Raises:
        InputError: an ion is a letter for any, the amounts are open, or a site is not full.
    """
    try:
        return compound_of(composition)
    except InputError:
        if composition.additives or not (composition.numeric and composition.balanced):
            raise
        if any(occupant.ion.generic for occupant in composition.occupants):
            raise
        on = {site: composition.on(site) for site in _ABX3}
        on["B"] = tuple(sorted(on["B"], key=lambda each: each.ion.charge))
        whole = all((each.number or 0.5).is_integer() for ions in on.values() for each in ions)
        names = [
            (site + "'" * place, each.number or 0.0)
            for site, ions in on.items()
            for place, each in enumerate(ions)
        ]
        if not whole:
            names = [(site, sum(each.number or 0.0 for each in on[site])) for site in on]
        if not all(abs(amount - round(amount)) < _FULL for _, amount in names):
            raise
    name = "".join(f"{role}{round(n) if round(n) > 1 else ''}" for role, n in names)
    stoichiometry = cast("Stoichiometry", name)
    if whole:
        return Compound(stoichiometry, tuple(each.ion for ions in on.values() for each in ions))
    return Mixture(stoichiometry, tuple(ions[0].ion for ions in on.values()), composition)


def _obstacle(composition: Composition) -> str | None:
    """Return why a composition cannot be built as a prototype; None if it can."""
    if composition.additives:
        return f"the site of {composition.additives[0]} is unknown"
    for occupant in composition.occupants:
        if occupant.ion.generic:
            return f"{occupant.ion.symbol} denotes any ion"
    if (molecule := unplaced_molecule(composition)) is not None:
        return f"{molecule} is a molecule whose place and geometry no prototype has"
    if not (composition.numeric and composition.balanced):
        return "its amounts are open or do not balance"
    for site in ("A", "X"):
        ions = [str(occupant.ion) for occupant in composition.on(site)]
        if len(ions) > 1 and composition.family != "3D":
            return f"site {site} is shared by {' and '.join(ions)}"
    return None


def _mixed(composition: Composition) -> Mixture | None:
    """Return the mixture if the sites of ABX3 are full and shared by ions of one charge."""
    if composition.family != "3D":
        return None
    for site, count in _ABX3.items():
        ions = composition.on(site)
        full = abs(sum(each.number or 0.0 for each in ions) - count) < _FULL
        if not full or len({each.ion.charge for each in ions}) > 1:
            return None
    first = tuple(composition.on(site)[0].ion for site in _ABX3)
    return Mixture("ABX3", first, composition)


def _filled(composition: Composition, stoichiometry: Stoichiometry) -> Compound | None:
    """Return the compound if the composition has exactly the amounts of the stoichiometry."""
    on_b = sorted(composition.on("B"), key=lambda occupant: occupant.ion.charge)
    occupants = [*composition.on("A"), *on_b, *composition.on("X")]
    wanted = counts(stoichiometry)
    amounts = [occupant.number or 0.0 for occupant in occupants]
    if len(amounts) != len(wanted) or [o.site for o in occupants] != [r[0] for r in wanted]:
        return None
    scale = next(iter(wanted.values())) / amounts[0]
    if [amount * scale for amount in amounts] != [float(number) for number in wanted.values()]:
        return None
    if len(on_b) == 2 and on_b[0].ion.charge == on_b[1].ion.charge:
        return None  # two ions of equal charge share a site without order
    return Compound(stoichiometry, tuple(occupant.ion for occupant in occupants))


def competitors(compound: Compound) -> tuple[Compound, ...]:
    """Return the compounds that a ternary or quaternary halide may decompose into.

    Binary halides come first, then ternaries of the same ions: AB2X3 for Cu+ and Ag+, A3B2X5
    for Cu+, A4BX6, A2BX4, AB2X5 and ABX3 for B2+, A3B2X9 and A3BX6 for B3+, A2BX6 for B4+. The
    compound itself is left out. A mixture has its ends and what these may decompose into.

    Example:
        >>> from pvkdb.chemistry import parse_composition
        >>> [str(c) for c in competitors(compound_of(parse_composition("CsPbI3")))]
        ['CsI', 'PbI2', 'Cs4PbI6', 'Cs2PbI4', 'CsPb2I5']
    """
    if len(ends := compound.ends) > 1:
        return tuple(dict.fromkeys([*ends, *(other for end in ends for other in competitors(end))]))
    *cations, halide = compound.ions
    found = list(binaries(compound))
    if compound.sites.get("A", halide).charge == 1:
        large, *others = cations
        for ion in others:
            found += ternaries(large, ion, halide)
    return tuple(other for other in found if other != compound)


def binaries(compound: Compound) -> tuple[Compound, ...]:
    """Return the binary halides of each cation of a compound, of charges that have prototypes."""
    *cations, halides = compound.shares.values()
    return tuple(
        Compound(_BINARIES[ion.charge], (ion, halide))
        for halide in halides
        for ions in cations
        for ion in ions
        if ion.charge in _BINARIES
    )


def ternaries(large: Ion, small: Ion, halide: Ion) -> tuple[Compound, ...]:
    """Return the halides of a monovalent and another cation that have prototypes."""
    known = _TERNARIES.get(small.charge) or _OF_TETRAHEDRA.get(small.symbol, ())
    return tuple(Compound(stoichiometry, (large, small, halide)) for stoichiometry in known)


def halides_of(ion: Ion, large: Ion, halide: Ion) -> tuple[Compound, ...]:
    """Return the binary and ternary halides of an ion that have prototypes."""
    if ion.charge not in _BINARIES:
        return ()
    return Compound(_BINARIES[ion.charge], (ion, halide)), *ternaries(large, ion, halide)


_BINARIES: dict[int, Stoichiometry] = {1: "AX", 2: "BX2", 3: "BX3", 4: "BX4"}
#: Ternary halides of monovalent cations with four halides around them: S. Hull, P. Berastegui, J.
#: Solid State Chem. 2004 (9), 3156-3173.
_OF_TETRAHEDRA: dict[str, tuple[Stoichiometry, ...]] = {
    "Cu": ("AB2X3", "A3B2X5"),
    "Ag": ("AB2X3",),
}
_TERNARIES: dict[int, tuple[Stoichiometry, ...]] = {
    2: ("ABX3", "A4BX6", "A2BX4", "AB2X5"),
    3: ("A3B2X9", "A3BX6"),
    4: ("A2BX6",),
}
