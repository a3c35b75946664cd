"""DFT requests from barriers and structures of the store.

A DFT request contains its structures, and those of a path exist only when the barrier is done. A
calculation of the kind ``dft-after`` therefore waits for the barrier, computes nothing, and queues
the DFT in the transaction that records it. This needs the store, so it runs where records are
written and not on a compute node.
"""

from __future__ import annotations

from typing import Any, Literal, TypeVar

import numpy as np
from ase import Atoms
from ase.geometry import find_mic
from sqlalchemy.orm import Session

from pvkdb.errors import CalculationFailedError, InputError, NotFoundError
from pvkdb.schemas import validated
from pvkdb.schemas.calculations import CalculationState, FailureKind
from pvkdb.schemas.calculations.dft import (
    AnyDft,
    DftAfterRequest,
    DftAfterResult,
    DftHopRequest,
    DftNebRequest,
    DftPathRequest,
    DftRelaxRequest,
    DftScfRequest,
    DftSettings,
    PathImage,
)
from pvkdb.schemas.calculations.migration import Hop, NebResult
from pvkdb.store.base import Base, utc_now
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.structures import Structure
from pvkdb.store.queue.claims import enqueue, requeue
from pvkdb.store.queue.jobs import find
from pvkdb.store.queue.log import ProgressLine, note_progress
from pvkdb_pipelines.dft.settings import complete_request, structures_of
from pvkdb_pipelines.geometry.hosts import atoms_in, host_of, longest
from pvkdb_pipelines.migration.paths.nudging import images_for, interpolate
from pvkdb_pipelines.migration.result.stored import stored_host, stored_path
from pvkdb_pipelines.migration.sites.hops import find_hops
from pvkdb_pipelines.migration.sites.operations import operations_of
from pvkdb_pipelines.migration.sites.sites import vacancy_sites
from pvkdb_pipelines.structures.user_structures import atoms_of

#: Requests for DFT on the path of a barrier, and all methods, by name.
ON_PATHS: dict[str, type[DftPathRequest | DftHopRequest | DftNebRequest]] = {
    "path": DftPathRequest,
    "neb": DftNebRequest,
    "hop": DftHopRequest,
}
METHODS = (*ON_PATHS, "scf", "relax")
OnPathT = TypeVar("OnPathT", bound=DftPathRequest | DftHopRequest | DftNebRequest)
#: Tolerance of lengths of hops, which are kept to four digits, Å.
_SAME_LENGTH_ANG = 0.001

_LIMITS = {"fmax_neb_ev_per_ang", "max_steps_neb"}
_UNFINISHED = (CalculationState.WAITING, CalculationState.QUEUED, CalculationState.RUNNING)


def barrier_request(
    session: Session,
    calculation: Calculation,
    model: type[OnPathT],
    settings: DftSettings,
    hop: int | None = None,
    **limits: Any,
) -> OnPathT:
    """Return a request for DFT on the stored path of a finished ``neb``.

    Single points are those of both ends and the highest image, from which a hop starts, too. A band
    starts from all images; those of a vacancy that the store does not have are interpolated.

    Args:
        model: The kind of request, one of :data:`ON_PATHS`.
        hop: Number of the hop, from 1; None for the one that limits the easiest path.
        limits: Forces and steps of a hop or a band.

    Raises:
        InputError: the calculation has no path, the hop does not exist, or a limit is out of range.
    """
    band = model is DftNebRequest
    images, result, number = _path(session, calculation, hop, interpolated=band)
    values: dict[str, Any] = {
        **result.model_dump(include={"formula", "phase", "defect"}),
        "parent": calculation.id,
        "hop": number,
        "settings": settings,
    }
    if band:
        values["images"] = tuple(map(host_of, images))
        if images[0].calc is None:
            values["path"] = "IDPP"
    else:
        energies = [image.get_potential_energy() for image in images]
        top = max(range(1, len(images) - 1), key=energies.__getitem__)
        named = {"start": images[0], "saddle": images[top], "end": images[-1]}
        values["images"] = tuple(
            PathImage(name=name, structure=host_of(image)) for name, image in named.items()
        )
    if model is DftHopRequest:
        described = result.hops[number - 1].hop
        values["guide"] = calculation.parameters["potential"]
        values["equivalent_ends"] = described.start == described.end
    return complete_request(validated(model, {**values, **limits}))


