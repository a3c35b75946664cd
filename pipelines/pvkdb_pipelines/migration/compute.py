"""The calculation of ``pvkdb neb``: all barriers of a defect and the easiest percolating path."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from pvkdb.chemistry import Composition, parse_composition
from pvkdb.display.notebook import NotebookView
from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import FailureKind
from pvkdb.schemas.calculations.migration import CompleteNebRequest, NebResult
from pvkdb.store.curation.computed import ComputedStructure
from pvkdb.store.files.structure_reading import elements_of, require_composition
from pvkdb_pipelines.geometry.hosts import atoms_in, computed_structure
from pvkdb_pipelines.geometry.symmetry import space_group
from pvkdb_pipelines.migration.defects.defects import DefectStates
from pvkdb_pipelines.migration.defects.preparation import prepare
from pvkdb_pipelines.migration.defects.states import Stage
from pvkdb_pipelines.migration.host.host import Crystal, Start
from pvkdb_pipelines.migration.paths.paths import Path, PathFinder
from pvkdb_pipelines.migration.result.hop_descriptions import (
    Octahedra,
    describe_halide_hop,
    octahedra_of,
)
from pvkdb_pipelines.migration.result.mixtures import align, saddle_ev
from pvkdb_pipelines.migration.result.percolation import (
    LONGEST_ANG,
    SLACK_ANG,
    HopEdge,
    Threshold,
    connecting_length_ang,
    thresholds,
)
from pvkdb_pipelines.migration.result.results import migration_result
from pvkdb_pipelines.migration.sites.hops import HopClass, Pair, find_hops
from pvkdb_pipelines.migration.sites.operations import SYMPREC_ANG
from pvkdb_pipelines.migration.sites.sites import parse_defect
from pvkdb_pipelines.potentials.loading import metered
from pvkdb_pipelines.potentials.potential import Potential
from pvkdb_pipelines.progress import ProgressReporter, Report
from pvkdb_pipelines.prototypes import Mixture, build, compound_of, prototype
from pvkdb_pipelines.structures import checks

#: Without octahedra, hops up to this multiple of the shortest connecting hop are computed.
_CUTOFF = 1.2
#: Most hops that are computed again, each because it limits the path.
_MOST_RECHECKS = 3

_LOAD, _HOST = "load the potential", "relax the host"
_DEFECTS, _PATHS = "relax the defects", "converge the paths"
_PREPARING = {"host": _HOST, "defects": _DEFECTS}
_STAGES = {_LOAD: 0.02, _HOST: 0.12, _DEFECTS: 0.3, _PATHS: 1.0}


@dataclass(frozen=True)
class MigrationRun(NotebookView):
    """A finished migration calculation: the result, the host and the path of every hop.

    ``paths`` are in the order of the result; ``versions`` are those of the packages and the weights
    that determine the numbers.
    """

    result: NebResult
    crystal: Crystal
    paths: list[Path]
    versions: dict[str, str]

    def structures(self) -> dict[str, ComputedStructure]:
        """Return the host and the images of all paths by name, as the store keeps them."""
        images = {
            f"hop-{number}-image-{index}": computed_structure(image)
            for number, path in enumerate(self.paths, start=1)
            if path.band is not None
            for index, image in enumerate(path.band.images)
        }
        return {"host": computed_structure(self.crystal.cell, self.crystal.space_group), **images}


def compute_migration(
    request: CompleteNebRequest, report: Report | None = None, potential: Potential | None = None
) -> MigrationRun:
    """Compute every hop of a defect and the easiest paths through the crystal.

    The host is relaxed with its cell; it must keep its space group and be a minimum. One defect on
    each kind of site is relaxed and mapped to all equivalent sites. Every distinct hop gets a band
    with a climbing image. The hops form a periodic graph, whose bottleneck is the activation
    energy. The limiting hop is computed again in another way. A KeyboardInterrupt is not caught.

    Args:
        request: Composition, phase, defect, potential and numerical settings, all complete.
        report: Called with the progress after each step.
        potential: Used instead of the potential that the request names.

    Raises:
        CalculationFailedError: With the :class:`FailureKind` of the failure.
        InputError: The prototype or the structure does not match the composition.
    """
    composition = parse_composition(request.formula)
    settings = request.settings
    kind, symbol = parse_defect(request.defect)
    others = frozenset(sharing(composition, symbol) if kind == "vacancy" else ())
    progress = ProgressReporter(_STAGES, report)
    progress.begin(_LOAD)
    potential, spent = metered(potential, request.potential, [*elements_of(composition), symbol])

    crystal, states, drop_ev_per_formula = prepare(
        _start(request, composition),
        kind,
        symbol,
        potential,
        settings,
        name=f"{request.formula} {request.phase}",
        atoms_per_formula=sum(elements_of(composition).values()),
        announce=lambda stage, fmax, part, parts: progress.begin(
            _PREPARING[stage], fmax, (part, parts)
        ),
        others=others,
    )
    stage = states.stage

    octahedra = _octahedra(stage, composition)
    hops, cutoff = _hops(stage, octahedra, settings.cutoff_ang)
    finder = PathFinder(states)
    target = settings.fmax_neb_ev_per_ang
    paths: list[Path] = []
    for index, hop in enumerate(hops):
        paths.append(finder.find(hop, progress.begin(_PATHS, target, (index, len(hops) + 1))))
    _retry_failed_hops(finder, paths)
    exchange_spread_ev = align(states, paths)
    last = (len(hops), len(hops) + 1)
    found = _recheck_limiting_hops(
        crystal, finder, paths, settings.recheck, progress.begin(_PATHS, target, last)
    )
    progress.finish(_PATHS)
    return MigrationRun(
        result=migration_result(
            request,
            crystal,
            states,
            paths,
            found,
            bounds=_thresholds(crystal, states, paths, optimistic=states.lowest_ev),
            exchange_spread_ev=exchange_spread_ev,
            describe=_hop_description(stage, octahedra),
            cutoff_ang=cutoff,
            drop_ev_per_formula=drop_ev_per_formula,
            spent=spent(),
        ),
        crystal=crystal,
        paths=paths,
        versions={**potential.versions, "weights": potential.weights},
    )


def _start(request: CompleteNebRequest, composition: Composition) -> Start:
    """Return the starting structure: the user's, or the prototype of the composition."""
    if request.host is not None:
        atoms = atoms_in(request.host)
        require_composition(atoms, composition, "the structure")
        return Start(atoms)
    compound = compound_of(composition)
    info = prototype(compound.stoichiometry, request.phase)
    atoms = build(compound, info.phase, seed=request.settings.seed)

    def flaw(relaxed: Atoms) -> str | None:
        findings = checks.check(relaxed, compound, atoms, coordination=info.coordination)
        return next((str(finding) for finding in findings if not finding.remark), None)

    if isinstance(compound, Mixture):
        number = None
    elif compound.molecular:
        number = space_group(atoms, SYMPREC_ANG).number
    else:
        number = info.number
    return Start(atoms, number, flaw)


