"""Stability from energies: the lowest phase of a compound, and its decomposition.

Pure functions on energies of one potential. These energies count:

- A failed relaxation, or one with a numerical finding (:attr:`Flaw.numerical`), has no energy.
- A relaxed structure that became another one (a physical finding, such as "connectivity
  changed") is still an arrangement of the same atoms: its energy is an upper bound of the lowest
  one, and counts for a candidate and for its competitors. It has left the phase that it started
  from, so it counts neither as a perovskite nor as a named ground state.
- A remark (:attr:`Flaw.remark`) does not count against the structure: while the connectivity of
  the octahedra is kept, the phase keeps its name, in a lower symmetry or far above the others.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import isfinite

import numpy as np

from pvkdb.compositions.compounds import Compound, binaries
from pvkdb.compositions.hulls import lowest_mixture
from pvkdb.errors import InputError
from pvkdb.schemas.calculations.findings import Finding, Flaw
from pvkdb.schemas.screening import PhaseEnergy, Product, Stability
from pvkdb_pipelines.prototypes.catalogue import PEROVSKITE_PHASES

#: Amounts of products are ratios of small integers: the corners of a balance of formulas.
_LARGEST_DENOMINATOR = 1000
#: Largest energy above the lowest phase of the same compound, eV per formula unit.
ABOVE_SIBLINGS_EV = 0.5


@dataclass(frozen=True, slots=True, order=True)
class Level:
    """The energy of a phase whose relaxation succeeded, and the name of the phase."""

    energy_ev_per_formula: float
    phase: str


def assess(
    compound: Compound,
    phases: Sequence[PhaseEnergy],
    competitors: Mapping[Compound, Sequence[PhaseEnergy]],
    wanted: Collection[str] | None = None,
) -> Stability:
    """Return the stability of a compound from the energies of its phases and its competitors.

    All energies are of one potential, in eV per formula unit of their own compound. The ground
    state is the lowest phase that kept its structure. Both differences are from the lowest energy
    of all: a perovskite that is the named ground state lies above 0 where a structure without a
    name is lower. The energy above the hull is None where the compound has none, competitors with
    an energy do not balance it, or a binary halide of its own ions has no energy. Other
    competitors without an energy cannot be products, so the compound may look more stable than it
    is: ``without_energy`` names them. Competitors of the compound's own composition are ignored.
    ``wanted`` are the phases that count as the perovskite; None for those of the stoichiometry.

    Raises:
        InputError: a finding is not one of :class:`Flaw`.
    """
    atoms = compound.atoms_per_formula
    lowest = lowest_level(phases)
    kept = [phase for phase in phases if all(flaw.remark for flaw in _flaws(phase))]
    named = lowest_level(kept)
    if wanted is None:
        wanted = PEROVSKITE_PHASES.get(compound.stoichiometry, frozenset())
    perovskite = lowest_level(phase for phase in kept if phase.phase in wanted)
    levels = {other: lowest_level(theirs) for other, theirs in competitors.items()}
    known = {other: level for other, level in levels.items() if level is not None}
    measurable = lowest is not None and all(other in known for other in binaries(compound))
    decomposed = decompose(compound, known) if measurable else None
    return Stability(
        phases=list(phases),
        ground_state=named.phase if named else None,
        perovskite=perovskite.phase if perovskite else None,
        perovskite_above_ground_state_ev_per_atom=_per_atom(perovskite, lowest, atoms),
        above_hull_ev_per_atom=_per_atom(lowest, decomposed, atoms),
        mixing_ev_per_formula=mixing_ev(compound, perovskite, competitors) if perovskite else None,
        products=list(decomposed.products) if decomposed else [],
        without_energy=sorted(other.formula for other, level in levels.items() if level is None),
    )


def mixing_ev(
    mixture: Compound, level: Level, phases: Mapping[Compound, Sequence[PhaseEnergy]]
) -> float | None:
    """Return the energy of a mixture above its ends in the same phase, eV per formula unit.

    Returns:
        None where an end has no energy in this phase, or ``mixture`` is none.
    """
    energies = {
        end: entry.energy_ev_per_formula
        for end in mixture.ends
        for entry in phases.get(end, ())
        if entry.phase == level.phase and all(flaw.remark for flaw in _flaws(entry))
    }
    parts = [(energies.get(end), share) for end, share in mixture.ends.items()]
    known = [energy * share for energy, share in parts if energy is not None]
    return level.energy_ev_per_formula - sum(known) if 1 < len(known) == len(parts) else None


def lowest_level(phases: Iterable[PhaseEnergy]) -> Level | None:
    """Return the phase of lowest energy among successful relaxations; of equals, first by name.

    Raises:
        InputError: a finding is not one of :class:`Flaw`.
    """
    levels = (
        Level(phase.energy_ev_per_formula, phase.phase)
        for phase in phases
        if phase.energy_ev_per_formula is not None
        and isfinite(phase.energy_ev_per_formula)
        and phase.failure is None
        and not any(flaw.numerical for flaw in _flaws(phase))
    )
    return min(levels, default=None)


def compared(phases: Sequence[PhaseEnergy]) -> list[PhaseEnergy]:
    """Return the phases of a compound, with a remark on those far above the lowest."""
    lowest = lowest_level(phases)
    if lowest is None:
        return list(phases)
    found = []
    for phase in phases:
        energy, findings = phase.energy_ev_per_formula, phase.findings
        above = 0.0 if energy is None else energy - lowest.energy_ev_per_formula
        if above > ABOVE_SIBLINGS_EV:
            said = f"{above:.2f} eV a formula unit above the lowest (at most {ABOVE_SIBLINGS_EV})"
            findings = [*findings, Finding(Flaw.ABOVE_SIBLINGS, said)]
        found.append(phase.model_copy(update={"findings": findings}))
    return found


@dataclass(frozen=True, slots=True)
class Decomposition:
    """The mixture of other compounds with the lowest energy for one formula unit's atoms."""

    energy_ev_per_formula: float
    products: tuple[Product, ...]


