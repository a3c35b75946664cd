"""Phases that were measured, and how sure a potential's order of phases is."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Any, NamedTuple

from pvkdb.chemistry.family import Family, family_of_phase
from pvkdb.chemistry.formulas.composition import parse_composition
from pvkdb.errors import InputError

#: In place of the lowest phase where the error of the potential does not decide it.
UNDECIDED = "undecided"
#: In place of the potential where the lowest phase was measured.
BY_MEASUREMENT = "measured"


class MeasuredPhase(NamedTuple):
    """What was measured: the phases that are stable, and a perovskite, if any.

    Attributes:
        lowest: Stable near 300 K.
        low_temperature: Stable at the lowest temperature of the measurements, if they say so.
        perovskite: Of an ABX3 or A2BB'X6: its perovskite nearest to 300 K.
        perovskite_at: Temperatures at which, as words: ``at 510 K``; empty near 300 K.
        prototype: Prototype that stands for ``lowest``: another phase with the same network of
            octahedra, where ``lowest`` has no prototype, or where molecules turn in it.
        source: Publication.
    """

    lowest: str | None
    low_temperature: str | None
    perovskite: str | None
    perovskite_at: str | None
    prototype: str | None
    source: str

    @property
    def phrase(self) -> str:
        """The perovskite and its temperature: ``P4/mbm at 510 K, but delta near 300 K``."""
        found = " ".join(filter(None, (self.perovskite, self.perovskite_at)))
        other = self.lowest is not None and self.lowest != self.perovskite
        return f"{found}, but {self.lowest} near 300 K" if other else found


def _measured_phases() -> Iterator[tuple[str, MeasuredPhase]]:
    path = resources.files("pvkdb.chemistry") / "data" / "measured_phases.csv"
    for row in csv.DictReader(path.read_text(encoding="utf-8").splitlines()):
        cells: dict[str, Any] = {name: text or None for name, text in row.items()}
        cells["prototype"] = cells["prototype"] or cells["lowest"]
        yield cells.pop("formula"), MeasuredPhase(**cells)


#: Measured phases by formula, those of the known facts and of the measured cells in
#: docs/validation/structures.md among them.
MEASURED: Mapping[str, MeasuredPhase] = dict(_measured_phases())

#: Measured errors of potentials for differences of phases, eV an atom: of one family, such as
#: tilts, by what CsGeI3 is wrong; of two, such as δ and γ, by how far CsPbI3 is from calorimetry
#: (both relaxed freely, docs/validation/structures.md). Others count as the larger of these.
PHASE_ERRORS_EV: Mapping[str, tuple[float, float]] = {
    "sevennet-0": (0.0021, 0.0116),
    "chgnet": (0.0119, 0.0292),
}


def lowest_phases(formula: str, levels_ev: Mapping[str, float], potential: str) -> list[str]:
    """Return the phases that may be the lowest by energies an atom, the lowest first.

    Those within the measured error of the potential may be.

    Example:
        >>> lowest_phases("CsSnBr3", {"delta": 0, "Pnma": 0.0016, "Pm-3m": 0.02}, "sevennet-0")
        ['delta', 'Pnma']
    """
    try:
        family: Family = parse_composition(formula).family
    except InputError:  # an edited row: all of one family
        family = "undetermined"
    ordered = sorted(levels_ev, key=lambda phase: (levels_ev[phase], phase))
    errors = PHASE_ERRORS_EV.get(potential, max(PHASE_ERRORS_EV.values()))
    first, *others = ((phase, family_of_phase(family, phase)) for phase in ordered)
    least = levels_ev[first[0]]
    near = [name for name, own in others if levels_ev[name] - least <= errors[own != first[1]]]
    return [first[0], *near]
