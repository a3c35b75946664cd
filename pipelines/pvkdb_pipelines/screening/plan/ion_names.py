"""Ions as a plan names them: ``Sn2+`` with a charge, ``Sn`` with each of its common charges."""

from __future__ import annotations

import re
from typing import Any, get_args

from pvkdb.chemistry.composition import Site
from pvkdb.chemistry.ions import (
    HALIDES,
    NON_METALS,
    Ion,
    cation_charges,
    common_charges,
    molecular_ions,
)
from pvkdb.errors import InputError
from pvkdb.schemas.toml_files import attempt, check_keys, refused

SITES: tuple[Site, ...] = get_args(Site)
_ION = re.compile(r"(?P<symbol>[A-Za-z][\w-]*?)(?:(?P<size>\d)?(?P<sign>[+-]))?")
_EXAMPLES: dict[Site, str] = {
    "A": '["Cs", "MA"]',
    "B": '["Pb", "Sn2+", "Bi"]',
    "X": '["I", "Br"]',
}


def read_ions(table: Any) -> dict[Site, tuple[Ion, ...]]:
    """Return the ions of each site from the ``[ions]`` table of a plan."""
    check_keys(table, SITES)
    ions: dict[Site, tuple[Ion, ...]] = {}
    for site in SITES:
        names = table.get(site)
        if not isinstance(names, list) or not names:
            raise refused(f"ions.{site} must be a list of ions, e.g. {_EXAMPLES[site]}", site)
        found = [
            ion
            for place, name in enumerate(names)
            for ion in attempt(_ions_of, site, name, at=(site, place))
        ]
        ions[site] = tuple(dict.fromkeys(found))
    return ions


def _ions_of(site: Site, name: object) -> list[Ion]:
    """Return the ions that a name means.

    Raises:
        InputError: the name is not an ion, or the ion cannot occupy the site.
    """
    match = _ION.fullmatch(name) if isinstance(name, str) else None
    if match is None:
        raise InputError(f"ions.{site}: {name!r} is not an ion; write e.g. {_EXAMPLES[site]}")
    symbol = match["symbol"]
    fixed = Ion(symbol, -1) if symbol in HALIDES else None
    if symbol in molecular_ions() and fixed is None:
        fixed = molecular_ions()[symbol].ion
    if fixed:
        possible = [fixed.charge]
    else:
        possible = [] if symbol in NON_METALS else sorted(cation_charges(symbol))
    if not possible:
        raise InputError(
            f"ions.{site}: {symbol!r} is not an ion that pvkdb knows (see: pvkdb export ions)"
        )
    if (possible[0] > 0) == (site == "X"):
        raise InputError(
            f"ions.{site}: {name!r} cannot occupy the {site} site: wrong sign of charge"
        )
    charge = int(f"{match['sign']}{match['size'] or 1}") if match["sign"] else None
    if charge is not None and charge not in possible:
        choices = ", ".join(f"{symbol}{abs(value)}{'+-'[value < 0]}" for value in possible)
        raise InputError(
            f"ions.{site}: {name!r} has no such charge in Shannon's table; known: {choices}"
        )
    if fixed:
        return [fixed]
    chosen = [charge] if charge else sorted(common_charges(symbol) & set(possible)) or possible
    return [Ion(symbol, value) for value in chosen]
