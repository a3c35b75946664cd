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
from validation.pages import row, texts
from validation.release import calculations

TEXTS = texts(__file__)


def section() -> Iterator[str]:
    """Yield the section, line by line."""
    yield TEXTS["head"].rstrip()
    for entry in calculations():
        if entry["kind"] == "neb" and _hybrid(entry["material"]["formula"]):
            yield row(*_computed(entry))
    known = [
        each
        for each in read_curated("energetics")
        if (each["material"], each["quantity"]) == ("MAPbI3", "E_A")
        and each["species"] in ("I", "ion")
    ]
    known.sort(key=lambda each: float(each["value_min_ev"]))
    highest = max((each["value_max_ev"] for each in known), key=float)
    yield TEXTS["literature"].format(lowest=known[0]["value_min_ev"], highest=highest).rstrip()
    for each in known:
        low, high = each["value_min_ev"], each["value_max_ev"]
        value = low if low == high else f"{low} to {high}"
        method = each["method"] if each["method"] != "unknown" else "not stated"
        where = each["source"].replace("|", "/")
        yield row(value, each["defect"], method, each["conditions"], each["references"], where)


def _hybrid(formula: str) -> bool:
    return any(occupant.ion.molecular for occupant in parse_composition(formula).occupants)


def _computed(entry: dict[str, Any]) -> tuple[object, ...]:
    """Return the cells of a calculation: its barrier, or why it failed."""
    formula, potential = entry["material"]["formula"], entry["parameters"]["potential"]
    if entry["state"] != "done":
        failed = f"{entry['failure_kind']}: {entry['failure_message']}"
        return formula, potential, "", failed, *4 * ("",)
    found = NebResult.model_validate(entry["result"])
    without = sum(hop.outcome == "failed" for hop in found.hops)
    bound = "≤ " if found.upper_bound else ""
    left = f" (left for {found.host_left_for})" if found.host_left_for else ""
    return (
        formula,
        potential,
        f"{found.space_group}{left}",
        f"{bound}{found.e_a_ev:.2f} ({found.dimensionality}D)",
        f"{len(found.hops)}, {without}",
        f"{found.cutoff_ang:.2f}",
        found.atoms_in_cell,
        f"{found.distance_ang:.1f} Å apart",
    )
