"""Barriers of vacancy hops as pvkdb finds them beside a plain ASE band and matcalc's, in one run.

    python benchmarks/neb.py                        # CHGNet, then SevenNet-0
    python benchmarks/neb.py chgnet --hops 1        # only the shortest hop
    python benchmarks/neb.py chgnet --shared        # and one calculator for all images
    python benchmarks/neb.py chgnet --whole         # from the unit cell to the percolation graph

The hops along the octahedron edges of a material, each in three ways with the same potential, the
same relaxed host and the same final force, on one thread:

    ase      the potential's own ASE calculator, one for each image; both ends relaxed with FIRE,
             five images from IDPP, FIRE, then climbing
    matcalc  matcalc's NEBCalc with the same calculator, its defaults, five images
    pvkdb    the host's Hessian and every distinct vacancy once, then each hop; what the hops share
             is divided over them

``--whole`` is the whole calculation with every class of hops up to a length, each way in a process
of its own, against a loop over the same hops at a looser force. Times are processor time, since a
shared machine's clock says little. Force calls are structures evaluated, in foreign calculators
counted where they compute.

matcalc is no dependency of pvkdb. To compare with it, install it beside the environment and name
the folder in MATCALC_PATH or with --matcalc:

    pip install --no-deps --target /tmp/matcalc matcalc==0.7.0 phonopy h5py
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import io
import multiprocessing
import os
import resource
import sys
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from statistics import median
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"

from ase import Atoms
from ase.build import make_supercell
from ase.filters import FrechetCellFilter
from ase.mep import NEB
from ase.mep.neb import NEBOptimizer
from ase.optimize import FIRE

from pvkdb.chemistry.composition import parse_composition
from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import PotentialName
from pvkdb.schemas.migration import NebRequest, NebSettings
from pvkdb_pipelines.migration.band import relax_band
from pvkdb_pipelines.migration.compute import compute_migration
from pvkdb_pipelines.migration.defects import relax_vacancies
from pvkdb_pipelines.migration.hessian import host_hessian
from pvkdb_pipelines.migration.hop_words import halide_hops_in_words, octahedra_of
from pvkdb_pipelines.migration.hops import HopClass, find_hops
from pvkdb_pipelines.migration.host import SYMPREC_ANG, Start, relaxed_crystal
from pvkdb_pipelines.migration.operations import act, operations_of
from pvkdb_pipelines.migration.paths import PathFinder
from pvkdb_pipelines.migration.saddle import climb, descend
from pvkdb_pipelines.migration.sites import vacancy_sites
from pvkdb_pipelines.migration.states import Stage
from pvkdb_pipelines.potentials import Potential, load_potential
from pvkdb_pipelines.prototypes import build, compound_of, prototype
from pvkdb_pipelines.relaxation import relax
from pvkdb_pipelines.supercells import symmetric_supercell

IMAGES = 5
MOST_STEPS = 1000
#: A plain band relaxes to this force before its top climbs, eV/Å.
BEFORE_CLIMBING = 0.1
#: Barriers that differ by less are the same, eV.
AGREE_EV = 0.010
#: The ratio of processor seconds that pvkdb is to reach, by potential.
BARS = {"chgnet": 4.0, "sevennet-0": 1.5}
#: Force of the loop that a whole calculation is compared with, eV/Å.
LOOSE = 0.05
#: Modules in which the stages of a search are called.
_PATHS_IN = "pvkdb_pipelines.migration."
INSTALL = "pip install --no-deps --target /tmp/matcalc matcalc==0.7.0 phonopy h5py"


@dataclass
class Outcome:
    """One hop in one way; energies in eV."""

    cpu_seconds: float = 0.0
    calls: Counter[str] = field(default_factory=Counter)
    start_ev: float = float("nan")
    top_ev: float = float("nan")
    barrier_ev: float = float("nan")
    converged: bool = False
    remark: str = ""


class Peer:
    """The potential's own ASE calculators over one model; their evaluations are counted."""

    def __init__(self, name: str) -> None:
        import torch

        torch.set_num_threads(1)
        self.calls = 0
        if name == "chgnet":
            from chgnet.model import CHGNet
            from chgnet.model.dynamics import CHGNetCalculator

            with contextlib.redirect_stdout(io.StringIO()):
                model = CHGNet.load(use_device="cpu", verbose=False)
            self._make: Callable[[], Any] = partial(CHGNetCalculator, model, use_device="cpu")
        else:
            from sevenn.calculator import SevenNetCalculator

            self._make = partial(copy.copy, SevenNetCalculator("7net-0", device="cpu"))

    def calculator(self) -> Any:
        """A new calculator."""
        with contextlib.redirect_stdout(io.StringIO()):
            made = self._make()
        compute = made.calculate

        def calculate(*args: Any, **kwargs: Any) -> None:
            self.calls += 1
            compute(*args, **kwargs)

        made.calculate = calculate
        return made