def sharing(composition: Composition, symbol: str) -> list[str]:
    """Return the other elements on the site of an ion, with its charge."""
    ions = {each.ion: each.site for each in composition.occupants if not each.ion.molecular}
    own = {(site, ion.charge) for ion, site in ions.items() if ion.symbol == symbol}
    shared = (ion.symbol for ion, site in ions.items() if (site, ion.charge) in own)
    return [each for each in shared if each != symbol]


def _hops(
    stage: Stage, octahedra: Octahedra | None, cutoff_ang: float | None
) -> tuple[list[HopClass], float]:
    """Return the distinct hops and the length up to which they were searched, Å."""
    positions, cell = stage.sites.positions, stage.host.cell.array
    if cutoff_ang is None:
        connecting = connecting_length_ang(positions, cell, LONGEST_ANG)
        if not np.isfinite(connecting):
            raise CalculationFailedError(
                FailureKind.NO_HOP,
                f"hops of {stage.sites.symbol} up to {LONGEST_ANG} Å do not lead through "
                f"{stage.host.get_chemical_formula()} in three dimensions; set a cutoff to "
                "compute the existing ones",
            )
        cutoff_ang = connecting
        if octahedra is not None:
            cutoff_ang = max(connecting, octahedra.longest_edge_ang + SLACK_ANG)
        elif stage.sites.kind == "vacancy":
            found = find_hops(stage.sites, connecting)
            cutoff_ang = max(connecting, _CUTOFF * found[0].length_ang)
    hops = find_hops(stage.sites, cutoff_ang)
    if not hops:
        raise CalculationFailedError(
            FailureKind.NO_HOP,
            f"no two {stage.sites.symbol} sites of {stage.host.get_chemical_formula()} are within "
            f"{cutoff_ang:g} Å; use a larger cutoff",
        )
    return hops, cutoff_ang


