"""What the release of computed results has of the compositions of the curated devices.

A section of docs/validation/screening.md, made from the files that ship: the devices of
``pvkdb/literature`` and the calculations of ``pvkdb/computed``.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from math import ceil
from typing import Any, NamedTuple

from pvkdb.chemistry import Composition, parse_composition
from pvkdb.errors import InputError
from pvkdb.literature.loader import read_curated
from pvkdb_pipelines.prototypes import compound_of
from validation.pages import row, texts
from validation.release import calculations
from validation.screening.device_starts import STARTS

TEXTS = texts(__file__)


class Row(NamedTuple):
    """A composition, its devices and what the release has of it."""

    formula: str
    devices: int
    start: str
    phases: tuple[str, ...]
    barriers: tuple[str, ...]
    missing: str


def rows() -> list[Row]:
    """Return the compositions of the devices, those of most devices first."""
    named = [str(row["material"]) for row in read_curated("devices") if row["material"]]
    compositions = [parse_composition(name) for name in named if name != "unknown"]
    devices = Counter(each.formula for each in compositions)
    starts = {each.formula: _start(each) for each in compositions}
    phases, barriers, failures = _computed()
    found = []
    for formula, number in sorted(devices.items(), key=lambda each: (-each[1], each[0])):
        start, failed = starts[formula], sorted(failures.get(formula, ()))
        missing = ""
        if formula not in phases:
            missing = "amounts" if start == "open" else "a structure"
        elif formula not in barriers:
            missing = "a barrier" + (f": {'; '.join(failed)}" if failed else "")
        relaxed, energies = (tuple(sorted(each.get(formula, ()))) for each in (phases, barriers))
        found.append(Row(formula, number, start, relaxed, energies, missing))
    return found


def section() -> Iterator[str]:
    """Yield the section of the page, line by line."""
    found = rows()
    yield (
        TEXTS["head"]
        .format(
            devices=sum(each.devices for each in found),
            compositions=len(found),
            structures=sum(bool(each.phases) for each in found),
            barriers=sum(bool(each.barriers) for each in found),
        )
        .rstrip()
    )
    for each in found:
        cells = (", ".join(each.phases), "; ".join(each.barriers), each.missing)
        yield row(each.formula, each.devices, each.start, *cells)
    yield ""


def percolation_ev(entry: dict[str, Any]) -> float | None:
    """Return the activation energy of a calculation, eV, where it is one."""
    energies = [
        each["value_max_ev"]
        for each in entry["energetics"]
        if (each["quantity"], each["scope"]) == ("E_A", "percolation")
    ]
    return min(energies, default=None)


def _computed() -> tuple[dict[str, set[str]], dict[str, set[str]], dict[str, set[str]]]:
    """Return phases with a relaxed structure, barriers, and why barriers failed, by formula."""
    phases: dict[str, set[str]] = defaultdict(set)
    barriers: dict[str, set[str]] = defaultdict(set)
    failures: dict[str, set[str]] = defaultdict(set)
    for entry in calculations():
        formula, phase = entry["material"]["formula"], entry["material"]["phase"]
        phase = phase or "phase not given"
        if any(each["role"] == "host" for each in entry["structures"]):
            phases[formula].add(phase)
        if (energy := percolation_ev(entry)) is not None:
            shown = f"≤ {ceil(100 * energy) / 100:.2f}"
            if not entry["result"]["upper_bound"]:
                shown = f"{energy:.2f}"
            barriers[formula].add(f"{shown} ({phase}, {entry['parameters']['potential']})")
        if entry["kind"] == "neb" and entry["state"] == "failed":
            failures[formula].add(entry["failure_kind"])
    return phases, barriers, failures


def _start(composition: Composition) -> str:
    """Return where the starting structure of a composition comes from."""
    if composition.formula in STARTS:
        return "placed by hand"
    generic = any(occupant.ion.generic for occupant in composition.occupants)
    if generic or not composition.numeric:
        return "open"
    try:
        compound_of(composition)
    except InputError:
        return "none" if composition.balanced and not composition.additives else "open"
    return "prototype"
