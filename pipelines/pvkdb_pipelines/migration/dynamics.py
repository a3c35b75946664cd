"""Molecular dynamics of a vacancy: its hops, and its diffusion coefficient with an interval.

Each ion of the moving species belongs to the site that it was last nearest to. When it takes
another one, the vacancy moves the other way: vibrations add nothing to its path, which crosses
periodic boundaries unwrapped. The temperature is that of stochastic velocity rescaling (Bussi,
Donadio and Parrinello 2007, doi 10.1063/1.2408420), which does not slow down diffusion.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from ase import Atoms, units
from ase.constraints import FixCom
from ase.geometry import find_mic
from ase.md.bussi import Bussi
from scipy.stats import t as student

from pvkdb.errors import CalculationFailedError, InputError
from pvkdb.schemas.calculations import FailureKind
from pvkdb.schemas.calculations.dynamics import FEWEST_HOPS, MdRequest, MdResult
from pvkdb_pipelines.geometry.hosts import atoms_in
from pvkdb_pipelines.geometry.supercells import distant_supercell
from pvkdb_pipelines.potentials.loading import metered
from pvkdb_pipelines.potentials.potential import Potential
from pvkdb_pipelines.progress import ProgressReporter, Report
from pvkdb_pipelines.relaxations.relaxation import RelaxationRun

#: Time between two looks at the ions, fs: a tenth of the fastest hop.
_LOOK_FS = 20.0
#: An ion takes a site once it is this many times as near to it as to its own.
_NEARER = 2.0
#: Draws of blocks for the interval, and its level.
_DRAWS, _LEVEL = 2000, 0.95
#: Hops in a block, and the least and most blocks.
_HOPS_A_BLOCK, _LEAST_BLOCKS, _MOST_BLOCKS = 3, 10, 100
#: Parts of the run in its log, and Å²/ps in m²/s.
_PARTS, _M2_PER_S = 20, 1e-8
_LOAD, _RUN = "load the potential", "molecular dynamics"


class PathDiffusion(NamedTuple):
    """Fields of :class:`MdResult` that follow from the path of a vacancy."""

    d_m2_per_s: float
    d_min_m2_per_s: float
    d_max_m2_per_s: float
    blocks: int
    lags_ps: list[float]
    msd_ang2: list[float]


def vacancy_path(
    frames: Iterable[np.ndarray], sites_ang: np.ndarray, cell_ang: np.ndarray
) -> tuple[np.ndarray, int]:
    """Return the unwrapped path of the vacancy, shape (frames, 3), Å, and its number of hops.

    ``frames`` have the positions of the ions, shape (ions, 3), Å, relative to the lattice.
    """
    own: np.ndarray | None = None
    path, place, hops = [], np.zeros(3), 0
    for frame in frames:
        offsets = sites_ang - frame[:, None]
        _, distances = find_mic(offsets.reshape(-1, 3), cell_ang)
        distances = distances.reshape(offsets.shape[:2])
        nearest, ions = distances.argmin(axis=1), np.arange(len(frame))
        if own is None:
            own = nearest.copy()
        moved = _NEARER * distances[ions, nearest] < distances[ions, own]
        if moved.any():
            steps, _ = find_mic(sites_ang[nearest[moved]] - sites_ang[own[moved]], cell_ang)
            place, hops = place - steps.sum(axis=0), hops + int(moved.sum())
            own[moved] = nearest[moved]
        path.append(place)
    return np.array(path), hops


def path_diffusion(path_ang: np.ndarray, frame_ps: float, hops: int) -> PathDiffusion:
    """Return D = ⟨Δr²⟩ / 6t over blocks of a path, with an interval of drawn blocks.

    The error of ln D is that of resampled blocks; Student's t allows for their number.
    """
    blocks = int(np.clip(hops // _HOPS_A_BLOCK, _LEAST_BLOCKS, _MOST_BLOCKS))
    length = (len(path_ang) - 1) // (blocks := min(blocks, len(path_ang) - 1))
    ends = path_ang[: blocks * length + 1 : length]
    each = (np.diff(ends, axis=0) ** 2).sum(axis=1) / (6 * length * frame_ps)
    drawn = np.random.default_rng(0).choice(each, (_DRAWS, blocks)).mean(axis=1)
    error = np.log(drawn[drawn > 0]).std() if each.any() else 0.0
    quantile = student.ppf((1 + _LEVEL) / 2, blocks - 1) * np.sqrt(blocks / (blocks - 1))
    found, spread = float(each.mean()) * _M2_PER_S, float(np.exp(quantile * error))
    lags = np.unique(np.geomspace(1, len(path_ang) // 4, 8).astype(int)).tolist()
    squares = (((path_ang[lag:] - path_ang[:-lag]) ** 2).sum(axis=1).mean() for lag in lags)
    return PathDiffusion(
        *(found, found / spread, found * spread, blocks),
        *([lag * frame_ps for lag in lags], [float(square) for square in squares]),
    )


def compute_dynamics(
    request: MdRequest, report: Report | None = None, potential: Potential | None = None
) -> RelaxationRun[MdResult]:
    """Run molecular dynamics of a host without one ion, at fixed cell, and return its diffusion.

    ``potential`` is used instead of the one that the request names.

    Raises:
        CalculationFailedError: the vacancy made too few hops, or the potential failed.
        InputError: the host has no such ion, or no supercell is large enough.
    """
    settings, species = request.settings, request.defect.removeprefix("V_")
    progress = ProgressReporter({_LOAD: 0.02, _RUN: 1.0}, report)
    progress.begin(_LOAD)
    potential, spent = metered(potential, request.potential, sorted(set(request.host.symbols)))
    atoms, _ = distant_supercell(atoms_in(request.host), settings.distance_ang)
    ions = np.flatnonzero(np.array(atoms.get_chemical_symbols()) == species)
    if not len(ions):
        raise InputError(f"{request.formula} has no {species}; name a vacancy of its own ions")
    sites = atoms.positions[ions]
    del atoms[int(ions[0])]
    atoms.calc = potential.calculator(stress=False)
    temperatures = list[float]()
    frames = _frames(atoms, request, temperatures, progress)
    path, hops = vacancy_path(frames, sites, atoms.cell.array)
    if hops < FEWEST_HOPS:
        needed = settings.picoseconds * FEWEST_HOPS / max(hops, 1)
        raise CalculationFailedError(
            FailureKind.TOO_FEW_HOPS,
            f"{request.defect} in {request.formula} hopped {hops} times in "
            f"{settings.picoseconds:g} ps at {settings.temperature_k:g} K, and {FEWEST_HOPS} hops "
            f"are the least; compute longer, {needed:.0f} ps or more, or hotter",
        )
    found = path_diffusion(path, settings.picoseconds / (len(path) - 1), hops)
    if not found.d_m2_per_s:
        raise CalculationFailedError(
            FailureKind.TOO_FEW_HOPS,
            f"all {hops} hops of {request.defect} in {request.formula} lead back: it rattles "
            "between sites and its diffusion is slower than this run; compute longer, or hotter",
        )
    progress.finish(_RUN)
    result = MdResult(
        **found._asdict(),
        formula=request.formula,
        defect=request.defect,
        temperature_k=float(np.mean(temperatures)),
        hops=hops,
        picoseconds=settings.picoseconds,
        atoms_in_cell=len(atoms),
        **spent(),
    )
    return RelaxationRun(result, atoms, {**potential.versions, "weights": potential.weights})


def _frames(
    atoms: Atoms, request: MdRequest, temperatures: list[float], progress: ProgressReporter
) -> Iterable[np.ndarray]:
    """Run; yield the ions of the moving species, without the motion of the others' lattice."""
    settings, random = request.settings, np.random.default_rng(request.settings.seed)
    moving = np.array(atoms.get_chemical_symbols()) == request.defect.removeprefix("V_")
    lattice = ~moving | moving.all()  # an element has no other lattice than its own
    home = atoms.positions[lattice].mean(axis=0)
    atoms.set_constraint(FixCom())  # its three degrees of freedom have no heat
    widths = np.sqrt(atoms.get_masses() * units.kB * settings.temperature_k)
    atoms.set_momenta(random.standard_normal((len(atoms), 3)) * widths[:, None])
    step = settings.step_fs * units.fs
    run = Bussi(atoms, step, settings.temperature_k, taut=100 * units.fs, rng=random)
    run.run(round(settings.settle_ps * 1e3 / settings.step_fs))
    look = max(1, round(_LOOK_FS / settings.step_fs))
    looks = max(1, round(settings.picoseconds * 1e3 / settings.step_fs / look))
    for number in range(looks + 1):
        if number:
            run.run(look)
        if number < looks and number * _PARTS % looks < _PARTS:
            on_step = progress.begin(_RUN, None, (number * _PARTS // looks, _PARTS))
        on_step(number * look, 0.0)
        temperatures.append(float(atoms.get_temperature()))
        yield atoms.positions[moving] - (atoms.positions[lattice].mean(axis=0) - home)
