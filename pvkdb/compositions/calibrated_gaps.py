"""Gaps near 300 K from those by PBE: what each family of compositions is off by, as measured."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from math import sqrt
from typing import Any

from pvkdb.chemistry import Composition

#: Ions of metals with their charges, by the shell that makes the edges of their halides' bands.
_LEAD = frozenset({("Pb", 2)})
_TIN = frozenset({("Sn", 2), ("Ge", 2)})
_LONE_PAIRS = frozenset({("Bi", 3), ("Sb", 3), ("Te", 4)})
_EMPTY_S = frozenset({("In", 3), ("Sn", 4)})
_NOBLE = frozenset({("Ag", 1), ("Cu", 1)})
_CLOSED = frozenset({("Ca", 2), ("Sr", 2), ("Ba", 2)})
ALKALI = frozenset({("Li", 1), ("Na", 1), ("K", 1), ("Rb", 1), ("Cs", 1)})

#: Families: within each, PBE without spin–orbit coupling is off by about the same.
LEAD = "lead in a network of octahedra"
TIN = "tin(II) or germanium in a network of octahedra"
LONE_PAIRS = "bismuth, antimony or tellurium in octahedra of their own"
WITH_NOBLE = "bismuth or antimony beside silver or copper"
EMPTY_S = "indium or tin(IV)"
CLOSED = "calcium, strontium or barium in a network of octahedra"

#: The word that what a gap is calibrated to begins with.
CALIBRATED = "calibrated"

#: The cell of highest symmetry of each structural family: the calibration is made of these, and
#: holds what their tilts change.
CELLS = {
    "3D": "Pm-3m",
    "RP": "I4/mmm",
    "vacancy-ordered": "Fm-3m",
    "double": "Fm-3m",
    "A3B2X9": "P-3m1",
}
#: A family has no calibrated value if its compositions, each left out, are missed by more, eV
#: (root mean square).
MOST_ERROR_EV = 0.35
#: How far outside of its family's gaps by PBE another one may lie, as a share of their range.
BEYOND = 0.25


@dataclass(frozen=True, slots=True)
class CalibratedGap:
    """A gap with its interval of prediction of 95 %, eV, and what it is calibrated to, in words."""

    value_ev: float
    low_ev: float
    high_ev: float
    calibrated_to: str


def gap_family(composition: Composition) -> str | None:
    """Return the family that a composition is calibrated in; None if it is in none."""
    metals = {(each.ion.symbol, each.ion.charge) for each in composition.on("B")}
    others = metals - ALKALI
    if composition.family not in CELLS:
        return None
    if composition.family == "3D" and others:
        if others <= _LEAD:  # its spin–orbit coupling makes up for most of PBE's error
            return LEAD
        if others <= _TIN:
            return TIN
        if others <= _CLOSED:
            return CLOSED
    if not others & _NOBLE and others and others <= _LONE_PAIRS:
        return LONE_PAIRS
    rest = others - _NOBLE
    if rest and rest <= {("Bi", 3), ("Sb", 3)}:
        return WITH_NOBLE
    return EMPTY_S if rest and rest <= _EMPTY_S else None


def calibrated_gap(
    composition: Composition, phase: str | None, by_pbe_ev: float
) -> CalibratedGap | None:
    """Return the gap near 300 K of a composition whose gap by PBE in a phase is known, eV.

    None where no family is calibrated well enough, for other cells than :data:`CELLS`, and for
    gaps by PBE farther outside the range of the family's than :data:`BEYOND` of it.
    """
    fit = gap_calibration().get(gap_family(composition) or "")
    if fit is None or fit["left_out_ev"] > MOST_ERROR_EV or phase != CELLS[composition.family]:
        return None
    beyond = max(fit["least_ev"] - by_pbe_ev, by_pbe_ev - fit["most_ev"])
    if beyond > BEYOND * (fit["most_ev"] - fit["least_ev"]):
        return None
    value, error = predicted(fit, by_pbe_ev)
    low, high = max(0.0, value - fit["t_95"] * error), value + fit["t_95"] * error
    return CalibratedGap(round(value, 2), round(low, 2), round(high, 2), _words(fit))


def predicted(fit: Mapping[str, Any], by_pbe_ev: float) -> tuple[float, float]:
    """Return the gap that a fit predicts and the standard error of the prediction, eV."""
    off = by_pbe_ev - fit["mean_ev"]
    spread = 1 + 1 / fit["compositions"] + (off**2 / fit["squares"] if fit["squares"] else 0)
    return by_pbe_ev + fit["offset_ev"] + fit["slope"] * off, fit["deviation_ev"] * sqrt(spread)


def _words(fit: Mapping[str, Any]) -> str:
    of = f"{fit['compositions']} compositions with {fit['family']}"
    return f"{CALIBRATED} to {fit['target']} of {of}"


@cache
def gap_calibration() -> dict[str, dict[str, Any]]:
    """Return the fit of each family that ``python -m validation.electrons.calibration`` wrote."""
    path = resources.files("pvkdb.compositions") / "gap_calibration.json"
    fits: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return {fit["family"]: fit for fit in fits}