def main() -> None:
    """Print the cost of every hop in every way, and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("potentials", nargs="*", default=[name.value for name in PotentialName])
    parser.add_argument("--formula", default="CsPbBr3")
    parser.add_argument("--phase", default="Pnma")
    parser.add_argument("--fmax", type=float, default=0.02, help="final force, eV/Å")
    parser.add_argument("--cutoff", type=float, default=5.3, help="longest hop, Å")
    parser.add_argument("--hops", type=int, help="only so many, the shortest first")
    parser.add_argument("--shared", action="store_true", help="also one calculator for all images")
    parser.add_argument("--whole", action="store_true", help="whole calculations")
    parser.add_argument("--matcalc", default=os.environ.get("MATCALC_PATH"), help="its folder")
    chosen = parser.parse_args()
    warnings.filterwarnings("ignore")
    for name in chosen.potentials:
        (_compare_whole if chosen.whole else _compare_hops)(name, chosen)


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
    ways: dict[str, Callable[[HopClass], Outcome]] = {
        "ase": lambda hop: _plain(stage, hop, peer, endpoint, chosen.fmax)
    }
    if chosen.shared:
        ways["ase shared"] = lambda hop: _plain(
            stage, hop, peer, endpoint, chosen.fmax, shared=True
        )
    neb_calc = _matcalc(chosen.matcalc)
    if neb_calc is not None:
        ways["matcalc"] = lambda hop: _with_matcalc(
            neb_calc, stage, hop, peer, endpoint, chosen.fmax
        )
    peer.calculator().get_potential_energy(stage.host)  # what only a first call costs

    calls, started = potential.force_calls, time.process_time()
    hessian = host_hessian(stage.host, stage.operations, stage.action, potential)
    hessian_calls = potential.force_calls - calls
    states = relax_vacancies(stage, hessian, potential, settings, lambda part, parts: _silent)
    shared_seconds = time.process_time() - started
    shared_calls = potential.force_calls - calls
    print(
        f"pvkdb, shared by {len(hops)} hops: {hessian_calls} calls for the Hessian, "
        f"{shared_calls - hessian_calls} for {len(states.by_site)} vacancies, "
        f"{shared_seconds:.1f} CPU-s"
    )
    finder = PathFinder(states, potential, settings)
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
    stage = _sites_of(crystal.cell, halide)
    sites = stage.sites
    cations = {occupant.ion.symbol for occupant in composition.on("B")}
    say = halide_hops_in_words(octahedra_of(stage.host, cations, halide))
    found = find_hops(sites.positions, stage.operations, sites.action, chosen.cutoff)
    hops = [
        hop
        for hop in found
        if say((int(sites.atoms[hop.start]), int(sites.atoms[hop.end]), hop.vector))
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


def _sites_of(host: Atoms, halide: str) -> Stage:
    operations = operations_of(host, SYMPREC_ANG)
    action = act(operations, host.positions, host.numbers)
    return Stage(host, operations, action, vacancy_sites(host, halide, operations))


def _unrelaxed(stage: Stage, hop: HopClass) -> tuple[Atoms, Atoms]:
    """Both ends of a hop as the host has them, in one order of atoms."""
    initial = stage.with_defect(hop.start)
    final = initial.copy()
    shift = hop.vector @ stage.host.cell.array
    vacant = int(stage.sites.atoms[hop.start])
    final.positions[stage.moving_atom(hop)] = stage.host.positions[vacant] - shift
    return initial, final


# --- the ways


def _plain(
    stage: Stage,
    hop: HopClass,
    peer: Peer,
    fmax_ends: float,
    fmax: float,
    *,
    shared: bool = False,
    first_climb: bool = False,
) -> Outcome:
    """ASE's band as its tutorials have it."""
    outcome, calls, started = Outcome(), peer.calls, time.process_time()
    one = peer.calculator()

    def calculator() -> Any:
        return one if shared else peer.calculator()

    ends = _unrelaxed(stage, hop)
    reached = True
    for end in ends:
        end.calc = calculator()
        reached &= FIRE(end, logfile=None).run(fmax=fmax_ends, steps=MOST_STEPS)
    outcome.calls["ends"] = peer.calls - calls
    images = [ends[0], *(ends[0].copy() for _ in range(IMAGES)), ends[1]]
    for image in images[1:-1]:
        image.calc = calculator()
    band = NEB(images, climb=first_climb, method="improvedtangent", allow_shared_calculator=shared)
    band.interpolate("idpp", mic=True)
    if first_climb:
        reached &= NEBOptimizer(band, logfile=None).run(fmax=fmax, steps=MOST_STEPS)
    else:
        FIRE(band, logfile=None).run(fmax=max(BEFORE_CLIMBING, fmax), steps=MOST_STEPS)
        band.climb = True
        reached &= FIRE(band, logfile=None).run(fmax=fmax, steps=MOST_STEPS)
    outcome.start_ev = float(images[0].get_potential_energy())
    outcome.top_ev = max(float(image.get_potential_energy()) for image in images)
    outcome.cpu_seconds = time.process_time() - started
    outcome.calls["band"] = peer.calls - calls - outcome.calls["ends"]
    outcome.barrier_ev = outcome.top_ev - outcome.start_ev
    outcome.converged = bool(reached)
    return outcome


