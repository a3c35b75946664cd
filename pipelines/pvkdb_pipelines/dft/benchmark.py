"""The benchmark of halide-vacancy hops by DFT, and the score of a potential on it.

A potential is scored in the cells of DFT, hop by hop: its barrier between the structures that DFT
has relaxed, its barrier between its own ends and saddle point, searched from those of DFT, and its
forces and energies on the structures of all force calls. Hops of different codes and settings make
different groups, as do the charges: their energies are never mixed.

The frames carry charge and spin multiplicity, for potentials that know them. A hop that fails
leaves its group without a mean error: a mean of the others would reward the failure.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean

import numpy as np
from ase import Atoms
from ase.io import read
from pydantic import BaseModel, Field
from scipy.stats import t as student

import pvkdb
from pvkdb.errors import CalculationFailedError, InputError
from pvkdb.schemas.calculations import FailureKind
from pvkdb.schemas.calculations.dft import DftSettings
from pvkdb.store.curation.computed import describe_settings
from pvkdb_pipelines.dft.hops import rms
from pvkdb_pipelines.dft.stationary import UNSTABLE, hessian_of
from pvkdb_pipelines.migration.host.hessian import Hessian
from pvkdb_pipelines.migration.paths.saddle import climb
from pvkdb_pipelines.potentials.potential import Potential
from pvkdb_pipelines.relaxations.relaxation import relax

HOPS, CALLS = "benchmark.json", "force_calls.xyz.gz"
#: Largest force at the ends and the saddle point of a potential, eV/Å, and most steps to them.
_FMAX, _STEPS = 0.02, 300


class BenchmarkHop(BaseModel):
    """A hop by DFT, energies in eV; the file has more of each (docs/validation/benchmark.md)."""

    name: str
    formula: str
    charge: int
    hop: str = Field(default="", description="In words, with its sites and length.")
    settings: DftSettings
    barrier_forward_ev: float | None = None
    barrier_reverse_ev: float | None = None
    excluded: str | None = Field(default=None, description="Why it counts nowhere.")

    @property
    def group(self) -> tuple[str, int]:
        """Settings and charge of hops that are scored together."""
        return describe_settings(self.settings), self.charge


class Benchmark(BaseModel):
    """Hops by DFT; those that are excluded are kept with the reason."""

    hops: list[BenchmarkHop]


class Limits(BaseModel):
    """A mean over compositions, each of which counts once, with its interval of 95 %.

    The interval is Student's; it is missing with fewer than three compositions.
    """

    value: float
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        if self.low is None or self.high is None:
            return f"{self.value:.2f}"
        return f"{self.value:.2f} ({self.low:.2f} to {self.high:.2f})"


class HopScore(BaseModel):
    """A potential on one hop; energies in eV, forces in eV/Å."""

    name: str
    group: tuple[str, int]
    formula: str
    dft_ev: tuple[float, float] = Field(description="Forward and reverse.")
    between_dft_ev: tuple[float, float] | None = Field(
        default=None, description="E(saddle) − E(end) of the potential at the structures of DFT."
    )
    relaxed_ev: tuple[float, float] | None = Field(
        default=None, description="Between ends and saddle point of the potential itself."
    )
    saddle_apart_ang: float | None = Field(
        default=None, description="Its saddle point from that of DFT, RMS of the atoms, Å."
    )
    force_mae_ev_per_ang: float | None = Field(default=None, description="Of components.")
    failure: str | None = None
    force_calls: int = 0
    cpu_s_per_call: float | None = None


class GroupScore(BaseModel):
    """A potential on the hops of one code, setting and charge; an error is None if a hop failed."""

    settings: str
    charge: int
    hops: int
    failed: int
    compositions: int
    errors: dict[str, Limits | None] = Field(description="By :data:`METRICS`.")
    cpu_s_per_call: float | None

    def cells(self) -> list[str]:
        """Return charge, hops, errors and cost for a table."""
        hops = f"{self.hops}, {self.failed} failed" if self.failed else f"{self.hops}"
        errors = ["–" if each is None else str(each) for each in self.errors.values()]
        return [f"{self.charge:+d}", hops, *errors, f"{self.cpu_s_per_call}"]


class PotentialScore(BaseModel):
    """A potential on the whole benchmark."""

    potential: str
    licence: str
    versions: dict[str, str]
    groups: list[GroupScore]
    hops: list[HopScore]


def read_benchmark(folder: Path | None = None) -> tuple[Benchmark, dict[str, list[Atoms]]]:
    """Return the hops of a folder, and by their name the force calls.

    Without a folder they are those of pvkdb: in the installed package, or in the documentation.

    Raises:
        InputError: A file is missing or is not that of a benchmark.
    """
    package = Path(pvkdb.__file__).parent
    places = package / "_barriers", package.parent / "docs" / "validation" / "barriers"
    folder = folder or next((place for place in places if (place / HOPS).is_file()), places[0])
    try:
        hops = Benchmark.model_validate_json((folder / HOPS).read_text(encoding="utf-8"))
        frames = read(folder / CALLS, index=":", format="extxyz")
    except (OSError, ValueError) as error:
        raise InputError(f"{folder} holds no benchmark ({HOPS}, {CALLS}): {error}") from error
    found: dict[str, list[Atoms]] = {}
    for frame in frames:
        found.setdefault(frame.info["hop"], []).append(frame)
    return hops, found


def score(
    potential: Potential,
    benchmark: Benchmark,
    calls: dict[str, list[Atoms]],
    on_hop: Callable[[str], object] = str,
) -> PotentialScore:
    """Return the score of a potential on the hops that count; ``on_hop`` is told each."""
    scores = []
    for hop in benchmark.hops:
        if hop.excluded is None:
            on_hop(f"{potential.name}: {hop.name}")
            scores.append(_scored(potential, hop, calls[hop.name]))
    return PotentialScore(
        potential=potential.name,
        licence=potential.licence,
        versions=potential.versions,
        groups=grouped(scores),
        hops=scores,
    )


def grouped(scores: Sequence[HopScore]) -> list[GroupScore]:
    """Return the mean errors of each group, by charge."""
    found = []
    for group in sorted({each.group for each in scores}, key=lambda each: each[::-1]):
        own = [each for each in scores if each.group == group]
        costs = [each.cpu_s_per_call for each in own if each.cpu_s_per_call is not None]
        found.append(
            GroupScore(
                settings=group[0],
                charge=group[1],
                hops=len(own),
                failed=sum(each.failure is not None for each in own),
                compositions=len({each.formula for each in own}),
                errors={name: _limits(own, metric) for name, metric in METRICS.items()},
                cpu_s_per_call=round(mean(costs), 3) if costs else None,
            )
        )
    return found


def nearest(scores: Sequence[PotentialScore]) -> list[str]:
    """Return how far potentials are from DFT, a line for each group; most hops first."""
    groups = scores[0].groups if scores else []
    lines = []
    for place in sorted(range(len(groups)), key=lambda place: -groups[place].hops):
        group, own = groups[place], [(each.potential, each.groups[place]) for each in scores]
        hops = f"{group.hops} hop{'s' * (group.hops > 1)}"
        of = f"{group.compositions} composition{'s' * (group.compositions > 1)}"
        relaxed, at_dft = (_off(metric, own) for metric in ("MAE", "MAE at DFT's"))
        lines.append(
            f"Charge {group.charge:+d}, {hops} in {of}: {relaxed}. At the structures of DFT: "
            f"{at_dft}. ({group.settings})"
        )
    return lines


def _off(metric: str, groups: Sequence[tuple[str, GroupScore]]) -> str:
    """Return how far potentials are from DFT, the nearest first."""
    errors = [(name, group.errors[metric]) for name, group in groups]
    known = sorted((mae.value, f"{mae} eV with {name}") for name, mae in errors if mae)
    failed = [f"{name} failed on a hop" for name, mae in errors if mae is None]
    off = f"barriers off by {', '.join(text for _, text in known)}"
    return "; ".join([off] * bool(known) + failed)


def _error(
    hop: HopScore, found: tuple[float, float] | None, size: Callable[[float], float] = float
) -> float | None:
    """Return the mean error of both barriers, or of their sizes."""
    if found is None:
        return None
    return mean(size(own - true) for own, true in zip(found, hop.dft_ev, strict=True))


#: Errors of a hop: of barriers between a potential's own structures and between those of DFT, eV,
#: and of the components of forces, eV/Å.
METRICS: dict[str, Callable[[HopScore], float | None]] = {
    "MAE": lambda hop: _error(hop, hop.relaxed_ev, abs),
    "signed": lambda hop: _error(hop, hop.relaxed_ev),
    "MAE at DFT's": lambda hop: _error(hop, hop.between_dft_ev, abs),
    "forces": lambda hop: hop.force_mae_ev_per_ang,
}


def _limits(
    scores: Sequence[HopScore], metric: Callable[[HopScore], float | None]
) -> Limits | None:
    """Return the mean over compositions and its interval; None where a value is missing."""
    by_formula: dict[str, list[float]] = {}
    for each in scores:
        if (value := metric(each)) is None:
            return None
        by_formula.setdefault(each.formula, []).append(value)
    means = np.array([mean(each) for each in by_formula.values()])
    middle = round(float(means.mean()), 4)
    if len(means) < 3:
        return Limits(value=middle)
    half = student.ppf(0.975, len(means) - 1) * means.std(ddof=1) / np.sqrt(len(means))
    low, high = (round(float(each), 4) for each in (middle - half, middle + half))
    positive = metric is not METRICS["signed"]
    return Limits(value=middle, low=max(low, 0.0) if positive else low, high=high)


def _scored(potential: Potential, hop: BenchmarkHop, calls: list[Atoms]) -> HopScore:
    calls_before, started = potential.force_calls, time.process_time()
    assert hop.barrier_forward_ev is not None
    assert hop.barrier_reverse_ev is not None
    dft_ev = hop.barrier_forward_ev, hop.barrier_reverse_ev
    found = HopScore(name=hop.name, group=hop.group, formula=hop.formula, dft_ev=dft_ev)
    index = {call.info["point"]: number for number, call in enumerate(calls)}
    try:
        potential.require_elements(list(calls[0].symbols))
        guessed = [potential.evaluate([call], stress=False)[0] for call in calls]
        found.cpu_s_per_call = round((time.process_time() - started) / len(calls), 4)
        energies = np.array([each["energy"] for each in guessed])
        forces = [
            np.abs(each["forces"] - call.get_forces()).mean()
            for each, call in zip(guessed, calls, strict=True)
        ]
        found.force_mae_ev_per_ang = round(float(np.mean(forces)), 4)
        start, saddle = index["start"], index["saddle"]
        ends = start, index.get("end", start)
        found.between_dft_ev = _rounded(*(energies[saddle] - energies[end] for end in ends))
        points = {name: calls[number] for name, number in index.items() if name}
        found.relaxed_ev, found.saddle_apart_ang = _relaxed(potential, points)
    except CalculationFailedError as failed:
        found.failure = f"{failed.kind}: {failed}"
    found.force_calls = potential.force_calls - calls_before
    return found


def _relaxed(potential: Potential, points: dict[str, Atoms]) -> tuple[tuple[float, float], float]:
    """Return a potential's own barriers, and how far its saddle point is from that of DFT, Å."""
    saddle = points["saddle"]
    along = saddle.positions - points["start"].positions
    matrix = hessian_of(saddle, potential)
    curvatures, modes = np.linalg.eigh(matrix)
    overlaps = np.abs(along.ravel() @ modes) * (curvatures < UNSTABLE)
    mode = modes[:, overlaps.argmax()].reshape(-1, 3) if overlaps.any() else along
    stiff = Hessian(matrix).of_atoms(np.arange(len(saddle)))
    energies = {}
    for name in points.keys() - {"saddle"}:
        end, _ = relax(points[name], potential, _FMAX, _STEPS, cell=False, what=name, hessian=stiff)
        energies[name] = float(end.get_potential_energy())
    top = climb(potential.evaluated(saddle), mode, stiff, potential, _FMAX, _STEPS)
    if top is None:
        raise CalculationFailedError(
            FailureKind.SADDLE_NOT_FOUND,
            f"{potential.name} has no saddle point near that of DFT",
        )
    highest = float(top.atoms.get_potential_energy())
    ends = energies["start"], energies.get("end", energies["start"])
    moved = rms(top.atoms.positions - saddle.positions)
    return _rounded(*(highest - end for end in ends)), round(moved, 3)


def _rounded(forward: float, reverse: float) -> tuple[float, float]:
    return round(float(forward), 4), round(float(reverse), 4)
