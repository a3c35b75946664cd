"""The page docs/validation/dft.md and its numbers: DFT from the path of a potential."""

from __future__ import annotations

from pathlib import Path
from statistics import median

from pydantic import BaseModel

from pvkdb.schemas.calculations import FailureKind
from pvkdb.schemas.calculations.dft import DftHopResult, DftSettings
from pvkdb.store.curation.computed import describe_charge, describe_settings
from validation.pages import FOLDER, read, row, table, texts

TEXTS = texts(__file__)
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
    single = [TEXTS["head"].format(**dict(numbers)), *_body(numbers), TEXTS["foot"]]
    return "\n".join([TEXTS["title"], *_hops(hops), *single])


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
    return [*lines, TEXTS["charge"].rstrip("\n"), *_in_words(hops)]


def _basins(hops: list[Hop]) -> list[str]:
    """Which hops are differences of basins, and what a second search found."""
    marked = [hop for hop in hops if hop.result is not None and hop.result.not_converged]
    if not marked:
        return []
    most = max(hop.apart_ang for hop in hops if hop.apart_ang is not None and hop not in marked)
    lines = [
        "- Not converged: no barriers, kept with their files and\n"
        f"  counted nowhere. In the others the surroundings move by at most {most:.2f} Å "
        "otherwise,\n  above 0.25 Å only where DFT itself came downhill to the end."
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
        TEXTS["gap"]
        .format(
            neutral=said(neutral),
            near=near,
            of_neutral=len(neutral),
            near_ev=_NEAR_EV,
            edge=said(edge),
            between=said(between),
            changes=said(changes),
            raised=raised,
            least=min(map(abs, changes.values())),
            largest=max(map(abs, changes.values())),
            of_changes=len(changes),
        )
        .rstrip("\n")
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
    barriers = both(found.barrier_forward_ev, found.barrier_reverse_ev)
    return row(
        *(hop.name, hop.hop, guide),
        both(top - points["start"].estimate_ev, top - end.estimate_ev),
        f"not converged ({barriers})" if found.not_converged else f"**{barriers}**",
        *(f"{left_ev:+.3f}", f"{points['saddle'].max_force_ev_per_ang:.3f}", found.force_calls),
        *(f"{(found.cpu_seconds or 0) / 3600:.2f}", words),
    )


def _setting(hop: Hop) -> str:
    return describe_settings(hop.settings)


def _body(numbers: DftNumbers) -> list[str]:
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


def _line(point: Point) -> str:
    def shown(value: float | None, digits: int) -> str:
        return "" if value is None else f"{value:.{digits}f}"

    energy = shown(point.energy_ev, 4) or str(point.failure_kind or "not run")
    steps = "" if point.scf_steps is None else str(point.scf_steps)
    return row(
        *(describe_charge(point.charge), point.image, energy),
        *(shown(point.max_force_ev_per_ang, 3), steps),
        *(shown(point.cpu_seconds, 0), shown(point.wall_seconds, 0)),
    )
