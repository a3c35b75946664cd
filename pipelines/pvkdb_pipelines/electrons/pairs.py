"""Vacancies that keep the charge together: energies of a cation and its halides missing in a host.

All electrons stay paired, so that the energy needs no Fermi level. What is missing is given back
as its crystal, such as CsBr: W. Schottky, Z. Phys. Chem. 29B, 335 (1935); of MAPbI3 A. Walsh et
al., Angew. Chem. Int. Ed. 54, 1791 (2015), doi:10.1002/anie.201409740.
"""

from __future__ import annotations

from contextlib import suppress
from itertools import combinations
from math import ceil

import numpy as np
from ase import Atoms

from pvkdb.chemistry import parse_composition
from pvkdb.compositions.compounds import Compound, competitors, compound_like
from pvkdb.compositions.hulls import LEAST_AMOUNT, lowest_mixture
from pvkdb.errors import CalculationFailedError, MissingRadiusError
from pvkdb.schemas.calculations import AnyPotential, FailureKind
from pvkdb.schemas.calculations.electrons import (
    PairEnergy,
    PairReference,
    PairRequest,
    PairResult,
)
from pvkdb.schemas.calculations.relaxations import RelaxRequest
from pvkdb.store.files.structure_reading import distinct_atoms
from pvkdb_pipelines.geometry.hosts import atoms_in, energy_of
from pvkdb_pipelines.geometry.supercells import round_supercell, shortest_vector_ang
from pvkdb_pipelines.potentials.loading import metered
from pvkdb_pipelines.potentials.potential import Potential
from pvkdb_pipelines.progress import ProgressReporter, Report
from pvkdb_pipelines.prototypes.catalogue import candidates
from pvkdb_pipelines.relaxations.compound import relax_request
from pvkdb_pipelines.relaxations.relaxation import RelaxationRun
from pvkdb_pipelines.relaxations.vacancy import HOST, LOAD, REFILL, STAGES, VACANCIES, Supercell

#: The supercell is the roundest with as many.
FEWEST_ATOMS = 80
#: A supercell that falls further than this, eV, was not a minimum: the fall would be counted as a
#: part of the energy of the vacancies.
MOST_DROP_EV = 0.05
#: Halides around a cation are at most so many times as far as the nearest: the six of an
#: off-centre Ge2+ are within 1.3, the next ones of an octahedron beyond 2.
_AROUND = 1.4
#: Halides that are at most this much nearer than the farthest are far apart, too, Å.
_FAR_ANG = 0.5

#: Arrangements that are relaxed. In Pnma CsPbBr3 (SevenNet-0) the lowest neighbours are the second
#: or fourth before relaxation, 0.03 and 0.05 eV below the first; far apart, the first.
RELAXED = {"neighbours": 2, "far apart": 1}
#: Arrangements of nearer energies are the same by symmetry, but for what a relaxation leaves.
_SAME_EV = 0.005

#: Indices in the supercell: the cation, then its halides.
Missing = tuple[int, ...]


def compute_pair(
    request: PairRequest, report: Report | None = None, potential: Potential | None = None
) -> RelaxationRun[PairResult]:
    """Relax a host's supercell without a cation and its halides, as neighbours and far apart.

    Of each, the distinct arrangements that are lowest before relaxation are relaxed.

    Raises:
        CalculationFailedError: No crystal of what is missing has an energy (``NO_REFERENCE``), the
            host does not hold its phase (``UNSTABLE_HOST``), or nothing converged.
    """
    crystal = _crystal(request)
    progress = ProgressReporter(STAGES, report)
    progress.begin(LOAD)
    potential, spent = metered(potential, request.potential, sorted(set(request.host.symbols)))
    unit = atoms_in(request.host)
    cell = round_supercell(unit, ceil(FEWEST_ATOMS / len(unit)))
    name = f"{request.formula} {request.phase}"
    supercell = Supercell(name, potential, request.settings, progress)
    host, _ = supercell.relaxed(cell, "complete supercell", HOST)
    host_ev = energy_of(host)
    drop_ev = energy_of(potential.evaluated(cell)) - host_ev
    _require_kept(request, drop_ev, len(cell), "when its atoms were shaken")

    def without(missing: Missing) -> Atoms:
        return host[np.setdiff1d(np.arange(len(host)), missing)]

    def unrelaxed_ev(missing: Missing) -> float:
        return energy_of(potential.evaluated(without(missing)))

    found: dict[str, tuple[Missing, Atoms, int]] = {}
    failures: list[CalculationFailedError] = []
    distances = cell.get_all_distances(mic=True)
    for kind, choices in arrangements(request, np.array(cell.symbols), distances).items():
        levels = {round(unrelaxed_ev(each) / _SAME_EV): each for each in choices}
        for missing in [levels[level] for level in sorted(levels)[: RELAXED[kind]]]:
            try:
                vacancies, steps = supercell.relaxed(without(missing), kind, VACANCIES)
            except CalculationFailedError as failure:
                failures.append(failure)
                continue
            if kind not in found or energy_of(vacancies) < energy_of(found[kind][1]):
                found[kind] = missing, vacancies, steps
    if not found:
        raise failures[0]
    missing, lowest, _ = min(found.values(), key=lambda each: energy_of(each[1]))
    refilled_ev = supercell.refilled_ev(host, lowest, missing)
    if refilled_ev is not None:
        _require_kept(request, host_ev - refilled_ev, len(cell), "when the ions were put back")
        drop_ev += max(0.0, host_ev - refilled_ev)
        host_ev = min(host_ev, refilled_ev)
    progress.finish(REFILL)
    host_ev_per_formula = host_ev * request.atoms_per_formula / len(cell)
    poor_ev, others, remark = _poor_end(request, crystal, host_ev_per_formula)

    def energy(missing: Missing, vacancies: Atoms, steps: int) -> PairEnergy:
        cell_ev = energy_of(vacancies)
        return PairEnergy(
            distance_ang=round(float(distances[missing[0], list(missing[1:])].max()), 3),
            cell_ev=cell_ev,
            rich_ev=cell_ev - host_ev + crystal.energy_ev_per_formula,
            poor_ev=None if poor_ev is None else cell_ev - host_ev + poor_ev,
            steps=steps,
        )

    return RelaxationRun(
        result=PairResult(
            formula=request.formula,
            phase=request.phase,
            defect=request.missing.label,
            atoms_in_cell=len(cell),
            distance_ang=round(shortest_vector_ang(cell.cell.array), 3),
            host_ev=host_ev,
            host_drop_ev=None if refilled_ev is None else max(0.0, drop_ev),
            crystal=crystal,
            others=others,
            arrangements={kind: energy(*each) for kind, each in found.items()},
            remarks=[*map(str, failures), *([remark] if remark else [])],
            **spent(),
        ),
        atoms=lowest,
        versions={**potential.versions, "weights": potential.weights},
    )


