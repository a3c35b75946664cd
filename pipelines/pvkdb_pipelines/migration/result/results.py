"""The stored result of a migration calculation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from pvkdb.schemas.calculations.migration import (
    DefectSite,
    Hop,
    HopBarrier,
    NebRequest,
    NebResult,
    PercolationThreshold,
)
from pvkdb.schemas.calculations.reliability import OPEN_PATH_EV
from pvkdb_pipelines.geometry.molecules import turned_deg
from pvkdb_pipelines.migration.defects.defects import DefectStates
from pvkdb_pipelines.migration.host.host import Crystal
from pvkdb_pipelines.migration.paths.nudging import NEB_METHOD, OPTIMIZER
from pvkdb_pipelines.migration.paths.paths import Path
from pvkdb_pipelines.migration.result.mixtures import saddle_ev
from pvkdb_pipelines.migration.result.percolation import Threshold
from pvkdb_pipelines.migration.sites.hops import HopClass

#: A failed hop matters only if it could lower a threshold by more than this noise, eV.
_NOISE_EV = 0.005


def migration_result(
    request: NebRequest,
    crystal: Crystal,
    states: DefectStates,
    paths: Sequence[Path],
    found: Mapping[str, Threshold],
    *,
    bounds: Mapping[str, Threshold],
    describe: Callable[[HopClass], str],
    cutoff_ang: float,
    drop_ev_per_formula: float,
    exchange_spread_ev: float | None = None,
    spent: Mapping[str, Any],
) -> NebResult:
    """Return the result of a calculation.

    Args:
        found: Percolation thresholds on the potential's scale, ``1D`` among them.
        bounds: The same if every failed hop had the lowest possible saddle.
        cutoff_ang: Length up to which hops were searched, Å.
        drop_ev_per_formula: Energy by which the displaced or refilled host relaxed below the
            crystal, eV.
        exchange_spread_ev: How far the energy of exchanges varies.
        spent: The cost, by the field of the result.
    """
    zero = states.lowest_ev
    names = _names(states)
    cells = len(crystal.cell) / len(crystal.conventional)
    thresholds = [
        PercolationThreshold(direction=name, e_a_ev=entry.saddle_ev - zero, hop=entry.hop)
        for name, entry in found.items()
    ]
    easiest = found["1D"].saddle_ev
    dimensionality = max(
        int(name[0])
        for name, entry in found.items()
        if name in ("1D", "2D", "3D") and entry.saddle_ev < easiest + OPEN_PATH_EV
    )
    a, b, c, alpha, beta, gamma = (float(value) for value in crystal.conventional.cell.cellpar())
    defect = str(request.defect)
    species = states.stage.sites.symbol
    return NebResult(
        formula=request.formula,
        phase=str(request.phase),
        space_group=crystal.space_group,
        host_left_for=crystal.left_for,
        species=species,
        defect=defect,
        charge=None,
        e_a_ev=found[f"{dimensionality}D"].saddle_ev - zero,
        dimensionality=dimensionality,
        upper_bound=any(
            name not in found or bounds[name].saddle_ev < found[name].saddle_ev - _NOISE_EV
            for name in bounds
        ),
        percolation=sorted(thresholds, key=lambda entry: (len(entry.direction), entry.direction)),
        sites=[_site(states, site, names[site], crystal, cells) for site in sorted(states.by_site)],
        hops=[_hop(path, states, names, describe, crystal, cells, zero) for path in paths],
        cutoff_ang=round(cutoff_ang, 3),
        lattice_parameters=(a, b, c, alpha, beta, gamma),
        supercell=crystal.matrix,
        atoms_in_cell=len(crystal.cell) + (1 if states.stage.sites.kind == "interstitial" else -1),
        distance_ang=round(crystal.distance_ang, 3),
        host_drop_ev_per_formula=drop_ev_per_formula,
        exchange_spread_ev=exchange_spread_ev,
        **{name: round(value, 2) for name, value in spent.items()},
        neb_method=NEB_METHOD,
        optimizer=OPTIMIZER,
    )


def _names(states: DefectStates) -> dict[int, str]:
    """Return the names of the kinds of sites: element and number."""
    counted: Counter[str] = Counter()
    names = {}
    for site in states.stage.sites.distinct:
        symbol = states.stage.element(site)
        counted[symbol] += 1
        names[site] = f"{symbol}{counted[symbol]}"
    return names


def _site(states: DefectStates, site: int, name: str, crystal: Crystal, cells: float) -> DefectSite:
    state = states.by_site[site]
    orbits = states.stage.sites.action.orbits
    x, y, z = _in_conventional(crystal, states.stage.sites.positions[site]) % 1.0
    return DefectSite(
        name=name,
        multiplicity=round(np.count_nonzero(orbits == site) / cells),
        position=(round(x, 4), round(y, 4), round(z, 4)),
        energy_ev=states.level_ev(site) - states.lowest_ev,
        symmetry_broken=state.broken,
        steps=state.steps,
    )


def _hop(
    path: Path,
    states: DefectStates,
    names: Mapping[int, str],
    describe: Callable[[HopClass], str],
    crystal: Crystal,
    cells: float,
    zero: float,
) -> HopBarrier:
    hop, band = path.hop, path.band
    positions, vectors = states.stage.sites.positions, crystal.cell.cell.array
    step = positions[hop.end] + np.array(hop.vector) @ vectors - positions[hop.start]
    u, v, w = (round(float(value), 4) for value in _in_conventional(crystal, step))
    described = Hop(
        start=names[states.kind(hop.start)],
        end=names[states.kind(hop.end)],
        length_ang=round(hop.length_ang, 4),
        hop_class=describe(hop),
        multiplicity=round(len(hop.members) / cells),
        direction=(u, v, w),
    )
    saddle = saddle_ev(states, path)
    if band is None or path.saddle_ev is None or saddle is None:
        assert path.failure is not None
        return HopBarrier(
            hop=described,
            outcome="composed" if path.composed else "failed",
            failure_kind=path.failure.kind,
            failure_message=str(path.failure),
        )
    start, end = (states.of(site).energy_ev for site in (hop.start, hop.end))
    turned = turned_deg(band.images[0], band.images[-1])
    if states.stage.exchanges(hop):
        end = float(band.images[-1].get_potential_energy())
    return HopBarrier(
        hop=described,
        outcome="monotonic" if path.monotonic else "saddle",
        barrier_forward_ev=path.saddle_ev - start,
        barrier_reverse_ev=path.saddle_ev - end,
        saddle_ev=saddle - zero,
        images=len(band.images) - 2,
        by_half=path.by_half,
        molecules_turned_deg=round(float(turned.max()), 1) if len(turned) else None,
        residual_force_ev_per_ang=band.residual,
        band_residual_ev_per_ang=band.band_residual,
        reaction_coordinate_ang=band.path_ang.tolist(),
        image_energies_ev=band.energies_ev.tolist(),
        image_tangent_forces_ev_per_ang=band.tangent_forces.tolist(),
        recheck_saddle_ev=None
        if path.recheck_ev is None
        else saddle - zero + path.recheck_ev - path.saddle_ev,
        recheck_failure=None if path.recheck_failure is None else str(path.recheck_failure),
    )


def _in_conventional(crystal: Crystal, vector: np.ndarray) -> np.ndarray:
    """Return a Cartesian vector in coordinates of the conventional cell."""
    return np.asarray(vector @ np.linalg.inv(crystal.conventional.cell.array))
