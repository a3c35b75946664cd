"""Compounds: one ion on each site of a stoichiometry such as A2BB'X6."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, cast, get_args

from pvkdb.chemistry import Composition, Ion
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
_ROLE = re.compile(r"([ABX]'?)(\d*)")


@dataclass(frozen=True, slots=True)
class Compound:
    """A stoichiometry with one monatomic ion on each site, in the order of its letters."""

    stoichiometry: Stoichiometry
    ions: tuple[Ion, ...]

    @property
    def sites(self) -> dict[Role, Ion]:
        """The ion on each site."""
        return dict(zip(counts(self.stoichiometry), self.ions, strict=True))

    @property
    def formula(self) -> str:
        """The formula in the order of the stoichiometry, e.g. ``Cs2AgBiBr6``."""
        numbers = counts(self.stoichiometry)
        return "".join(
            f"{ion.symbol}{numbers[role] if numbers[role] > 1 else ''}"
            for role, ion in self.sites.items()
        )

    @property
    def numbers_of_elements(self) -> dict[str, int]:
        """Atoms of each element in one formula unit."""
        numbers: dict[str, int] = {}
        for role, ion in self.sites.items():
            count = counts(self.stoichiometry)[role]
            numbers[ion.symbol] = numbers.get(ion.symbol, 0) + count
        return numbers

    def __str__(self) -> str:
        return self.formula


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
    """Return the compound of a composition with one monatomic ion on each site.

    Raises:
        InputError: sites are shared or contain molecules or generic letters, or the amounts are
            open or do not match a stoichiometry with prototypes; the message gives the remedy.
    """
    reason = _obstacle(composition)
    if reason is None:
        for stoichiometry in STOICHIOMETRIES:
            found = _filled(composition, stoichiometry)
            if found is not None:
                return found
        on_b = [str(occupant.ion) for occupant in composition.on("B")]
        if len(on_b) > 1 and composition.family != "double":
            reason = f"site B is shared by {' and '.join(on_b)}"
        else:
            reason = f"there is no prototype of its family ({composition.family})"
    raise InputError(
        f"{composition.formula} cannot be built from a prototype, which holds one monatomic ion "
        f"on each site: {reason}; choose another composition, or import a structure with "
        "pvkdb structure FORMULA --from FILE"
    )


def compound_like(composition: Composition) -> Compound:
    """Return the compound of a composition, of a stoichiometry without prototypes too.

    Raises:
        InputError: it is not one monatomic ion on A, one or two on B and one on X.
    """
    try:
        return compound_of(composition)
    except InputError:
        on_b = sorted(composition.on("B"), key=lambda each: each.ion.charge)
        occupants = [*composition.on("A"), *on_b, *composition.on("X")]
        letters = ("A", "B", "B'", "X") if len(on_b) == 2 else ("A", "B", "X")
        amounts = [each.number or 0.0 for each in occupants]
        whole = all(amount > 0 and amount.is_integer() for amount in amounts)
        if _obstacle(composition) or len(occupants) != len(letters) or not whole:
            raise
    name = "".join(
        f"{letter}{int(amount) if amount > 1 else ''}"
        for letter, amount in zip(letters, amounts, strict=True)
    )
    return Compound(cast("Stoichiometry", name), tuple(each.ion for each in occupants))


def _obstacle(composition: Composition) -> str | None:
    """Return why a composition cannot be built as a prototype; None if it can."""
    if composition.additives:
        return f"the site of {composition.additives[0]} is unknown"
    for occupant in composition.occupants:
        if occupant.ion.generic:
            return f"{occupant.ion.symbol} denotes any ion"
        if occupant.ion.molecular:
            return f"{occupant.ion} is a molecule with an orientation"
    if not (composition.numeric and composition.balanced):
        return "its amounts are open or do not balance"
    for site in ("A", "X"):
        ions = [str(occupant.ion) for occupant in composition.on(site)]
        if len(ions) > 1:
            return f"site {site} is shared by {' and '.join(ions)}"
    return None


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
    compound itself is left out.

    Example:
        >>> from pvkdb.chemistry import parse_composition
        >>> [str(c) for c in competitors(compound_of(parse_composition("CsPbI3")))]
        ['CsI', 'PbI2', 'Cs4PbI6', 'Cs2PbI4', 'CsPb2I5']
    """
    *cations, halide = compound.ions
    found = list(binaries(compound))
    if compound.sites.get("A", halide).charge == 1:
        large, *others = cations
        for ion in others:
            found += ternaries(large, ion, halide)
    return tuple(other for other in found if other != compound)


def binaries(compound: Compound) -> tuple[Compound, ...]:
    """Return the binary halide of each cation of a compound."""
    *cations, halide = compound.ions
    return tuple(Compound(_BINARIES[ion.charge], (ion, halide)) for ion in cations)


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
#: Solid State Chem. 177, 3156 (2004), doi:10.1016/j.jssc.2004.05.004.
_OF_TETRAHEDRA: dict[str, tuple[Stoichiometry, ...]] = {
    "Cu": ("AB2X3", "A3B2X5"),
    "Ag": ("AB2X3",),
}
_TERNARIES: dict[int, tuple[Stoichiometry, ...]] = {
    2: ("ABX3", "A4BX6", "A2BX4", "AB2X5"),
    3: ("A3B2X9", "A3BX6"),
    4: ("A2BX6",),
}