def _retry_failed_hops(finder: PathFinder, paths: list[Path]) -> None:
    """Compute failed hops again if a lower state of one of their ends has been found meanwhile."""
    if not finder.improved:
        return
    for index, path in enumerate(paths):
        ends = {finder.states.kind(path.hop.start), finder.states.kind(path.hop.end)}
        if path.failure is not None and ends & finder.improved:
            paths[index] = finder.find(path.hop, lambda step, force: None)


def _recheck_limiting_hops(
    crystal: Crystal,
    finder: PathFinder,
    paths: list[Path],
    recheck: bool,
    on_step: Callable[[int, float], None],
) -> dict[str, Threshold]:
    """Compute the limiting hops again and return the percolation thresholds."""
    found = _thresholds(crystal, finder.states, paths)
    if "1D" not in found:
        failures = "; ".join(str(path.failure) for path in paths if path.failure is not None)
        raise CalculationFailedError(
            FailureKind.NO_PERCOLATION,
            f"the converged hops do not percolate through the crystal; failed: {failures}",
        )
    for _ in range(_MOST_RECHECKS if recheck else 0):
        pending = {
            found[name].hop
            for name in ("1D", "2D", "3D")
            if name in found and not paths[found[name].hop].rechecked
        }
        if not pending:
            break
        hop = min(pending)
        paths[hop] = finder.recheck(paths[hop], on_step)
        found = _thresholds(crystal, finder.states, paths)
    return found


def _thresholds(
    crystal: Crystal, states: DefectStates, paths: Sequence[Path], optimistic: float | None = None
) -> dict[str, Threshold]:
    """Return the percolation thresholds as energies of the potential, eV.

    Failed hops count with the energy ``optimistic``, or not at all.
    """
    edges = [
        HopEdge(pair, saddle, index)
        for index, path in enumerate(paths)
        if not path.composed
        and (saddle := optimistic if (ev := saddle_ev(states, path)) is None else ev) is not None
        for pair in path.hop.members
    ]
    return thresholds(len(states.stage.sites.positions), edges, crystal.axes)


def _octahedra(stage: Stage, composition: Composition) -> Octahedra | None:
    """Return the octahedra of the host if a halide moves between its sites.

    Monovalent cations alone on B, such as Cu+ in CsCu2I3, are in tetrahedra or triangles. Where
    SCN- shares X, halides are not all corners.
    """
    cations, halides = (
        {occupant.ion.symbol for occupant in composition.on(site)} for site in ("B", "X")
    )
    if stage.sites.kind == "interstitial" or stage.sites.symbol not in halides:
        return None
    if all(occupant.ion.charge == 1 for occupant in composition.on("B")):
        return None
    if any(occupant.ion.molecular for occupant in composition.on("X")):
        return None
    return octahedra_of(stage.host, cations, halides)


def _hop_description(stage: Stage, octahedra: Octahedra | None) -> Callable[[HopClass], str]:
    """Return a function that describes a hop in words, by the octahedra if they are known."""
    sites = stage.sites
    if octahedra is None:
        between = "interstitial" if sites.kind == "interstitial" else sites.symbol
        return lambda hop: f"between {between} sites"

    def describe(hop: HopClass) -> str:
        pair: Pair = (int(sites.atoms[hop.start]), int(sites.atoms[hop.end]), hop.vector)
        return describe_halide_hop(octahedra, pair)

    return describe
