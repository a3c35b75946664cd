"""Compounds whose lowest phase is known, and whether a potential reproduces it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from validation.structures.relaxed_phases import Phase, RelaxedPhase, Symmetry

_PEROVSKITES = ("Pm-3m", "P4/mbm", "I4/mcm", "Pnma", "R-3c", "R3m")
SYMMETRIES: tuple[Symmetry, ...] = ("kept", "free")
#: Differences that relaxations to 0.02 eV/Å do not resolve, meV per formula unit: one structure
#: relaxed freely and with its symmetry kept differs by up to 2.8 (CsCdCl3 Pnma, SevenNet-0).
RESOLUTION_MEV = 3.0

Outcome = Literal["right", "undecided", "wrong"]


@dataclass(frozen=True, slots=True)
class KnownFact:
    """A compound whose lowest phase is known.

    Attributes:
        compound: Its formula.
        statement: Description of the fact.
        source: Source of the fact.
        lowest: Phases of which one must be lowest, the measured structure first.
        among: Phases that are compared.
        reported: Further phases, for information only.
    """

    compound: str
    statement: str
    source: str
    lowest: tuple[str, ...]
    among: tuple[str, ...]
    reported: tuple[str, ...] = ()

    @property
    def phases(self) -> tuple[str, ...]:
        """All phases to relax."""
        return self.among + self.reported


KNOWN_FACTS = (
    KnownFact(
        compound="CsPbI3",
        statement="δ lies below the perovskite γ (Pnma)",
        source="C. C. Stoumpos, C. D. Malliakas, M. G. Kanatzidis, Inorg. Chem. 52, 9019 (2013), "
        "doi:10.1021/ic401215x. From black to yellow 14.2 ± 0.5 kJ/mol, 147 meV per formula "
        "unit, are set free, by calorimetry: S. Dastidar et al., J. Phys. Chem. Lett. 8, 1278 "
        "(2017), doi:10.1021/acs.jpclett.7b00134",
        lowest=("delta",),
        among=("delta", "Pnma"),
    ),
    KnownFact(
        compound="CsPbBr3",
        statement="Pnma is the lowest perovskite",
        source="M. Rodová, J. Brožek, K. Knížek, K. Nitsch, J. Therm. Anal. Calorim. 71, 667 "
        "(2003), doi:10.1023/A:1022836800820",
        lowest=("Pnma",),
        among=_PEROVSKITES,
        reported=("delta",),
    ),
    KnownFact(
        compound="CsGeI3",
        statement="R3m, with Ge off the centre of its octahedron, is lowest",
        source="G. Thiele, H. W. Rotter, K. D. Schmidt, Z. Anorg. Allg. Chem. 545, 148 (1987), "
        "doi:10.1002/zaac.19875450217",
        lowest=("R3m",),
        among=(*_PEROVSKITES, "delta", "2H", "6H"),
    ),
    KnownFact(
        compound="CsMgCl3",
        statement="octahedra share faces (2H)",
        source="G. L. McPherson, T. J. Kistenmacher, G. D. Stucky, J. Chem. Phys. 52, 815 (1970)",
        lowest=("2H", "6H"),
        among=("2H", "6H", "Pnma"),
    ),
    KnownFact(
        compound="CsCdCl3",
        statement="octahedra share faces (6H)",
        source="J. R. Chang, G. L. McPherson, J. L. Atwood, Inorg. Chem. 14, 3079 (1975), "
        "doi:10.1021/ic50154a044",
        lowest=("6H", "2H"),
        among=("6H", "2H", "delta", "Pnma"),
    ),
)


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
