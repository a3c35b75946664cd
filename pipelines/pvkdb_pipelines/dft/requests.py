"""DFT requests from barriers and structures of the store.

A DFT request contains its structures, and those of a path exist only when the barrier is done. A
calculation of the kind ``dft-after`` therefore waits for the barrier, computes nothing, and queues
the DFT in the transaction that records it. This needs the store, so it runs where records are
written and not on a compute node.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

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
from pvkdb.schemas.calculations.relaxations import Host
from pvkdb.store.base import Base, utc_now
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.structures import Structure
from pvkdb.store.queue.claims import enqueue, requeue
from pvkdb.store.queue.jobs import find
from pvkdb.store.queue.log import ProgressLine, note_progress
from pvkdb_pipelines.dft.settings import complete_request, structures_of
from pvkdb_pipelines.geometry.hosts import atoms_in, host_of
from pvkdb_pipelines.migration.paths.nudging import images_for, interpolate
from pvkdb_pipelines.migration.result.stored import stored_host, stored_path
from pvkdb_pipelines.migration.sites.hops import find_hops
from pvkdb_pipelines.migration.sites.operations import act, operations_of
from pvkdb_pipelines.structures.user_structures import atoms_of

Method = Literal["path", "neb", "hop", "scf", "relax"]
METHODS: tuple[Method, ...] = get_args(Method)
#: Tolerances of the host's symmetry and of lengths of hops, which are kept to four digits, Å.
_SYMPREC_ANG, _SAME_LENGTH_ANG = 0.01, 0.001

_LIMITS = {"fmax_neb_ev_per_ang", "max_steps_neb"}
_UNFINISHED = (CalculationState.WAITING, CalculationState.QUEUED, CalculationState.RUNNING)


def path_request(
    session: Session, calculation: Calculation, settings: DftSettings, hop: int | None = None
) -> DftPathRequest:
    """Return the request for single points at both ends and the highest image of a path.

    Args:
        session: Open session of the store.
        calculation: A finished ``neb``.
        settings: Settings, completed here.
        hop: Number of the hop, from 1; None for the one that limits the easiest path.

    Raises:
        InputError: the calculation has no path, or the hop does not exist.
    """
    images, values = _path(session, calculation, settings, hop)
    return complete_request(DftPathRequest(**values, images=_ends_and_highest(images)))


def hop_request(
    session: Session,
    calculation: Calculation,
    settings: DftSettings,
    hop: int | None = None,
    **limits: Any,
) -> DftHopRequest:
    """Return the request for the ends and the saddle point of a hop, from those of a stored path.

    Raises:
        InputError: see :func:`path_request`; or a limit is out of range.
    """
    images, values = _path(session, calculation, settings, hop)
    described = NebResult.model_validate(calculation.result).hops[values["hop"] - 1].hop
    values |= {
        "images": _ends_and_highest(images),
        "guide": calculation.parameters["potential"],
        "equivalent_ends": described.start == described.end,
    }
    return complete_request(validated(DftHopRequest, {**values, **limits}))


def _ends_and_highest(images: Sequence[Atoms]) -> tuple[PathImage, ...]:
    energies = [image.get_potential_energy() for image in images]
    top = max(range(1, len(images) - 1), key=energies.__getitem__)
    named = zip(("start", "saddle", "end"), (0, top, len(images) - 1), strict=True)
    return tuple(PathImage(name=name, structure=host_of(images[index])) for name, index in named)


def neb_request(
    session: Session,
    calculation: Calculation,
    settings: DftSettings,
    hop: int | None = None,
    **limits: Any,
) -> DftNebRequest:
    """Return the request for a climbing-image NEB from a stored path, or else an interpolated one.

    ``limits`` are forces and steps.

    Raises:
        InputError: see :func:`path_request`; or a limit is out of range.
    """
    images, values = _path(session, calculation, settings, hop, interpolated=True)
    values["images"] = tuple(host_of(image) for image in images)
    if images[0].calc is None:
        values["path"] = "IDPP"
    return complete_request(validated(DftNebRequest, {**values, **limits}))


def structure_request(
    structure: Structure,
    settings: DftSettings,
    method: Literal["scf", "relax"] = "scf",
    vacancy: int | None = None,
    **limits: Any,
) -> DftScfRequest | DftRelaxRequest:
    """Return the request for a single point or relaxation of a stored structure or vacancy.

    Args:
        structure: Structure of the store: a host, a start or an image.
        settings: Settings, completed here; their charge is the vacancy's charge.
        method: ``scf`` or ``relax``.
        vacancy: Index of the atom to remove, from 0.
        limits: Forces and steps of a relaxation, and whether the cell relaxes.

    Raises:
        InputError: the atom does not exist, or a limit is out of range.
    """
    host = host_of(atoms_of(structure))
    defect = None
    if vacancy is not None:
        host, symbol = without_atom(host, vacancy)
        defect = f"V_{symbol}"
    values = {
        "formula": structure.material.composition.formula,
        "phase": structure.material.phase,
        "defect": defect,
        "parent": structure.id,
        "settings": settings,
        "structure": host,
        **limits,
    }
    if method == "scf":
        return complete_request(validated(DftScfRequest, values))
    return complete_request(validated(DftRelaxRequest, values))


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
    inner = images_for(float(np.linalg.norm(apart, axis=1).max()))
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
    request: DftPathRequest | DftNebRequest | DftHopRequest
    try:
        if deferred.method == "neb":
            limits = deferred.model_dump(include=_LIMITS, exclude_none=True)
            request = neb_request(session, barrier, deferred.settings, deferred.hop, **limits)
        else:
            made = hop_request if deferred.method == "hop" else path_request
            request = made(session, barrier, deferred.settings, deferred.hop)
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


def without_atom(host: Host, index: int) -> tuple[Host, str]:
    """Return a structure with a vacancy, and the element that is missing.

    Raises:
        InputError: the atom does not exist.
    """
    count = len(host.symbols)
    if not 0 <= index < count:
        raise InputError(f"atom {index} does not exist; the structure has 0 to {count - 1}")
    rest = [position for position in range(count) if position != index]
    vacant = host.model_copy(
        update={
            "symbols": tuple(host.symbols[position] for position in rest),
            "positions_ang": tuple(host.positions_ang[position] for position in rest),
        }
    )
    return vacant, host.symbols[index]


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
    session: Session,
    calculation: Calculation,
    settings: DftSettings,
    hop: int | None,
    *,
    interpolated: bool = False,
) -> tuple[Sequence[Any], dict[str, Any]]:
    """Return the images of a stored path, and the other fields of a request for DFT on it.

    With ``interpolated``, those of a vacancy that the store does not have are interpolated.
    """
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
        images = stored_path(session, calculation.id, number)
    except NotFoundError as error:
        if not interpolated or not result.defect.startswith("V_"):
            raise InputError(str(error)) from error
        images = _interpolated(stored_host(session, name), result, result.hops[number - 1].hop)
    return images, {
        **result.model_dump(include={"formula", "phase", "defect"}),
        "parent": calculation.id,
        "hop": number,
        "settings": settings,
    }


def _interpolated(host: Atoms, result: NebResult, hop: Hop) -> list[Atoms]:
    """Return a path of pairwise distances for a hop of a vacancy, which its length identifies."""
    ions = host.symbols.search(result.defect.removeprefix("V_"))
    sites = host.positions[ions]
    operations = operations_of(host, _SYMPREC_ANG)
    action = act(operations, sites, host.numbers[ions])
    found = [
        each
        for each in find_hops(sites, operations, action, hop.length_ang + _SAME_LENGTH_ANG)
        if abs(each.length_ang - hop.length_ang) < _SAME_LENGTH_ANG
    ]
    if len(found) != 1:
        raise InputError(
            f"{len(found)} kinds of hops are {hop.length_ang} Å long in the stored host, and the "
            "store has no path; compute the barrier again: pvkdb neb"
        )
    start, end = ions[found[0].start], ions[found[0].end]
    step = host.positions[start] - host.positions[end] - np.array(found[0].vector) @ host.cell.array
    ends = [host.copy(), host.copy()]
    ends[1].positions[end] += step
    for atoms in ends:
        del atoms[int(start)]
    return interpolate(ends[0], ends[1], images_for(hop.length_ang))