def _matcalc(folder: str | None) -> Any:
    """matcalc's NEBCalc, if it is there."""
    if folder is not None and folder not in sys.path:
        sys.path.append(folder)  # after the environment: what that has is not replaced
    try:
        from matcalc import NEBCalc  # type: ignore[import-not-found]
    except ModuleNotFoundError as error:
        why = "matcalc not installed" if error.name == "matcalc" else f"matcalc needs {error.name}"
        print(f"{why}; to compare with it: {INSTALL}, then --matcalc /tmp/matcalc")
        return None
    print(f"matcalc {version('matcalc')}")
    return NEBCalc


def _with_matcalc(
    neb_calc: Any, stage: Stage, hop: HopClass, peer: Peer, fmax_ends: float, fmax: float
) -> Outcome:
    """matcalc's own relaxation of the ends, interpolation and band."""
    from pymatgen.io.ase import AseAtomsAdaptor

    outcome, calls, started = Outcome(), peer.calls, time.process_time()
    initial, final = (AseAtomsAdaptor.get_structure(end) for end in _unrelaxed(stage, hop))
    with contextlib.redirect_stdout(io.StringIO()):  # its optimizer prints every step
        calc = neb_calc(peer.calculator(), fmax=fmax, max_steps=MOST_STEPS)
        ends = calc.calc_endpoints(
            initial, final, relax_calc_kwargs={"fmax": fmax_ends, "max_steps": MOST_STEPS}
        )
        outcome.calls["ends"] = peer.calls - calls
        # The order of atoms is known: sorting them again could only confuse it.
        found = calc.calc_images(
            *(end["final_structure"] for end in ends), n_images=IMAGES, autosort_tol=0
        )
    outcome.cpu_seconds = time.process_time() - started
    outcome.calls["band"] = peer.calls - calls - outcome.calls["ends"]
    outcome.start_ev = float(ends[0]["energy"])
    outcome.barrier_ev = float(found["barrier"])
    outcome.top_ev = outcome.start_ev + outcome.barrier_ev
    outcome.converged = bool(found["converged"]) and all(end["is_converged"] for end in ends)
    return outcome


