"""Relaxed defects on each symmetry-distinct site, and a test that the host stays stable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
from ase import Atoms

from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import FailureKind
from pvkdb.schemas.calculations.migration import NebSettings
from pvkdb_pipelines.migration.defects.states import DefectState, Stage
from pvkdb_pipelines.migration.host.hessian import Hessian
from pvkdb_pipelines.migration.host.host import Crystal, checked_drop, relax_ions
from pvkdb_pipelines.migration.sites.sites import closed_sites
from pvkdb_pipelines.potentials.potential import Potential
from pvkdb_pipelines.progress import OnStep

#: A neighbour that moves farther than this has jumped into the vacancy, Å.
_JUMPED_ANG = 1.8
#: A rattled start that relaxes this much lower has broken the symmetry of the site, eV.
_LOWER_EV = 0.001

_T = TypeVar("_T")
#: Called at the start of each part (index, number of parts); returns the callback for its steps.
Announce = Callable[[int, int], OnStep]


@dataclass
class DefectStates:
    """The lowest known state on each kind of site.

    Attributes:
        hessian: Second derivatives of the host.
        by_site: State of each kind of site, by its first site.
        failures: Failure of each kind of site without a state.
        offsets_ev: What is added to the energy of cells without an ion of an element, so that the
            vacancies of a mixture have one scale.
    """

    stage: Stage
    hessian: Hessian
    potential: Potential
    settings: NebSettings
    by_site: dict[int, DefectState] = field(default_factory=dict)
    failures: dict[int, CalculationFailedError] = field(default_factory=dict)
    offsets_ev: dict[str, float] = field(default_factory=dict)

    def kind(self, site: int) -> int:
        """Return the kind of a site: the index of the first site equivalent to it."""
        return int(self.stage.sites.action.orbits[site])

    def of(self, site: int) -> DefectState:
        """Return the lowest known state on sites of this kind.

        Raises:
            CalculationFailedError: it has no state.
        """
        kind = self.kind(site)
        if kind in self.failures:
            raise self.failures[kind]
        return self.by_site[kind]

    def relaxed(
        self, cell: Atoms, site: int, what: str, on_step: OnStep | None = None
    ) -> tuple[Atoms, int]:
        """Relax a cell with the defect on a site; see :func:`relax_ions`."""
        stiffness = self.hessian.of_atoms(self.stage.kept(site))
        return relax_ions(cell, stiffness, self.potential, self.settings, what, on_step)

    def replace(self, state: DefectState) -> int:
        """Replace the state of a kind of sites by one with broken symmetry; return the kind."""
        kind = self.kind(state.site)
        back = int(np.flatnonzero(self.stage.sites.action.target[:, state.site] == kind)[0])
        self.by_site[kind] = replace(self.stage.carried(state, back), broken=True)
        return kind

    def level_ev(self, site: int) -> float:
        """Return the energy of the state on a site, on one scale for all elements, eV."""
        return self.of(site).energy_ev + self.offsets_ev.get(self.stage.element(site), 0.0)

    @property
    def lowest_ev(self) -> float:
        """Energy of the lowest state on any site, eV."""
        return min(map(self.level_ev, self.by_site))


def relax_vacancies(unknown: DefectStates, announce: Announce) -> DefectStates:
    """Relax one vacancy of each kind, from a symmetric and from a rattled start.

    If a neighbour jumps into a vacancy, its kind of site has no state.

    Raises:
        CalculationFailedError: no kind of site has a state.
    """

    def relaxed(site: int, on_step: OnStep) -> DefectState:
        return _lowest_from_two_starts(unknown, site, on_step)

    found, failures = _on_each(unknown.stage.sites.distinct, relaxed, announce)
    return replace(unknown, by_site=found, failures=failures)


def relax_interstitials(unknown: DefectStates, announce: Announce) -> DefectStates:
    """Relax an added atom from each candidate site; its final positions are the sites.

    Returns:
        States on a new stage with these sites.

    Raises:
        CalculationFailedError: no relaxation converged.
    """
    stage, settings = unknown.stage, unknown.settings

    def relaxed(site: int, on_step: OnStep) -> tuple[Atoms, int]:
        start = stage.with_defect(site)
        start.rattle(stdev=settings.rattle_ang / 2, seed=settings.seed)
        return unknown.relaxed(start, site, f"{stage.sites.symbol} interstitial", on_step)

    found, _ = _on_each(stage.sites.distinct, relaxed, announce)
    minima = sorted(found.values(), key=lambda entry: float(entry[0].get_potential_energy()))
    positions, kept = closed_sites([atoms.positions[-1] for atoms, _ in minima], stage.operations)
    own = Stage(replace(stage.sites, positions=positions))
    states = replace(unknown, stage=own)
    for index, site in kept.items():
        states.replace(own.state_of(site, *minima[index]))
    return states


def relax_without_defect(states: DefectStates, crystal: Crystal, on_step: OnStep) -> float | None:
    """Remove the lowest defect from its relaxed cell and relax the host again.

    Returns:
        The energy of that host below the crystal, eV per formula unit; None if the relaxation
        failed.

    Raises:
        HostFellError: the energy is above the limit for hosts.
    """
    stage = states.stage
    state = min(states.by_site.values(), key=lambda entry: entry.energy_ev)
    host = stage.host.copy()
    host.positions += state.displacements[:-1]
    stiffness, potential = states.hessian.of_atoms(np.arange(len(host))), states.potential
    try:
        healed, _ = relax_ions(host, stiffness, potential, states.settings, "healed host", on_step)
    except CalculationFailedError:
        return None
    return checked_drop(crystal, healed, potential, "the supercell without its defect")


def _on_each(
    sites: Sequence[int], relaxed: Callable[[int, OnStep], _T], announce: Announce
) -> tuple[dict[int, _T], dict[int, CalculationFailedError]]:
    """Relax the defect on each site; return the results and the failures, by site."""
    found: dict[int, _T] = {}
    failures: dict[int, CalculationFailedError] = {}
    for place, site in enumerate(sites):
        try:
            found[site] = relaxed(site, announce(place, len(sites)))
        except CalculationFailedError as failure:
            failures[site] = failure
    if not found:
        raise next(iter(failures.values()))
    return found, failures


def _lowest_from_two_starts(unknown: DefectStates, site: int, on_step: OnStep) -> DefectState:
    """Relax a vacancy, on a symmetric site also from a rattled start; return the lower state."""
    stage, settings = unknown.stage, unknown.settings
    what = f"{stage.sites.symbol} vacancy"
    relaxed, steps = unknown.relaxed(stage.with_defect(site), site, what, on_step)
    state = stage.state_of(site, relaxed, steps)
    if np.count_nonzero(stage.sites.action.target[:, site] == site) > 1:
        rattled = stage.with_defect(site)
        rattled.rattle(stdev=settings.rattle_ang, seed=settings.seed)
        relaxed, more = unknown.relaxed(rattled, site, what, on_step)
        other = stage.state_of(site, relaxed, steps + more)
        if other.energy_ev < state.energy_ev - _LOWER_EV:
            state = replace(other, broken=True)
    moved = np.linalg.norm(state.displacements, axis=1)
    farthest = int(moved.argmax())
    if moved[farthest] > _JUMPED_ANG:
        raise CalculationFailedError(
            FailureKind.ENDPOINTS_IDENTICAL,
            f"next to the {what}, {stage.host.symbols[farthest]}{farthest} moved by "
            f"{moved[farthest]:.1f} Å in the relaxation: this site holds no vacancy",
        )
    return state
