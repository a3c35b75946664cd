"""Estimates of activation energies in seconds: the moving ion is held halfway, others give way.

Of each kind of hop by octahedra, one is computed: the ion starts where the others leave most room
in the plane halfway between the sites, is held in that plane, and all ions take a few quasi-Newton
steps. The energy above the relaxed vacancy counts for all hops of the kind; the bottleneck of the
easiest path is the estimate. How close it comes to barriers: docs/validation/active_learning.md.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from ase import Atoms
from ase.constraints import FixCom, FixedPlane
from ase.geometry import find_mic, get_distances
from ase.optimize import BFGS

from pvkdb.chemistry import parse_composition
from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import FailureKind
from pvkdb.schemas.calculations.relaxations import EstimateRequest, EstimateResult
from pvkdb_pipelines.geometry.hosts import atoms_in
from pvkdb_pipelines.geometry.supercells import distant_supercell
from pvkdb_pipelines.migration.result.hop_descriptions import (
    describe_halide_hop,
    octahedra_of,
    shared_cation,
)
from pvkdb_pipelines.migration.result.percolation import (
    LONGEST_ANG,
    SLACK_ANG,
    HopEdge,
    connecting_length_ang,
    thresholds,
)
from pvkdb_pipelines.migration.sites.hops import Pair, pair_length_ang, pairs_within
from pvkdb_pipelines.potentials.loading import metered
from pvkdb_pipelines.potentials.potential import Potential
from pvkdb_pipelines.progress import Report
from pvkdb_pipelines.relaxations.relaxation import RelaxationRun

#: Start of the moving ion: points of the plane at these distances from the straight line, Å. The
#: repulsion of the others falls with this power of the distance over the shortest in the host.
_GRID_ANG = np.mgrid[-2:2.05:0.1, -2:2.05:0.1].reshape(2, -1).T
_OFFSETS_ANG = _GRID_ANG[np.linalg.norm(_GRID_ANG, axis=1) <= 2.0]
_REPULSION = 8
#: Most quasi-Newton steps, curvature of the first, eV/Å², the longest, Å, and force at which they
#: end, eV/Å. After some twenty, soft hosts slide along the hop and the ion is halfway no longer.
_STEPS, _CURVATURE, _STEP_ANG, _FMAX = 10, 15.0, 0.15, 0.05


def estimate_barrier(
    request: EstimateRequest, report: Report | None = None, potential: Potential | None = None
) -> RelaxationRun[EstimateResult]:
    """Return an estimate of E_A of a halide vacancy, eV, and the structure that limits it.

    ``potential`` is used instead of the one that the request names. It takes seconds, so that
    ``report`` is not called.

    Raises:
        CalculationFailedError: The host is not made of octahedra, or its hops lead nowhere
            (``NO_HOP``), or the potential failed.
        InputError: No supercell is large enough.
    """
    potential, spent = metered(potential, request.potential, sorted(set(request.host.symbols)))
    composition, host = parse_composition(request.formula), atoms_in(request.host)
    halide = composition.on("X")[0].ion.symbol
    kinds = _kinds(host, {each.ion.symbol for each in composition.on("B")}, halide)
    cell, _ = distant_supercell(host, request.settings.distance_ang)
    halfway: list[Atoms] = []
    edges: list[HopEdge] = []
    for place, pairs in enumerate(kinds.values()):
        atoms = _halfway(host, cell, pairs[len(pairs) // 2], halide)
        atoms.calc = potential.calculator(stress=False)
        with BFGS(atoms, logfile=None, maxstep=_STEP_ANG, alpha=_CURVATURE) as optimizer:
            optimizer.run(fmax=_FMAX, steps=_STEPS)
        above_ev = float(atoms.get_potential_energy()) - request.vacancy_ev
        halfway.append(atoms)
        edges += [HopEdge(pair, above_ev, place) for pair in pairs]
    limit = thresholds(int((host.symbols == halide).sum()), edges, {})["1D"]
    return RelaxationRun(
        result=EstimateResult(
            formula=request.formula,
            phase=request.phase,
            e_a_ev=limit.saddle_ev,
            limited_by=list(kinds)[limit.hop],
            **spent(),
        ),
        atoms=halfway[limit.hop],
        versions={**potential.versions, "weights": potential.weights},
    )


def _kinds(host: Atoms, cations: set[str], halide: str) -> dict[str, list[Pair]]:
    """Return the hops of each kind, by length: its description, and the cation they stay at."""
    octahedra = octahedra_of(host, cations, {halide})
    atoms = np.flatnonzero(host.symbols == halide)
    positions, cell = host.positions[atoms], host.cell.array
    cutoff = connecting_length_ang(positions, cell, LONGEST_ANG)
    if not np.isfinite(cutoff):
        raise CalculationFailedError(
            FailureKind.NO_HOP,
            f"{host.symbols}: hops of {halide} up to {LONGEST_ANG:g} Å lead nowhere, so that no "
            "estimate is known; `pvkdb neb --cutoff` takes longer hops",
        )
    cutoff = max(cutoff, octahedra.longest_edge_ang + SLACK_ANG)
    found: dict[str, list[Pair]] = defaultdict(list)
    for pair in pairs_within(positions, cell, cutoff):
        i, j = int(atoms[pair[0]]), int(atoms[pair[1]])
        cation = shared_cation(octahedra, (i, j, pair[2]))
        name = describe_halide_hop(octahedra, (i, j, pair[2]))
        found[name if cation is None else f"{name} at {host.symbols[cation]}"].append(pair)
    for pairs in found.values():
        pairs.sort(key=lambda pair: pair_length_ang(positions, cell, pair))
    return dict(found)


def _halfway(host: Atoms, cell: Atoms, pair: Pair, halide: str) -> Atoms:
    """Return the supercell without one halide of a hop and with the other one held halfway."""
    sites = host.positions[host.symbols == halide]
    start, end = sites[pair[0]], sites[pair[1]] + np.array(pair[2]) @ host.cell.array
    vacant, moving = (
        int(find_mic(cell.positions - site, cell.cell)[1].argmin()) for site in (start, end)
    )
    distances = cell.get_all_distances(mic=True)
    np.fill_diagonal(distances, np.inf)
    shortest = distances[cell.symbols == halide].min(axis=0)
    closest = np.array([shortest[cell.symbols == symbol].min() for symbol in cell.symbols])
    along = (end - start) / np.linalg.norm(end - start)
    points = (start + end) / 2 + _OFFSETS_ANG @ np.linalg.svd(along[None])[2][1:]
    _, apart = get_distances(points, cell.positions, cell=cell.cell, pbc=True)
    crowding = (closest / apart) ** _REPULSION
    crowding[:, [vacant, moving]] = 0.0
    halfway = cell.copy()
    halfway.positions[moving] = points[crowding.sum(axis=1).argmin()]
    del halfway[vacant]
    halfway.set_constraint([FixCom(), FixedPlane(moving - (moving > vacant), along)])
    return halfway
