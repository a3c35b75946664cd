"""Ions of halide perovskites: symbols, charges and radii, each radius with its source.

A radius without kind, coordination and source is meaningless (Shannon's table alone holds two
kinds that differ by 0.14 Å), so :class:`Radius` carries all three.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

from pvkdb.errors import InputError, MissingRadiusError

Role = Literal["A", "spacer", "B", "X"]

#: Halides, by increasing effective ionic radius.
HALIDES = ("F", "Cl", "Br", "I")

#: Elements found on the A site of halide perovskites, largest first (12-coordinate Shannon radii).
#: The first two never sit on the B site; the others do when a larger A cation is present.
A_SITE_ELEMENTS = ("Cs", "Rb", "Tl", "K", "Na", "Li")


@dataclass(frozen=True, slots=True, order=True)
class Ion:
    """An ion with its formal charge. ``molecular`` ions carry an abbreviation as symbol."""

    symbol: str
    charge: int
    molecular: bool = False

    def __str__(self) -> str:
        size = "" if abs(self.charge) == 1 else str(abs(self.charge))
        return f"{self.symbol}{size}{'+' if self.charge > 0 else '-'}"


@dataclass(frozen=True, slots=True)
class MolecularIon:
    """Registry entry of a molecular cation; ``formula`` is the sum formula without charge."""

    symbol: str
    aliases: tuple[str, ...]
    role: Role
    charge: int
    formula: str
    smiles: str | None
    name: str
    source: str

    @property
    def ion(self) -> Ion:
        """The ion that compositions hold."""
        return Ion(self.symbol, self.charge, molecular=True)


@dataclass(frozen=True, slots=True)
class Radius:
    """One published radius in Å.

    ``kind`` is "effective ionic" (Shannon) or "effective molecular" (Kieslich), ``coordination``
    is None for molecular cations, ``source`` is a key of :func:`sources`.
    """

    ion: Ion
    radius_ang: float
    kind: str
    coordination: int | None
    spin: str | None
    geometry: str | None
    source: str

    @property
    def label(self) -> str:
        """The radius in words, e.g. ``Cs+ 1.88 Å (effective ionic, CN 12, shannon1976)``."""
        place = f", CN {self.coordination}" if self.coordination else ""
        return f"{self.ion} {self.radius_ang:g} Å ({self.kind}{place}, {self.source})"


def _rows(name: str) -> Iterator[dict[str, str]]:
    text = (resources.files("pvkdb.chemistry") / "data" / name).read_text(encoding="utf-8")
    return csv.DictReader(text.splitlines())


@cache
def sources() -> dict[str, dict[str, str]]:
    """Citations, DOIs and licences of the radii and the registry, by key."""
    return {row["key"]: row for row in _rows("sources.csv")}


@cache
def molecular_ions() -> dict[str, MolecularIon]:
    """The registry of molecular cations, by symbol."""
    return {
        row["symbol"]: MolecularIon(
            symbol=row["symbol"],
            aliases=tuple(alias for alias in row["aliases"].split(";") if alias),
            role="spacer" if row["role"] == "spacer" else "A",
            charge=int(row["charge"]),
            formula=row["formula"],
            smiles=row["smiles"] or None,
            name=row["name"],
            source=row["source"],
        )
        for row in _rows("molecular_ions.csv")
    }


@cache
def molecular_names() -> dict[str, str]:
    """Everything that people write for a molecular cation, to its symbol in the registry."""
    return {
        name: entry.symbol
        for entry in molecular_ions().values()
        for name in (entry.symbol, *entry.aliases)
    }


@cache
def radii() -> tuple[Radius, ...]:
    """Every radius that pvkdb knows."""
    molecular = molecular_ions()
    return tuple(
        Radius(
            ion=Ion(
                row["ion"],
                int(row["charge"]),
                molecular=row["ion"] in molecular or row["kind"] == "effective molecular",
            ),
            radius_ang=float(row["radius_ang"]),
            kind=row["kind"],
            coordination=int(row["coordination"]) if row["coordination"] else None,
            spin=row["spin"] or None,
            geometry=row["geometry"] or None,
            source=row["source"],
        )
        for row in _rows("radii.csv")
    )


@cache
def elements() -> frozenset[str]:
    """Elements for which the table holds a radius of any charge."""
    return frozenset(radius.ion.symbol for radius in radii() if not radius.ion.molecular)


#: Elements that are no cations of halide perovskites; in a formula they belong to molecules.
NON_METALS = frozenset({"H", "C", "N", "O", "P", "S", "Se"})


@cache
def common_charges(symbol: str) -> frozenset[int]:
    """Common positive oxidation states of an element, as pymatgen tabulates them."""
    table = {row["element"]: row["charges"] for row in _rows("common_charges.csv")}
    return frozenset(int(charge) for charge in table.get(symbol, "").split())


@cache
def cation_charges(symbol: str) -> tuple[int, ...]:
    """Positive charges for which Shannon's table lists the element, ascending."""
    return tuple(
        sorted({r.ion.charge for r in radii() if r.ion.symbol == symbol and r.ion.charge > 0})
    )


def ion(symbol: str, charge: int | None = None) -> Ion:
    """Look an ion up by symbol; the charge may be left out where only one is possible.

    Raises:
        InputError: the symbol is unknown, or the charge is ambiguous.
    """
    name = molecular_names().get(symbol)
    if name is not None:
        return molecular_ions()[name].ion
    if symbol in HALIDES and charge in (None, -1):
        return Ion(symbol, -1)
    known = cation_charges(symbol)
    if not known:
        raise InputError(f"{symbol!r} is not an ion that pvkdb knows; see: pvkdb export ions")
    if charge is None and len(known) == 1:
        return Ion(symbol, known[0])
    if charge is None:
        choices = ", ".join(f"{value:+d}" for value in known)
        raise InputError(f"{symbol!r} has several charges ({choices}); name one")
    return Ion(symbol, charge)


@cache
def site_radius(of: Ion, site: Literal["A", "B", "X"]) -> Radius:
    """The radius that Bartel et al. use for an ion on a site.

    A: the coordination nearest to 12 that is tabulated; B and X: 6-coordinate, high spin where
    both spins are listed; molecular cations: the effective radius of Kieslich et al.
    Source: C. J. Bartel et al., Sci. Adv. 5, eaav0693 (2019), doi 10.1126/sciadv.aav0693.

    Raises:
        MissingRadiusError: no radius of this ion is known for the site.
    """
    known = [r for r in radii() if r.ion == of and r.geometry is None]
    if not known:
        raise MissingRadiusError(
            f"no radius with a source is known for {of}; "
            "tolerance factors of this composition stay undefined"
        )
    if of.molecular:
        return known[0]
    target = 12 if site == "A" else 6
    if site != "A" and not any(r.coordination == target for r in known):
        raise MissingRadiusError(
            f"no 6-coordinate radius is known for {of}, which the {site} site needs"
        )
    # Nearest coordination first; then high spin before low spin.
    return min(known, key=lambda r: (abs((r.coordination or 0) - target), r.spin == "LS"))
