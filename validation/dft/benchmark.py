"""The benchmark of charged and neutral hops: docs/validation/barriers/ and the page benchmark.md.

    python -m validation.dft.benchmark    # benchmark.json and force_calls.xyz.gz from the hops
    pvkdb benchmark sevennet-0 sevennet-l3i5 chgnet --output docs/validation/barriers/scores.json
    python -m validation.dft.benchmark --page-only

The hops are those of `validation/dft/hops.py`, small and large cells. Nothing is computed here.
"""

from __future__ import annotations

import gzip
import io
import json
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
from ase import Atoms
from ase.io import write
from pydantic import BaseModel, Field, TypeAdapter

from pvkdb.schemas.calculations.dft import DftHopRequest, Engine
from pvkdb.schemas.calculations.migration import NebResult
from pvkdb.store.curation.computed import describe_settings
from pvkdb_pipelines.dft.benchmark import (
    CALLS,
    HOPS,
    METRICS,
    BenchmarkHop,
    HopScore,
    PotentialScore,
    nearest,
)
from pvkdb_pipelines.dft.hops import ForceCall, read_checkpoint, tilt_changes
from pvkdb_pipelines.geometry.hosts import atoms_in, set_results
from validation.dft import charge_correction, convergence
from validation.dft.hops import ESPRESSO_SET, LARGE_SET, HopCase, HopSet
from validation.dft.page import Hop
from validation.pages import FOLDER as PAGES
from validation.pages import page_only, read, row, table

FOLDER = convergence.FILE.parent
PAGE, SCORES = PAGES / "benchmark.md", FOLDER / "scores.json"
#: Space groups whose octahedra are not tilted.
_UNTILTED = ("Fm-3m", "Pm-3m", "P-3m1", "P6_3/mmc")
_LARGEST_BASIS = "TZV2P"


class DocumentedHop(BenchmarkHop):
    """What the file says of a hop; energies in eV, forces in eV/Å."""

    phase: str
    space_group: str | None = Field(default=None, description="Of the host that was relaxed.")
    defect: str | None = None
    atoms: int | None = None
    tilting: bool | None = Field(
        default=None, description="Whether the octahedra of the host are tilted."
    )
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
    literature: list[str] = Field(default=[], description="Values and their references.")


class DocumentedSet(BaseModel):
    """The file of the benchmark."""

    title: str = "Hops of halide vacancies in halide perovskites by DFT, neutral and positive"
    licence: str = "MIT"
    level_of_theory: str = "PBE"
    hops: list[DocumentedHop]


def hops_and_calls(hops: HopSet) -> Iterator[tuple[DocumentedHop, list[Atoms]]]:
    """Yield each hop of a set with its force calls."""
    kept = _calculations(hops)
    cases = {case.name: case for case in hops.cases}
    for each in hops.read().hops:
        case, result = cases[each.name], each.result
        own = {name: getattr(case, name) for name in ("name", "formula", "phase", "charge")}
        own |= {name: getattr(each, name) for name in ("hop", "settings", "literature")}
        own |= {"force_calls": each.force_calls, "apart_ang": each.apart_ang}
        if result is None:
            calls = list(_frames(each, _first_image(kept, each, case), _left_over(hops, each), {}))
            yield DocumentedHop(**own, excluded=each.failure), calls
            continue
        request = DftHopRequest.model_validate(kept[each.calculation]["parameters"])
        group = kept[str(request.parent)[:12]]["result"]["space_group"]
        left_ev = sum(abs(point.energy_left_ev) for point in result.points[:2])
        error_ev = np.hypot(left_ev, settings_error_ev(each))
        calls = read_checkpoint(hops.folder / f"pvkdb-hop-{request.search_key()[:16]}.jsonl")
        hop = DocumentedHop(
            **own,
            space_group=group,
            defect=request.defect,
            atoms=result.atoms,
            tilting=group not in _UNTILTED,
            barrier_forward_ev=round(result.barrier_forward_ev, 4),
            barrier_reverse_ev=round(result.barrier_reverse_ev, 4),
            error_ev=round(float(error_ev), 3),
            max_forces_ev_per_ang={
                point.name: point.max_force_ev_per_ang for point in result.points
            },
            curvatures_ev_per_ang2=result.curvatures_ev_per_ang2,
            tilt_changes_deg={
                name: round(change.largest_deg, 2)
                for name, change in tilt_changes(request, result.points).items()
            },
            cpu_seconds=result.cpu_seconds,
            excluded=result.not_converged,
        )
        first = atoms_in(request.images[0].structure)
        yield hop, list(_frames(each, first, calls, _points(result.points, calls)))


