"""Band gaps of compositions of devices and of candidates, computed one after the other.

    python -m validation.electrons.gaps --database FILE        # until all are done, or a signal
    python -m validation.electrons.gaps --database FILE --list # how many of each group are done
    python -m validation.electrons.gaps --database FILE --group candidate  # those alone

What is done is kept in pvkdb/computed/gaps-calculations.jsonl.gz, which is part of the release,
after each tenth gap: run again, on this machine or another, it goes on from there. The structures
are those of the release; a high-symmetry cell that it lacks is relaxed first.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from pvkdb.chemistry import parse_composition
from pvkdb.compositions.calibrated_gaps import CELLS
from pvkdb.computed.release import GAPS
from pvkdb.errors import PvkdbError
from pvkdb.schemas.calculations import CalculationState, PotentialName
from pvkdb.schemas.calculations.electrons import GapQuestion
from pvkdb.schemas.calculations.relaxations import RelaxQuestion
from pvkdb.store.database import Store
from pvkdb.store.files.calculation_import import take_calculations
from pvkdb.store.files.exchange import write_calculations
from pvkdb.store.files.relaxation_requests import gap_request, relax_request
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.energetics import Electronic
from pvkdb.store.models.materials import Composition, Material
from pvkdb.store.models.structures import Structure
from pvkdb.store.models.summaries import CompositionSummary
from pvkdb.store.queue import claims as queue
from pvkdb_pipelines.work.cores import one_thread_each
from pvkdb_pipelines.work.worker import Worker

#: Elements whose d or f shell is open in a halide: spin decides, and PBE is least sure of them.
OPEN_SHELLS = frozenset(
    (
        *("V", "Cr", "Mn", "Fe", "Co", "Ni", "Ru", "Rh", "Os", "Re", "Mo", "W", "U"),
        *("Ce", "Pr", "Nd", "Sm", "Eu", "Gd", "Tb", "Dy", "Ho", "Er", "Tm", "Yb"),
    )
)
#: Formulas with a measured gap.
_MEASURED = (
    select(Composition.formula)
    .join(Material, Material.composition_id == Composition.id)
    .join(Electronic, Electronic.material_id == Material.id)
    .where(Electronic.method == "experiment", Electronic.quantity == "gap")
)
#: Cells that take longer than an hour of one core are left for another program.
MOST_ATOMS = 56
#: Gaps between two writings of the file.
KEPT_EVERY = 10


@dataclass(frozen=True, slots=True)
class GapCase:
    """A composition in a phase; ``group`` says why its gap is wanted, the first group first."""

    group: str
    formula: str
    phase: str


def cases(session: Session) -> list[GapCase]:
    """Return devices in each phase with a structure, smallest cell first, then the others.

    What was measured comes before what has a barrier: calibrations rest on it.
    """
    phases: dict[str, list[tuple[int, str]]] = {}
    hosts = (
        select(Composition.formula, Material.phase, Structure.atoms)
        .join(Material.composition)
        .join(Structure, Structure.material_id == Material.id)
        .where(Structure.role == "host")
    )
    for formula, phase, atoms in session.execute(hosts.distinct().order_by(Material.phase)):
        phases.setdefault(formula, []).append((atoms, phase or ""))
    measured = {*session.scalars(_MEASURED)}
    known = session.scalars(
        select(CompositionSummary)
        .where(CompositionSummary.formula.in_({*phases, *measured}))
        .order_by(CompositionSummary.formula)
    )
    devices: list[tuple[int, GapCase]] = []
    others: dict[str, list[GapCase]] = {"measured": [], "barrier": [], "candidate": []}
    for summary in known:
        composition = parse_composition(summary.formula)
        if {occupant.ion.symbol for occupant in composition.on("B")} & OPEN_SHELLS:
            continue
        cheap = CELLS.get(composition.family)
        if summary.devices_count:
            devices += [
                (atoms, GapCase("device", summary.formula, phase))
                for atoms, phase in phases.get(summary.formula, ())
            ]
        group = "candidate" if summary.e_a_computed_min_ev is None else "barrier"
        group = "measured" if summary.formula in measured else group
        if cheap is not None and (group == "measured" or not summary.devices_count):
            others[group].append(GapCase(group, summary.formula, cheap))
    devices.sort(key=lambda each: each[0])
    for group_cases in others.values():
        group_cases.sort(key=lambda case: [*CELLS.values()].index(case.phase))
    return [*(case for _, case in devices), *chain.from_iterable(others.values())]


def relaxation(session: Session, case: GapCase) -> Calculation:
    """Return the relaxation of a case by SevenNet-0, queued if the store has none."""
    kept = session.scalars(
        select(Calculation)
        .join(Structure, Structure.calculation_id == Calculation.id)
        .join(Material, Structure.material_id == Material.id)
        .join(Material.composition)
        .where(
            Composition.formula == case.formula,
            Material.phase == case.phase,
            Calculation.kind == "relax",
            Calculation.state == CalculationState.DONE,
        )
        .order_by(Calculation.finished_at)
    ).first()
    if kept is not None:
        return kept
    question = RelaxQuestion(
        formula=case.formula, phase=case.phase, potential=PotentialName.SEVENNET_0
    )
    return queue.submit(session, relax_request(session, question))[0]


def compute(store: Store, case: GapCase) -> str:
    """Compute the gap of a case if it is not done; return its outcome in words."""
    with store.session() as session:
        if known := kept(session, case):
            return known
        relaxed = relaxation(session, case).id
    Worker(store).run(relaxed)
    with store.session() as session:
        done = session.get_one(Calculation, relaxed)
        if done.state != CalculationState.DONE:
            return f"not relaxed: {done.failure_message}"
        request = gap_request(session, GapQuestion(relaxation=relaxed))
        if len(request.structure.symbols) > MOST_ATOMS:
            return f"left out: {len(request.structure.symbols)} atoms"
        material = done.material_id
        key = queue.enqueue(session, request, material)[0].id
    Worker(store).run(key)
    with store.session(read_only=True) as session:
        return outcome_of(session.get_one(Calculation, key))


def kept(session: Session, case: GapCase) -> str:
    """Return the outcome of a gap that is known; the relaxation that it is of need not be here."""
    formula, phase = (Calculation.parameters[name].as_string() for name in ("formula", "phase"))
    of_case = select(Calculation).where(
        *(Calculation.kind == "gap", formula == case.formula, phase == case.phase),
        Calculation.state.in_((CalculationState.DONE, CalculationState.FAILED)),
    )
    found = session.scalars(of_case).first()
    return outcome_of(found) if found else ""


def outcome_of(gap: Calculation) -> str:
    """Return the gap of a calculation, or why it has none, in words."""
    if gap.result:
        return f"{gap.result['gap_ev']:.2f} eV, {gap.result['cpu_seconds']:.0f} s"
    return f"{gap.state}: {(gap.failure_message or '').partition(' End of its')[0]}"


def keep(store: Store, path: Path = GAPS, kind: str | None = "gap") -> None:
    """Write what a store has computed of one kind, or of every kind, besides what was shipped."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with store.session(read_only=True) as session:
        write_calculations(session, path, releases=kind is not None, kind=kind)


def main() -> None:
    """Compute the gaps that are not done."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--database", type=Path, required=True, help="a file of `pvkdb init`")
    parser.add_argument(
        "--group", action="append", help="device, measured, barrier or candidate; may be repeated"
    )
    parser.add_argument("--list", action="store_true", help="count what is done, compute nothing")
    chosen = parser.parse_args()
    one_thread_each()
    store = Store(f"sqlite:///{chosen.database}")
    with store.session() as session:
        take_calculations(session, GAPS)
    with store.session(read_only=True) as session:
        wanted = [case for case in cases(session) if case.group in (chosen.group or (case.group,))]
        if chosen.list:
            done = session.scalars(select(Calculation.state).where(Calculation.kind == "gap"))
            print(Counter(case.group for case in wanted), Counter(done))
            return
    Worker(store).recover()
    for number, case in enumerate(wanted, start=1):
        try:
            outcome = compute(store, case)
        except PvkdbError as error:
            outcome = f"not begun: {error}"
        print(f"{case.group} {case.formula} {case.phase}: {outcome}", file=sys.stderr, flush=True)
        if number % KEPT_EVERY == 0:
            keep(store)
    keep(store)


if __name__ == "__main__":
    main()
