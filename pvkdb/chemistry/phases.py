"""Phases that were measured, and how sure a potential's order of phases is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from pvkdb.chemistry.composition import parse_composition
from pvkdb.chemistry.family import Family, family_of_phase
from pvkdb.errors import InputError

#: In place of the lowest phase where the error of the potential does not decide it.
UNDECIDED = "undecided"
#: In place of the potential where the lowest phase was measured.
BY_MEASUREMENT = "measured"


class MeasuredPhase(NamedTuple):
    """What was measured: the phase that is stable at room temperature, and a perovskite, if any."""

    lowest: str | None
    perovskite: str | None
    source: str


_CSPBI3 = "Stoumpos 2013, doi:10.1021/ic401215x; P4/mbm at 510 K: doi:10.1021/acsnano.8b00267"
#: The sources are those of the known facts and of the measured cells in
#: docs/validation/structures.md.
MEASURED: Mapping[str, MeasuredPhase] = {
    "CsPbBr3": MeasuredPhase("Pnma", "Pnma", "Rodová 2003, doi:10.1023/A:1022836800820"),
    "CsPbI3": MeasuredPhase("delta", "P4/mbm", _CSPBI3),
    "CsSnI3": MeasuredPhase(None, "Pnma", "doi:10.1021/ja301539s"),
    "CsGeI3": MeasuredPhase("R3m", "R3m", "Thiele 1987, doi:10.1002/zaac.19875450217"),
    "CsMgCl3": MeasuredPhase("2H", None, "McPherson 1970, J. Chem. Phys. 52, 815"),
    "CsCdCl3": MeasuredPhase("6H", None, "Chang 1975, doi:10.1021/ic50154a044"),
}

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
