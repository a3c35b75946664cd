"""The page docs/validation/dft.md and its numbers: DFT from the path of a potential."""

from __future__ import annotations

from pathlib import Path
from statistics import median

from pydantic import BaseModel

from pvkdb.schemas.calculations import FailureKind
from pvkdb.schemas.calculations.dft import DftHopResult, DftSettings
from pvkdb.store.curation.computed import describe_charge, describe_settings
from validation.pages import FOLDER, read, table

PAGE, NUMBERS = (FOLDER / f"dft.{ending}" for ending in ("md", "json"))
#: Numbers of `validation/dft/hops.py`.
HOPS = FOLDER / "dft_hops.json"

#: Processor seconds of one single point of 39 atoms, Γ, 40/320 Ry, charge +1, one process, that the
#: estimate rests on (docs/validation/dft.json; pw.x 6.7, on cores that others were using).
_MEASURED_CPU_S = 330.0
_MEASURED_RY = (40.0, 320.0)
#: A neutral vacancy has an odd electron: 18 and 19 SCF steps against 14.
_NEUTRAL = 1.3
#: The numbers of plane waves and of grid points increase with this power of the cutoff.
_POWER = 1.5
#: A barrier of a potential is near that of DFT below this difference, eV.
_NEAR_EV = 0.06


class Point(BaseModel):
    """A single point with its energy or its failure."""

    charge: int
    image: str
    settings: DftSettings
    atoms: int
    energy_ev: float | None = None
    max_force_ev_per_ang: float | None = None
    scf_steps: int | None = None
    cpu_seconds: float | None = None
    wall_seconds: float | None = None
    failure_kind: FailureKind | None = None
    versions: dict[str, str] = {}


class DftNumbers(BaseModel):
    """The content of the page; ``points`` are added as they are computed."""

    material: str
    defect: str
    potential: str
    potential_barrier_ev: float | None = None
    hop: str | None = None
    points: list[Point] = []

    def energy(self, charge: int, image: str) -> float | None:
        """Return the energy of an image at a charge, eV; None if it is missing."""
        for point in self.points:
            if (point.charge, point.image) == (charge, image):
                return point.energy_ev
        return None

    def barrier_ev(self, charge: int) -> float | None:
        """Return E(saddle) − E(start), eV, without relaxation."""
        start, saddle = (self.energy(charge, image) for image in ("start", "saddle"))
        return None if start is None or saddle is None else saddle - start


class Hop(BaseModel):
    """A hop by DFT beside the path that it started from, or why there is none.

    ``apart_ang`` is by how much the atoms move otherwise from an end to the saddle point than on
    the guide's path: RMS of the atoms, the larger of both ends, Å.
    """

    name: str
    calculation: str
    hop: str
    settings: DftSettings
    guide: str
    guide_forward_ev: float | None = None
    guide_reverse_ev: float | None = None
    literature: list[str] = []
    result: DftHopResult | None = None
    apart_ang: float | None = None
    failure: str | None = None
    force_calls: int
    versions: dict[str, str] = {}


class Hops(BaseModel):
    """Every hop that ended, and the force calls so far of those that were begun, by name."""

    hops: list[Hop] = []
    begun: dict[str, int] = {}


def read_hops(path: Path = HOPS) -> Hops:
    """Read the stored hops; none where none was run."""
    return read(Hops, path)


def read_numbers(path: Path = NUMBERS) -> DftNumbers:
    """Read the stored numbers."""
    return read(DftNumbers, path)


def estimated_cpu_seconds(cutoff_ry: tuple[float, float], charge: int) -> tuple[float, float]:
    """Estimate the CPU time of a single point: from plane waves and from grid points.

    Valid for cutoffs above the measured ones; below them other work dominates.

    Args:
        cutoff_ry: Cutoffs of the wave functions and of the density.
        charge: Charge of the cell.
    """
    factors = [
        (wanted / measured) ** _POWER
        for wanted, measured in zip(cutoff_ry, _MEASURED_RY, strict=True)
    ]
    base = _MEASURED_CPU_S * (_NEUTRAL if charge == 0 else 1.0)
    return base * min(factors), base * max(factors)


def render(numbers: DftNumbers, hops: Hops) -> str:
    """Return the page as Markdown."""
    single = [_HEAD.format(**dict(numbers)), *_body(numbers), _FOOT]
    return "\n".join([_TITLE, *_hops(hops), *single])


