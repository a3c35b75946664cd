"""Barriers of vacancy hops as pvkdb finds them beside a plain ASE band and matcalc's, in one run.

    python benchmarks/neb.py                        # CHGNet, then SevenNet-0
    python benchmarks/neb.py chgnet --hops 1        # only the shortest hop
    python benchmarks/neb.py chgnet --shared        # and one calculator for all images

The hops along the octahedron edges of a material, each in three ways with the same potential, the
same relaxed host and the same final force, on one thread:

    ase      the potential's own ASE calculator, one for each image; both ends relaxed with FIRE,
             five images from IDPP, FIRE, then climbing
    matcalc  matcalc's NEBCalc with the same calculator, its defaults, five images
    pvkdb    the host's Hessian and every distinct vacancy once, then each hop; what the hops share
             is divided over them

Times are processor time, since a shared machine's clock says little. Force calls are structures
evaluated, in foreign calculators counted where they compute. ``potentials/neb_peers.py`` says how
matcalc is installed.
"""

from __future__ import annotations

import argparse
import os
import time
import traceback
import warnings
from collections.abc import Callable
from functools import partial
from statistics import median

os.environ["OMP_NUM_THREADS"] = "1"

from benchmarks.potentials.neb_counting import stages_counted
from benchmarks.potentials.neb_peers import (
    MOST_STEPS,
    Outcome,
    Peer,
    matcalc_neb,
    plain,
    sites_of,
    with_matcalc,
)
from pvkdb.chemistry.formulas.composition import parse_composition
from pvkdb.schemas.calculations import PotentialName
from pvkdb.schemas.calculations.migration import NebSettings
from pvkdb_pipelines.migration.defects.defects import DefectStates, relax_vacancies
from pvkdb_pipelines.migration.defects.states import Stage
from pvkdb_pipelines.migration.host.hessian import host_hessian
from pvkdb_pipelines.migration.host.host import Start, relaxed_crystal
from pvkdb_pipelines.migration.paths.paths import PathFinder
from pvkdb_pipelines.migration.result.hop_descriptions import describe_halide_hop, octahedra_of
from pvkdb_pipelines.migration.sites.hops import HopClass, find_hops
from pvkdb_pipelines.potentials.loading import load_potential
from pvkdb_pipelines.potentials.potential import Potential
from pvkdb_pipelines.prototypes import build, compound_of, prototype

#: Barriers that differ by less are the same, eV.
AGREE_EV = 0.010
#: The ratio of processor seconds that pvkdb is to reach, by potential.
BARS = {"chgnet": 4.0, "sevennet-0": 1.5, "sevennet-l3i5": 8.0}


