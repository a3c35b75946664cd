"""The recipe of solid elements, the references of chemical potentials."""

from __future__ import annotations

import time
from dataclasses import dataclass

from pvkdb.schemas.calculations.relaxations import ElementRequest, ElementResult
from pvkdb_pipelines.geometry.symmetry import space_group
from pvkdb_pipelines.potentials.potential import Potential, load_potential
from pvkdb_pipelines.progress import ProgressReporter, Report
from pvkdb_pipelines.prototypes.elements import build_element, element_source
from pvkdb_pipelines.relaxations.relaxation import relax
from pvkdb_pipelines.structures import checks as health

_LOAD, _RELAX = "load the potential", "relax atoms and cell"
_STAGES = {_LOAD: 0.05, _RELAX: 1.0}


@dataclass(frozen=True)
class ElementRun:
    """A relaxed element and what decides its energy."""

    result: ElementResult
    versions: dict[str, str]


def compute_element(
    request: ElementRequest, report: Report | None = None, potential: Potential | None = None
) -> ElementRun:
    """Relax a solid element from its published crystal.

    Raises:
        CalculationFailedError: Not converged, not finite, or atoms too close.
        InputError: No crystal structure of the element is tabulated.
    """
    started, cpu_started = time.perf_counter(), time.process_time()
    settings = request.settings
    progress = ProgressReporter(_STAGES, report)
    progress.begin(_LOAD)
    potential = potential or load_potential(request.potential)
    potential.require_elements([request.symbol])
    calls_before = potential.force_calls
    relaxed, steps = relax(
        build_element(request.symbol, settings.rattle_ang, settings.seed),
        potential,
        settings.fmax_ev_per_ang,
        settings.max_steps,
        cell=True,
        what=f"solid {request.symbol}",
        on_step=progress.begin(_RELAX, settings.fmax_ev_per_ang),
    )
    progress.finish(_RELAX)
    return ElementRun(
        result=ElementResult(
            symbol=request.symbol,
            energy_ev_per_atom=float(relaxed.get_potential_energy()) / len(relaxed),
            atoms=len(relaxed),
            volume_ang3_per_atom=float(relaxed.get_volume()) / len(relaxed),
            space_group=space_group(relaxed, health.SYMPREC_ANG).symbol,
            structure_source=element_source(request.symbol),
            steps=steps,
            force_calls=potential.force_calls - calls_before,
            cpu_seconds=round(time.process_time() - cpu_started, 3),
            wall_seconds=round(time.perf_counter() - started, 3),
        ),
        versions={**potential.versions, "weights": potential.weights},
    )
