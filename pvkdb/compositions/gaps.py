"""Band gaps: what is known of one, in words, and those of lead and tin mixtures by fractions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from math import sqrt
from typing import Any

from pvkdb.chemistry import Composition
from pvkdb.compositions.calibrated_gaps import CALIBRATED
from pvkdb.schemas.tables import ElectronicRow

#: Ions on the sites of ABX3 that the fit knows.
KNOWN = {"A": ("FA", "MA", "Cs"), "B": ("Pb", "Sn"), "X": ("I", "Br", "Cl")}


@dataclass(frozen=True, slots=True)
class MixedGap:
    """A gap near 300 K with its interval of prediction of 95 %, eV."""

    value_ev: float
    low_ev: float
    high_ev: float


def terms(fraction: Mapping[str, float]) -> list[float]:
    """Return what a gap is linear in: fractions of ions, and products of those of two."""
    pairs = ("Pb", "Sn"), ("I", "Br"), ("Sn", "Br"), ("Cs", "Sn")
    single = [fraction[ion] for ion in ("MA", "Cs", "Sn", "Br", "Cl")]
    return [1.0, *single, *(fraction[one] * fraction[other] for one, other in pairs)]


def mixed_gap(composition: Composition) -> MixedGap | None:
    """Return the gap of a perovskite of FA, MA, Cs; Pb, Sn; I, Br, Cl, as its films show it.

    It is a fit to gaps that papers on devices report (docs/validation/gaps.md). None for other
    compositions, and for fractions farther out than those that were measured.
    """
    fraction = _fractions(composition)
    if fraction is None:
        return None
    fit, row = mixed_gap_fit(), terms(fraction)
    leverage = sum(
        a * b * m
        for a, line in zip(row, fit["leverage"], strict=True)
        for b, m in zip(row, line, strict=True)
    )
    if leverage > fit["most_leverage"]:
        return None
    value = sum(a * b for a, b in zip(row, fit["coefficients_ev"], strict=True))
    half = fit["t_95"] * fit["deviation_ev"] * sqrt(1 + leverage)
    return MixedGap(round(value, 2), round(value - half, 2), round(value + half, 2))


@cache
def mixed_gap_fit() -> dict[str, Any]:
    """Return the fit that ``python -m validation.electrons.mixtures`` has written."""
    path = resources.files("pvkdb.compositions") / "mixed_gaps.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _as(row: ElectronicRow) -> str:
    return f" as {row.phase}" if row.phase else ""


def _target(row: ElectronicRow) -> str:
    said = (row.conditions or "").rpartition(f"; {CALIBRATED} to ")[2]
    return f"{CALIBRATED} to {said.partition(' of ')[0]}"


def _fractions(composition: Composition) -> dict[str, float] | None:
    """Return the fraction of each known ion on its site; None for other compositions."""
    perovskite = composition.family == "3D" and composition.balanced and composition.numeric
    if not perovskite or composition.additives:
        return None
    found = dict.fromkeys((ion for ions in KNOWN.values() for ion in ions), 0.0)
    for occupant in composition.occupants:
        if occupant.ion.symbol not in KNOWN.get(occupant.site, ()):
            return None
        found[occupant.ion.symbol] += occupant.number or 0.0
    sums = [sum(found[ion] for ion in ions) for ions in KNOWN.values()]
    if any(abs(total - each) > 0.01 for total, each in zip(sums, (1, 1, 3), strict=True)):
        return None
    return {ion: found[ion] / (3 if ion in KNOWN["X"] else 1) for ion in found}


def gap_in_words(rows: Sequence[ElectronicRow]) -> str:
    """Return what rows of one composition say of its gap, the measured ones first."""
    gaps = [row for row in rows if row.quantity == "gap"]
    measured = [row for row in gaps if row.method == "experiment"]
    said = []
    if measured:
        ends = [end for row in measured for end in (row.value_low, row.value_high) if end]
        low, high = f"{min(ends):g}", f"{max(ends):g}"
        times = "" if len(measured) == 1 else f" in {len(measured)} places"
        said.append(f"{low if low == high else f'{low} to {high}'} eV as measured{times}")
    said += [
        f"{row.value:.2f} eV ({row.value_low:.2f} to {row.value_high:.2f}) by its fractions"
        for row in gaps
        if row.method == "model"
    ]
    by_pbe = [row for row in gaps if row.method == "DFT"]
    said += [
        f"{row.value:.1f} eV ({row.value_low:.1f} to {row.value_high:.1f}) {_target(row)}, "
        f"from {row.as_computed:.2f} eV by PBE{_as(row)}"
        for row in by_pbe
        if row.value is not None
    ]
    computed = [f"{row.as_computed:.2f} eV{_as(row)}" for row in by_pbe if row.value is None]
    if computed:
        said.append(f"{', '.join(computed)} by PBE, which is mostly below what is measured")
    return "; ".join(said) or "not known"