def _points(points: Any, calls: list[ForceCall]) -> dict[int, str]:
    """Return which calls are the ends and the saddle point, by their number."""
    energies = [call.point.energy_ev for call in calls]
    return {energies.index(point.energy_ev): point.name for point in points}


def _first_image(kept: dict[str, dict[str, Any]], hop: Hop, case: HopCase) -> Atoms:
    """Return the start of a hop on the path of its guide."""
    wanted = {"formula": case.formula, "phase": case.phase, "potential": hop.guide}
    paths = (row for row in kept.values() if row["kind"] == "neb")
    path = next(row for row in paths if wanted.items() <= row["parameters"].items())
    role = f"hop {NebResult.model_validate(path['result']).limiting_number} image 0"
    first = next(each for each in path["structures"] if each["role"] == role)
    return Atoms(first["symbols"], first["positions_ang"], cell=first["cell_ang"], pbc=True)


def _left_over(hops: HopSet, hop: Hop) -> list[ForceCall]:
    """Return the force calls of a hop without a result: their file is known by their number."""
    files = [read_checkpoint(file) for file in sorted(hops.folder.glob("pvkdb-hop-*.jsonl"))]
    return next((calls for calls in files if len(calls) == hop.force_calls), [])


def _frames(
    hop: Hop, like: Atoms, calls: list[ForceCall], points: dict[int, str]
) -> Iterator[Atoms]:
    settings = hop.settings
    for number, call in enumerate(calls):
        atoms = like.copy()
        atoms.positions = call.positions_ang
        set_results(atoms, call.point.energy_ev, np.array(call.point.forces_ev_per_ang))
        atoms.info = {
            "hop": hop.name,
            "point": points.get(number, ""),
            "search": call.point.name,
            "charge": settings.charge,
            "spin": 1 + (settings.charge + 1) % 2,
            "code": settings.engine.value,
            "functional": settings.functional,
            "settings": describe_settings(settings),
            "licence": "MIT",
        }
        yield atoms


