"""Compounds whose lowest phase is known, and whether a potential reproduces it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import field_validator

from validation.pages import Numbers, csv_rows
from validation.structures.relaxed_phases import Phase, RelaxedPhase, Symmetry

SYMMETRIES: tuple[Symmetry, ...] = ("kept", "free")
#: Differences that relaxations to 0.02 eV/Å do not resolve, meV per formula unit: one structure
#: relaxed freely and with its symmetry kept differs by up to 2.8 (CsCdCl3 Pnma, SevenNet-0).
RESOLUTION_MEV = 3.0

Outcome = Literal["right", "undecided", "wrong"]


class KnownFact(Numbers):
    """A compound whose lowest phase is known: a row of known_facts.csv."""

    compound: str
    statement: str
    #: Phases of which one must be lowest, the measured structure first.
    lowest: tuple[str, ...]
    #: Phases that are compared.
    among: tuple[str, ...]
    #: Further phases, for information only.
    reported: tuple[str, ...]
    source: str

    @field_validator("lowest", "among", "reported", mode="before")
    @classmethod
    def _split(cls, names: str) -> list[str]:
        return names.split()

    @property
    def phases(self) -> tuple[str, ...]:
        """All phases to relax."""
        return self.among + self.reported


KNOWN_FACTS = [
    KnownFact.model_validate(each) for each in csv_rows(Path(__file__).with_name("known_facts.csv"))
]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was measured to be the lowest phase, compared with phases relaxed by one potential.

    Attributes:
        above_mev: Energy of every phase above that of the measured structure, meV per formula
            unit; None if the relaxation failed.
        lowest: The lowest of the compared phases.
        margin_mev: Lowest wrong phase minus lowest right one, meV per formula unit: positive
            if the potential is right.
    """

    above_mev: dict[str, float | None]
    lowest: str
    margin_mev: float

    @property
    def outcome(self) -> Outcome:
        """Whether the potential is right, as far as relaxations resolve it."""
        if abs(self.margin_mev) <= RESOLUTION_MEV:
            return "undecided"
        return "right" if self.margin_mev > 0 else "wrong"


def judge(fact: KnownFact, relaxed: Iterable[RelaxedPhase]) -> Verdict | None:
    """Compare a fact with phases relaxed by one potential in one way; None as :func:`compare`."""
    energies = {
        phase.phase: phase.energy_ev_per_formula
        for phase in relaxed
        if phase.compound == fact.compound
    }
    return compare(energies, fact.lowest, fact.among)


def compare(
    energies: Mapping[str, float | None], lowest: Sequence[str], among: Iterable[str]
) -> Verdict | None:
    """Compare energies of phases, eV a formula unit, with the phases that should be lowest.

    Returns:
        None if the first of these, the measured structure, or all other ones have no energy.
    """
    known = {phase: energy for phase in among if (energy := energies.get(phase)) is not None}
    measured = known.get(lowest[0])
    others = [energy for phase, energy in known.items() if phase not in lowest]
    if measured is None or not others:
        return None
    return Verdict(
        above_mev={
            phase: None if energy is None else 1000 * (energy - measured)
            for phase, energy in energies.items()
        },
        lowest=min(known, key=lambda phase: known[phase]),
        margin_mev=1000 * (min(others) - min(known[each] for each in lowest if each in known)),
    )


def phases_to_relax() -> list[Phase]:
    """Return all phases of all facts, in both ways."""
    return [
        Phase(fact.compound, phase, symmetry)
        for fact in KNOWN_FACTS
        for phase in fact.phases
        for symmetry in SYMMETRIES
    ]
