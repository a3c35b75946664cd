"""Preparation of barriers: a stable host and a relaxed defect on each of its sites."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import replace

from pvkdb.schemas.calculations.migration import NebSettings
from pvkdb_pipelines.migration.defects.defects import (
    DefectStates,
    relax_interstitials,
    relax_vacancies,
    relax_without_defect,
)
from pvkdb_pipelines.migration.defects.states import Stage
from pvkdb_pipelines.migration.host.hessian import host_hessian
from pvkdb_pipelines.migration.host.host import (
    Crystal,
    HostFellError,
    Start,
    relaxed_crystal,
    require_minimum,
)
from pvkdb_pipelines.migration.sites.operations import operations_of
from pvkdb_pipelines.migration.sites.sites import DefectKind, interstitial_sites, vacancy_sites
from pvkdb_pipelines.potentials.potential import Potential
from pvkdb_pipelines.progress import OnStep

#: Number of hosts that are tried, each lower than the one before.
_MOST_HOSTS = 3

#: Called at the start of a stage (``host`` or ``defects``) with the target force, the part and the
#: number of parts; returns the callback for its steps.
Announce = Callable[[str, float, int, int], OnStep]


def prepare(
    start: Start,
    kind: DefectKind,
    symbol: str,
    potential: Potential,
    settings: NebSettings,
    *,
    name: str,
    atoms_per_formula: float,
    announce: Announce,
    others: AbstractSet[str] = frozenset(),
) -> tuple[Crystal, DefectStates, float]:
    """Relax the host and its defects; restart from the lower structure if the host is unstable.

    ``others`` are other elements on the site of a vacancy, in a mixture.

    Returns:
        The host, the lowest defect on each kind of site, and the energy by which the displaced or
        refilled host relaxed below the crystal, within the limit, eV per formula unit.

    Raises:
        CalculationFailedError: a relaxation did not converge or gave another structure, or every
            host was unstable (``UNSTABLE_HOST``).
    """
    left = None
    for attempt in range(_MOST_HOSTS):
        crystal = relaxed_crystal(
            start,
            potential,
            settings,
            name=name,
            atoms_per_formula=atoms_per_formula,
            on_step=announce("host", settings.fmax_cell_ev_per_ang, 0, 2),
        )
        try:
            states, drop = _with_defects(
                crystal, kind, symbol, potential, settings, announce, others
            )
        except HostFellError as fall:
            wrong = start.flaw(fall.lower)
            if attempt == _MOST_HOSTS - 1 or wrong is not None:
                raise
            left = f"{1000 * fall.drop_ev:.0f} meV a formula unit lower"
            start = Start(fall.lower, flaw=start.flaw, fallen=True)
            continue
        if left is not None:
            crystal = replace(crystal, left_for=f"{crystal.space_group}, {left}")
        return crystal, states, drop
    raise AssertionError("the last attempt returns or raises")


def _with_defects(
    crystal: Crystal,
    kind: DefectKind,
    symbol: str,
    potential: Potential,
    settings: NebSettings,
    announce: Announce,
    others: AbstractSet[str],
) -> tuple[DefectStates, float]:
    operations = operations_of(crystal.cell)
    if kind == "vacancy":
        stage = Stage(vacancy_sites(operations, symbol, others))
    else:
        stage = Stage(interstitial_sites(operations, symbol))
    hessian = host_hessian(operations, potential)
    fmax = settings.fmax_endpoint_ev_per_ang
    drop = require_minimum(crystal, hessian, potential, settings, announce("host", fmax, 1, 2))
    relax_defects = relax_vacancies if kind == "vacancy" else relax_interstitials
    states = relax_defects(
        DefectStates(stage, hessian, potential, settings),
        lambda part, parts: announce("defects", fmax, part, parts + 1),
    )
    healed = relax_without_defect(states, crystal, announce("defects", fmax, 1, 2))
    return states, max(drop, healed or 0.0)
