"""Vacancies that keep the charge, of devices and candidates, computed one after the other.

    python -m validation.electrons.pairs --database FILE        # until all are done, or a signal
    python -m validation.electrons.pairs --database FILE --list # count what is done
    python -m validation.electrons.pairs --database FILE --cation A  # those of A cations alone

What is done is kept in docs/validation/pairs/calculations.jsonl.gz, a file of `pvkdb jobs export`,
after each tenth value: run again, on this machine or another, it goes on from there. Each
composition is computed in the phase that was measured near 300 K, or else in its measured
perovskite, or else in its lowest phase by SevenNet-0: the first whose host holds its phase.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from pvkdb.chemistry import parse_composition
from pvkdb.chemistry.phases import MEASURED
from pvkdb.compositions.calibrated_gaps import CELLS
from pvkdb.compositions.compounds import compound_like
from pvkdb.errors import PvkdbError
from pvkdb.schemas.calculations import CalculationState, FailureKind, PotentialName
from pvkdb.schemas.calculations.electrons import PairQuestion, PairResult
from pvkdb.store.database import Store
from pvkdb.store.files.calculation_import import take_calculations
from pvkdb.store.files.relaxation_requests import pair_request
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.materials import Composition, Material
from pvkdb.store.models.structures import Structure
from pvkdb.store.models.summaries import CompositionSummary
from pvkdb.store.queue import claims as queue
from pvkdb_pipelines.electrons.pairs import FEWEST_ATOMS, reference_requests
from pvkdb_pipelines.work.cores import one_thread_each
from pvkdb_pipelines.work.worker import Worker
from validation.electrons.gaps import KEPT_EVERY, GapCase, keep, relaxation
from validation.pages import FOLDER

#: What is kept of all calculations.
CALCULATIONS = FOLDER / "pairs" / "calculations.jsonl.gz"


@dataclass(frozen=True, slots=True)
class PairCase:
    """A missing cation of a composition, and the phases to try, the best first."""

    site: str
    formula: str
    cation: str
    phases: tuple[str, ...]
    #: In the supercell.
    atoms: int


def cases(session: Session) -> list[PairCase]:
    """Return the cations of devices and candidates, those on A and the smallest cells first."""
    per_atom = Structure.energy_ev / Structure.atoms
    relaxed = (
        select(Composition.formula, Material.phase, Structure.atoms)
        .join(Material.composition)
        .join(Structure, Structure.material_id == Material.id)
        .join(Calculation, Calculation.id == Structure.calculation_id)
        .where(
            *(Structure.role == "host", Calculation.kind == "relax"),
            Calculation.parameters["potential"].as_string() == PotentialName.SEVENNET_0.value,
        )
        .order_by(Composition.formula, per_atom)
    )
    hosts: dict[str, dict[str, int]] = defaultdict(dict)
    for formula, phase, atoms in session.execute(relaxed):
        hosts[formula].setdefault(phase or "", atoms)
    found = []
    used = select(CompositionSummary.formula).where(CompositionSummary.devices_count > 0)
    devices = {*session.scalars(used)}
    for formula, phases in hosts.items():
        composition = parse_composition(formula)
        if composition.family not in CELLS and formula not in devices:
            continue
        compound = compound_like(composition)
        measured = MEASURED.get(formula)
        wanted = [measured.prototype, measured.perovskite] if measured else []
        ordered = dict.fromkeys(each for each in (*wanted, next(iter(phases))) if each in phases)
        first = phases[next(iter(ordered))]
        atoms = first * ceil(FEWEST_ATOMS / first)
        found += [
            PairCase(site, formula, symbol, tuple(ordered), atoms)
            for site in "AB"
            for symbol in dict.fromkeys(ion.symbol for ion in compound.on(site))
        ]
    return sorted(found, key=lambda case: (case.site, case.atoms, case.formula, case.cation))


def compute(store: Store, case: PairCase) -> str:
    """Compute the energies of a case that are not done; return the outcome in words."""
    outcome = ""
    for phase in case.phases:
        with store.session() as session:
            relaxed = relaxation(session, GapCase("", case.formula, phase))
            key, potential = relaxed.id, relaxed.parameters["potential"]
            compound = compound_like(parse_composition(case.formula))
            others = [
                calculation.id
                for request in reference_requests(compound, potential)
                if (calculation := queue.submit(session, request)[0]).state
                == CalculationState.QUEUED
            ]
        for each in (key, *others):
            Worker(store).run(each)
        with store.session() as session:
            request = pair_request(session, PairQuestion(relaxation=key, cation=case.cation))
            pair = queue.submit(session, request)[0].id
        Worker(store).run(pair)
        with store.session(read_only=True) as session:
            ended = session.get_one(Calculation, pair)
            if ended.result is not None:
                result = PairResult.model_validate(ended.result)
                energies = ", ".join(
                    f"{name} {each.rich_ev:.2f}" for name, each in result.arrangements.items()
                )
                return f"{outcome}{phase}: {energies} eV, {result.cpu_seconds:.0f} s"
            outcome += f"{phase}: {ended.state}, {ended.failure_message}; "
            if ended.failure_kind != FailureKind.UNSTABLE_HOST:
                break
    return outcome


def main() -> None:
    """Compute the energies that are not done."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--database", type=Path, required=True, help="a file of `pvkdb init`")
    parser.add_argument("--cation", choices=("A", "B"), help="site of the missing cations")
    parser.add_argument("--list", action="store_true", help="count what is done, compute nothing")
    chosen = parser.parse_args()
    one_thread_each()
    store = Store(f"sqlite:///{chosen.database}")
    if CALCULATIONS.exists():
        with store.session() as session:
            take_calculations(session, CALCULATIONS)
    with store.session(read_only=True) as session:
        wanted = [each for each in cases(session) if each.site in (chosen.cation or "AB")]
        if chosen.list:
            done = session.scalars(select(Calculation.state).where(Calculation.kind == "pair"))
            print(Counter(case.site for case in wanted), Counter(done))
            return
    Worker(store).recover()
    for number, case in enumerate(wanted, start=1):
        try:
            outcome = compute(store, case)
        except PvkdbError as error:
            outcome = f"not begun: {error}"
        print(f"{case.formula} without {case.cation}: {outcome}", file=sys.stderr, flush=True)
        if number % KEPT_EVERY == 0:
            keep(store, CALCULATIONS, kind=None)
    keep(store, CALCULATIONS, kind=None)


if __name__ == "__main__":
    main()
