"""Computation of DFT requests; it does not use the database."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from ase import Atoms

from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import FailureKind
from pvkdb.schemas.calculations.bounds import HIGHEST_BARRIER_EV
from pvkdb.schemas.calculations.dft import (
    AnyDft,
    AnyDftResult,
    DftHopRequest,
    DftHopResult,
    DftNebRequest,
    DftNebResult,
    DftPathRequest,
    DftPathResult,
    DftRelaxRequest,
    DftRelaxResult,
    DftScfRequest,
    DftScfResult,
    PathImage,
    SinglePoint,
)
from pvkdb_pipelines.dft.codes.engines import load_engine
from pvkdb_pipelines.dft.codes.pw_output import single_point
from pvkdb_pipelines.dft.codes.runs import RunLocation, cpu_seconds
from pvkdb_pipelines.dft.hops import compute_hop
from pvkdb_pipelines.dft.settings import complete_request, correction_ev, remarks_on, structures_of
from pvkdb_pipelines.geometry.hosts import atoms_in, frozen, host_of, longest
from pvkdb_pipelines.geometry.neighbours import check_structure
from pvkdb_pipelines.migration.paths.band import ElasticBand, check_band
from pvkdb_pipelines.migration.paths.nudging import relax_band
from pvkdb_pipelines.potentials.loading import load_potential
from pvkdb_pipelines.potentials.potential import Potential
from pvkdb_pipelines.progress import ProgressReporter, Report
from pvkdb_pipelines.relaxations.relaxation import STIFFNESS, relax

_POINTS, _RELAX = "single points", "relax"
_ENDS, _BAND = "relax the end points", "converge the band"


@dataclass(frozen=True)
class DftRun:
    """A finished calculation: complete request, result, versions, and files of the program."""

    request: AnyDft
    result: AnyDftResult
    versions: dict[str, str]
    files: Mapping[str, bytes] = field(default_factory=dict)


def compute_dft(
    request: AnyDft, report: Report | None = None, engine: Potential | None = None
) -> DftRun:
    """Compute a request of any kind.

    Args:
        request: Structures and settings; settings are completed here if necessary.
        report: Called with the progress.
        engine: Used instead of the engine that the settings name.

    Raises:
        CalculationFailedError: With the :class:`FailureKind` and the files of the program.
        InputError: The structure or the settings cannot be used.
        MissingExtraError: The engine is not installed.
    """
    request = complete_request(request)
    for index, structure in enumerate(structures_of(request)):
        check_structure(atoms_in(structure), f"{request.formula}, structure {index + 1}")
    with ExitStack() as ending:
        if engine is None:
            engine = load_engine(request.settings.engine.value, request.settings)
            ending.callback(engine.close)
        return _computed(request, report, engine)


def _computed(request: AnyDft, report: Report | None, engine: Potential) -> DftRun:
    started, cpu_started = time.perf_counter(), cpu_seconds()
    try:
        numbers = _RECIPES[type(request)][1](request, report, engine)
    except CalculationFailedError as error:
        error.files.update(engine.files())
        raise
    result = complete_result(
        request,
        {
            "force_calls": engine.force_calls,
            "cpu_seconds": round(cpu_seconds() - cpu_started, 2),
            "wall_seconds": round(time.perf_counter() - started, 2),
            **numbers,  # those of a hop count what was done before an interruption
        },
    )
    versions = {**engine.versions, "potentials": engine.weights}
    return DftRun(request, result, versions, engine.files())


def complete_result(request: AnyDft, numbers: dict[str, Any], **others: Any) -> AnyDftResult:
    """Return a DFT result: the computed numbers, completed by settings, correction and remarks.

    ``others`` are the cost and, if it was imported, the origin.
    """
    structure, settings = structures_of(request)[0], request.settings
    result = _RECIPES[type(request)][0].model_validate(
        {
            **numbers,
            "settings": settings,
            "atoms": len(structure.symbols),
            "correction_ev": correction_ev(settings, structure),
            "remarks": remarks_on(settings, structure),
            **others,
        }
    )
    if isinstance(result, DftPathResult):
        result.remarks += remarks_on_path(result)
    return result


def path_numbers(points: Sequence[SinglePoint]) -> dict[str, Any]:
    """Return the barriers from single points along a path, whose ends come first and last."""
    top = max(points[1:-1], key=lambda point: point.energy_ev)
    return {
        "points": list(points),
        "highest": top.name,
        "barrier_forward_ev": top.energy_ev - points[0].energy_ev,
        "barrier_reverse_ev": top.energy_ev - points[-1].energy_ev,
    }


def remarks_on_path(result: DftPathResult) -> list[str]:
    """Explain why the single points of a path do not give a barrier; empty if they do."""
    lowest = min(result.barrier_forward_ev, result.barrier_reverse_ev)
    highest = max(result.barrier_forward_ev, result.barrier_reverse_ev)
    if lowest < 0:
        return [
            f"{result.highest} lies {-1000 * lowest:.0f} meV below an end: the saddle of the "
            "potential is none of DFT"
        ]
    if highest >= HIGHEST_BARRIER_EV:
        return [f"{highest:.1f} eV is not a barrier of a moving ion: look at the images"]
    return []


def _scf(request: DftScfRequest, report: Report | None, engine: Potential) -> dict[str, Any]:
    points = _points([PathImage(name="structure", structure=request.structure)], report, engine)
    return {"point": points[0]}


def _path(request: DftPathRequest, report: Report | None, engine: Potential) -> dict[str, Any]:
    return path_numbers(_points(request.images, report, engine))


def _points(
    images: Sequence[PathImage], report: Report | None, engine: Potential
) -> list[SinglePoint]:
    progress = ProgressReporter({_POINTS: 1.0}, report)
    points = []
    for index, image in enumerate(images):
        progress.begin(_POINTS, part=(index, len(images)))
        (found,) = engine.evaluate([atoms_in(image.structure)], stress=False)
        points.append(single_point(image.name, found))
    progress.finish(_POINTS)
    return points


def _relaxation(
    request: DftRelaxRequest, report: Report | None, engine: Potential
) -> dict[str, Any]:
    progress = ProgressReporter({_RELAX: 1.0}, report)
    target = request.fmax_ev_per_ang
    start = atoms_in(request.structure)
    relaxed, steps = relax(
        start,
        engine,
        target,
        request.max_steps,
        cell=request.cell,
        what="structure",
        on_step=progress.begin(_RELAX, target),
        hessian=None if request.cell else _stiffness(start),
    )
    progress.finish(_RELAX)
    return {
        "structure": host_of(relaxed),
        "energy_ev": float(relaxed.get_potential_energy()),
        "max_force_ev_per_ang": longest(relaxed.get_forces()),
        "steps": steps,
    }


def _band(request: DftNebRequest, report: Report | None, engine: Potential) -> dict[str, Any]:
    progress = ProgressReporter({_ENDS: 0.3, _BAND: 1.0}, report)
    start = [atoms_in(image) for image in request.images]
    target = request.fmax_endpoint_ev_per_ang
    ends = []
    for index, (end, name) in enumerate(((start[0], "initial"), (start[-1], "final"))):
        relaxed, _ = relax(
            end,
            engine,
            target,
            request.max_steps_endpoint,
            cell=False,
            what=f"{name} end point",
            failure=FailureKind.ENDPOINT_NOT_CONVERGED,
            on_step=progress.begin(_ENDS, target, (index, 2)),
            hessian=_stiffness(end),
        )
        ends.append(relaxed)
    band = relax_band(
        _moved_with_ends(start, ends),
        engine,
        request.fmax_neb_ev_per_ang,
        request.max_steps_neb,
        climb=True,
        on_step=progress.begin(_BAND, request.fmax_neb_ev_per_ang),
    )
    check_band(band)
    progress.finish(_BAND)
    how = "improvedtangent, climbing image, started from the path of the request"
    return band_numbers(band, how)


def band_numbers(band: ElasticBand, how: str) -> dict[str, Any]:
    """Return the numbers of a converged band."""
    return {
        "images": [host_of(image) for image in band.images],
        "image_energies_ev": band.energies_ev.tolist(),
        "reaction_coordinate_ang": band.path_ang.tolist(),
        "barrier_forward_ev": band.barrier_forward_ev,
        "barrier_reverse_ev": band.barrier_reverse_ev,
        "residual_force_ev_per_ang": band.band_residual,
        "neb_method": how,
        "steps": band.steps,
    }


def _hop(request: DftHopRequest, report: Report | None, engine: Potential) -> dict[str, Any]:
    checkpoint = RunLocation.from_environment().checkpoint(request.search_key())
    return compute_hop(request, engine, load_potential(request.guide), checkpoint, report)


def _stiffness(atoms: Atoms) -> np.ndarray:
    """Return what BFGS starts from, which needs fewer force calls than FIRE."""
    return STIFFNESS * np.eye(3 * len(atoms))


def _moved_with_ends(path: Sequence[Atoms], ends: Sequence[Atoms]) -> list[Atoms]:
    """Return a path with its ends replaced by relaxed ones and its images shifted in proportion."""
    shifts = [
        end.positions - old.positions for end, old in zip(ends, (path[0], path[-1]), strict=True)
    ]
    last = len(path) - 1
    moved = [frozen(ends[0]), *(image.copy() for image in path[1:-1]), frozen(ends[1])]
    for index in range(1, last):
        share = index / last
        moved[index].positions += (1 - share) * shifts[0] + share * shifts[1]
    if any(np.linalg.norm(image.positions - ends[0].positions) < 1e-3 for image in moved[1:]):
        raise CalculationFailedError(
            FailureKind.ENDPOINTS_IDENTICAL,
            "after relaxation an image lies on the initial end point: the potential's minimum is "
            "not a minimum of DFT; start from another path",
        )
    return moved


_RECIPES: dict[type[AnyDft], tuple[type[AnyDftResult], Callable[..., dict[str, Any]]]] = {
    DftScfRequest: (DftScfResult, _scf),
    DftRelaxRequest: (DftRelaxResult, _relaxation),
    DftPathRequest: (DftPathResult, _path),
    DftHopRequest: (DftHopResult, _hop),
    DftNebRequest: (DftNebResult, _band),
}
