"""The benchmark of halide-vacancy hops by DFT, and the score of a potential on it.

A potential is scored in the cells of DFT, hop by hop: its barrier between the structures that DFT
has relaxed, its barrier between its own ends and saddle point, searched from those of DFT, and its
forces and energies on the structures of all force calls. Hops of different codes and settings make
different groups, as do the charges: their energies are never mixed.

The frames carry charge and spin multiplicity as integers, as ml-peg asks for
(https://github.com/ddmms/ml-peg), so that a potential that knows charge can read them; a hop that
fails leaves its group without a mean error, since a mean of the others would reward the failure.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
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
from pvkdb_pipelines.dft.stationary import hessian_of
from pvkdb_pipelines.geometry.hosts import set_results
from pvkdb_pipelines.migration.host.hessian import Hessian
from pvkdb_pipelines.migration.paths.saddle import climb
from pvkdb_pipelines.potentials.potential import Potential
from pvkdb_pipelines.relaxations.relaxation import relax

HOPS, CALLS = "benchmark.json", "force_calls.xyz.gz"
#: Largest force at the ends and the saddle point of a potential, eV/Å, and most steps to them.
_FMAX, _STEPS = 0.02, 300
#: Modes below this curvature are unstable, eV/Å².
_UNSTABLE = -0.05


class BenchmarkHop(BaseModel):
    """A hop by DFT; energies in eV, forces in eV/Å."""

    name: str
    formula: str
    phase: str
    space_group: str | None = Field(default=None, description="Of the host that was relaxed.")
    defect: str | None = None
    charge: int
    atoms: int | None = None
    tilting: bool | None = Field(
        default=None, description="Whether the octahedra of the host are tilted."
    )
    hop: str = Field(description="In words, with its sites and length.")
    settings: DftSettings
    barrier_forward_ev: float | None = None
    barrier_reverse_ev: float | None = None
    error_ev: float | None = Field(
        default=None,
        description="Of the barrier in this cell: what the search left, and what better cutoffs "
        "and basis sets change. The functional and the size of the cell are not in it.",
    )
    max_forces_ev_per_ang: dict[str, float] = Field(default={}, description="By structure.")
    curvatures_ev_per_ang2: list[float] = Field(default=[], description="Of unstable modes.")
    tilt_changes_deg: dict[str, float] = Field(
        default={}, description="From each end to the saddle point, of the pattern that turns most."
    )
    apart_ang: float | None = Field(
        default=None, description="Other motion than on the path of the guide, RMS of atoms, Å."
    )
    force_calls: int
    cpu_seconds: float | None = None
    excluded: str | None = Field(default=None, description="Why it counts nowhere.")
    literature: list[str] = []

    @property
    def group(self) -> tuple[str, int]:
        """Settings and charge of hops that are scored together."""
        return describe_settings(self.settings), self.charge

    def barriers_ev(self) -> tuple[float, float]:
        """Return the barriers forward and reverse of a hop that counts."""
        assert self.barrier_forward_ev is not None
        assert self.barrier_reverse_ev is not None
        return self.barrier_forward_ev, self.barrier_reverse_ev


class Benchmark(BaseModel):
    """Hops by DFT; those that are excluded are kept with the reason."""

    title: str = "Hops of halide vacancies in halide perovskites by DFT, neutral and positive"
    licence: str = "MIT"
    level_of_theory: str = "PBE"
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
    energy_mae_ev: float | None = Field(
        default=None, description="On all force calls, relative to the start."
    )
    force_mae_ev_per_ang: float | None = Field(default=None, description="Of components.")
    failure: str | None = None
    force_calls: int = 0
    cpu_s_per_call: float | None = None


class GroupScore(BaseModel):
    """A potential on the hops of one code, setting and charge; None where a hop failed."""

    settings: str
    charge: int
    hops: int
    failed: int
    compositions: int
    relaxed_mae_ev: Limits | None
    relaxed_signed_ev: Limits | None
    between_dft_mae_ev: Limits | None
    between_dft_signed_ev: Limits | None
    force_mae_ev_per_ang: Limits | None
    cpu_s_per_call: float | None


class PotentialScore(BaseModel):
    """A potential on the whole benchmark."""

    potential: str
    weights: str
    licence: str
    device: str
    versions: dict[str, str]
    groups: list[GroupScore]
    hops: list[HopScore]


def shipped_folder() -> Path:
    """Return the folder of the benchmark: in the installed package, or in the documentation.

    Raises:
        InputError: The installation is incomplete.
    """
    package = Path(pvkdb.__file__).parent
    for folder in (package / "_barriers", package.parent / "docs" / "validation" / "barriers"):
        if (folder / HOPS).is_file():
            return folder
    raise InputError(f"no benchmark found beside {package}; reinstall pvkdb, or name its --folder")


def read_benchmark(folder: Path) -> tuple[Benchmark, dict[str, list[Atoms]]]:
    """Return the hops of a folder, and by their name the force calls.

    Raises:
        InputError: A file is missing or is not that of a benchmark.
    """
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
    on_hop: Callable[[str], None] = lambda name: None,
) -> PotentialScore:
    """Return the score of a potential on the hops that count; ``on_hop`` is called with each."""
    scores = []
    for hop in benchmark.hops:
        if hop.excluded is None:
            on_hop(hop.name)
            scores.append(_scored(potential, hop, calls[hop.name]))
    return PotentialScore(
        potential=potential.name,
        weights=potential.weights,
        licence=potential.licence,
        device=potential.device,
        versions=potential.versions,
        groups=grouped(scores),
        hops=scores,
    )


def grouped(scores: Sequence[HopScore]) -> list[GroupScore]:
    """Return the mean errors of each group, those of one charge next to each other."""
    found = []
    for group in sorted({each.group for each in scores}, key=lambda each: (each[1], each[0])):
        own = [each for each in scores if each.group == group]
        relaxed = [_errors(each.relaxed_ev, each.dft_ev) for each in own]
        between = [_errors(each.between_dft_ev, each.dft_ev) for each in own]
        costs = [each.cpu_s_per_call for each in own if each.cpu_s_per_call is not None]
        formulas = [each.formula for each in own]
        found.append(
            GroupScore(
                settings=group[0],
                charge=group[1],
                hops=len(own),
                failed=sum(each.failure is not None for each in own),
                compositions=len(set(formulas)),
                relaxed_mae_ev=_limits(formulas, map(_size, relaxed), least=0.0),
                relaxed_signed_ev=_limits(formulas, map(_middle, relaxed)),
                between_dft_mae_ev=_limits(formulas, map(_size, between), least=0.0),
                between_dft_signed_ev=_limits(formulas, map(_middle, between)),
                force_mae_ev_per_ang=_limits(
                    formulas, (each.force_mae_ev_per_ang for each in own), least=0.0
                ),
                cpu_s_per_call=round(mean(costs), 3) if costs else None,
            )
        )
    return found


def nearest(scores: Sequence[PotentialScore]) -> list[str]:
    """Return a sentence for each group: which potential is nearest to DFT, and the others."""
    lines = []
    for group in [each for score in scores[:1] for each in score.groups]:
        errors: list[tuple[float, str, Limits]] = []
        for score in scores:
            for each in score.groups:
                if (each.settings, each.charge) == (group.settings, group.charge):
                    mae = each.relaxed_mae_ev
                    errors += [] if mae is None else [(mae.value, score.potential, mae)]
        errors.sort(key=lambda each: each[0])
        of = f"Charge {group.charge:+d}, {group.hops} hops of {group.compositions} compositions"
        found = ", then ".join(f"{name} {mae} eV" for _, name, mae in errors)
        lines.append(f"{of} ({group.settings}): {found or 'every potential failed on a hop'}.")
    return lines


def _errors(
    found: tuple[float, float] | None, dft: tuple[float, float]
) -> tuple[float, float] | None:
    return None if found is None else (found[0] - dft[0], found[1] - dft[1])


def _size(errors: tuple[float, float] | None) -> float | None:
    return None if errors is None else mean(map(abs, errors))


def _middle(errors: tuple[float, float] | None) -> float | None:
    return None if errors is None else mean(errors)


def _limits(
    formulas: Sequence[str], values: Iterable[float | None], least: float = -np.inf
) -> Limits | None:
    """Return the mean over compositions and its interval; None where a value is missing."""
    by_formula: dict[str, list[float]] = {}
    for formula, value in zip(formulas, values, strict=True):
        if value is None:
            return None
        by_formula.setdefault(formula, []).append(value)
    means = np.array([mean(each) for each in by_formula.values()])
    middle = round(float(means.mean()), 4)
    if len(means) < 3:
        return Limits(value=middle)
    quantile = student.ppf(0.975, len(means) - 1)
    half = float(quantile * means.std(ddof=1) / np.sqrt(len(means)))
    return Limits(
        value=middle, low=round(max(middle - half, least), 4), high=round(middle + half, 4)
    )


def _scored(potential: Potential, hop: BenchmarkHop, calls: list[Atoms]) -> HopScore:
    calls_before, started = potential.force_calls, time.process_time()
    found = HopScore(
        name=hop.name, group=hop.group, formula=hop.formula, dft_ev=_rounded(*hop.barriers_ev())
    )
    points = {call.info["point"]: call for call in calls if call.info["point"]}
    try:
        potential.require_elements(list(calls[0].symbols))
        guessed = [potential.evaluate([call], stress=False)[0] for call in calls]
        found.cpu_s_per_call = round((time.process_time() - started) / len(calls), 4)
        index = {name: calls.index(call) for name, call in points.items()}
        first = index["start"]
        energies = np.array([each["energy"] for each in guessed])
        true = np.array([call.get_potential_energy() for call in calls])
        apart = (energies - energies[first]) - (true - true[first])
        forces = [
            np.abs(each["forces"] - call.get_forces()).mean()
            for each, call in zip(guessed, calls, strict=True)
        ]
        found.energy_mae_ev = round(float(np.abs(apart).sum() / max(len(calls) - 1, 1)), 4)
        found.force_mae_ev_per_ang = round(float(np.mean(forces)), 4)
        saddle = energies[index["saddle"]]
        ends = first, index.get("end", first)
        found.between_dft_ev = _rounded(*(saddle - energies[end] for end in ends))
        found.relaxed_ev, found.saddle_apart_ang = _relaxed(potential, points)
    except CalculationFailedError as failed:
        found.failure = f"{failed.kind}: {failed}"
    found.force_calls = potential.force_calls - calls_before
    return found


def _relaxed(potential: Potential, points: dict[str, Atoms]) -> tuple[tuple[float, float], float]:
    """Return a potential's own barriers, and how far its saddle point is from that of DFT, Å."""
    saddle = points["saddle"].copy()
    along = saddle.positions - points["start"].positions
    matrix = hessian_of(saddle, potential)
    curvatures, modes = np.linalg.eigh(matrix)
    overlaps = np.abs(along.ravel() @ modes) * (curvatures < _UNSTABLE)
    mode = modes[:, overlaps.argmax()].reshape(-1, 3) if overlaps.any() else along
    stiff = Hessian(matrix).of_atoms(np.arange(len(saddle)))
    energies = {}
    for name in points.keys() - {"saddle"}:
        end, _ = relax(points[name], potential, _FMAX, _STEPS, cell=False, what=name, hessian=stiff)
        energies[name] = float(end.get_potential_energy())
    (first,) = potential.evaluate([saddle], stress=False)
    set_results(saddle, first["energy"], first["forces"])
    top = climb(saddle, mode, stiff, potential, _FMAX, _STEPS)
    if top is None:
        raise CalculationFailedError(
            FailureKind.SADDLE_NOT_FOUND,
            f"{potential.name} has no saddle point near that of DFT",
        )
    highest = float(top.atoms.get_potential_energy())
    ends = energies["start"], energies.get("end", energies["start"])
    moved = rms(top.atoms.positions - points["saddle"].positions)
    return _rounded(*(highest - end for end in ends)), round(moved, 3)


def _rounded(forward: float, reverse: float) -> tuple[float, float]:
    return round(float(forward), 4), round(float(reverse), 4)