def reference_requests(compound: Compound, potential: AnyPotential) -> list[RelaxRequest]:
    """Return the relaxations of what a compound may decompose into, as screenings make them."""
    found: list[RelaxRequest] = []
    for other in competitors(compound):
        with suppress(MissingRadiusError):
            found += [relax_request(other, info, potential) for info in candidates(other)]
    return found


def arrangements(
    request: PairRequest, symbols: np.ndarray, distances: np.ndarray
) -> dict[str, list[Missing]]:
    """Return which atoms of the supercell may be missing, by name of the arrangement.

    Args:
        request: Cation, halide, and a host whose distinct sites are the first of the supercell.
        symbols: Elements of the n atoms of the supercell.
        distances: Between all atoms, shape (n, n), Å.
    """
    halides = np.flatnonzero(symbols == request.halide)
    cations = [at for at in distinct_atoms(request.host) if symbols[at] == request.cation]
    found: dict[str, list[Missing]] = {"neighbours": []}
    for cation in cations:
        nearest = halides[np.argsort(distances[cation, halides])]
        near_ang = _AROUND * distances[cation, nearest[0]]
        around = max(request.charge, int((distances[cation, nearest] <= near_ang).sum()))
        sets = combinations(nearest[:around].tolist(), request.charge)
        found["neighbours"] += [(cation, *each) for each in sets]
        if request.charge == 1:
            far = halides[distances[cation, halides] >= distances[cation, nearest[-1]] - _FAR_ANG]
            found.setdefault("far apart", []).extend((cation, each) for each in far.tolist())
    return {kind: sets for kind, sets in found.items() if sets}


def _crystal(request: PairRequest) -> PairReference:
    for each in request.references:
        if each.formula == request.missing.species:
            return each
    raise CalculationFailedError(
        FailureKind.NO_REFERENCE,
        f"{request.missing.label} in {request.formula} has no energy: the store has no relaxed "
        f"crystal of {request.missing.species} by {request.potential} to be given back; pvkdb pair "
        "relaxes one where a prototype holds it",
    )


def _require_kept(request: PairRequest, drop_ev: float, atoms: int, when: str) -> None:
    """Refuse a host that was no minimum.

    Both checks are relaxations of the complete supercell that the energy needs anyway or that
    begin near their end: the shaken one finds hosts that fall by themselves, that with its ions
    put back those that only the vacancies set free. Space groups would miss falls within one.
    """
    if drop_ev > MOST_DROP_EV:
        raise CalculationFailedError(
            FailureKind.UNSTABLE_HOST,
            f"{request.formula} does not hold its phase {request.phase}: the complete cell of "
            f"{atoms} atoms fell by {drop_ev:.2f} eV {when} (at most {MOST_DROP_EV}); request "
            "another phase",
        )


def _poor_end(
    request: PairRequest, crystal: PairReference, host_ev_per_formula: float
) -> tuple[float | None, list[PairReference], str | None]:
    """Return the potential of what is missing beside the host's other phases, and these.

    One host is the missing salt and the lowest mixture of other compounds for the rest. In place of
    a potential above that of the crystal, or without such a mixture, there is a remark.
    """
    host = compound_like(parse_composition(request.formula))
    known = {each.formula: each.numbers_of_elements for each in competitors(host)}
    content, salt = host.numbers_of_elements, known[crystal.formula]
    amount = content[request.cation] / salt[request.cation]
    rest = {each: number - amount * salt.get(each, 0) for each, number in content.items()}
    references = request.references
    mixture = lowest_mixture(
        rest, [(known[each.formula], each.energy_ev_per_formula) for each in references]
    )
    if mixture is None:
        return None, [], f"no energies of what {host} without {crystal.formula} consists of"
    rest_ev, shares = mixture
    others = [each for each, share in zip(references, shares, strict=True) if share > LEAST_AMOUNT]
    poor_ev = (host_ev_per_formula - rest_ev) / amount
    above_ev = amount * (poor_ev - crystal.energy_ev_per_formula)
    if above_ev > 0:
        beside = " and ".join(each.formula for each in (crystal, *others))
        return None, others, f"{host} lies {above_ev:.2f} eV a formula unit above {beside}"
    return poor_ev, others, None
