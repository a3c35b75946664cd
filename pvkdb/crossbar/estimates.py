"""The array sizes, margins and spacing of a crossbar made of one device, in one document."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isinf

from pvkdb.chemistry import Interval
from pvkdb.crossbar.checks import fraction, ratio, resistance
from pvkdb.crossbar.limits import (
    BLOCKED,
    MARGIN,
    largest_array,
    largest_array_any_data,
    read_margin,
)
from pvkdb.crossbar.spacing import SPACING_TO_THICKNESS, smallest_spacing_m
from pvkdb.errors import InputError
from pvkdb.schemas.crossbar import ArrayLimit, Cell, CrossbarDocument, ExactRead, Read
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


@dataclass(frozen=True, slots=True)
class ArrayQuestion:
    """The known numbers of a device, and what is to be estimated.

    ``on_off`` is R_HRS over R_LRS with its qualifier; without ``pull_up_ohm`` the pull-up is as
    large as R_LRS; without ``selectivity`` only bare resistors are considered. ``size``
    requests the exact solution of an array with that many lines of each kind and ``line_ohm``
    between neighbouring cells; ``thickness_m`` of the layer requests the spacing that avoids
    crosstalk.
    """

    on_off: Interval
    r_lrs_ohm: float | None = None
    pull_up_ohm: float | None = None
    selectivity: float | None = None
    line_ohm: float | None = None
    size: int | None = None
    margin: float = MARGIN
    thickness_m: float | None = None
    device: str | None = None
    on_off_source: str = "given"


def estimate(question: ArrayQuestion, largest_exact: int = LARGEST_EXACT) -> CrossbarDocument:
    """Return the largest arrays of every kind, and the exact solution if a size is given.

    Raises:
        InputError: a number is out of its range, or one that another needs is missing.
    """
    on_off = _on_off(question.on_off)
    _check(question, largest_exact)
    pull_up = 1.0
    if question.pull_up_ohm is not None and question.r_lrs_ohm is not None:
        pull_up = question.pull_up_ohm / question.r_lrs_ohm
    selectivity = question.selectivity or 1.0
    kinds = [
        (cell, read)
        for cell, read in COMBINATIONS
        if question.selectivity is not None or cell is Cell.RESISTOR
    ]
    return CrossbarDocument(
        device=question.device,
        on_off_ratio=None if isinf(on_off) else on_off,
        on_off_is_lower_bound=question.on_off.bound == "lower",
        margin=question.margin,
        pull_up_ratio=pull_up,
        limits=[_limit(*kind, on_off, pull_up, selectivity, question.margin) for kind in kinds],
        exact=[
            _exact(question, question.size, *kind, on_off, pull_up, selectivity)
            for kind in kinds
            if question.size is not None
        ],
        smallest_spacing_m=None
        if question.thickness_m is None
        else smallest_spacing_m(question.thickness_m),
        assumptions=_assumptions(question, pull_up),
        notes=_notes(question, kinds),
    )


def _on_off(interval: Interval) -> float:
    """Return the on/off ratio for size estimates: the lower end of the reported interval."""
    if interval.minimum is None:
        raise InputError(
            f"an on/off ratio of {interval} has no lower end, and an array can only rest on that; "
            "give the ratio that is surely reached"
        )
    return ratio("on/off ratio", interval.minimum)


def _check(question: ArrayQuestion, largest_exact: int) -> None:
    fraction("the margin", question.margin)
    for name, ohm in (("R_LRS", question.r_lrs_ohm), ("R_pull-up", question.pull_up_ohm)):
        if ohm is not None:
            resistance(name, ohm)
    if question.selectivity is not None and isinf(ratio("selectivity", question.selectivity)):
        raise InputError("selectivity = inf blocks every sneak path; give the measured ratio")
    if question.line_ohm is not None:
        resistance("line resistance", question.line_ohm, zero=True)
    if question.pull_up_ohm is not None and question.r_lrs_ohm is None:
        raise InputError(
            f"R_pull-up = {question.pull_up_ohm:g} ohm counts only beside R_LRS, which is not "
            "given; give R_LRS too, or leave the pull-up out (it is as large as R_LRS then)"
        )
    if question.line_ohm is not None:
        line = f"a line resistance of {question.line_ohm:g} ohm"
        if question.r_lrs_ohm is None:
            raise InputError(f"{line} counts only beside R_LRS, which is not given; give R_LRS too")
        if question.size is None:
            raise InputError(f"{line} needs the circuit of an array; give its size too")
    if question.size is not None and not 1 <= question.size <= largest_exact:
        raise InputError(
            f"size = {question.size} cannot be solved exactly; give 1 to {largest_exact} lines"
        )


def _limit(
    cell: Cell, read: Read, on_off: float, pull_up: float, selectivity: float, margin: float
) -> ArrayLimit:
    factor = 1.0 if cell is Cell.RESISTOR else selectivity
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
    question: ArrayQuestion,
    size: int,
    cell: Cell,
    read: Read,
    on_off: float,
    pull_up: float,
    selectivity: float,
) -> ExactRead:
    from pvkdb.crossbar.reading import Crosspoint, near_and_far

    r_lrs = question.r_lrs_ohm or 1.0
    factor = 1.0 if cell is Cell.RESISTOR else selectivity
    device = Crosspoint(r_lrs, on_off, cell, factor)
    near, far = near_and_far(device, size, pull_up * r_lrs, question.line_ohm or 0.0, read)
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


def _assumptions(question: ArrayQuestion, pull_up: float) -> list[Assumption]:
    on_off, r_lrs, line = question.on_off, question.r_lrs_ohm, question.line_ohm
    on_off_text = "infinite" if on_off.minimum == inf else str(on_off)
    by_review = question.margin == MARGIN
    assumed = [
        _assumed("on/off ratio", on_off_text, question.on_off_source),
        _assumed("R_LRS", f"{r_lrs:g}", "given", unit="ohm")
        if r_lrs is not None
        else _assumed(
            "R_LRS",
            "not known",
            "only ratios to it matter without line resistance",
            default=True,
        ),
        _assumed("R_pull-up / R_LRS", f"{pull_up:g}", "given")
        if question.pull_up_ohm is not None
        else _assumed(
            "R_pull-up / R_LRS",
            f"{pull_up:g}",
            "pvkdb: as large as R_LRS; best pull-up beside it",
            default=True,
        ),
        _assumed(
            "read margin ΔV/V_read",
            f"{question.margin:g}",
            f"{REVIEW}: more than 10 %" if by_review else "given",
            default=by_review,
        ),
        _assumed(
            "data in the other cells",
            "all in LRS",
            f"{REVIEW}: the worst case; any data: one threshold for whatever they hold",
            default=True,
        ),
    ]
    if question.thickness_m is not None:
        source = f"{REVIEW}, its ref. 332: crosstalk is avoided from 100 on"
        ratio_text = f"{SPACING_TO_THICKNESS:g}"
        assumed.append(_assumed("spacing / thickness", ratio_text, source, default=True))
    if question.size is not None:
        name = "line resistance between neighbouring cells"
        source = "pvkdb: none" if line is None else "given"
        assumed.append(_assumed(name, f"{line or 0:g}", source, unit="ohm", default=line is None))
    return assumed


def _assumed(
    name: str, value: str, source: str, *, unit: str = "1", default: bool = False
) -> Assumption:
    return Assumption(name=name, value=value, unit=unit, source=source, default=default)


def _notes(question: ArrayQuestion, kinds: list[tuple[Cell, Read]]) -> list[str]:
    notes = []
    if question.on_off.bound == "lower":
        notes.append("The on/off ratio is reported as a lower bound; so are the sizes.")
    if question.selectivity is None:
        notes.append("Without a selectivity only bare resistors (1R) are looked at.")
    else:
        notes.append(
            "A rectifier blocks only cells on neither selected line (the middle term of equation "
            "(1)), a selector all three; under V/2 and V/3 a rectifier blocks nothing."
        )
    if any(cell is Cell.SELECTOR for cell, _ in kinds):
        notes.append("The selector's own resistance in series with the selected cell is left out.")
    return notes
