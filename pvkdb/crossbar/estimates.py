"""The array sizes, margins and spacing of a crossbar made of one device, in one document."""

from __future__ import annotations

from math import inf, isinf

from pvkdb.chemistry import Interval
from pvkdb.crossbar.checks import fraction, ratio, resistance
from pvkdb.crossbar.limits import BLOCKED, largest_array, largest_array_any_data, read_margin
from pvkdb.crossbar.spacing import SPACING_TO_THICKNESS, smallest_spacing_m
from pvkdb.errors import InputError, naming
from pvkdb.operations import Reading
from pvkdb.schemas.crossbar import (
    MARGIN,
    ArrayLimit,
    Cell,
    CrossbarDocument,
    CrossbarRequest,
    ExactRead,
    Read,
)
from pvkdb.schemas.responses import Assumption

REVIEW = "review, section 5.1.1"

#: Kinds of cell under each read scheme. A rectifier blocks nothing where unselected lines are held
#: at V/2 or V/3: the half-selected cells conduct forwards.
COMBINATIONS = (
    (Cell.RESISTOR, Read.FLOATING),
    (Cell.RECTIFIER, Read.FLOATING),
    (Cell.SELECTOR, Read.FLOATING),
    (Cell.RESISTOR, Read.HALF_BIAS),
    (Cell.SELECTOR, Read.HALF_BIAS),
    (Cell.RESISTOR, Read.THIRD_BIAS),
    (Cell.SELECTOR, Read.THIRD_BIAS),
)

#: Lines of the largest array that is solved exactly; its factors take half a gigabyte.
LARGEST_EXACT = 512


def answer(request: CrossbarRequest, reading: Reading) -> CrossbarDocument:
    """Return the estimates for a given on/off ratio, or for that of a device of the store.

    Raises:
        InputError: a number is out of its range, or one that another needs is missing.
        NotFoundError: the device does not exist.
    """
    if request.device is None:
        with naming("on_off_ratio"):
            on_off = Interval.exactly(request.on_off_ratio or 0.0)
        return estimate(request, on_off)
    from pvkdb.crossbar.devices import on_off_of

    with reading() as session, naming("device"):
        on_off, source = on_off_of(session, request.device)
    return estimate(request, on_off, source)


def estimate(
    request: CrossbarRequest, on_off: Interval, on_off_source: str = "given"
) -> CrossbarDocument:
    """Return the largest arrays of every kind, and the exact solution if a size is given.

    ``on_off`` is R_HRS over R_LRS with its qualifier, ``on_off_source`` where it comes from.

    Raises:
        InputError: a number is out of its range, or one that another needs is missing.
    """
    ratio = _lowest_ratio(on_off)
    _check(request)
    pull_up = 1.0
    if request.pull_up_ohm is not None and request.r_lrs_ohm is not None:
        pull_up = request.pull_up_ohm / request.r_lrs_ohm
    kinds = [
        (cell, 1.0 if cell is Cell.RESISTOR else request.selectivity or 1.0, read)
        for cell, read in COMBINATIONS
        if request.selectivity is not None or cell is Cell.RESISTOR
    ]
    return CrossbarDocument(
        device=request.device,
        on_off_ratio=None if isinf(ratio) else ratio,
        on_off_is_lower_bound=on_off.bound == "lower",
        margin=request.margin,
        pull_up_ratio=pull_up,
        limits=[_limit(ratio, pull_up, *kind, request.margin) for kind in kinds],
        exact=[
            _exact(request, request.size, ratio, pull_up, *kind)
            for kind in kinds
            if request.size is not None
        ],
        smallest_spacing_m=None
        if request.thickness_nm is None
        else smallest_spacing_m(request.thickness_nm * 1e-9),
        assumptions=_assumptions(request, on_off, on_off_source, pull_up),
        notes=_notes(request, on_off),
    )


def _lowest_ratio(interval: Interval) -> float:
    """Return the on/off ratio for size estimates: the lower end of the reported interval."""
    if interval.minimum is None:
        raise InputError(
            f"an on/off ratio of {interval} has no lower end, and an array can only rest on that; "
            "give the ratio that is surely reached"
        )
    return ratio("on/off ratio", interval.minimum)


