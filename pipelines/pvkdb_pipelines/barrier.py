"""The recipe of `pvkdb neb`: from three elements to the barrier of a halide-vacancy hop."""

from __future__ import annotations

import time
from dataclasses import dataclass

from ase import Atoms

from pvkdb.schemas.calculations import FailureKind, NebRequest, NebResult
from pvkdb_pipelines.band import (
    NEB_METHOD,
    OPTIMIZER,
    Band,
    check_band,
    converge_band,
    interpolate,
)
from pvkdb_pipelines.hops import HopClass, octahedron_edge_hops, reference_hop
from pvkdb_pipelines.host import SYMPREC_ANG, relaxed_pnma_host
from pvkdb_pipelines.potentials import Potential, load_potential
from pvkdb_pipelines.progress import Progress, ProgressReporter, Report
from pvkdb_pipelines.relaxation import check_structure, relax
from pvkdb_pipelines.symmetry import space_group
from pvkdb_pipelines.vacancy import check_distinct, check_equivalent, vacancy_endpoints

__all__ = ["BarrierRun", "Progress", "compute_barrier"]

#: Stages, and the share of the whole work at which each ends.
_STAGES = {
    "load the potential": 0.02,
    "relax the host cell": 0.15,
    "relax the initial end point": 0.30,
    "relax the final end point": 0.45,
    "converge the band": 1.0,
}


@dataclass(frozen=True)
class BarrierRun:
    """A barrier and everything that it rests on.

    Attributes:
        result: The numbers, as they are stored.
        host: Relaxed, symmetrised 2 × 2 × 2 pseudo-cubic cell (40 atoms).
        images: The band, end points included; each image carries its energy and forces.
        versions: Versions of the packages and the weights that decide the numbers.
    """

    result: NebResult
    host: Atoms
    images: list[Atoms]
    versions: dict[str, str]


def compute_barrier(
    request: NebRequest,
    a: str,
    b: str,
    x: str,
    start_lattice_ang: float,
    report: Report | None = None,
    potential: Potential | None = None,
) -> BarrierRun:
    """Compute the barrier of the reference halide-vacancy hop along an octahedron edge.

    The tilted host is relaxed with its cell, must keep its space group and is symmetrised to
    it; both ends of the hop are relaxed at that cell; a band with a climbing image joins them.
    A KeyboardInterrupt passes through at any point.

    Args:
        request: Formula, phase, potential and numerical settings.
        a, b, x: Elements on the three sites.
        start_lattice_ang: B–B distance to start from, Å.
        report: Called at each step with the progress.
        potential: Potential to use in place of the one that the request names.

    Raises:
        CalculationFailedError: With the :class:`FailureKind` that says what failed.
    """
    started = time.perf_counter()
    settings = request.settings
    progress = ProgressReporter(_STAGES, report)
    progress.begin("load the potential")
    potential = potential or load_potential(request.potential)
    potential.require_elements((a, b, x))
    calls_before = potential.force_calls

    on_step = progress.begin("relax the host cell", settings.fmax_cell_ev_per_ang)
    host = relaxed_pnma_host(a, b, x, start_lattice_ang, settings, potential, on_step)
    hops = octahedron_edge_hops(host, b, x)
    hop = reference_hop(hops)

    ends = []
    for name, start in zip(("initial", "final"), vacancy_endpoints(host, hop), strict=True):
        fmax = settings.fmax_endpoint_ev_per_ang
        relaxed, _ = relax(
            start,
            potential,
            fmax,
            settings.max_steps_endpoint,
            cell=False,
            what=f"{name} end point",
            failure=FailureKind.ENDPOINT_NOT_CONVERGED,
            on_step=progress.begin(f"relax the {name} end point", fmax),
        )
        ends.append(relaxed)
    initial, final = ends
    check_distinct(initial, final, hop)
    check_equivalent(initial, final, hop)

    fmax = settings.fmax_neb_ev_per_ang
    band = converge_band(
        interpolate(initial, final, settings.images),
        potential,
        fmax,
        settings.max_steps_neb,
        on_step=progress.begin("converge the band", fmax),
    )
    for index, image in enumerate(band.images):
        check_structure(image, f"image {index}")
    check_band(band)
    progress.finish("converge the band")
    return BarrierRun(
        result=_result(
            request,
            x,
            host,
            hop,
            len(hops),
            band,
            force_calls=potential.force_calls - calls_before,
            wall_seconds=time.perf_counter() - started,
        ),
        host=host,
        images=list(band.images),
        versions={**potential.versions, "weights": potential.weights},
    )


def _result(
    request: NebRequest,
    x: str,
    host: Atoms,
    hop: HopClass,
    distinct_hops: int,
    band: Band,
    *,
    force_calls: int,
    wall_seconds: float,
) -> NebResult:
    """The record of a finished band."""
    a_ang, b_ang, c_ang, alpha, beta, gamma = (float(value) for value in host.cell.cellpar())
    return NebResult(
        formula=request.formula,
        phase=request.phase,
        space_group=space_group(host, SYMPREC_ANG).symbol,
        species=x,
        defect=f"V_{x}",
        charge=None,
        hop=hop.as_hop(),
        distinct_hops=distinct_hops,
        reaction_coordinate_ang=[float(value) for value in band.path_ang],
        image_energies_ev=[float(value) for value in band.energies_ev],
        image_tangent_forces_ev_per_ang=[float(value) for value in band.tangent_forces],
        barrier_forward_ev=band.barrier_forward_ev,
        barrier_reverse_ev=band.barrier_reverse_ev,
        residual_force_ev_per_ang=band.residual,
        lattice_parameters=(a_ang, b_ang, c_ang, alpha, beta, gamma),
        atoms_in_cell=len(host) - 1,
        force_calls=force_calls,
        wall_seconds=round(wall_seconds, 2),
        neb_method=NEB_METHOD,
        optimizer=OPTIMIZER,
    )
