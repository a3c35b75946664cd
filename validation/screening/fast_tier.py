"""Whether the fast potential passes what the better one would, in docs/validation/screening.md.

    python -m validation.screening.fast_tier

The stability stage of the shipped plan with the energies of SevenNet-l3i5 in place of SevenNet-0's,
each at the structure that SevenNet-0 relaxed and the computed release has. Those are ternary and
quaternary halides that kept their phase. Of a binary halide, the lowest phase is relaxed again.
Whatever else was relaxed has no energy here, by either potential. Takes a quarter of an hour of one
core; what comes of it is kept in ``fast_tier.json``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from statistics import median

from pydantic import BaseModel
from scipy.stats import spearmanr
from sqlalchemy import select
from sqlalchemy.orm import Session

from pvkdb.compositions.compounds import Compound
from pvkdb.computed import CALCULATIONS
from pvkdb.schemas.calculations import PotentialName
from pvkdb.schemas.calculations.relaxations import RelaxRequest
from pvkdb.schemas.screening import PhaseEnergy
from pvkdb.store.files.calculation_import import take_calculations
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.structures import Structure
from pvkdb_pipelines.potentials.loading import load_potential
from pvkdb_pipelines.relaxations.compound import compute_relaxation
from pvkdb_pipelines.screening.funnel import Funnel
from pvkdb_pipelines.screening.plan.plan import read_plan
from pvkdb_pipelines.screening.stages.stability import compared
from pvkdb_pipelines.screening.stages.vacancies import most_promising
from pvkdb_pipelines.structures.user_structures import atoms_of
from pvkdb_pipelines.work.cores import one_thread_each
from validation.computing import store_with
from validation.pages import FOLDER, read, texts, write

TEXTS = texts(__file__)
FILE = FOLDER / "fast_tier.json"
#: The potential whose energies replace those of the plan.
OTHER = PotentialName.SEVENNET_L3I5
_BINARY = ("AX", "BX2", "BX3", "BX4")


class FastTier(BaseModel):
    """What passes the stability stage by the potential of the plan and by another one."""

    potential: str
    other: str
    until: date
    structures: int
    passed: int
    only_potential: list[str]
    only_other: list[str]
    chosen: int
    chosen_by_other: int
    rank_correlation: float
    median_ev_per_atom: float


@dataclass
class WithEnergies(Funnel):
    """A run of a plan with given energies of its relaxations, in eV per formula unit.

    Those that are not given have none.
    """

    energies: Mapping[str, float] = field(default_factory=dict)

    def passed(self) -> dict[str, float]:
        """Return the energies above the hull, eV an atom, of what passes stability."""
        self._run_to("stability")
        return {
            track.candidate.composition.formula: value
            for track in self._alive()
            if (value := track.value("above_hull_ev_per_atom")) is not None
        }

    def chosen(self) -> set[str]:
        """Return the candidates whose barriers the plan computes."""
        tracks = most_promising(self._alive(), self.plan.barriers.limit)
        return {track.candidate.composition.formula for track in tracks}

    def _phases_of(self, compound: Compound) -> list[PhaseEnergy]:
        return compared(
            [
                phase.model_copy(
                    update={"energy_ev_per_formula": self.energies.get(phase.calculation)}
                )
                for phase in super()._phases_of(compound)
            ]
        )


def main() -> None:
    """Evaluate, run the stage with both energies, and write the file."""
    one_thread_each()
    plan = read_plan("inorganic").model_copy(update={"stop_after": "stability"})
    with store_with(lambda session: take_calculations(session, CALCULATIONS)) as store:
        with store.session(read_only=True) as session:
            relaxed = relaxations(session)
            own = {each.id: energy_ev(each) for each in relaxed}
            others = {each.id: ev for each, ev in _by_other(relaxed)}
        fast, other = (WithEnergies(plan, store, 1, energies=each) for each in (own, others))
        before, after = fast.passed(), other.passed()
        pairs = [(before[name], after[name]) for name in sorted(before.keys() & after.keys())]
        result = FastTier(
            potential=str(plan.potential),
            other=OTHER.value,
            until=max(finished(each) for each in relaxed),
            structures=len(own),
            passed=len(before),
            only_potential=sorted(before.keys() - after.keys()),
            only_other=sorted(after.keys() - before.keys()),
            chosen=len(fast.chosen()),
            chosen_by_other=len(fast.chosen() & other.chosen()),
            rank_correlation=round(spearmanr(pairs).statistic, 3),
            median_ev_per_atom=round(median(new - old for old, new in pairs), 4),
        )
    write(FILE, result)
    print(FILE)


def relaxations(session: Session) -> dict[Calculation, Structure | None]:
    """Return the relaxations that count: with a structure in the store, or a binary's lowest."""
    structures = {
        each.calculation_id: each
        for each in session.scalars(select(Structure).where(Structure.role == "host"))
    }
    found: dict[Calculation, Structure | None] = {}
    lowest: dict[str, Calculation] = {}
    for calculation in session.scalars(
        select(Calculation)
        .where(Calculation.kind == "relax", Calculation.state == "done")
        .order_by(Calculation.result["energy_ev_per_formula"].as_float())
    ):
        if structure := structures.get(calculation.id):
            found[calculation] = structure
        elif calculation.parameters["stoichiometry"] in _BINARY:
            lowest.setdefault(calculation.parameters["formula"], calculation)
    return found | dict.fromkeys(lowest.values())


def finished(calculation: Calculation) -> date:
    """Return the day on which a calculation ended."""
    assert calculation.finished_at is not None
    return calculation.finished_at.date()


def energy_ev(calculation: Calculation) -> float:
    """Return the energy of a relaxation by its own potential, eV per formula unit."""
    return float((calculation.result or {})["energy_ev_per_formula"])


def _by_other(
    relaxed: Mapping[Calculation, Structure | None],
) -> Iterator[tuple[Calculation, float]]:
    """Yield relaxations with the energy of their structure by OTHER, eV per formula unit."""
    potential = load_potential(OTHER)
    for done, (calculation, structure) in enumerate(relaxed.items(), start=1):
        if structure is not None:
            assert structure.energy_ev is not None  # every relaxed structure has one
            atoms, cell_ev = atoms_of(structure), structure.energy_ev
        else:
            run = compute_relaxation(RelaxRequest.model_validate(calculation.parameters))
            atoms = run.atoms
            cell_ev = run.result.energy_ev_per_formula * run.result.formula_units
        (found,) = potential.evaluate([atoms], stress=False)
        yield calculation, energy_ev(calculation) * found["energy"] / cell_ev
        if done % 200 == 0:
            print(f"{done} of {len(relaxed)}", file=sys.stderr, flush=True)


def section(path: Path = FILE) -> Iterator[str]:
    """Yield what the energies of the other potential change, as Markdown."""
    found = read(FastTier, path)
    yield TEXTS["section"].format(
        no_longer=len(found.only_potential),
        others=len(found.only_other),
        shift=1000 * found.median_ev_per_atom,
        **dict(found),
    )
    only = ((found.potential, found.only_potential), (found.other, found.only_other))
    for name, formulas in only:
        if formulas:
            yield f"Pass only by {name}: {', '.join(formulas)}.\n"


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    main()