def main() -> None:
    """Print the cost of every hop in every way, and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("potentials", nargs="*", default=[name.value for name in PotentialName])
    parser.add_argument("--formula", default="CsPbBr3")
    parser.add_argument("--phase", default="Pnma")
    parser.add_argument("--fmax", type=float, default=0.02, help="final force, eV/Å")
    parser.add_argument("--cutoff", type=float, default=5.3, help="longest hop, Å")
    parser.add_argument("--hops", type=int, help="only so many, the shortest first")
    parser.add_argument(
        "--steps", type=int, default=MOST_STEPS, help="of each optimizer of the others, at most"
    )
    parser.add_argument("--shared", action="store_true", help="also one calculator for all images")
    parser.add_argument("--matcalc", default=os.environ.get("MATCALC_PATH"), help="its folder")
    chosen = parser.parse_args()
    warnings.filterwarnings("ignore")
    for name in chosen.potentials:
        _compare_hops(name, chosen)


# --- hop by hop


def _compare_hops(name: str, chosen: argparse.Namespace) -> None:
    potential, peer = load_potential(name), Peer(name)
    settings = NebSettings(fmax_neb_ev_per_ang=chosen.fmax, recheck=False)
    stage, hops, names = _stage(chosen, potential, settings)
    versions = ", ".join(f"{package} {number}" for package, number in potential.versions.items())
    print(
        f"{chosen.formula} {chosen.phase}, {len(stage.host)} atoms, {name} ({versions}), "
        f"ends to {settings.fmax_endpoint_ev_per_ang}, hops to {chosen.fmax} eV/Å"
    )
    endpoint = settings.fmax_endpoint_ev_per_ang
    ase = partial(plain, stage, peer=peer, fmax_ends=endpoint, fmax=chosen.fmax, steps=chosen.steps)
    ways: dict[str, Callable[[HopClass], Outcome]] = {"ase": ase}
    if chosen.shared:
        ways["ase shared"] = partial(ase, shared=True)
    neb_calc = matcalc_neb(chosen.matcalc)
    if neb_calc is not None:
        ways["matcalc"] = lambda hop: with_matcalc(
            neb_calc, stage, hop, peer, endpoint, chosen.fmax, steps=chosen.steps
        )
    peer.calculator().get_potential_energy(stage.host)  # what only a first call costs

    calls, started = potential.force_calls, time.process_time()
    hessian = host_hessian(stage.operations, potential)
    hessian_calls = potential.force_calls - calls
    unknown = DefectStates(stage, hessian, potential, settings)
    states = relax_vacancies(unknown, lambda part, parts: silent)
    shared_seconds = time.process_time() - started
    shared_calls = potential.force_calls - calls
    print(
        f"pvkdb, shared by {len(hops)} hops: {hessian_calls} calls for the Hessian, "
        f"{shared_calls - hessian_calls} for {len(states.by_site)} vacancies, "
        f"{shared_seconds:.1f} CPU-s"
    )
    finder = PathFinder(states)
    print(f"{'hop':27} {'way':10} {'calls':>6} {'CPU-s':>7} {'barrier':>8}        of the calls")
    table: list[dict[str, Outcome]] = []
    for hop, label in zip(hops, names, strict=True):
        row = {"pvkdb": _with_pvkdb(finder, hop)}
        row["pvkdb"].cpu_seconds += shared_seconds / len(hops)
        row["pvkdb"].calls["shared"] = round(shared_calls / len(hops))
        for way, compute in ways.items():
            row[way] = _guarded(compute, hop)
        for way, outcome in row.items():
            print(_line(label if way == "pvkdb" else "", way, outcome), flush=True)
        table.append(row)
    if finder.improved:
        print(f"lower states found along hops for the sites {sorted(finder.improved)}")
    _print_totals(table)
    for way in ways:
        _print_ratios(way, table, names, BARS[name])


def _stage(
    chosen: argparse.Namespace, potential: Potential, settings: NebSettings
) -> tuple[Stage, list[HopClass], list[str]]:
    """The relaxed host, its hops along octahedron edges, and what they are called."""
    composition = parse_composition(chosen.formula)
    compound = compound_of(composition)
    info = prototype(compound.stoichiometry, chosen.phase)
    start = build(compound, info.phase)
    crystal = relaxed_crystal(
        Start(start, info.number), potential, settings, name=chosen.formula, atoms_per_formula=5
    )
    halide = composition.on("X")[0].ion.symbol
    stage = sites_of(crystal.cell, halide)
    sites = stage.sites
    cations = {occupant.ion.symbol for occupant in composition.on("B")}
    octahedra = octahedra_of(stage.host, cations, {halide})
    found = find_hops(sites, chosen.cutoff)
    hops = [
        hop
        for hop in found
        if describe_halide_hop(
            octahedra, (int(sites.atoms[hop.start]), int(sites.atoms[hop.end]), hop.vector)
        )
        == "octahedron edge"
    ][: chosen.hops]
    kinds = list(sites.distinct)

    def called(site: int) -> str:
        return f"{halide}{1 + kinds.index(int(sites.action.orbits[site]))}"

    names = [
        f"{number} {called(hop.start)}–{called(hop.end)} {hop.length_ang:.3f} Å"
        f"{' mirror' if hop.exchanges else ''}"
        for number, hop in enumerate(hops, start=1)
    ]
    return stage, hops, names


# --- the way of pvkdb


def _with_pvkdb(finder: PathFinder, hop: HopClass) -> Outcome:
    """One hop between states that are known."""
    with stages_counted(finder.states.potential) as stages:
        started = time.process_time()
        path = finder.find(hop, silent)
        outcome = Outcome(time.process_time() - started, stages)
    if path.band is None:
        outcome.remark = str(path.failure)
        return outcome
    assert path.saddle_ev is not None
    outcome.start_ev = finder.states.of(hop.start).energy_ev
    outcome.top_ev = path.saddle_ev
    outcome.barrier_ev = outcome.top_ev - outcome.start_ev
    outcome.converged = True
    outcome.remark = "by half" if path.by_half else ""
    return outcome


def _guarded(compute: Callable[[HopClass], Outcome], hop: HopClass) -> Outcome:
    """A foreign way that breaks off is a hop without a barrier."""
    started = time.process_time()
    try:
        return compute(hop)
    except Exception as error:
        traceback.print_exc()
        return Outcome(time.process_time() - started, remark=f"{type(error).__name__}: {error}")


def silent(step: int, force: float) -> None:
    """Progress that nobody watches."""


# --- what is printed


def _line(label: str, way: str, outcome: Outcome) -> str:
    parts = ", ".join(f"{name} {count}" for name, count in outcome.calls.items() if count)
    state = "" if outcome.converged else " NOT CONVERGED"
    remark = f" ({outcome.remark})" if outcome.remark else ""
    return (
        f"{label:27} {way:10} {outcome.calls.total():6} {outcome.cpu_seconds:7.1f} "
        f"{outcome.barrier_ev:8.4f} eV     {parts}{state}{remark}"
    )


def _print_totals(table: list[dict[str, Outcome]]) -> None:
    for way in table[0]:
        outcomes = [row[way] for row in table]
        seconds = sum(outcome.cpu_seconds for outcome in outcomes)
        calls = sum(outcome.calls.total() for outcome in outcomes)
        print(
            f"{f'all {len(table)} hops':27} {way:10} {calls:6} {seconds:7.1f}     "
            f"{1000 * seconds / max(calls, 1):.0f} ms a call, "
            f"{sum(outcome.converged for outcome in outcomes)} converged"
        )


def _print_ratios(
    way: str, table: list[dict[str, Outcome]], names: list[str], least: float
) -> None:
    print(
        f"CPU-s of {way} / pvkdb, and by how much its energies are higher, meV "
        f"(barriers agree within {1000 * AGREE_EV:.0f}):"
    )
    ratios = []
    for row, label in zip(table, names, strict=True):
        peer, own = row[way], row["pvkdb"]
        ratio = peer.cpu_seconds / own.cpu_seconds
        apart = peer.barrier_ev - own.barrier_ev
        agree = peer.converged and own.converged and abs(apart) <= AGREE_EV
        if agree:
            ratios.append(ratio)
        print(
            f"  {label:27} {ratio:6.2f}   barrier {1000 * apart:+6.1f}   first end "
            f"{1000 * (peer.start_ev - own.start_ev):+6.1f}   top "
            f"{1000 * (peer.top_ev - own.top_ev):+6.1f}{'' if agree else '   left out'}"
        )
    print(f"  {len(ratios)} of {len(table)} hops agree", end="")
    if ratios:
        middle = median(ratios)
        verdict = "reached" if middle >= least else "MISSED"
        print(
            f"; median {middle:.2f}, lowest {min(ratios):.2f}: at least {least} {verdict}", end=""
        )
    print(flush=True)


if __name__ == "__main__":
    main()