def decompose(compound: Compound, competitors: Mapping[Compound, Level]) -> Decomposition | None:
    """Return the mixture of competing compounds into which one formula unit decomposes.

    The compound's own energy lies above it by the decomposition enthalpy of C. J. Bartel et al.,
    npj Comput. Mater. 6, 97 (2020), doi:10.1038/s41524-020-00362-y, negative for a stable compound.

    Returns:
        None where no mixture of the competitors contains these atoms.
    """
    # Sorted, so that products of equal energy do not depend on the order.
    others = sorted(possible_products(compound, competitors), key=lambda other: other.formula)
    energies = np.array([competitors[other].energy_ev_per_formula for other in others])
    contents = [other.numbers_of_elements for other in others]
    found = lowest_mixture(compound.numbers_of_elements, list(zip(contents, energies, strict=True)))
    if found is None:
        return None
    amounts = [float(Fraction(x).limit_denominator(_LARGEST_DENOMINATOR)) for x in found[1]]
    return Decomposition(
        energy_ev_per_formula=float(energies @ amounts),
        products=tuple(
            Product(formula=other.formula, phase=competitors[other].phase, amount=amount)
            for other, amount in zip(others, amounts, strict=True)
            if amount > 0
        ),
    )


def possible_products(compound: Compound, others: Iterable[Compound]) -> list[Compound]:
    """Return the compounds with no further elements and another composition than ``compound``."""
    elements, own = compound.numbers_of_elements.keys(), _ratios(compound)
    return [
        other
        for other in others
        if other.numbers_of_elements.keys() <= elements and _ratios(other) != own
    ]


def _ratios(compound: Compound) -> dict[str, float]:
    """Return the share of each element, the same for CsInCl3 and Cs2InInCl6."""
    numbers = compound.numbers_of_elements
    atoms = sum(numbers.values())
    return {element: round(number / atoms, 9) for element, number in numbers.items()}


def _per_atom(
    upper: Level | None, lower: Level | Decomposition | None, atoms: float
) -> float | None:
    if upper is None or lower is None:
        return None
    return (upper.energy_ev_per_formula - lower.energy_ev_per_formula) / atoms


def _flaws(phase: PhaseEnergy) -> set[Flaw]:
    flaws = set()
    for finding in phase.findings:
        if finding.flaw is None:
            raise InputError(
                f"this version of pvkdb does not know the finding {finding.name!r} of phase "
                f"{phase.phase}; relax it again (calculation {phase.calculation})"
            )
        flaws.add(finding.flaw)
    return flaws
