"""Barriers of hybrids in the release of computed results, beside those of the literature.

A section of docs/validation/hybrids.md, made from the files that ship: the energies of
``pvkdb/literature`` and the calculations of ``pvkdb/computed``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pvkdb.chemistry import parse_composition
from pvkdb.literature.loader import read_curated
from pvkdb.schemas.calculations.migration import NebResult
from validation.screening.device_compositions import released

HEAD = """
## Barriers of the halide vacancy

Of hybrids in the release of computed results: the bottleneck of the easiest path through the \
crystal, molecules as they relaxed (static, in one pattern of orientations). The longest hop that \
was computed is given: easier paths over longer hops are not excluded. [How](../explanation.md#how-\
pvkdb-neb-computes-an-activation-energy). Without dispersion, SevenNet-0 gives MAPbI3 at most \
0.35 eV ([migration.md](migration.md)).
"""
TABLE = """
| composition | potential | space group | E_A / eV | hops, failed | longest / Å | atoms | images |
|---|---|---|---|---|---|---|---|
"""
LITERATURE = """
Of iodide in MAPbI3 in the curated literature, lowest first, from {lowest} to {highest} eV; a \
range is that of several papers. Calculations of one vacancy and measurements of films and \
devices, in the dark and in light, are not of one quantity.

| E_A / eV | of | method | conditions | references | where |
|---|---|---|---|---|---|
"""


def section() -> Iterator[str]:
    """Yield the section, line by line."""
    yield HEAD.rstrip()
    barriers = (entry for entry in released() if entry["kind"] == "neb")
    found = [_computed(each) for each in barriers if _hybrid(each["material"]["formula"])]
    yield TABLE.rstrip() if found else "\nNone yet: a hop of MAPbI3 in 96 atoms takes core-minutes."
    for cells in found:
        yield f"| {' | '.join(map(str, cells))} |"
    rows = [row for row in read_curated("energetics") if row["material"] == "MAPbI3"]
    rows = [row for row in rows if row["quantity"] == "E_A" and row["species"] in ("I", "ion")]
    rows.sort(key=lambda row: float(row["value_min_ev"]))
    highest = max((row["value_max_ev"] for row in rows), key=float)
    yield LITERATURE.format(lowest=rows[0]["value_min_ev"], highest=highest).rstrip()
    for row in rows:
        low, high = row["value_min_ev"], row["value_max_ev"]
        value = low if low == high else f"{low} to {high}"
        method = row["method"] if row["method"] != "unknown" else "not stated"
        where = row["source"].replace("|", "/")
        cells = (value, row["defect"], method, row["conditions"], row["references"], where)
        yield f"| {' | '.join(map(str, cells))} |"


def _hybrid(formula: str) -> bool:
    return any(occupant.ion.molecular for occupant in parse_composition(formula).occupants)


def _computed(entry: dict[str, Any]) -> tuple[object, ...]:
    """Return the cells of a calculation: its barrier, or why it failed."""
    formula, potential = entry["material"]["formula"], entry["parameters"]["potential"]
    if entry["state"] != "done":
        return (
            formula,
            potential,
            "",
            f"{entry['failure_kind']}: {entry['failure_message']}",
            *4 * ("",),
        )
    found = NebResult.model_validate(entry["result"])
    failed = sum(hop.outcome == "failed" for hop in found.hops)
    bound = "≤ " if found.upper_bound else ""
    left = f" (left for {found.host_left_for})" if found.host_left_for else ""
    return (
        formula,
        potential,
        f"{found.space_group}{left}",
        f"{bound}{found.e_a_ev:.2f} ({found.dimensionality}D)",
        f"{len(found.hops)}, {failed}",
        f"{found.cutoff_ang:.2f}",
        found.atoms_in_cell,
        f"{found.distance_ang:.1f} Å apart",
    )