def _check(request: CrossbarRequest) -> None:
    fraction("the margin", request.margin)
    for name, ohm in (("R_LRS", request.r_lrs_ohm), ("R_pull-up", request.pull_up_ohm)):
        if ohm is not None:
            resistance(name, ohm)
    if request.selectivity is not None and isinf(ratio("selectivity", request.selectivity)):
        raise InputError("selectivity = inf blocks every sneak path; give the measured ratio")
    if request.line_resistance_ohm is not None:
        resistance("line resistance", request.line_resistance_ohm, zero=True)
    if request.pull_up_ohm is not None and request.r_lrs_ohm is None:
        raise InputError(
            f"R_pull-up = {request.pull_up_ohm:g} ohm counts only beside R_LRS, which is not "
            "given; give R_LRS too, or leave the pull-up out (it is as large as R_LRS then)"
        )
    if request.line_resistance_ohm is not None:
        line = f"a line resistance of {request.line_resistance_ohm:g} ohm"
        if request.r_lrs_ohm is None:
            raise InputError(f"{line} counts only beside R_LRS, which is not given; give R_LRS too")
        if request.size is None:
            raise InputError(f"{line} needs the circuit of an array; give its size too")
    if request.size is not None and not 1 <= request.size <= LARGEST_EXACT:
        raise InputError(
            f"size = {request.size} cannot be solved exactly; give 1 to {LARGEST_EXACT} lines"
        )


def _limit(
    on_off: float, pull_up: float, cell: Cell, factor: float, read: Read, margin: float
) -> ArrayLimit:
    found = largest_array(on_off, pull_up, cell, factor, read, margin)
    best = largest_array(on_off, None, cell, factor, read, margin)
    return ArrayLimit(
        cell=cell,
        read=read,
        blocked=BLOCKED[cell]
        if read is Read.FLOATING or cell is Cell.RESISTOR
        else "half-selected",
        selectivity=factor,
        size=found.size,
        root=found.root,
        size_best_pull_up=best.size,
        root_best_pull_up=best.root,
        best_pull_up_ratio=None if isinf(best.pull_up_ratio) else best.pull_up_ratio,
        size_any_data=largest_array_any_data(on_off, pull_up, cell, factor, read, margin),
    )


def _exact(
    request: CrossbarRequest,
    size: int,
    on_off: float,
    pull_up: float,
    cell: Cell,
    factor: float,
    read: Read,
) -> ExactRead:
    from pvkdb.crossbar.reading import Crosspoint, near_and_far

    r_lrs, line = request.r_lrs_ohm or 1.0, request.line_resistance_ohm or 0.0
    device = Crosspoint(r_lrs, on_off, cell, factor)
    near, far = near_and_far(device, size, pull_up * r_lrs, line, read)
    return ExactRead(
        cell=cell,
        read=read,
        size=size,
        margin_formula=read_margin(size, on_off, pull_up, cell, factor, read),
        margin_near=near.margin,
        margin_far=far.margin,
        cell_voltage_near=near.cell_voltage,
        cell_voltage_far=far.cell_voltage,
    )


def _assumptions(
    request: CrossbarRequest, on_off: Interval, on_off_source: str, pull_up: float
) -> list[Assumption]:
    r_lrs, line = request.r_lrs_ohm, request.line_resistance_ohm
    on_off_text = "infinite" if on_off.minimum == inf else str(on_off)
    ohms = ("R_LRS", "not known", "1", "only ratios to it matter without line resistance", True)
    if r_lrs is not None:
        ohms = ("R_LRS", f"{r_lrs:g}", "ohm", "given", False)
    as_r_lrs, by_review = request.pull_up_ohm is None, request.margin == MARGIN
    of_pull_up = "pvkdb: as large as R_LRS; best pull-up beside it" if as_r_lrs else "given"
    of_margin = f"{REVIEW}: more than 10 %" if by_review else "given"
    of_data = f"{REVIEW}: the worst case; any data: one threshold for whatever they hold"
    rows = [
        ("on/off ratio", on_off_text, "1", on_off_source, False),
        ohms,
        ("R_pull-up / R_LRS", f"{pull_up:g}", "1", of_pull_up, as_r_lrs),
        ("read margin ΔV/V_read", f"{request.margin:g}", "1", of_margin, by_review),
        ("data in the other cells", "all in LRS", "1", of_data, True),
    ]
    if request.thickness_nm is not None:
        source = f"{REVIEW}, its ref. 332: crosstalk is avoided from 100 on"
        rows.append(("spacing / thickness", f"{SPACING_TO_THICKNESS:g}", "1", source, True))
    if request.size is not None:
        name = "line resistance between neighbouring cells"
        source = "pvkdb: none" if line is None else "given"
        rows.append((name, f"{line or 0:g}", "ohm", source, line is None))
    return [
        Assumption(name=name, value=value, unit=unit, source=source, default=default)
        for name, value, unit, source, default in rows
    ]


def _notes(request: CrossbarRequest, on_off: Interval) -> list[str]:
    bound = ["The on/off ratio is reported as a lower bound; so are the sizes."]
    notes = bound * (on_off.bound == "lower")
    if request.selectivity is None:
        return [*notes, "Without a selectivity only bare resistors (1R) are looked at."]
    return [
        *notes,
        "A rectifier blocks only cells on neither selected line (the middle term of equation (1)), "
        "a selector all three; under V/2 and V/3 a rectifier blocks nothing.",
        "The selector's own resistance in series with the selected cell is left out.",
    ]
