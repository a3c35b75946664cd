"""Requests for migration barriers, checked and completed before they are queued or computed."""

from __future__ import annotations

from pvkdb.chemistry import Composition, parse_composition, require_monatomic
from pvkdb.errors import InputError, unknown_name
from pvkdb.schemas.migration import HOST_PHASES, NebRequest


def settle(request: NebRequest) -> tuple[Composition, NebRequest]:
    """The composition of a request, and the request in its canonical spelling with its phase.

    Raises:
        InputError: as of :func:`host_composition` and :func:`host_phase`.
    """
    composition = host_composition(request)
    phase = host_phase(request, composition)
    return composition, request.model_copy(update={"formula": composition.formula, "phase": phase})


def host_composition(request: NebRequest) -> Composition:
    """The composition of a request.

    Raises:
        InputError: it cannot be read, or no prototype can hold it and the request brings no
            structure.
    """
    composition = parse_composition(request.formula)
    if request.host is None:
        require_monatomic(composition)
        if composition.family not in HOST_PHASES:
            raise InputError(
                f"no prototype of the family {composition.family} of {composition.formula} is "
                f"known (known: {', '.join(HOST_PHASES)}); give a structure of your own"
            )
    return composition


def host_phase(request: NebRequest, composition: Composition) -> str:
    """The phase of a request, the likeliest where it leaves that open.

    Raises:
        InputError: the composition has no such prototype, or a structure has no name.
    """
    if request.host is not None:
        if request.phase is None:
            raise InputError("name the phase of the structure that you bring, e.g. its space group")
        return request.phase
    known = HOST_PHASES[composition.family]
    if request.phase is not None and request.phase not in known:
        raise InputError(unknown_name("phase with a prototype", request.phase, known))
    return request.phase or known[0]
