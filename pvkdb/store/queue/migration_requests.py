"""Requests for migration barriers, checked and completed once, before they are queued."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, nullcontext

from pvkdb.chemistry import Composition, Defect, parse_composition
from pvkdb.chemistry.ions import molecular_ions
from pvkdb.compositions.compounds import compound_of
from pvkdb.errors import InputError, unknown_name
from pvkdb.schemas.calculations.migration import (
    HOST_PHASES,
    CompleteNebRequest,
    NebRequest,
    host_phases,
    require_dispersion,
)


def complete_request(
    request: NebRequest,
    naming: Callable[[str], AbstractContextManager[None]] = lambda field: nullcontext(),
) -> CompleteNebRequest:
    """Return a request in canonical spelling, with its defaults for phase and defect filled in.

    A complete request is returned as it is. Defaults are the likeliest prototype of the family and
    the vacancy of the halide.

    Args:
        request: What to compute.
        naming: Context in which a field is checked, for example to add its name to an error.

    Raises:
        InputError: the formula cannot be read or no prototype can hold it, the phase has no
            prototype (or a given structure has no phase), the defect is not a vacancy or an
            interstitial of an element, or layers need a potential with dispersion.
    """
    if isinstance(request, CompleteNebRequest):
        return request
    with naming("formula"):
        composition = _composition(request)
    with naming("phase"):
        phase = _phase(request, composition)
    with naming("defect"):
        defect = _defect(request, composition)
    if request.host is None:
        with naming("potential"):
            require_dispersion(composition, request.potential)
    completed = {"formula": composition.formula, "phase": phase, "defect": defect}
    return CompleteNebRequest.model_validate({**dict(request), **completed})


def _composition(request: NebRequest) -> Composition:
    composition = parse_composition(request.formula)
    if request.host is None:
        compound_of(composition)
        if not host_phases(composition):
            raise InputError(
                f"pvkdb has no prototype of the family {composition.family} of "
                f"{composition.formula} (it has: {', '.join(HOST_PHASES)}); give a structure"
            )
    return composition


def _phase(request: NebRequest, composition: Composition) -> str:
    if request.host is not None:
        if request.phase is None:
            raise InputError("name the phase of the structure you give, e.g. its space group")
        return request.phase
    known = host_phases(composition)
    if request.phase is not None and request.phase not in known:
        raise InputError(unknown_name("phase with a prototype", request.phase, known))
    return request.phase or known[0]


def _defect(request: NebRequest, composition: Composition) -> str:
    if request.defect is None:
        return Defect.vacancy(composition.on("X")[0].ion.symbol).label
    host = request.host
    return checked_defect(request.defect, composition, None if host is None else host.symbols)


def checked_defect(
    label: str, composition: Composition, symbols: Collection[str] | None = None
) -> str:
    """Return the label of a defect that a composition can have, in canonical spelling.

    Args:
        label: Vacancy or interstitial of an element.
        composition: Composition of the host.
        symbols: Elements of its structure; None for its ions.

    Raises:
        InputError: the label is not of such a defect, or the host lacks what is removed.
    """
    refusal = InputError(
        f"defect {label!r} cannot be followed through a crystal; write the vacancy of an "
        "element as V_Br, an interstitial as Br_i or Ag_i"
    )
    try:
        defect = Defect.parse(label)
    except InputError as error:
        raise refusal from error
    if defect.kind not in ("vacancy", "interstitial") or defect.species in molecular_ions():
        raise refusal
    held = dict.fromkeys(symbols or (each.ion.symbol for each in composition.occupants))
    if defect.kind == "vacancy" and defect.species not in held:
        raise InputError(
            f"defect {label}: {composition.formula} contains no {defect.species}; it contains "
            f"{', '.join(held)}"
        )
    return defect.label
