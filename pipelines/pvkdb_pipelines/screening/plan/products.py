"""Products of ions over the sites of a structure type: a million compositions in seconds.

A composition is three positions in lists of what A, B and X can hold. What is slow, reading a
formula, is done for each pair of ions on A and B and for each entry of a list, not for each
composition.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from math import nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pvkdb.chemistry import Composition, parse_composition
from pvkdb.chemistry.amounts import ZERO
from pvkdb.chemistry.canonical import amounts_text
from pvkdb.chemistry.composition import Occupant
from pvkdb.chemistry.formula import parsed_formulas
from pvkdb.chemistry.ions import Ion
from pvkdb.chemistry.sites import Site
from pvkdb.chemistry.text import plain
from pvkdb.chemistry.tolerance import mean_radius
from pvkdb.chemistry.tolerance_arrays import FactorArrays, factors_from_radii
from pvkdb.errors import FormulaError, MissingRadiusError
from pvkdb_pipelines.screening.plan.conditions import PlanCondition

#: Ions on a site, and their shares of it.
Shares = Mapping[Ion, Fraction]
#: Positions in the lists of A, B and X; arrays of one shape, one element for each composition.
Positions = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]

SITES: tuple[Site, ...] = ("A", "B", "X")


@dataclass(frozen=True)
class Products:
    """All products of what the sites of a structure type can hold, with ``amounts`` of A, B and X.

    ``corners``: its octahedra share all corners, so that tolerance factors are defined.
    """

    amounts: tuple[int, int, int]
    choices: Mapping[Site, Sequence[Shares]]
    corners: bool = False

    @cached_property
    def meant(self) -> NDArray[np.bool_]:
        """Which entries of A and B make a composition of this type; shape (A, B).

        Na2NaBiCl6 is another compound, Na3BiCl6, and Cs2CuFeI6 is read as Cs(Cu,Fe)I3 with divalent
        ions. This depends on the ions alone, not on their shares.
        """
        return self._pairs >= 0

    def __len__(self) -> int:
        return int(self.meant.sum()) * len(self.choices["X"])

    @cached_property
    def _pairs(self) -> NDArray[np.int8]:
        """For A and B: -1 if another compound is meant, 1 if formulas are sums of sites, else 0."""
        (a, of_a), (b, of_b) = (_first_of_each(self.choices[site]) for site in SITES[:2])
        read = [[self._pair(i, j) for j in b] for i in a]
        found = np.array(read, dtype=np.int8).reshape(len(a), len(b))
        return found[np.ix_(of_a, of_b)]

    def _pair(self, i: int, j: int) -> int:
        a, b = set(self.choices["A"][i]), set(self.choices["B"][j])
        if a & b or not self.choices["X"]:
            return -1
        try:
            read = parse_composition(self._text(i, j, 0))
        except FormulaError:  # no ion of it belongs on A, say
            return -1
        placed = zip(SITES, (a, b, set(self.choices["X"][0])), strict=True)
        if any({occupant.ion for occupant in read.on(site)} != ions for site, ions in placed):
            return -1
        # IMA may be read as I and MA, depending on the shares: such formulas are read each.
        unique = len(list(parsed_formulas(plain(read.formula)))) == 1
        return int(unique and _is_sum_of_sites(read))

    @cached_property
    def _parts(self) -> dict[Site, list[Composition | None]]:
        """For each entry of a list, the composition of it and the first that fit on other sites."""
        first = self.meant.any(axis=1).argmax()
        beside_a = [(i, row.argmax(), 0) for i, row in enumerate(self.meant)]
        beside_b = [(column.argmax(), j, 0) for j, column in enumerate(self.meant.T)]
        beside_x = [(first, self.meant[first].argmax(), k) for k in range(len(self.choices["X"]))]
        every: tuple[list[tuple[Any, Any, int]], ...] = (beside_a, beside_b, beside_x)
        return {
            site: [
                parse_composition(self._text(*at)) if self.meant[at[:2]] else None for at in places
            ]
            for site, places in zip(SITES, every, strict=True)
        }

    @cached_property
    def _texts(self) -> dict[Site, list[str]]:
        """Parts of formulas; empty where formulas are no sums of their sites."""
        return {
            site: [
                _site_text(part, site) if part and _is_sum_of_sites(part) else "" for part in parts
            ]
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
        a, b, x = (list(zip(self._parts[s], self._texts[s], strict=True)) for s in SITES)
        for i, j, k in zip(*(where.tolist() for where in at), strict=True):
            (of_a, a_text), (of_b, b_text), (of_x, x_text) = a[i], b[j], x[k]
            if (
                (of_a and of_b and of_x and a_text and b_text and x_text)
                and of_a.family == of_b.family == of_x.family
                and self._pairs[i, j] > 0
            ):
                occupants = (*of_a.on("A"), *of_b.on("B"), *of_x.on("X"))
                yield replace(of_a, formula=a_text + b_text + x_text, occupants=occupants)
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


def _site_text(composition: Composition, site: Site) -> str:
    return amounts_text((each.ion, each.amount or ZERO) for each in composition.on(site))


def _is_sum_of_sites(composition: Composition) -> bool:
    return "".join(_site_text(composition, site) for site in SITES) == composition.formula


def _radius(occupants: Sequence[Occupant], site: Site) -> float:
    try:
        return mean_radius(tuple(occupants), site)[0]
    except MissingRadiusError:
        return nan


def _decimal(value: Fraction) -> str:
    return "" if value == 1 else f"{float(value):.6f}".rstrip("0").rstrip(".")
