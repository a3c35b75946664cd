"""Requests for migration barriers, checked and completed before they are queued or computed."""

from __future__ import annotations

from pvkdb.chemistry import Composition, Defect, parse_composition, require_monatomic
from pvkdb.chemistry.ions import molecular_ions
from pvkdb.errors import InputError, unknown_name
from pvkdb.schemas.calculations.migration import HOST_PHASES, NebRequest


def settle(request: NebRequest) -> tuple[Composition, NebRequest]:
    """The composition of a request, and the request in its canonical spelling, nothing left open.

    Raises:
        InputError: as of :func:`host_composition`, :func:`host_phase` and :func:`moving_defect`.
    """
    composition = host_composition(request)
    settled = {
        "formula": composition.formula,
        "phase": host_phase(request, composition),
        "defect": moving_defect(request, composition),
    }
    return composition, request.model_copy(update=settled)


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


def moving_defect(request: NebRequest, composition: Composition) -> str:
    """The defect of a request, the vacancy of the halide where it leaves that open.

    Raises:
        InputError: it is no vacancy or interstitial of an element.
    """
    if request.defect is None:
        return Defect.vacancy(composition.on("X")[0].ion.symbol).label
    refusal = InputError(
        f"defect {request.defect!r} cannot be followed through a crystal; write the vacancy of an "
        "element as V_Br, an interstitial as Br_i or Ag_i"
    )
    try:
        defect = Defect.parse(request.defect)
    except InputError as error:
        raise refusal from error
    if defect.kind not in ("vacancy", "interstitial") or defect.species in molecular_ions():
        raise refusal
    return defect.label
