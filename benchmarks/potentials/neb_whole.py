"""A whole calculation of barriers, from unit cell to percolation graph, beside a plain loop.

    python benchmarks/potentials/neb_whole.py sevennet-0

Every class of hops up to a length: pvkdb (to 0.02 eV/Å, with the recheck of what limits the path
and without) against a loop of plain ASE bands over the same hops, all to 0.05 eV/Å. Each way runs
in a process of its own on one thread; times are processor time.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import time
import warnings
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

os.environ["OMP_NUM_THREADS"] = "1"

from ase.build import make_supercell
from ase.filters import FrechetCellFilter
from ase.optimize import FIRE

from benchmarks.potentials.neb_counting import stages_counted
from benchmarks.potentials.neb_peers import MOST_STEPS, Peer, plain, sites_of
from pvkdb.chemistry.formulas.composition import parse_composition
from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import PotentialName
from pvkdb.schemas.calculations.migration import NebRequest, NebSettings
from pvkdb.store.queue.migration_requests import complete_request
from pvkdb_pipelines.geometry.supercells import symmetric_supercell
from pvkdb_pipelines.migration.compute import compute_migration
from pvkdb_pipelines.migration.sites.hops import find_hops
from pvkdb_pipelines.migration.sites.operations import operations_of
from pvkdb_pipelines.potentials.loading import load_potential
from pvkdb_pipelines.prototypes import build, compound_of

#: Force of the loop that a whole calculation is compared with, eV/Å.
LOOSE = 0.05


@dataclass(frozen=True)
class Whole:
    """A whole calculation: its cost, and barriers (eV) by the length of the hop (Å)."""

    cpu_seconds: float
    calls: Counter[str]
    peak_mib: float
    barriers: list[tuple[float, float]]
    remark: str


def main() -> None:
    """Print the cost of every way, and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("potentials", nargs="*", default=["chgnet", "sevennet-0"])
    parser.add_argument("--formula", default="CsPbBr3")
    parser.add_argument("--phase", default="Pnma")
    parser.add_argument("--fmax", type=float, default=0.02, help="final force of pvkdb, eV/Å")
    parser.add_argument("--cutoff", type=float, default=5.3, help="longest hop, Å")
    chosen = parser.parse_args()
    warnings.filterwarnings("ignore")
    for name in chosen.potentials:
        _compare(name, chosen)


def _compare(name: str, chosen: argparse.Namespace) -> None:
    print(
        f"{chosen.formula} {chosen.phase}, {name}: every hop up to {chosen.cutoff} Å; "
        f"pvkdb to {chosen.fmax}, the loop to {LOOSE} eV/Å"
    )
    ways = {
        "pvkdb": partial(_with_pvkdb, name, chosen, False),
        "pvkdb with recheck": partial(_with_pvkdb, name, chosen, True),
        "plain loop": partial(_loop, name, chosen),
    }
    found: dict[str, Whole] = {}
    for way, compute in ways.items():
        # A process of its own each: the peak of a process never falls.
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            found[way] = whole = pool.submit(compute).result()
        print(
            f"{way:20} {whole.cpu_seconds:7.1f} CPU-s {whole.calls.total():6} calls "
            f"{whole.peak_mib:6.0f} MiB at most   {len(whole.barriers)} hops, {whole.remark}"
        )
        print("    calls: " + ", ".join(f"{what} {n}" for what, n in whole.calls.items()))
        hops = ", ".join(f"{length:.3f}: {barrier:.3f}" for length, barrier in whole.barriers)
        print(f"    barriers (Å: eV): {hops}", flush=True)
    loop = found["plain loop"].cpu_seconds
    for way in ("pvkdb", "pvkdb with recheck"):
        print(f"CPU-s of the plain loop / {way}: {loop / found[way].cpu_seconds:.2f}")


def _with_pvkdb(name: str, chosen: argparse.Namespace, recheck: bool) -> Whole:
    warnings.filterwarnings("ignore")
    potential = load_potential(name)
    settings = NebSettings(
        cutoff_ang=chosen.cutoff, recheck=recheck, fmax_neb_ev_per_ang=chosen.fmax
    )
    request = complete_request(
        NebRequest(
            formula=chosen.formula,
            phase=chosen.phase,
            potential=PotentialName(name),
            settings=settings,
        )
    )
    with stages_counted(potential) as stages:
        try:
            run = compute_migration(request, potential=potential)
        except CalculationFailedError as failure:
            return Whole(time.process_time(), stages, _peak_mib(), [], str(failure))
    stages["Hessian"] = run.result.force_calls - stages.total()
    hops = run.result.hops
    return Whole(
        run.result.cpu_seconds,
        stages,
        _peak_mib(),
        [(entry.hop.length_ang, entry.barrier_forward_ev or float("nan")) for entry in hops],
        f"{sum(entry.barrier_forward_ev is None for entry in hops)} without a barrier, "
        f"activation energy {run.result.e_a_ev:.3f} eV",
    )


def _loop(name: str, chosen: argparse.Namespace) -> Whole:
    """Cell, ends and bands one after the other, all to a looser force."""
    warnings.filterwarnings("ignore")
    peer = Peer(name)
    composition = parse_composition(chosen.formula)
    cell = build(compound_of(composition), chosen.phase)
    started = time.process_time()
    cell.calc = peer.calculator()
    reached = FIRE(FrechetCellFilter(cell), logfile=None).run(fmax=LOOSE, steps=MOST_STEPS)
    calls = Counter({"cell": peer.calls})
    rotations = operations_of(cell).rotations
    distance = NebSettings().distance_ang
    host = make_supercell(cell, symmetric_supercell(cell.cell.array, rotations, distance))
    stage = sites_of(host, composition.on("X")[0].ion.symbol)
    hops = find_hops(stage.sites, chosen.cutoff)
    outcomes = [plain(stage, hop, peer, LOOSE, LOOSE, first_climb=True) for hop in hops]
    seconds = time.process_time() - started
    for outcome in outcomes:
        calls += outcome.calls
    failed = sum(not outcome.converged for outcome in outcomes)
    return Whole(
        seconds,
        calls,
        _peak_mib(),
        [(hop.length_ang, o.barrier_ev) for hop, o in zip(hops, outcomes, strict=True)],
        f"{failed} not converged{'' if reached else ', nor the cell'}",
    )


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
