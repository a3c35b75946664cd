"""A hop with DFT: both ends relaxed and the saddle point found, each from that of a potential.

Every force call is appended to a checkpoint, a file of JSON lines, as soon as it is done. The same
request finds it again and continues from the last one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from pydantic import BaseModel, ValidationError

from pvkdb.chemistry import parse_composition
from pvkdb.errors import CalculationFailedError, FormulaError, InputError
from pvkdb.schemas.calculations import FailureKind
from pvkdb.schemas.calculations.dft import DftHopRequest, DftHopResult, HopPoint, SinglePoint
from pvkdb_pipelines.dft.codes.pw_output import single_point
from pvkdb_pipelines.dft.codes.runs import cpu_seconds
from pvkdb_pipelines.dft.stationary import (
    NOISE_EV,
    Stationary,
    corrected,
    find_stationary,
    guide_at,
    hessian_of,
    unstable_modes,
)
from pvkdb_pipelines.geometry.hosts import atoms_in, host_of, longest, set_results
from pvkdb_pipelines.geometry.tilts import (
    ONE_PATTERN_DEG,
    HostOctahedra,
    TiltChange,
    octahedra_of,
    tilt_change,
    tilts,
)
from pvkdb_pipelines.potentials.potential import Potential
from pvkdb_pipelines.progress import ProgressReporter, Report
from pvkdb_pipelines.relaxations.relaxation import relax

_STAGE = "relax ends and saddle point"
#: An end to which DFT has not come downhill from the saddle point is in another basin where the
#: atoms move otherwise from it to the saddle point than on the path of the potential by more than
#: this RMS, Å: 0.03 to 0.28 in cubic hosts, 0.35 and more in CsPbX3 (39 atoms) and Cs2AgBiBr6 at +1
#: (docs/validation/dft.md).
TILTED_ANG = 0.25
#: A host that tilts needs as many atoms. With 39, CsPbX3 has 5 octahedra that are neither at the
#: vacancy nor at the moving ion; its saddle points lie 0.12 eV and more lower than with 159.
TILTED_HOST_ATOMS = 150
#: How far from the saddle point the search for an end downhill from it starts, Å: the atom that
#: moves most.
_BELOW_ANG = 0.3
#: The minimum downhill from the saddle point is an end that was found, if no atom is farther from
#: its place, Å.
_SAME_END_ANG = 0.5
#: How that minimum is searched with the corrected potential: eV/Å, and steps.
_DOWNHILL_FMAX, _DOWNHILL_STEPS = 0.05, 500
#: A search for a saddle point that ends so far below the relaxed start, eV, is not short of calls
#: alone.
_NO_BARRIER_EV = 0.05
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
    tilts, or above the saddle point, or to which the corrected potential does not lead, is searched
    again downhill from the saddle point, and the lower minimum counts.

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
    search = _Search(request, recorded, guide, ProgressReporter({_STAGE: 1.0}, report))
    for name in search.images:
        try:
            search.find(name)
        except CalculationFailedError as failed:
            raise search.explained(failed) from failed
    tilted = search.tilted_ends()
    for name in tilted:
        search.find(name, downhill=True)
    for name in search.astray_ends():
        if name not in tilted:
            search.find(name, downhill=True)
    search.progress.finish(_STAGE)
    points = search.points
    start, saddle = points["start"], points["saddle"]
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
        "curvatures_ev_per_ang2": search.saddle.curvatures,
        "not_converged": search.why_not_converged() or search.why_no_path(),
        "guide_versions": {**guide.versions, "weights": guide.weights},
        "force_calls": len(recorded.calls),
        "cpu_seconds": round(cpu_earlier + cpu_seconds() - cpu_started, 2),
    }


def rms(apart: np.ndarray) -> float:
    """Return the RMS of displacements, shape (n, 3), without their mean; same unit."""
    return float(np.sqrt(((apart - apart.mean(axis=0)) ** 2).sum(axis=1).mean()))


def apart_ang(request: DftHopRequest, points: Iterable[HopPoint]) -> dict[str, float]:
    """Return by how much atoms move otherwise from each end to the saddle point than on the path.

    RMS of the atoms, Å; the path is that of the potential.
    """
    guided = {image.name: atoms_in(image.structure).positions for image in request.images}
    moved = {
        point.name: atoms_in(point.structure).positions - guided[point.name] for point in points
    }
    return {name: rms(moved["saddle"] - each) for name, each in moved.items() if name != "saddle"}


def tilt_changes(request: DftHopRequest, points: Iterable[HopPoint]) -> dict[str, TiltChange]:
    """Return by how much octahedra are turned from each end to the saddle point; none without any.

    Those that miss an X or hold the moving ion are left out.
    """
    found = {point.name: atoms_in(point.structure) for point in points}
    if (among := _whole_octahedra(request)) is None:
        return {}
    saddle = found.pop("saddle")
    return {name: tilt_change(atoms, saddle, among) for name, atoms in found.items()}


def _whole_octahedra(request: DftHopRequest) -> HostOctahedra | None:
    """Return the octahedra of a hop that neither miss an X nor hold the moving ion, if any."""
    start, end = (atoms_in(request.images[index].structure) for index in (0, 2))
    moving = int(np.linalg.norm(end.positions - start.positions, axis=1).argmax())
    with suppress(FormulaError, InputError):
        composition = parse_composition(request.formula)
        b, x = ({each.ion.symbol for each in composition.on(site)} for site in ("B", "X"))
        return octahedra_of(start, b, x, moving)
    return None


def why_not_converged(
    request: DftHopRequest, points: Iterable[HopPoint], joined: Collection[str] = ()
) -> str | None:
    """Return why the ends and the saddle point make no barrier; None if they make one.

    Where an end is in another basin, the difference of energies is one of basins. DFT has come
    downhill from the saddle point to those ``joined``, however the potential's path runs.
    """
    points = list(points)
    turned = tilt_changes(request, points)
    moved = apart_ang(request, points).items()
    apart = {name: each for name, each in moved if name not in joined}
    if not all(each.one_pattern for each in turned.values()):
        ends = ", ".join(f"{name} {each.largest_deg:.1f}°" for name, each in turned.items())
        return (
            f"a difference of basins: to the saddle point patterns of tilts change, by {ends}; in "
            f"one basin it is at most {ONE_PATTERN_DEG}°"
        )
    if max(apart.values(), default=0) > TILTED_ANG:
        ends = ", ".join(f"{name} {each:.2f} Å" for name, each in apart.items())
        return (
            "a difference of basins: to the saddle point the surroundings move otherwise than on "
            f"the potential's path, by {ends}; in one basin it is at most {TILTED_ANG} Å"
        )
    return why_too_small(request)


def why_too_small(request: DftHopRequest) -> str | None:
    """Return why the cell makes no barrier of a host that tilts; None where it is large enough."""
    start, among = atoms_in(request.images[0].structure), _whole_octahedra(request)
    if among is None or len(start) >= TILTED_HOST_ATOMS:
        return None
    if (host := tilts(start, among)).one_pattern:
        return None
    return (
        f"the host tilts by {host.largest_deg:.0f}°, and to hold its tilts about a vacancy a cell "
        f"needs {TILTED_HOST_ATOMS} atoms or more: this has {len(start)}"
    )


def why_no_hop(
    request: DftHopRequest, result: DftHopResult, calls: list[ForceCall], guide: Potential
) -> str | None:
    """Return why a stored hop makes no barrier, by all checks of a new one; None if it makes one.

    Nothing is computed with DFT: curvatures and the ways downhill are those of the guide, corrected
    by the force calls of the hop.
    """
    recorded = _Recorded(guide, Path(), calls)
    search = _Search(request, recorded, guide, ProgressReporter({_STAGE: 1.0}, None))
    search.points = {point.name: point for point in result.points}
    if any(each.max_force_ev_per_ang > request.fmax_ev_per_ang for each in result.points):
        return f"a structure has a force above the limit of {request.fmax_ev_per_ang} eV/Å"
    saddle, tried = search.points["saddle"], recorded.of("saddle")
    index = int(np.argmin([abs(call.point.energy_ev - saddle.energy_ev) for call in tried]))
    atoms = _evaluated(search.images["saddle"], tried[index])
    model = corrected(guide, [_evaluated(atoms, call) for call in calls], atoms)
    mode = guide_at(search.images["saddle"], guide, search.along).mode
    assert mode is not None
    try:
        modes = unstable_modes(hessian_of(atoms, model), mode, model, atoms, "saddle")
    except CalculationFailedError as failed:
        return str(failed)
    search.saddle = Stationary(atoms, index, saddle.energy_left_ev, *modes)
    return search.why_not_converged() or search.why_no_path()


def _lower(alone: HopPoint, downhill: HopPoint) -> HopPoint:
    """Return the lower of two minima of an end, with the force calls of both searches."""
    low, high = sorted((alone, downhill), key=lambda point: point.energy_ev)
    return low.model_copy(
        update={
            "estimate_ev": alone.estimate_ev,
            "force_calls": alone.force_calls + downhill.force_calls,
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

    def before(self, image: str) -> list[ForceCall]:
        """Return the calls of other searches up to the last one of this; a rerun has the same."""
        own = [index for index, call in enumerate(self.calls) if call.point.name == image]
        return [call for call in self.calls[: own[-1] if own else None] if call.point.name != image]

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


@dataclass
class _Search:
    """The searches for the ends and the saddle point of a hop, and what they found so far."""

    request: DftHopRequest
    recorded: _Recorded
    guide: Potential
    progress: ProgressReporter
    points: dict[str, HopPoint] = field(default_factory=dict)
    saddle: Stationary = field(init=False)

    def __post_init__(self) -> None:
        self.images = {image.name: atoms_in(image.structure) for image in self.request.images}
        self.along = self.images["end"].positions - self.images["start"].positions
        if self.request.equivalent_ends:
            del self.images["end"]

    def find(self, name: str, downhill: bool = False) -> None:
        """Find a point from that of the guide, or an end downhill from the saddle point."""
        request, guided = self.request, self.images[name]
        called = f"{name} downhill" if downhill else name
        part = len(self.images) - 1 if downhill else len(self.points)
        guide = guide_at(guided, self.guide, self.along if name == "saddle" else None)
        first = self._below_saddle(name) if downhill else guided
        found = find_stationary(
            replace(guide, atoms=first),
            partial(self.recorded.evaluate, called),
            [_evaluated(first, call) for call in self.recorded.of(called)],
            [_evaluated(first, call) for call in self.recorded.before(called)],
            fmax=request.fmax_ev_per_ang,
            energy_left_ev=request.energy_left_ev,
            max_calls=request.max_force_calls,
            what=called,
            on_step=self.progress.begin(_STAGE, request.fmax_ev_per_ang, (part, len(self.images))),
        )
        _require_on_hop(called, guided, found.atoms, self.along)
        calls = self.recorded.of(called)
        point = HopPoint(
            **calls[found.index].point.model_dump(exclude={"name"}),
            name=name,
            structure=host_of(found.atoms),
            estimate_ev=calls[0].point.energy_ev,
            energy_left_ev=found.energy_left_ev,
            force_calls=len(calls),
        )
        self.points[name] = _lower(self.points[name], point) if downhill else point
        if name == "saddle":
            self.saddle = found

    def explained(self, failed: CalculationFailedError) -> CalculationFailedError:
        """Return the failure; of a saddle point that is not found, whether it fell below the start.

        What else ends a search, such as a time limit, says nothing about the barrier.
        """
        calls = self.recorded.of("saddle")
        if failed.kind is not FailureKind.SADDLE_NOT_FOUND or not calls:
            return failed
        below_ev = self.points["start"].energy_ev - calls[-1].point.energy_ev
        if below_ev < _NO_BARRIER_EV:
            return failed
        return CalculationFailedError(
            FailureKind.IMAGE_BELOW_ENDPOINT,
            f"{failed}. Its last structure is {below_ev:.2f} eV below the relaxed start: there may "
            "be no barrier here at this charge",
        )

    def tilted_ends(self) -> list[str]:
        """Names of the ends that are above the saddle point, or have other tilts than it."""
        highest_ev = self.points["saddle"].energy_ev + NOISE_EV
        apart = apart_ang(self.request, self.points.values())
        return [
            name
            for name, point in self.points.items()
            if point.energy_ev > highest_ev or apart.get(name, 0.0) > TILTED_ANG
        ]

    def astray_ends(self) -> list[str]:
        """Names of the ends to which the corrected potential does not lead from the saddle point.

        That potential can be wrong, so that DFT has to follow the path downhill. Empty where the
        hop has no barrier for another reason.
        """
        if self.why_not_converged() or self._on_ridge():
            return []
        astray = self._astray()
        return [
            name
            for name in self.points
            if name in astray or (name != "saddle" and self.recorded.of(f"{name} downhill"))
        ]

    def why_not_converged(self) -> str | None:
        """Return why the points make no barrier; None if they make one."""
        joined = [name for name in self.points if self._joined(name)]
        return why_not_converged(self.request, self.points.values(), joined)

    def why_no_path(self) -> str | None:
        """Return why the saddle point does not join the ends; None if it does.

        It has one unstable mode, and downhill from it lie the ends, by the corrected potential.
        """
        if self._on_ridge():
            curvatures = ", ".join(f"{each:.2f}" for each in self.saddle.curvatures)
            return f"the saddle point has several unstable modes: {curvatures} eV/Å²"
        return next(iter(self._astray().values()), None)

    def _on_ridge(self) -> bool:
        return len(self.saddle.curvatures) > 1 and not self._others_rise()

    def _astray(self) -> dict[str, str]:
        """Return why the corrected potential does not lead to an end, by the name of the end."""
        calls = [_evaluated(self.saddle.atoms, call) for call in self.recorded.calls]
        reasons = {}
        for name, point in self.points.items():
            if name == "saddle" or self._joined(name):
                continue
            found, below = atoms_in(point.structure), self._below_saddle(name)
            try:
                for near in (self.saddle.atoms, found):
                    model = corrected(self.guide, calls, near)
                    limits = _DOWNHILL_FMAX, _DOWNHILL_STEPS
                    below, _ = relax(below, model, *limits, cell=False, what=f"{name} downhill")
            except CalculationFailedError as failed:
                reasons[name] = (
                    f"whether the saddle point leads to the {name} is not known: {failed}"
                )
                continue
            away_ang = _away_ang(below, found)
            if away_ang > _SAME_END_ANG:
                reasons[name] = (
                    f"downhill from the saddle point an atom ends {away_ang:.1f} Å from its place "
                    f"at the {name}: more than {_SAME_END_ANG} Å, so the path leads elsewhere"
                )
        return reasons

    def _joined(self, name: str) -> bool:
        """Whether DFT, downhill from the saddle point, came to an end, or to a place beside it."""
        point = self.points[name]
        found = atoms_in(point.structure)
        return any(
            call.point.energy_ev in (point.energy_ev, point.other_ev)
            and _away_ang(_evaluated(found, call), found) <= _SAME_END_ANG
            for call in self.recorded.of(f"{name} downhill")
        )

    def _others_rise(self) -> bool:
        """Whether a call beside the saddle point, along its other modes, has a higher energy.

        Their curvatures are estimates, and the search has tried where they lead.
        """
        saddle, *tried = self.recorded.of("saddle")[self.saddle.index :]
        for call in tried:
            away = (np.array(call.positions_ang) - saddle.positions_ang).ravel()
            along = self.saddle.modes[1:] @ away / np.linalg.norm(away)
            if (along**2).sum() > 0.5 and call.point.energy_ev > saddle.point.energy_ev:
                return True
        return False

    def _below_saddle(self, name: str) -> Atoms:
        """Return the saddle point, moved along its unstable mode towards an end."""
        first = self.saddle.atoms.copy()
        towards = self.saddle.modes[0].reshape(-1, 3)
        sign = np.sign((towards * self.along).sum()) * (1 if name == "end" else -1)
        first.positions += sign * _BELOW_ANG * towards / longest(towards)
        return first


def _away_ang(one: Atoms, other: Atoms) -> float:
    """Return how far apart the farthest atom is, Å, but for a drift of all."""
    away = one.positions - other.positions
    return longest(away - away.mean(axis=0))


def _line(call: ForceCall) -> str:
    return call.model_dump_json(exclude_none=True) + "\n"


def _evaluated(atoms: Atoms, call: ForceCall) -> Atoms:
    """Return the structure of a call with its energy and forces."""
    structure = atoms.copy()
    structure.positions = call.positions_ang
    return set_results(structure, call.point.energy_ev, np.array(call.point.forces_ev_per_ang))
