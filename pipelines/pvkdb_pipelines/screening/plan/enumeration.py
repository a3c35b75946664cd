"""Charge-neutral compositions from lists of ions, over structure types; and listed ones.

Every enumerated composition has one ion on each site, or two on one site where the plan has mixing.
Compositions that are not charge-neutral are not enumerated.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from glob import glob
from itertools import combinations, product
from pathlib import Path

from pvkdb.chemistry import Composition, parse_composition
from pvkdb.chemistry.formulas.sum_formula import composition_of_atoms
from pvkdb.chemistry.ions import Ion
from pvkdb.chemistry.sites import Site
from pvkdb.compositions.compounds import stoichiometry_of
from pvkdb.errors import InputError
from pvkdb.schemas.calculations.relaxations import Host
from pvkdb.schemas.toml_files import read_text
from pvkdb_pipelines.geometry.hosts import host_of
from pvkdb_pipelines.prototypes import compound_of
from pvkdb_pipelines.screening.plan.conditions import PlanCondition
from pvkdb_pipelines.screening.plan.products import Products, Shares
from pvkdb_pipelines.structures.user_structures import phase_of, read_start


@dataclass(frozen=True, slots=True)
class StructureType:
    """A structure type: the charges of its B ions, and the amounts of A, B and X."""

    b_charges: tuple[int, ...]
    amounts: tuple[int, int, int]


#: Types by name. All have monovalent A and X.
TYPES: dict[str, StructureType] = {
    "ABX3": StructureType((2,), (1, 1, 3)),  # perovskite and its competitors
    "A2BB'X6": StructureType((1, 3), (2, 1, 6)),  # elpasolite (ordered double perovskite)
    "A2BX6": StructureType((4,), (2, 1, 6)),  # vacancy-ordered, K2PtCl6 type
    "A3B2X9": StructureType((3,), (3, 2, 9)),  # dimers or corrugated layers
    "A2BX4": StructureType((2,), (2, 1, 4)),  # Ruddlesden-Popper, n = 1
}
#: Of these, tolerance factors are defined.
_SHARED_CORNERS = ("ABX3", "A2BB'X6")


@dataclass(frozen=True, slots=True)
class Mixing:
    """Two ions that share a site; ``share`` is the fraction of the second ion."""

    site: Site
    share: Fraction


@dataclass(frozen=True, slots=True)
class EnumeratedCandidate:
    """A composition in a structure type; ``mixed`` if a site has two ions.

    ``starts`` are its structures from files, by the names of their phases.
    """

    type: str
    composition: Composition
    mixed: bool = False
    starts: Mapping[str, Host] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name of the candidate in reports: formula and type."""
        return f"{self.composition.formula} ({self.type})"


def products_of(
    types: Sequence[str], ions: Mapping[Site, Sequence[Ion]], mixing: Sequence[Mixing] = ()
) -> Iterator[tuple[str, bool, Products]]:
    """Yield the products of ions of each type, and whether a site of theirs has two ions.

    No composition is in two of them, or twice in one.
    """
    for name in types:
        kind = TYPES[name]
        choices: dict[Site, list[Shares]] = {
            "A": _of_charges(ions["A"], (1,)),
            "B": _of_charges(ions["B"], kind.b_charges),
            "X": _of_charges(ions["X"], (-1,)),
        }
        corners = name in _SHARED_CORNERS
        yield name, False, Products(kind.amounts, choices, corners)
        for site in dict.fromkeys(rule.site for rule in mixing):
            if site == "B" and len(kind.b_charges) > 1:
                continue  # an elpasolite's B sites are two sites already
            pure = [next(iter(shares)) for shares in choices[site]]
            pairs: list[Shares] = [
                {first: 1 - rule.share, second: rule.share}
                for rule in mixing
                if rule.site == site
                for pair in combinations(pure, 2)
                for first, second in (pair, pair[::-1])
            ]
            each = {frozenset(pair.items()): pair for pair in pairs}
            yield name, True, Products(kind.amounts, {**choices, site: [*each.values()]}, corners)


def enumerated(
    every: Iterable[tuple[str, bool, Products]], conditions: Sequence[PlanCondition] = ()
) -> Iterator[EnumeratedCandidate]:
    """Yield the compositions of products, each once, in the order of types and ions.

    With ``conditions`` on tolerance factors, those that meet them or for which they do not apply.

    Example:
        >>> ions = {"A": [Ion("Cs", 1)], "B": [Ion("Pb", 2)], "X": [Ion("Br", -1)]}
        >>> [candidate.name for candidate in enumerated(products_of(["ABX3", "A2BX4"], ions))]
        ['CsPbBr3 (ABX3)', 'Cs2PbBr4 (A2BX4)']
    """
    for name, mixed, products in every:
        for at in products.passing(conditions):
            for composition in products.compositions(at):
                yield EnumeratedCandidate(name, composition, mixed)


def listed_candidate(
    composition: Composition, starts: Mapping[str, Host] | None = None
) -> EnumeratedCandidate:
    """Return a composition that a plan lists, as a candidate of its stoichiometry or family."""
    kind: str = composition.family
    with suppress(InputError):
        kind = stoichiometry_of(kind)  # of shared sites and molecules, too
    with suppress(InputError):
        kind = compound_of(composition).stoichiometry
    return EnumeratedCandidate(kind, composition, starts=starts or {})


def read_listed(folder: Path, name: str) -> list[EnumeratedCandidate]:
    """Return the candidates that a formula or a file names; ``*`` matches any part of a file name.

    A ``.txt``, ``.csv`` or ``.tsv`` has a formula in each line, before the first comma, tab or
    ``#``, perhaps below the heading ``formula``; other files have one structure.

    Raises:
        InputError: the formula or a file cannot be read, or no file has the name; names every
            line that is wrong.
    """
    found, paths = [], [folder / each for each in sorted(glob(name, root_dir=folder))]
    problems = []
    for path in paths:
        if path.suffix not in (".txt", ".csv", ".tsv"):
            atoms = read_start(path)
            composition = composition_of_atoms(atoms.symbols.formula.count())
            phase = path.stem[:40]
            with suppress(InputError):  # it only has the space group of a prototype
                phase = phase_of(atoms, composition)
            found.append(listed_candidate(composition, {phase: host_of(atoms)}))
            continue
        for number, line in enumerate(read_text(path, str(path)).splitlines(), start=1):
            formula = re.split(r"[,\t#]", line, maxsplit=1)[0].strip(' "')
            try:
                if formula and formula.lower() != "formula":
                    found.append(listed_candidate(parse_composition(formula)))
            except InputError as error:
                problems.append(f"{path.name} line {number}: {error}")
    if problems:
        raise InputError("\n".join(problems))
    if paths:
        return found
    try:
        return [listed_candidate(parse_composition(name))]
    except InputError as error:
        raise InputError(f"{error}; {folder.resolve()} holds no file of this name") from error


def _of_charges(ions: Sequence[Ion], charges: Sequence[int]) -> list[Shares]:
    """Return what a site can hold: one ion of each charge."""
    choices = ([ion for ion in ions if ion.charge == charge] for charge in charges)
    return [dict.fromkeys(chosen, Fraction(1)) for chosen in product(*choices)]