def structure_request(
    structure: Structure,
    settings: DftSettings,
    method: Literal["scf", "relax"] = "scf",
    vacancy: int | None = None,
    **limits: Any,
) -> DftScfRequest | DftRelaxRequest:
    """Return the request for a single point or relaxation of a stored structure.

    ``vacancy`` is the index of an atom to remove, from 0; ``limits`` are forces and steps of a
    relaxation, and whether the cell relaxes.

    Raises:
        InputError: the atom does not exist, or a limit is out of range.
    """
    atoms, defect = atoms_of(structure), None
    if vacancy is not None:
        if not 0 <= vacancy < len(atoms):
            raise InputError(
                f"atom {vacancy} does not exist; the structure has 0 to {len(atoms) - 1}"
            )
        defect = f"V_{atoms.symbols[vacancy]}"
        del atoms[vacancy]
    values = {
        "formula": structure.material.composition.formula,
        "phase": structure.material.phase,
        "defect": defect,
        "parent": structure.id,
        "settings": settings,
        "structure": host_of(atoms),
        **limits,
    }
    model: type[DftScfRequest | DftRelaxRequest]
    model = DftScfRequest if method == "scf" else DftRelaxRequest
    return complete_request(validated(model, values))


def band_between(
    session: Session, start: Structure, to: str, settings: DftSettings, **limits: Any
) -> DftNebRequest:
    """Return the request for a climbing-image NEB from a stored structure to another one (``to``).

    The initial path is made from distances of pairs (IDPP).

    Raises:
        InputError: they do not have the same atoms and cell, or a limit is out of range.
    """
    end = session.get(Structure, to)
    if end is None or end.symbols != start.symbols:
        raise InputError(f"no structure {to!r} has the atoms of {start.id} in the same order")
    first, last = atoms_of(start), atoms_of(end)
    apart, _ = find_mic(last.positions - first.positions, first.cell, pbc=True)
    made_by = session.get(Calculation, start.calculation_id)
    origin = {} if made_by is None else {**made_by.parameters, **(made_by.result or {})}
    inner = images_for(longest(apart))
    values = {
        "formula": start.material.composition.formula,
        "phase": start.material.phase,
        "defect": origin.get("defect"),
        "parent": start.id,
        "settings": settings,
        "images": tuple(map(host_of, interpolate(first, last, inner))),
        "path": "IDPP",
        **limits,
    }
    return complete_request(validated(DftNebRequest, values))


def on_lattice(session: Session, request: AnyDft | DftAfterRequest, key: str) -> AnyDft:
    """Return a request whose structures have the lattice of DFT in place of the potential's.

    Atoms keep their fractional coordinates.

    Raises:
        InputError: ``key`` is not a finished relaxation of a cell with this method; the structures
            are not supercells of that cell, or are not computed yet.
    """
    relaxation = find(session, key)
    if isinstance(request, DftAfterRequest):
        raise InputError(f"the path of {request.barrier} is not computed yet; wait for it")
    if relaxation.kind != "dft-relax" or not relaxation.parameters["cell"] or not relaxation.result:
        raise InputError(
            f"{key} is not a finished relaxation of a cell by DFT; make one with: pvkdb dft "
            "STRUCTURE --method relax --cell"
        )
    used, asked = DftSettings.model_validate(relaxation.parameters["settings"]), request.settings
    if (used.engine, used.method, used.soc) != (asked.engine, asked.method, asked.soc):
        raise InputError(
            f"{key} was relaxed with {used.engine} {used.method}, this is {asked.engine} "
            f"{asked.method}: a lattice and the barriers in it have one method"
        )
    before, after = (
        np.array(each["structure"]["cell_ang"])
        for each in (relaxation.parameters, relaxation.result)
    )
    repeats = np.array(structures_of(request)[0].cell_ang) @ np.linalg.inv(before)
    if np.abs(repeats - np.rint(repeats)).max() > 0.01:
        raise InputError(
            f"the cell is not a supercell of the one in {key}; relax {request.parent}-host instead"
        )

    def moved(structure: Any) -> Any:
        if isinstance(structure, PathImage):
            return structure.model_copy(update={"structure": moved(structure.structure)})
        atoms = atoms_in(structure)
        atoms.set_cell(np.rint(repeats) @ after, scale_atoms=True)
        return host_of(atoms)

    if isinstance(request, DftScfRequest | DftRelaxRequest):
        update = {"structure": moved(request.structure)}
    else:
        update = {"images": tuple(map(moved, request.images))}
    return request.model_copy(update={**update, "lattice": relaxation.id})


def is_pending_barrier(calculation: Calculation) -> bool:
    """Whether a calculation is a barrier that is not finished yet."""
    return calculation.kind == "neb" and CalculationState(calculation.state) in _UNFINISHED


