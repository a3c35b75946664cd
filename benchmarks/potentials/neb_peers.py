"""Hops of a vacancy as others compute them: plain ASE bands and matcalc's, their calls counted.

matcalc is no dependency of pvkdb. To compare with it, install it beside the environment and name
the folder in MATCALC_PATH or with --matcalc:

    pip install --no-deps --target /tmp/matcalc matcalc==0.7.0 phonopy h5py
"""

from __future__ import annotations

import contextlib
import copy
import io
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from typing import Any

from ase import Atoms
from ase.mep import NEB
from ase.mep.neb import NEBOptimizer
from ase.optimize import FIRE

from pvkdb.schemas.calculations import PotentialName
from pvkdb_pipelines.migration.defects.states import Stage
from pvkdb_pipelines.migration.sites.hops import HopClass
from pvkdb_pipelines.migration.sites.operations import operations_of
from pvkdb_pipelines.migration.sites.sites import vacancy_sites
from pvkdb_pipelines.potentials.loading import PACKAGES

IMAGES = 5
MOST_STEPS = 1000
#: A plain band relaxes to this force before its top climbs, eV/Å.
BEFORE_CLIMBING = 0.1
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

            weights = PACKAGES[PotentialName(name)][1]
            self._make = partial(copy.copy, SevenNetCalculator(weights, device="cpu"))

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


def sites_of(host: Atoms, halide: str) -> Stage:
    return Stage(vacancy_sites(operations_of(host), halide))


def unrelaxed(stage: Stage, hop: HopClass) -> tuple[Atoms, Atoms]:
    """Both ends of a hop as the host has them, in one order of atoms."""
    initial = stage.with_defect(hop.start)
    final = initial.copy()
    shift = hop.vector @ stage.host.cell.array
    vacant = int(stage.sites.atoms[hop.start])
    final.positions[stage.moving_atom(hop)] = stage.host.positions[vacant] - shift
    return initial, final


def plain(
    stage: Stage,
    hop: HopClass,
    peer: Peer,
    fmax_ends: float,
    fmax: float,
    *,
    shared: bool = False,
    first_climb: bool = False,
    steps: int = MOST_STEPS,
) -> Outcome:
    """ASE's band as its tutorials have it."""
    outcome, calls, started = Outcome(), peer.calls, time.process_time()
    one = peer.calculator()

    def calculator() -> Any:
        return one if shared else peer.calculator()

    ends = unrelaxed(stage, hop)
    reached = True
    for end in ends:
        end.calc = calculator()
        reached &= FIRE(end, logfile=None).run(fmax=fmax_ends, steps=steps)
    outcome.calls["ends"] = peer.calls - calls
    images = [ends[0], *(ends[0].copy() for _ in range(IMAGES)), ends[1]]
    for image in images[1:-1]:
        image.calc = calculator()
    band = NEB(images, climb=first_climb, method="improvedtangent", allow_shared_calculator=shared)
    band.interpolate("idpp", mic=True)
    if first_climb:
        reached &= NEBOptimizer(band, logfile=None).run(fmax=fmax, steps=steps)
    else:
        FIRE(band, logfile=None).run(fmax=max(BEFORE_CLIMBING, fmax), steps=steps)
        band.climb = True
        reached &= FIRE(band, logfile=None).run(fmax=fmax, steps=steps)
    outcome.start_ev = float(images[0].get_potential_energy())
    outcome.top_ev = max(float(image.get_potential_energy()) for image in images)
    outcome.cpu_seconds = time.process_time() - started
    outcome.calls["band"] = peer.calls - calls - outcome.calls["ends"]
    outcome.barrier_ev = outcome.top_ev - outcome.start_ev
    outcome.converged = bool(reached)
    return outcome


def matcalc_neb(folder: str | None) -> Any:
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


def with_matcalc(
    neb_calc: Any,
    stage: Stage,
    hop: HopClass,
    peer: Peer,
    fmax_ends: float,
    fmax: float,
    *,
    steps: int = MOST_STEPS,
) -> Outcome:
    """matcalc's own relaxation of the ends, interpolation and band."""
    from pymatgen.io.ase import AseAtomsAdaptor

    outcome, calls, started = Outcome(), peer.calls, time.process_time()
    initial, final = (AseAtomsAdaptor.get_structure(end) for end in unrelaxed(stage, hop))
    with contextlib.redirect_stdout(io.StringIO()):  # its optimizer prints every step
        calc = neb_calc(peer.calculator(), fmax=fmax, max_steps=steps)
        ends = calc.calc_endpoints(
            initial, final, relax_calc_kwargs={"fmax": fmax_ends, "max_steps": steps}
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