def _with_pvkdb(finder: PathFinder, hop: HopClass) -> Outcome:
    """One hop between states that are known."""
    with _stages_counted(finder.potential) as stages:
        started = time.process_time()
        path = finder.find(hop, _silent)
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


@contextlib.contextmanager
def _stages_counted(potential: Potential) -> Iterator[Counter[str]]:
    """Force calls of each stage of a search for a path."""
    counts: Counter[str] = Counter()
    modules = [module for name, module in sys.modules.items() if name.startswith(_PATHS_IN)]
    places = [
        (module, function.__name__, function)
        for function in (relax_band, climb, descend, relax)
        for module in modules
        if getattr(module, function.__name__, None) is function
    ]

    def counted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            before = potential.force_calls
            what = name
            if name == "relax_band":
                what = "whole band" if kwargs.get("climb") else f"band {args[2]}"
            elif name == "relax":
                what = str(kwargs["what"]).split(",")[0]
            try:
                return function(*args, **kwargs)
            finally:
                counts[what] += potential.force_calls - before

        return call

    for module, name, function in places:
        setattr(module, name, counted(name, function))
    try:
        yield counts
    finally:
        for module, name, function in places:
            setattr(module, name, function)


def _guarded(compute: Callable[[HopClass], Outcome], hop: HopClass) -> Outcome:
    """A foreign way that breaks off is a hop without a barrier."""
    started = time.process_time()
    try:
        return compute(hop)
    except Exception as error:
        traceback.print_exc()
        return Outcome(time.process_time() - started, remark=f"{type(error).__name__}: {error}")


def _silent(step: int, force: float) -> None:
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


# --- whole calculations


@dataclass(frozen=True)
class Whole:
    """A whole calculation: its cost, and barriers (eV) by the length of the hop (Å)."""

    cpu_seconds: float
    calls: Counter[str]
    peak_mib: float
    barriers: list[tuple[float, float]]
    remark: str


def _compare_whole(name: str, chosen: argparse.Namespace) -> None:
    print(
        f"{chosen.formula} {chosen.phase}, {name}: every hop up to {chosen.cutoff} Å; "
        f"pvkdb to {chosen.fmax}, the loop to {LOOSE} eV/Å"
    )
    ways = {
        "pvkdb": partial(_whole_with_pvkdb, name, chosen, False),
        "pvkdb with recheck": partial(_whole_with_pvkdb, name, chosen, True),
        "plain loop": partial(_whole_loop, name, chosen),
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


def _whole_with_pvkdb(name: str, chosen: argparse.Namespace, recheck: bool) -> Whole:
    warnings.filterwarnings("ignore")
    potential = load_potential(name)
    settings = NebSettings(
        cutoff_ang=chosen.cutoff, recheck=recheck, fmax_neb_ev_per_ang=chosen.fmax
    )
    request = NebRequest(
        formula=chosen.formula,
        phase=chosen.phase,
        potential=PotentialName(name),
        settings=settings,
    )
    with _stages_counted(potential) as stages:
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


def _whole_loop(name: str, chosen: argparse.Namespace) -> Whole:
    """Cell, ends and bands one after the other, all to a looser force."""
    warnings.filterwarnings("ignore")
    peer = Peer(name)
    composition = parse_composition(chosen.formula)
    cell = build(compound_of(composition), chosen.phase)
    started = time.process_time()
    cell.calc = peer.calculator()
    reached = FIRE(FrechetCellFilter(cell), logfile=None).run(fmax=LOOSE, steps=MOST_STEPS)
    calls = Counter({"cell": peer.calls})
    rotations = operations_of(cell, SYMPREC_ANG).rotations
    distance = NebSettings().distance_ang
    host = make_supercell(cell, symmetric_supercell(cell.cell.array, rotations, distance))
    stage = _sites_of(host, composition.on("X")[0].ion.symbol)
    hops = find_hops(stage.sites.positions, stage.operations, stage.sites.action, chosen.cutoff)
    outcomes = [_plain(stage, hop, peer, LOOSE, LOOSE, first_climb=True) for hop in hops]
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
