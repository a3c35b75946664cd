"""A hop with DFT: both ends relaxed and the saddle point found, each from that of a potential.

Every force call is appended to a checkpoint, a file of JSON lines, as soon as it is done. The same
request finds it again and continues from the last one.
"""

from __future__ import annotations

from dataclasses import dataclass
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
from pvkdb_pipelines.dft.stationary import Evaluation, find_stationary, guide_at
from pvkdb_pipelines.geometry.hosts import atoms_in, host_of
from pvkdb_pipelines.potentials.potential import Potential
from pvkdb_pipelines.progress import ProgressReporter, Report

_STAGES = {
    "start": "relax the first end",
    "saddle": "climb to the saddle point",
    "end": "relax the other end",
}
#: An ion that is further than this share of its hop from where the potential has it is lost.
_LOST = 0.5
#: An end may be higher than the saddle point by the noise of the energies, eV.
_NOISE_EV = 1e-3


class ForceCall(BaseModel):
    """A force call in a checkpoint: its result, named after the image, its structure and cost."""

    point: SinglePoint
    positions_ang: list[list[float]]
    cpu_seconds: float


def read_checkpoint(path: Path) -> list[ForceCall]:
    """Return the force calls of a checkpoint, without a line that a kill cut short."""
    calls: list[ForceCall] = []
    if path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                calls.append(ForceCall.model_validate_json(line))
            except ValidationError:
                break
    return calls


def compute_hop(
    request: DftHopRequest,
    engine: Potential,
    guide: Potential,
    checkpoint: Path,
    report: Report | None = None,
) -> dict[str, Any]:
    """Return the numbers of a :class:`~pvkdb.schemas.calculations.dft.DftHopResult`.

    Args:
        request: The complete request.
        engine: Source of the forces.
        guide: Potential of the path.
        checkpoint: File of the force calls so far; it may not exist yet.
        report: Called with the progress.

    Raises:
        CalculationFailedError: A structure did not converge, an ion left the hop, or an end is
            higher than the saddle point.
    """
    cpu_started = cpu_seconds()
    recorded = _Recorded(engine, checkpoint, read_checkpoint(checkpoint))
    cpu_earlier = sum(call.cpu_seconds for call in recorded.calls)
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    checkpoint.write_text("".join(_line(call) for call in recorded.calls), encoding="utf-8")
    images = {image.name: atoms_in(image.structure) for image in request.images}
    along = images["end"].positions - images["start"].positions
    if request.equivalent_ends:
        del images["end"]
    shares = {_STAGES[name]: (index + 1) / len(images) for index, name in enumerate(images)}
    progress = ProgressReporter(shares, report)
    points: dict[str, HopPoint] = {}
    curvatures: tuple[float, ...] = ()
    for name, atoms in images.items():
        found = find_stationary(
            guide_at(atoms, guide, along if name == "saddle" else None),
            partial(recorded.evaluate, name),
            [_evaluation(call) for call in recorded.of(name)],
            fmax=request.fmax_ev_per_ang,
            energy_left_ev=request.energy_left_ev,
            max_calls=request.max_force_calls,
            what=name,
            on_step=progress.begin(_STAGES[name], request.fmax_ev_per_ang),
        )
        _require_on_hop(name, atoms, found.point.positions, along)
        atoms.positions = found.point.positions
        own = recorded.of(name)
        points[name] = HopPoint(
            **own[found.index].point.model_dump(),
            structure=host_of(atoms),
            estimate_ev=own[0].point.energy_ev,
            energy_left_ev=found.energy_left_ev,
            force_calls=len(own),
        )
        curvatures = found.curvatures or curvatures
    start, saddle, end = (points[name] for name in ("start", "saddle", list(images)[-1]))
    end = start if request.equivalent_ends else end
    if saddle.energy_ev < max(start.energy_ev, end.energy_ev) - _NOISE_EV:
        raise CalculationFailedError(
            FailureKind.IMAGE_BELOW_ENDPOINT,
            f"the saddle point lies {saddle.energy_ev - start.energy_ev:.3f} eV from the first end "
            f"and {saddle.energy_ev - end.energy_ev:.3f} eV from the other: it is that of another "
            "hop; start from another path",
        )
    return {
        "points": list(points.values()),
        "barrier_forward_ev": saddle.energy_ev - start.energy_ev,
        "barrier_reverse_ev": saddle.energy_ev - end.energy_ev,
        "estimate_forward_ev": saddle.estimate_ev - start.estimate_ev,
        "estimate_reverse_ev": saddle.estimate_ev - end.estimate_ev,
        "residual_force_ev_per_ang": saddle.max_force_ev_per_ang,
        "curvature_ev_per_ang2": curvatures[0],
        "other_negative_curvatures": len(curvatures) - 1,
        "guide": str(request.guide),
        "guide_versions": {**guide.versions, "weights": guide.weights},
        "force_calls": len(recorded.calls),
        "cpu_seconds": round(cpu_earlier + cpu_seconds() - cpu_started, 2),
    }


def _require_on_hop(name: str, guided: Atoms, positions: np.ndarray, along: np.ndarray) -> None:
    """Refuse a structure whose moving ion left its place on the hop."""
    lengths = np.linalg.norm(along, axis=1)
    mover = int(lengths.argmax())
    away = float(np.linalg.norm(positions[mover] - guided.positions[mover]))
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

    def evaluate(self, image: str, atoms: Atoms) -> Evaluation:
        started = cpu_seconds()
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
        return _evaluation(call)


def _line(call: ForceCall) -> str:
    return call.model_dump_json(exclude_none=True) + "\n"


def _evaluation(call: ForceCall) -> Evaluation:
    positions, forces = np.array(call.positions_ang), np.array(call.point.forces_ev_per_ang)
    return Evaluation(positions, call.point.energy_ev, forces)
