"""What the release of computed results has of the compositions of the curated devices.

A section of docs/validation/screening.md, made from the files that ship: the devices of
``pvkdb/literature`` and the calculations of ``pvkdb/computed``.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from pvkdb.chemistry import Composition, parse_composition
from pvkdb.chemistry.sites import is_spacer
from pvkdb.computed.release import FOLDER
from pvkdb.errors import InputError
from pvkdb.literature.loader import read_curated
from pvkdb_pipelines.prototypes import compound_of

HEAD = """
## Compositions of devices

{devices} curated devices have {compositions} compositions. The release of computed results has a \
relaxed structure of {structures} and an activation energy of {barriers}. For the others: an \
orientation of molecules (hybrid), an ordered supercell (mixture) or amounts that the paper does \
not give (open) come before a calculation.

| composition | devices | kind | structure | E_A of the halide vacancy / eV |
|---|---|---|---|---|
"""


class Row(NamedTuple):
    """A composition, its devices and what the release has of it."""

    formula: str
    devices: int
    kind: str
    phases: tuple[str, ...]
    barriers: tuple[str, ...]


def rows() -> list[Row]:
    """Return the compositions of the devices, those of most devices first."""
    named = [str(row["material"]) for row in read_curated("devices") if row["material"]]
    compositions = [parse_composition(name) for name in named if name != "unknown"]
    devices = Counter(each.formula for each in compositions)
    kinds = {each.formula: _kind(each) for each in compositions}
    phases, barriers = _computed()
    return [
        Row(
            formula,
            number,
            kinds[formula],
            tuple(sorted(phases.get(formula, ()))),
            tuple(sorted(barriers.get(formula, ()))),
        )
        for formula, number in sorted(devices.items(), key=lambda each: (-each[1], each[0]))
    ]


def section() -> Iterator[str]:
    """Yield the section of the page, line by line."""
    found = rows()
    yield HEAD.format(
        devices=sum(row.devices for row in found),
        compositions=len(found),
        structures=sum(bool(row.phases) for row in found),
        barriers=sum(bool(row.barriers) for row in found),
    ).rstrip()
    for row in found:
        cells = (row.formula, row.devices, row.kind, ", ".join(row.phases), "; ".join(row.barriers))
        yield f"| {' | '.join(map(str, cells))} |"
    yield ""


def _computed() -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """Return the phases with a relaxed structure and the barriers by formula."""
    phases: dict[str, set[str]] = defaultdict(set)
    barriers: dict[str, set[str]] = defaultdict(set)
    for path in sorted(FOLDER.glob("*-calculations.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for entry in map(json.loads, lines):
                if not (material := entry.get("material")):
                    continue
                formula, phase = material["formula"], material["phase"] or "phase not given"
                if any(each["role"] == "host" for each in entry["structures"]):
                    phases[formula].add(phase)
                energies = [
                    each["value_max_ev"]
                    for each in entry["energetics"]
                    if (each["quantity"], each["scope"]) == ("E_A", "percolation")
                ]
                if energies:
                    potential = entry["parameters"]["potential"]
                    barriers[formula].add(f"{min(energies):.2f} ({phase}, {potential})")
    return phases, barriers


def _kind(composition: Composition) -> str:
    """Return what a calculation of a composition needs first."""
    ions = [occupant.ion for occupant in composition.occupants]
    if any(ion.generic for ion in ions) or not composition.numeric:
        return "open"
    try:
        compound_of(composition)
    except InputError:
        pass
    else:
        return "prototype"
    if composition.additives or not composition.balanced:
        return "open"
    molecular = any(ion.molecular for ion in ions)
    fitting = [each for each in composition.on("A") if not is_spacer(each.ion)]
    shared = len(fitting) > 1 or len(composition.on("X")) > 1
    shared |= any((each.number or 1) % 1 for each in composition.occupants)
    words = ["hybrid"] * molecular + ["mixture"] * shared
    return " and ".join(words) or "no prototype"
