"""Products of ions over the sites of a structure type: a million compositions in seconds.

A composition is three positions in lists of what A, B and X can hold. What is slow, reading a
formula, is done for each pair of ions on A and B and for each entry of a list, not for each
composition.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import nan
from typing import NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from pvkdb.chemistry import Composition, parse_composition
from pvkdb.chemistry.amounts import ZERO
from pvkdb.chemistry.factors.tolerance import mean_radius
from pvkdb.chemistry.factors.tolerance_arrays import FactorArrays, factors_from_radii
from pvkdb.chemistry.family import Family
from pvkdb.chemistry.formulas.canonical import amounts_text
from pvkdb.chemistry.formulas.composition import Occupant
from pvkdb.chemistry.formulas.formula import parsed_formulas
from pvkdb.chemistry.formulas.interpretation import interpret
from pvkdb.chemistry.ions import Ion
from pvkdb.chemistry.sites import Site
from pvkdb.chemistry.text import plain
from pvkdb.errors import FormulaError, MissingRadiusError
from pvkdb_pipelines.screening.plan.conditions import PlanCondition

#: Ions on a site, and their shares of it.
Shares = Mapping[Ion, Fraction]
#: A truth value for each entry of a list.
_Which = NDArray[np.bool_]
#: Positions in the lists of A, B and X; arrays of one shape, one element for each composition.
Positions = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]

SITES: tuple[Site, ...] = get_args(Site)

#: How formulas of two entries are read: as something else, each by itself, or from their parts,
#: which are written with every name in brackets where they would be read differently without.
_NOT_MEANT, _READ_EACH, _SUM, _BRACKETED = -1, 0, 1, 2


class _Entry(NamedTuple):
    """What an entry of a list adds to a composition; its part of the formula by style."""

    structure: tuple[Family, int | None]
    texts: Mapping[int, str]
    occupants: tuple[Occupant, ...]


@dataclass(frozen=True)
class Products:
    """All products of what the sites of a structure type can hold, with ``amounts`` of A, B and X.

    ``corners``: its octahedra share all corners, so that tolerance factors are defined.
    """

    amounts: tuple[int, int, int]
    choices: Mapping[Site, Sequence[Shares]]
    corners: bool = False

    @cached_property
    def meant(self) -> _Which:
        """Which entries of A and B make a composition of this type; shape (A, B).

        Others are read as another compound: Na2NaBiCl6 as Na3BiCl6, Cs2CuFeI6 as Cs(Cu,Fe)I3 with
        divalent ions.
        """
        return self._pairs >= _READ_EACH

    def __len__(self) -> int:
        return int(self.meant.sum()) * len(self.choices["X"])

    @cached_property
    def _pairs(self) -> NDArray[np.int8]:
        """How formulas of an entry of A and one of B are read; shape (A, B).

        For most pairs this depends on the ions alone. What depends on the shares: the charges on
        one site (as much Cu as Fe may be 1+ and 3+ instead of 2+), which one composition of each
        entry shows, and names that may be read in two ways (IMA as I and MA).
        """
        (a, of_a), (b, of_b) = (_first_of_each(self.choices[site]) for site in SITES[:2])
        kinds = np.array([[self._pair(i, j) for j in b] for i in a], dtype=np.int8)
        found = kinds.reshape(len(a), len(b))[np.ix_(of_a, of_b)]
        for view, turned in ((found, False), (found.T, True)):
            for at, pairs in enumerate(view):
                if (beside := np.flatnonzero(pairs == _SUM)).size:
                    other = int(beside[0])
                    pairs[beside] = self._pair(other, at) if turned else self._pair(at, other)
        # Halides have one charge: how a pair is read with one of them, it is with all.
        certain = found == _SUM
        for i, j in np.argwhere(found == _READ_EACH).tolist():
            found[i, j] = self._written(i, j, certain[i], certain[:, j])
        return found

    def _written(self, i: int, j: int, beside_a: _Which, beside_b: _Which) -> int:
        """Return how a pair is read, from what its entries are beside others."""
        of_a = self._read(i, int(beside_a.argmax()), 0) if beside_a.any() else None
        of_b = self._read(int(beside_b.argmax()), j, 0) if beside_b.any() else None
        if of_a is not None and of_b is not None:
            for style in (_SUM, _BRACKETED):
                parts = zip((of_a, of_b, of_b), SITES, strict=True)
                text = "".join(_site_text(part, site, style) for part, site in parts)
                if self._says(text, i, j):
                    return style
        read = self._read(i, j, 0)
        return _NOT_MEANT if read is None else _style(read)

    def _says(self, text: str, i: int, j: int) -> bool:
        """Whether a formula is read as a pair."""
        found: dict[Site, set[Ion]] = {}
        with suppress(FormulaError):
            for site, group in interpret(plain(text)).sites:
                found.setdefault(site, set()).update(group)
        return found == self._ions(i, j, 0)

    def _pair(self, i: int, j: int) -> int:
        a, b = set(self.choices["A"][i]), set(self.choices["B"][j])
        read = None if a & b or not self.choices["X"] else self._read(i, j, 0)
        if read is None:
            return _NOT_MEANT
        text = plain(read.formula)
        first, *others = parsed_formulas(text)
        # The first reading is taken if all charges of its ions are common and balance.
        certain = not others or (
            first.amounts.keys() == {each.ion.symbol for each in read.occupants}
            and interpret(text).rank == (0, 0)
        )
        return _SUM if certain and _style(read) == _SUM else _READ_EACH

    @cached_property
    def _known(self) -> dict[tuple[int, ...], Composition | None]:
        return {}

    def _read(self, *at: int) -> Composition | None:
        """Read the formula of a composition; None if it has other ions than it should have."""
        if at not in self._known:
            self._known[at] = None
            with suppress(FormulaError):  # no ion of it belongs on A, say
                read = parse_composition(self._text(*at))
                found = {site: {each.ion for each in read.on(site)} for site in SITES}
                if found == self._ions(*at):
                    self._known[at] = read
        return self._known[at]

    def _ions(self, *at: int) -> dict[Site, set[Ion]]:
        return {site: set(self.choices[site][n]) for site, n in zip(SITES, at, strict=True)}

    @cached_property
    def _parts(self) -> dict[Site, list[Composition | None]]:
        """For each entry of a list, the composition of it and the first that fit on other sites."""
        pairs = np.where(self._pairs == _SUM, _BRACKETED + 1, self._pairs)  # these come first
        first = int(pairs.max(axis=1).argmax())
        beside_a = [(i, int(row.argmax()), 0) for i, row in enumerate(pairs)]
        beside_b = [(int(column.argmax()), j, 0) for j, column in enumerate(pairs.T)]
        beside_x = [(first, int(pairs[first].argmax()), k) for k in range(len(self.choices["X"]))]
        return {
            site: [self._read(*at) if self.meant[at[:2]] else None for at in places]
            for site, places in zip(SITES, (beside_a, beside_b, beside_x), strict=True)
        }

    @cached_property
    def _entries(self) -> dict[Site, list[_Entry | None]]:
        return {
            site: [_entry(part, site) if part and _style(part) else None for part in parts]
            for site, parts in self._parts.items()
        }

    @cached_property
    def _radii_ang(self) -> list[NDArray[np.float64]]:
        return [
            np.array([nan if part is None else _radius(part.on(site), site) for part in parts])
            for site, parts in self._parts.items()
        ]

    def passing(self, conditions: Sequence[PlanCondition] = ()) -> Iterator[Positions]:
        """Yield the positions of the compositions that meet conditions on tolerance factors.

        Where the factors are not defined, or an ion has no radius, conditions do not apply. One
        array for each entry of A.
        """
        b, x = (np.arange(len(self.choices[site])) for site in SITES[1:])
        for i in range(len(self.choices["A"]) if len(self) else 0):
            of_b = b[self.meant[i]]
            at = (np.full(of_b.size * x.size, i), np.repeat(of_b, x.size), np.tile(x, of_b.size))
            if self.corners and conditions and at[0].size:
                factors = self.factors(at)
                passed = np.ones(at[0].size, dtype=bool)
                for condition in conditions:
                    passed &= condition.holds_each(getattr(factors, condition.column))
                passed |= np.isnan(factors.t)
                at = (at[0][passed], at[1][passed], at[2][passed])
            yield at

    def factors(self, at: Positions) -> FactorArrays:
        """Return the tolerance factors of the compositions at some positions; NaN if unknown."""
        r_a, r_b, r_x = (radii[where] for radii, where in zip(self._radii_ang, at, strict=True))
        return factors_from_radii(r_a, r_b, r_x)

    def compositions(self, at: Positions) -> Iterator[Composition]:
        """Yield the compositions at some positions."""
        a, b, x = (self._entries[site] for site in SITES)
        for i, j, k in zip(*(where.tolist() for where in at), strict=True):
            of_a, of_b, of_x, style = a[i], b[j], x[k], int(self._pairs[i, j])
            if (
                style and of_a and of_b and of_x
            ) and of_a.structure == of_b.structure == of_x.structure:
                formula = of_a.texts[style] + of_b.texts[style] + of_x.texts[style]
                occupants = of_a.occupants + of_b.occupants + of_x.occupants
                yield Composition(formula, occupants, *of_a.structure)
            else:
                yield parse_composition(self._text(i, j, k))

    def _text(self, *at: int) -> str:
        return "".join(
            f"({ion.symbol}){_decimal(share * amount)}"
            for site, place, amount in zip(SITES, at, self.amounts, strict=True)
            for ion, share in self.choices[site][place].items()
        )


def _first_of_each(entries: Sequence[Shares]) -> tuple[list[int], list[int]]:
    """Return the first entry with each set of ions, and for each entry which set it has."""
    sets: dict[frozenset[Ion], int] = {}
    which = [sets.setdefault(frozenset(entry), len(sets)) for entry in entries]
    return [which.index(number) for number in range(len(sets))], which


def _entry(composition: Composition, site: Site) -> _Entry:
    texts = {style: _site_text(composition, site, style) for style in (_SUM, _BRACKETED)}
    return _Entry((composition.family, composition.layers), texts, composition.on(site))


def _site_text(composition: Composition, site: Site, style: int) -> str:
    amounts = ((each.ion, each.amount or ZERO) for each in composition.on(site))
    return amounts_text(amounts, brackets=style == _BRACKETED)


def _style(composition: Composition) -> int:
    """Return how a formula is made from those of its sites; ``_READ_EACH`` if it is not."""
    for style in (_SUM, _BRACKETED):
        texts = (_site_text(composition, site, style) for site in SITES)
        if "".join(texts) == composition.formula:
            return style
    return _READ_EACH


def _radius(occupants: Sequence[Occupant], site: Site) -> float:
    try:
        return mean_radius(tuple(occupants), site)[0]
    except MissingRadiusError:
        return nan


def _decimal(value: Fraction) -> str:
    return "" if value == 1 else f"{float(value):.6f}".rstrip("0").rstrip(".")