_TITLE = """# DFT from the path of a potential

Made by `validation/dft/hops.py` and `make bench` (`benchmarks/potentials/dft.py`), with their
numbers in `dft_hops.json` and `dft.json`; do not edit.

## Relaxed hops

The limiting hop of the halide vacancy, from the converged path of a potential: with forces of pw.x
both ends are relaxed and the saddle point is found (how: [dft.md](../dft.md#hops)). Energies in eV,
forward and reverse; where symmetry makes both ends one, they are the same. The cheap estimate is
DFT on the potential's geometries, from the first call of each structure. The residual is the
largest force on an atom of the saddle point. `left` is the predicted change of the barrier up to
the exact stationary points, which is not added to it.
"""
_HEAD = """
## Single points at SSSP's cutoffs

The limiting hop of {defect} in {material} (39 atoms), as {potential} has it, and single points with
pw.x on its first end and its highest image, neutral and positive. Nothing is relaxed with DFT:
E(saddle) − E(start) is the cheap estimate, neither an upper nor a lower bound, of the relaxed
barrier.
"""
_FOOT = """
A single point starts from nothing and runs in one process. The positive cell needs no correction
for its images here: the leading term is the same at both ends of a difference at one charge and
cell. The literature's value for this material is in [migration.md](migration.md).
"""


def _hops(hops: Hops) -> list[str]:
    if not hops.hops:
        return ["No hop is done yet."]
    lines = [
        *table(
            "material, charge | hop | potential | cheap estimate | DFT, relaxed | left | residual, "
            "eV/Å | force calls | CPU-h | literature, eV"
        ),
        *map(_hop_line, hops.hops),
        "",
    ]
    done = [hop.result for hop in hops.hops if hop.result is not None]
    if done:
        calls = median(result.force_calls for result in done)
        hours = sum(result.cpu_seconds or 0 for result in done) / 3600
        converged = sum(result.not_converged is None for result in done)
        lines.append(
            f"- {converged} of {len(done)} hops converged; {calls:g} force calls a hop in the "
            f"median, {hours:.1f} CPU-hours in all, in one process on cores that others were using."
        )
    lines += [f"- {hop.name}: {hop.failure}" for hop in hops.hops if hop.result is None]
    if hops.begun:
        begun = ", ".join(f"{name} ({calls} force calls)" for name, calls in hops.begun.items())
        lines.append(f"- Begun, not at its end: {begun}.")
    lines += _basins(hops.hops)
    lines += [
        f"- {setting}: {', '.join(hop.name for hop in hops.hops if _setting(hop) == setting)}."
        for setting in sorted({_setting(hop) for hop in hops.hops})
    ]
    lines += [
        "- Charge: every energy of a barrier is of one charge and one cell, so neither the\n"
        "  reference potential of the electrons nor the alignment of the electrostatic potential\n"
        "  enters, and the leading term of the images (q²α/2εL) cancels; left is the change\n"
        "  of the defect's quadrupole and of its strain field along the hop. None is added.",
        "- Pseudopotentials: SSSP 1.3.0 PBE efficiency, names and MD5 sums in `dft_hops.json`.",
    ]
    return lines + _in_words(hops)


def _basins(hops: list[Hop]) -> list[str]:
    """Which hops are differences of basins, and what a second search found."""
    marked = [hop for hop in hops if hop.result is not None and hop.result.not_converged]
    if not marked:
        return []
    most = max(hop.apart_ang for hop in hops if hop.apart_ang is not None and hop not in marked)
    lines = [
        "- Not converged: no barriers, kept with their files and\n"
        f"  counted nowhere. In the others the surroundings move by at most {most:.2f} Å otherwise."
    ]
    for hop in marked:
        assert hop.result is not None
        ends = [
            f"{point.name} by {point.other_ev - point.energy_ev:.2f} eV"
            for point in hop.result.points
            if point.other_ev is not None
        ]
        lines.append(f"- {hop.name}: {hop.result.not_converged}.")
        if ends:
            lines[-1] += (
                " Searched alone and\n  from the saddle point, ends have two minima; the lower "
                f"counts: {', '.join(ends)}."
            )
    return lines


def _in_words(hops: Hops) -> list[str]:
    """What closes the gap between potentials and the literature, and what does not."""
    misses: dict[tuple[bool, bool], dict[str, float]] = {}
    barriers: dict[str, dict[int, float]] = {}
    for hop in hops.hops:
        if hop.result is None or hop.guide_forward_ev is None or hop.result.not_converged:
            continue
        formula, charge = hop.name.split()[0], hop.settings.charge
        kind = charge != 0, hop.hop.startswith("octahedron edge")
        found_ev = hop.result.barrier_forward_ev
        misses.setdefault(kind, {})[formula] = found_ev - hop.guide_forward_ev
        barriers.setdefault(formula, {})[charge] = found_ev

    def said(found: dict[str, float]) -> str:
        return ", ".join(f"{formula} {value:+.2f}" for formula, value in found.items())

    neutral = misses.get((False, True), {}) | misses.get((False, False), {})
    edge, between = (misses.get((True, along), {}) for along in (True, False))
    if not (neutral and edge and between):
        return []
    changes = {
        formula: by_charge[1] - by_charge[0]
        for formula, by_charge in barriers.items()
        if by_charge.keys() >= {0, 1}
    }
    near = sum(abs(value) < _NEAR_EV for value in neutral.values())
    raised = sum(value > 0 for value in changes.values())
    return [
        "\n## What closes the gap, and what does not\n",
        "Differences of the relaxed barrier from that of the potential, forward, in eV:\n",
        f"- Neutral vacancies, the charge that the potential computes: {said(neutral)}.",
        f"  {near} of {len(neutral)} are within {_NEAR_EV} eV.",
        f"- Charge +1 along an edge of an octahedron: {said(edge)}.",
        "  In the layers of Cs3Sb2I9 the energies are higher, but they make no barrier; neutral",
        "  PBE is higher still, by an estimate ([paths]).",
        f"- Charge +1 between octahedra: {said(between)}.",
        f"\nFrom neutral to +1, the same hop in the same cell: {said(changes)}.",
        f"The charge raises {raised} of {len(changes)} barriers and lowers the others, and the",
        "kind of hop does not decide which. It moves them by as much as potentials miss the",
        "literature. It does not close the gap of Cs2SnX6, reported above the barriers of both",
        "charges, nor that of Cs3Sb2I9, where another hop is likely meant ([paths]). In CsPbX3 and",
        "Cs2AgBiBr6 the answer is open.",
        "\n[paths]: migration.md#which-path-the-literature-means",
    ]


