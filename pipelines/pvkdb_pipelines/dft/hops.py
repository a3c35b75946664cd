"""A hop with DFT: both ends relaxed and the saddle point found, each from that of a potential.

Every force call is appended to a checkpoint, a file of JSON lines, as soon as it is done. The same
request finds it again and continues from the last one.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from pydantic import BaseModel, ValidationError

from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import FailureKind
from pvkdb.schemas.calculations.dft import DftHopRequest, HopPoint, SinglePoint
from pvkdb_pipelines.dft.codes.pw_output import single_point
from pvkdb_pipelines.dft.codes.runs import cpu_seconds
from pvkdb_pipelines.dft.stationary import NOISE_EV, find_stationary, guide_at
from pvkdb_pipelines.geometry.hosts import atoms_in, host_of, set_results
from pvkdb_pipelines.potentials.potential import Potential
from pvkdb_pipelines.progress import ProgressReporter, Report

_STAGE = "relax ends and saddle point"
#: Octahedra tilt where the atoms move otherwise from an end to the saddle point than on the path of
#: the potential by more than this RMS, Å: 0.05 to 0.13 in cubic hosts, 0.34 and more in CsPbX3 +1.
TILTED_ANG = 0.25
#: An ion that is further than this share of its hop from where the potential has it is lost.
_LOST = 0.5


class ForceCall(BaseModel):
    """A force call in a checkpoint: its result, named after the image, its structure and cost."""

    point: SinglePoint
    positions_ang: list[list[float]]
    cpu_seconds: float


def read_checkpoint(path: Path) -> list[ForceCall]:
    """Return the force calls of a checkpoint, without a line that a kill cut short."""
    calls: list[ForceCall] = []
    with suppress(FileNotFoundError, ValidationError):
        for line in path.read_text(encoding="utf-8").splitlines():
            calls.append(ForceCall.model_validate_json(line))
    return calls


def compute_hop(
    request: DftHopRequest,
    engine: Potential,
    guide: Potential,
    checkpoint: Path,
    report: Report | None = None,
) -> dict[str, Any]:
    """Return the numbers of a :class:`~pvkdb.schemas.calculations.dft.DftHopResult`.

    Each structure is searched from that of the potential. A charge tilts octahedra, and an end can
    stay in a minimum from which the tilts of the saddle point are not reached. An end with other
    tilts, or above the saddle point, is searched again with the surroundings that the saddle point
    has, and the lower minimum counts.

    ``checkpoint`` is the file of the force calls so far; it may not exist yet.

    Raises:
        CalculationFailedError: A structure did not converge, an ion left the hop, or an end is
            higher than the saddle point.
    """
    cpu_started = cpu_seconds()
    recorded = _Recorded(engine, checkpoint, read_checkpoint(checkpoint))
    cpu_earlier = sum(call.cpu_seconds for call in recorded.calls)
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    part = checkpoint.with_suffix(".part")  # a kill here must not lose the calls
    part.write_text("".join(map(_line, recorded.calls)), encoding="utf-8")
    part.replace(checkpoint)
    images = {image.name: atoms_in(image.structure) for image in request.images}
    along = images["end"].positions - images["start"].positions
    if request.equivalent_ends:
        del images["end"]
    progress = ProgressReporter({_STAGE: 1.0}, report)
    points: dict[str, HopPoint] = {}
    curvatures: dict[str, tuple[float, ...]] = {}

    def search(name: str, called: str, moved: np.ndarray | float, number: int) -> None:
        guided = guide_at(images[name], guide, along if name == "saddle" else None)
        first = images[name].copy()
        first.positions += moved
        found = find_stationary(
            replace(guided, atoms=first),
            partial(recorded.evaluate, called),
            [_evaluated(first, call) for call in recorded.of(called)],
            fmax=request.fmax_ev_per_ang,
            energy_left_ev=request.energy_left_ev,
            max_calls=request.max_force_calls,
            what=called,
            on_step=progress.begin(_STAGE, request.fmax_ev_per_ang, (number, len(images))),
        )
        _require_on_hop(called, images[name], found.atoms, along)
        calls = recorded.of(called)
        point = HopPoint(
            **calls[found.index].point.model_dump(exclude={"name"}),
            name=name,
            structure=host_of(found.atoms),
            estimate_ev=calls[0].point.energy_ev,
            energy_left_ev=found.energy_left_ev,
            force_calls=len(calls),
        )
        points[name] = _lower(points[name], point) if name in points else point
        curvatures[name] = found.curvatures

    for number, name in enumerate(images):
        search(name, name, 0.0, number)
    saddle = points["saddle"]
    moved = atoms_in(saddle.structure).positions - images["saddle"].positions
    for name, image in images.items():
        above = points[name].energy_ev > saddle.energy_ev + NOISE_EV
        apart = moved - (atoms_in(points[name].structure).positions - image.positions)
        if above or rms(apart) > TILTED_ANG:
            search(name, f"{name} again", moved, len(images) - 1)
    progress.finish(_STAGE)
    start = points["start"]
    end = points.get("end", start)
    forward, reverse = (saddle.energy_ev - each.energy_ev for each in (start, end))
    if min(forward, reverse) < -NOISE_EV:
        raise CalculationFailedError(
            FailureKind.IMAGE_BELOW_ENDPOINT,
            f"the saddle point lies {forward:.3f} and {reverse:.3f} eV above the ends: it is that "
            "of another hop; start from another path",
        )
    return {
        "points": list(points.values()),
        "barrier_forward_ev": forward,
        "barrier_reverse_ev": reverse,
        "residual_force_ev_per_ang": saddle.max_force_ev_per_ang,
        "curvatures_ev_per_ang2": curvatures["saddle"],
        "guide_versions": {**guide.versions, "weights": guide.weights},
        "force_calls": len(recorded.calls),
        "cpu_seconds": round(cpu_earlier + cpu_seconds() - cpu_started, 2),
    }


def rms(apart: np.ndarray) -> float:
    """Return the RMS of displacements, shape (n, 3), without their mean; same unit."""
    return float(np.sqrt(((apart - apart.mean(axis=0)) ** 2).sum(axis=1).mean()))


def _lower(alone: HopPoint, again: HopPoint) -> HopPoint:
    """Return the lower of two minima of an end, with the force calls of both searches."""
    low, high = sorted((alone, again), key=lambda point: point.energy_ev)
    return low.model_copy(
        update={
            "estimate_ev": alone.estimate_ev,
            "force_calls": alone.force_calls + again.force_calls,
            "other_ev": high.energy_ev,
        }
    )


def _require_on_hop(name: str, guided: Atoms, found: Atoms, along: np.ndarray) -> None:
    """Refuse a structure whose moving ion left its place on the hop."""
    lengths = np.linalg.norm(along, axis=1)
    mover = int(lengths.argmax())
    away = float(np.linalg.norm(found.positions[mover] - guided.positions[mover]))
    if away > _LOST * lengths[mover]:
        raise CalculationFailedError(
            FailureKind.HOP_LOST,
            f"{name}: the moving {guided.symbols[mover]} went {away:.2f} Å from its place on the "
            f"potential's path, whose hop is {lengths[mover]:.2f} Å long; start from another path",
        )


@dataclass(frozen=True)
class _Recorded:
    """An engine whose force calls are kept in a checkpoint."""

    engine: Potential
    checkpoint: Path
    calls: list[ForceCall]

    def of(self, image: str) -> list[ForceCall]:
        return [call for call in self.calls if call.point.name == image]

    def evaluate(self, image: str, atoms: Atoms) -> Atoms:
        """Evaluate one more structure."""
        started = cpu_seconds()
        atoms = atoms.copy()
        atoms.positions = np.round(atoms.positions, 6)
        (found,) = self.engine.evaluate([atoms], stress=False)
        call = ForceCall(
            point=single_point(image, found),
            positions_ang=atoms.positions.tolist(),
            cpu_seconds=round(cpu_seconds() - started, 2),
        )
        self.calls.append(call)
        with self.checkpoint.open("a", encoding="utf-8") as file:
            file.write(_line(call))
        return _evaluated(atoms, call)


def _line(call: ForceCall) -> str:
    return call.model_dump_json(exclude_none=True) + "\n"


def _evaluated(atoms: Atoms, call: ForceCall) -> Atoms:
    """Return the structure of a call with its energy and forces."""
    structure = atoms.copy()
    structure.positions = call.positions_ang
    set_results(structure, call.point.energy_ev, np.array(call.point.forces_ev_per_ang))
    return structure