@cache
def _calculations(hops: HopSet) -> dict[str, dict[str, Any]]:
    """Return the kept calculations of a set by their id."""
    if not hops.calculations.exists():
        return {}
    with gzip.open(hops.calculations, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    return {row["key"][:12]: row for row in rows if "key" in row}


def settings_error_ev(hop: Hop) -> float:
    """Return by how much better cutoffs, basis sets and k-points change a barrier, eV.

    Cutoffs and k-points are those of the hop itself, where they are computed at its structures;
    other hops have the largest change by cutoffs of those with the same, hosts with silver that of
    silver, which alone moves by more than 1 meV. Of a hop that is relaxed off Γ, k-points are
    uncertain by half of what grids with and without Γ differ by, at the structures that were
    relaxed at Γ; where one is missing, by the most that counts. Gaussians are measured on one hop
    along an edge, against plane waves and the largest basis set; d electrons of tin on the one
    between octahedra.
    """
    calls = convergence.read_calls()
    found, settings = convergence.barriers(calls), hop.settings
    between, edge = convergence.HOPS
    if settings.engine is Engine.CP2K:
        test = between if hop.hop.startswith("between") else edge
        better = [found[test, label] for label in (convergence.SSSP, _LARGEST_BASIS)]
        error_ev = max(abs(each - found[test, convergence.RECIPE]) for each in better)
        tin_ev = found[between, "DZVP, d electrons of Sn"] - found[between, "DZVP"]
        return float(np.hypot(error_ev, tin_ev if "Sn" in hop.name else 0.0))
    cutoffs = {each.name: each.settings.cutoff_wfc_ry for each in ESPRESSO_SET.read().hops}
    changes_ev = {
        name: abs(change)
        for name, change in convergence.cutoff_changes_ev(calls).items()
        if cutoffs[name] == settings.cutoff_wfc_ry and ("Ag" in name) == ("Ag" in hop.name)
    }
    at_gamma = hop.name.removesuffix(" 2×2×2")
    error_ev = changes_ev.get(at_gamma, max(changes_ev.values()))
    _, kpoints_ev = convergence.dense_changes_ev(calls).get(hop.name, (0.0, 0.0))
    if settings.off_gamma:
        labels = (convergence.DENSE, convergence.OFF_GAMMA)
        grids = [found[at_gamma, each] for each in labels if (at_gamma, each) in found]
        kpoints_ev = np.ptp(grids) / 2 if len(grids) == 2 else convergence.MOST_BY_KPOINTS_EV
    return float(np.hypot(error_ev, kpoints_ev))


def write_set() -> None:
    """Write the hops, their force calls and the data card."""
    pairs = [pair for hops in (ESPRESSO_SET, LARGE_SET) for pair in hops_and_calls(hops)]
    benchmark = DocumentedSet(hops=[hop for hop, _ in pairs])
    text = benchmark.model_dump_json(indent=1, exclude_none=True)
    (FOLDER / HOPS).write_text(text + "\n", encoding="utf-8")
    frames = io.StringIO()
    write(frames, [frame for _, calls in pairs for frame in calls], format="extxyz")
    # Without the time of writing, the same frames give the same file.
    (FOLDER / CALLS).write_bytes(gzip.compress(frames.getvalue().encode(), mtime=0))


def read_set() -> DocumentedSet:
    """Read the stored hops."""
    return read(DocumentedSet, FOLDER / HOPS)


def read_scores() -> list[PotentialScore]:
    """Read the stored scores; none before `pvkdb benchmark` has written them."""
    text = SCORES.read_text(encoding="utf-8") if SCORES.exists() else "[]"
    return TypeAdapter(list[PotentialScore]).validate_json(text)


def render(benchmark: DocumentedSet, scores: list[PotentialScore]) -> str:
    """Return the page."""
    counted = [hop for hop in benchmark.hops if hop.excluded is None]
    names = [score.potential for score in scores]
    answer = "\n".join(f"- {line}" for line in nearest(scores))
    lines = [_HEAD.format(answer=answer or "No potential is scored yet.")]
    groups = ((score.potential, *each.cells()) for score in scores for each in score.groups)
    lines += table(("potential", "charge", "hops", *METRICS, "CPU-s"), groups)
    lines += ["", "## Each hop", "", _EACH, ""]
    lines += table(("hop", "atoms", "tilted", "DFT, eV", *names))
    for hop in counted:
        own = [{each.name: each for each in score.hops}.get(hop.name) for score in scores]
        forward, reverse = hop.barrier_forward_ev, hop.barrier_reverse_ev
        barrier = f"{forward:.3f}" + ("" if forward == reverse else f" / {reverse:.3f}")
        tilted = "yes" if hop.tilting else "no"
        cells = (f"{hop.name}, {hop.hop}", hop.atoms, tilted, f"{barrier} ± {hop.error_ev:.3f}")
        lines.append(row(*cells, *map(_own, own)))
    calls = sum(hop.force_calls for hop in counted)
    hours = sum(hop.cpu_seconds or 0 for hop in counted) / 3600
    lines += ["", f"{calls} force calls, {hours:.1f} CPU-hours.", *_both_charges(counted, scores)]
    lines += ["", "## Kept and not counted", ""]
    lines += [f"- {hop.name}: {hop.excluded}" for hop in benchmark.hops if hop.excluded]
    planned = {case.name for hops in (ESPRESSO_SET, LARGE_SET) for case in hops.cases}
    if not_run := sorted(planned - {hop.name for hop in benchmark.hops}):
        lines.append(f"- Planned, not run or not at an end: {', '.join(not_run)}")
    learned = charge_correction.section(charge_correction.read_left_out())
    small = [hop.name for hop in counted if _at_gamma(hop)]
    dense = convergence.dense_changes_ev(convergence.read_calls())
    changes_ev = {name: change for name, (_, change) in dense.items() if name in small}
    checked = {"dense": len(changes_ev), "small": len(small)}
    foot = _FOOT.format(**checked, errors=_with_kpoints(scores, changes_ev))
    return "\n".join([*lines, *learned, foot])


def _at_gamma(hop: DocumentedHop) -> bool:
    """Whether a hop was relaxed by pw.x at Γ alone."""
    return hop.settings.engine is Engine.ESPRESSO and hop.settings.kpoint_grid == (1, 1, 1)


def _with_kpoints(scores: list[PotentialScore], changes_ev: dict[str, float]) -> str:
    """Return errors at the structures of DFT with what k-points change, and without."""
    texts = []
    for score in scores:
        errors = [
            (each.between_dft_ev[0] - each.dft_ev[0], changes_ev[each.name])
            for each in score.hops
            if each.between_dft_ev is not None and each.name in changes_ev
        ]
        if errors:
            at_gamma, changes = np.array(errors).T
            off = f"{np.abs(at_gamma - changes).mean():.3f} eV ({np.abs(at_gamma).mean():.3f} at Γ)"
            texts.append(f"{score.potential} {off}")
    return ", ".join(texts)


def _both_charges(counted: list[DocumentedHop], scores: list[PotentialScore]) -> list[str]:
    """Return the section on hops of one composition that count at both charges."""
    by_hop: dict[tuple[object, ...], dict[int, DocumentedHop]] = defaultdict(dict)
    for hop in counted:
        cell = hop.formula, hop.phase, hop.hop, hop.atoms, hop.settings.kpoint_grid
        by_hop[cell][hop.charge] = hop
    both = [hops for hops in by_hop.values() if hops.keys() == {0, 1}]
    lines = ["", _BOTH + _order(counted), "", *table("hop | neutral, eV | +1, eV | change, eV")]
    for hops in both:
        neutral, positive = (hops[charge].barrier_forward_ev or 0 for charge in (0, 1))
        name = f"{hops[1].formula} {hops[1].phase}, {hops[1].hop.split(',')[0]}"
        lines.append(row(name, f"{neutral:.3f}", f"{positive:.3f}", f"{positive - neutral:+.3f}"))
    names = [[hops[charge].name for hops in both] for charge in (0, 1)]
    errors = []
    for score in scores:
        found = {
            each.name: abs(each.between_dft_ev[0] - each.dft_ev[0])
            for each in score.hops
            if each.between_dft_ev is not None
        }
        if both and found.keys() >= {*names[0], *names[1]}:
            off = (f"{np.mean([found[each] for each in own]):.2f}" for own in names)
            errors.append(f"{score.potential} {' and '.join(off)}")
    if errors:
        lines += ["", "Mean errors of these hops between the structures of DFT, neutral and at +1:"]
        lines.append(f"{', '.join(errors)} eV.")
    return lines


def _order(counted: list[DocumentedHop]) -> str:
    """Return what the hops of CsPbI3 say of the order of neutral and positive vacancies."""
    hops = {hop.charge: hop for hop in counted if hop.formula == "CsPbI3"}
    if hops.keys() != {0, 1}:
        return " Not both hops of CsPbI3 count here: nothing is said of their order."
    change = (hops[0].barrier_forward_ev or 0) - (hops[1].barrier_forward_ev or 0)
    error = float(np.hypot(hops[0].error_ev or 0, hops[1].error_ev or 0))
    slower = "the neutral one is slower here, too" if change > 0 else "the positive one is slower"
    found = "it is not clear which is slower" if abs(change) <= error else slower
    return (
        f" Here\nthe neutral one's barrier is {change:+.2f} ± {error:.2f} eV from that of the "
        f"positive one: {found}.\nk-points and the images of the charge are not in this error."
    )


def _own(score: HopScore | None) -> str:
    """Return a potential's barriers on a hop: its own, and at DFT's structures in brackets."""
    if score is None:
        return "not scored"
    texts = [
        "–" if found is None else " / ".join(dict.fromkeys(f"{each:.3f}" for each in found))
        for found in (score.relaxed_ev, score.between_dft_ev)
    ]
    return f"{texts[0]} ({texts[1]})"


_HEAD = """# The benchmark: hops of halide vacancies by DFT

Made by `validation/dft/benchmark.py` from `barriers/benchmark.json` and `barriers/scores.json`,
which `pvkdb benchmark sevennet-0 sevennet-l3i5 chgnet --output scores.json` has written; do not
edit.

{answer}

These potentials know no charge. It is not all that they miss: in the hops that count at both
charges they are in the mean no nearer to DFT at 0, where Cs2TeCl6 weighs most
([both](#neutral-beside-positive)). Errors in eV, of the barriers forward and reverse, against DFT
in the same cell; of components of forces in eV/Å. MAE and signed: between a potential's own ends
and saddle point, searched from those of DFT. In brackets 95 % over compositions, each counted once:
with so few they are wide, and no order of two potentials is sure whose intervals overlap. A dash: a
hop failed, and a mean of the others would reward that. CPU-s: of a force call, on cores that others
were using.
"""
_EACH = """DFT forward and reverse (one number where symmetry makes the ends one), with what its
search left and what better cutoffs and basis sets change, and k-points where they are computed
([convergence](barriers.md)). Potentials: their own barrier, in brackets that between the structures
of DFT."""
_BOTH = """## Neutral beside positive

The same hop in the same cell, where it counts at both charges; 0.06 eV are a factor of ten of a
rate at 300 K. In CsPbI3 Tyagi et al. (arXiv:2409.16051, molecular dynamics with potentials of their
own for each charge) find the neutral iodide vacancy ten times slower than the positive one."""
_FOOT = """
## How it is used, and what it is not

`pvkdb benchmark POTENTIAL…` scores any potential that pvkdb can load: shipped, of another package,
`module:function`, or a file ([potentials](../potentials.md)). `--json` and `--output` give each
hop.

- A hop counts if its ends and saddle point lie in one pattern of tilts, its forces are below 0.05
  eV/Å, its saddle point has one unstable mode, downhill from it lie its ends, its cell has 150
  atoms or more where the host tilts, and k-points of 2×2×2 change it by 0.05 eV at most. These are
  for cells of 35 to 41 atoms, where a hop at +1 counts unchecked, too; with 71 and 159 atoms Γ is
  not checked. Where DFT itself did not come downhill to an end, the surroundings must move to the
  saddle point as on the path of SevenNet-0, within 0.25 Å. What fails
  is kept with the reason, and counts neither here nor in calibrations and rankings.
- Hosts: those whose barriers the literature gives, and Fm-3m hosts without open d shells, whose
  densities converge. CsSnI3 starts as Pnma and relaxes to P2_12_12_1. A potential fails on a hop
  where it has no saddle point near that of DFT.
- Groups are of one code, one setting and one charge, and are never mixed. In the cells of 35 to 41
  atoms a barrier is that of the cell, not that of the material: a potential is scored in the same
  cell, so that the size enters both alike; what Γ alone leaves enters DFT only. More k-points are
  computed for {dense} of the {small} hops by pw.x at Γ that count ([which](barriers.md#k-points)).
  What they change is not in the barriers but in their errors; added to the barriers of these hops
  it would leave, between the structures of DFT, errors of {errors}.
- PBE is the functional; neutral vacancies have a spin with CP2K and none with pw.x. What PBE itself
  misses is not in these errors. Searches start on the path of SevenNet-0, which may favour it.

## One of them again, in less than an hour

```text
pvkdb neb Cs2NaInCl6 --phase Fm-3m --potential sevennet-0      # prints the id
pvkdb dft ID --method hop --charge 1 --cutoff 30 --density-cutoff 200 --kpoints 1x1x1 \\
  --smearing fixed
pvkdb work
```

gave 0.664 eV again (2026-12-02), after 6 force calls and ten minutes of a core. The SCF threshold
(1e-8 Ry in place of 1e-7) and the mixing (0.4 in place of 0.7) are the defaults there. The whole
set: `python -m validation.dft.hops`, which keeps what is done.

**Data card.** `barriers/benchmark.json`: each hop with formula, phase, defect, charge, atoms,
tilts, settings, barriers with error, checks, cost, and the reason where it is excluded.
`barriers/force_calls.xyz.gz`: every force call of every hop as extended XYZ, energies in eV, forces
in eV/Å; in each header `hop`, `point` (start, saddle, end; empty for structures of the search),
`charge` and `spin` (multiplicity: 2 for an odd electron, also where pw.x smeared it without spin)
as integers, `code`, `functional`, `settings`, `licence`. Made by
pvkdb from its own calculations with Quantum ESPRESSO (SSSP 1.3.0) and CP2K; nothing of others is
in it. Licence: MIT, that of pvkdb. Cite as pvkdb ([how](../cite.md)).

**ml-peg** ([rules](https://ddmms.github.io/ml-peg/developer_guide/add_benchmarks.html)) asks for a
level of theory in its words (`PBE`), charge and spin as integers on each structure, structures in a
format of ASE, failures that are kept and make the mean undefined, metrics with a reason for what is
good and bad, and the cost: met. Proposed bounds of the barriers' MAE: good 0.03 eV, the error aimed
at for DFT here; bad 0.2 eV, more than three orders of magnitude of a rate at 300 K. Not met here:
its own scripts (`calc_…`, `analyse_…`, an app), the data in its store, and double precision, which
is the choice of the potential in pvkdb.
"""


if __name__ == "__main__":
    if not page_only(__doc__):
        write_set()
    PAGE.write_text(render(read_set(), read_scores()), encoding="utf-8")