def _hop_line(hop: Hop) -> str:
    def both(forward: float | None, reverse: float | None) -> str:
        if forward is None or reverse is None:
            return ""
        same = abs(forward - reverse) < 5e-4
        return f"{forward:.3f}" if same else f"{forward:.3f} / {reverse:.3f}"

    found, words = hop.result, "; ".join(hop.literature)
    guide = f"{both(hop.guide_forward_ev, hop.guide_reverse_ev)} ({hop.guide})"
    if found is None:
        calls = hop.force_calls
        return f"| {hop.name} | {hop.hop} | {guide} | | none found | | | {calls} | | {words} |"
    points = {point.name: point for point in found.points}
    top, end = points["saddle"].estimate_ev, points.get("end", points["start"])
    left_ev = points["saddle"].energy_left_ev - points["start"].energy_left_ev
    return (
        f"| {hop.name} | {hop.hop} | {guide} | "
        f"{both(top - points['start'].estimate_ev, top - end.estimate_ev)} | "
        f"{_barrier(both(found.barrier_forward_ev, found.barrier_reverse_ev), found)} | "
        f"{left_ev:+.3f} | {points['saddle'].max_force_ev_per_ang:.3f} | "
        f"{found.force_calls} | {(found.cpu_seconds or 0) / 3600:.2f} | {words} |"
    )


def _barrier(text: str, found: DftHopResult) -> str:
    return f"not converged ({text})" if found.not_converged else f"**{text}**"


def _setting(hop: Hop) -> str:
    return describe_settings(hop.settings)


def _body(numbers: DftNumbers) -> list[str]:
    if not any(point.energy_ev is not None for point in numbers.points):
        return [_not_run()]
    barrier = numbers.potential_barrier_ev
    lines = [
        f"Hop: {numbers.hop}; {numbers.potential}: "
        + ("unknown" if barrier is None else f"{barrier:.3f} eV")
        + ".\n",
        *table("cell | image | energy, eV | largest force, eV/Å | SCF steps | CPU-s | wall s"),
        *(_line(point) for point in numbers.points),
        "",
    ]
    for charge in sorted({point.charge for point in numbers.points}):
        found = numbers.barrier_ev(charge)
        said = "not known yet" if found is None else f"{found:.3f} eV"
        lines.append(f"- {describe_charge(charge)}: E(saddle) − E(start) = {said}")
    cpu = sum(point.cpu_seconds or 0 for point in numbers.points)
    settings = {describe_settings(point.settings) for point in numbers.points}
    lines.append(f"\nCost: {cpu:.0f} CPU-s in all. Settings: {'; '.join(sorted(settings))}.")
    return lines


def _not_run() -> str:
    low, high = (
        sum(estimated_cpu_seconds((40, 320), charge)[end] for charge in (0, 0, 1, 1))
        for end in (0, 1)
    )
    return (
        "**Not run yet.** The four single points at SSSP's cutoffs (40/320 Ry), Γ only, are\n"
        f"estimated at {(low + high) / 120:.0f} minutes of one core (from {_MEASURED_CPU_S:.0f} "
        "CPU-s for one with charge +1,\nand a third more SCF steps for the odd electron of the "
        "neutral cell), and a minute for\nthe path. A grid of "
        "2 × 2 × 2 takes about eight times as long."
    )


def _line(point: Point) -> str:
    def shown(value: float | None, digits: int) -> str:
        return "" if value is None else f"{value:.{digits}f}"

    energy = shown(point.energy_ev, 4) or str(point.failure_kind or "not run")
    steps = "" if point.scf_steps is None else str(point.scf_steps)
    return (
        f"| {describe_charge(point.charge)} | {point.image} | {energy} | "
        f"{shown(point.max_force_ev_per_ang, 3)} | {steps} | {shown(point.cpu_seconds, 0)} | "
        f"{shown(point.wall_seconds, 0)} |"
    )