def after_request(
    calculation: Calculation,
    settings: DftSettings,
    hop: int | None = None,
    method: Literal["path", "neb", "hop"] = "path",
    **limits: float,
) -> DftAfterRequest:
    """Return a request for DFT after a barrier; ``limits`` are the convergence limits of a NEB.

    Raises:
        InputError: a limit is out of range.
    """
    values = {
        **{name: calculation.parameters.get(name) for name in ("formula", "phase")},
        "barrier": calculation.id,
        "hop": hop,
        "method": method,
        "settings": settings,
        **limits,
    }
    return validated(DftAfterRequest, values)


def queue_deferred(session: Session, calculation: Calculation) -> list[Base]:
    """Queue the DFT calculation that waited for its barrier, and record its id in the result.

    Raises:
        CalculationFailedError: the hop does not exist, or the settings do not fit its structures.
    """
    deferred = DftAfterRequest.model_validate(calculation.parameters)
    barrier = session.get_one(Calculation, deferred.barrier)
    model = ON_PATHS[deferred.method]
    limits = deferred.model_dump(include=_LIMITS, exclude_none=True)
    try:
        request = barrier_request(
            session, barrier, model, deferred.settings, deferred.hop, **limits
        )
    except InputError as error:
        raise CalculationFailedError(FailureKind.INVALID_REQUEST, str(error)) from error
    follows, _ = enqueue(session, request, barrier.material_id, calculation.priority)
    if follows.state in (CalculationState.FAILED.value, CalculationState.CANCELLED.value):
        requeue(session, follows.id)  # it was requested before and is requested again
    result = DftAfterResult(calculation=follows.id, kind=follows.kind)
    calculation.result = result.model_dump(mode="json")
    line = f"has queued {follows.id} ({follows.kind})"
    note_progress(session, calculation.id, [ProgressLine(utc_now(), line)])
    return []


def _instead(calculation: Calculation) -> str:
    """Return what to do instead, for a calculation that has no path."""
    name = calculation.id
    if calculation.kind == "dft-after":
        follows = (calculation.result or {}).get("calculation")
        barrier = calculation.parameters.get("barrier")
        return f"name {follows}, which it has queued" if follows else f"it waits for {barrier}"
    if calculation.kind != "neb":
        return "pvkdb neb"
    if calculation.state in (CalculationState.FAILED.value, CalculationState.CANCELLED.value):
        return f"pvkdb jobs retry {name}"
    return f"wait for it, e.g. with: pvkdb jobs follow {name}"


def _path(
    session: Session, calculation: Calculation, hop: int | None, *, interpolated: bool
) -> tuple[list[Atoms], NebResult, int]:
    """Return the images of a stored path, the result that it is from, and the number of its hop."""
    name, state = calculation.id, CalculationState(calculation.state)
    if calculation.kind != "neb" or state is not CalculationState.DONE:
        raise InputError(
            f"calculation {name} is a {calculation.kind} that is {state}; a path comes from a "
            f"finished neb: {_instead(calculation)}"
        )
    result = NebResult.model_validate(calculation.result)
    number = result.hops.index(result.limiting) + 1 if hop is None else hop
    if not 1 <= number <= len(result.hops):
        raise InputError(f"hop {number} does not exist; the calculation has {len(result.hops)}")
    try:
        images = stored_path(session, name, number)
    except NotFoundError as error:
        if not interpolated or not result.defect.startswith("V_"):
            raise InputError(str(error)) from error
        images = _interpolated(stored_host(session, name), result, result.hops[number - 1].hop)
    return images, result, number


def _interpolated(host: Atoms, result: NebResult, hop: Hop) -> list[Atoms]:
    """Return a path of pairwise distances for a hop of a vacancy, which its length identifies."""
    sites = vacancy_sites(operations_of(host), result.defect.removeprefix("V_"))
    found = [
        each
        for each in find_hops(sites, hop.length_ang + _SAME_LENGTH_ANG)
        if abs(each.length_ang - hop.length_ang) < _SAME_LENGTH_ANG
    ]
    if len(found) != 1:
        raise InputError(
            f"{len(found)} kinds of hops are {hop.length_ang} Å long in the stored host, and the "
            "store has no path; compute the barrier again: pvkdb neb"
        )
    start, end = sites.atoms[[found[0].start, found[0].end]]
    step = host.positions[start] - host.positions[end] - np.array(found[0].vector) @ host.cell.array
    first, last = host.copy(), host.copy()
    last.positions[end] += step
    for atoms in (first, last):
        del atoms[int(start)]
    return interpolate(first, last, images_for(hop.length_ang))
