"""Read margin and largest array in closed form: equations (1) and (2) of the review.

The review (Chem. Soc. Rev. 2026, 55, 2145, section 5.1.1) reads one cell of an N × N array through
a pull-up resistor while all other cells are in LRS and all other lines float::

    (1)  R_sneak = R_LRS/(N−1) + R_LRS/(N−1)² + R_LRS/(N−1)
    (2)  ΔV/V_read = R_pu/((R_LRS ∥ R_sneak) + R_pu) − R_pu/((R_HRS ∥ R_sneak) + R_pu)

and requires a margin ΔV/V_read of 10 %. The terms of (1) are the unselected cells of the selected
word line, the cells on neither selected line, and the unselected cells of the selected bit line. A
selector (1S1R) multiplies all three by its selectivity; the rectifier of a self-rectifying cell
blocks only where the sneak current flows backwards, in the middle term.

The pull-up is the resistor from the selected bit line to ground; in the floating read, one at the
word line gives the same margin. In the biased reads the unselected lines are held at V/2, or the
word lines at V/3 and the bit lines at 2V/3; then the N − 1 unselected cells of the selected bit
line, at α V with α = 1/2 or 1/3, feed the resistor too::

    v = (G_S + α (N−1) G_LRS) / (G_S + (N−1) G_LRS + G_pu)

Everything is in units of R_LRS, so that only ratios matter. Lines have no resistance here; see
:mod:`pvkdb.crossbar.network`. Every function raises InputError if an argument is out of its range.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import floor, inf, sqrt

from pvkdb.crossbar.checks import fraction, ratio, resistance, size
from pvkdb.errors import InputError
from pvkdb.schemas.crossbar import MARGIN, Cell, Read

#: Voltage of the unselected word lines over the read voltage.
BIAS = {Read.HALF_BIAS: 1 / 2, Read.THIRD_BIAS: 1 / 3}

#: The terms of equation (1) that a kind of cell blocks.
BLOCKED = {Cell.RESISTOR: "-", Cell.SELECTOR: "all terms", Cell.RECTIFIER: "middle term"}

#: A root that misses a whole number by rounding still counts as that number.
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class LargestArray:
    """The largest array that keeps a margin; every smaller array keeps it too.

    ``root`` is the real N at which the margin is just kept and ``size`` is its whole part; both are
    0 if not even a single cell keeps it. ``pull_up_ratio`` is R_pu over R_LRS, infinite for an open
    bit line.
    """

    size: int
    root: float
    pull_up_ratio: float


def blocking(cell: Cell, selectivity: float) -> tuple[float, float]:
    """Return factors on the resistance of half-selected cells and of cells on neither line.

    Raises:
        InputError: the selectivity is below 1.
    """
    ratio("selectivity", selectivity)
    if cell is Cell.RESISTOR:
        return 1.0, 1.0
    return (selectivity, selectivity) if cell is Cell.SELECTOR else (1.0, selectivity)


def sneak_resistance_ohm(
    n: float, r_lrs_ohm: float, cell: Cell = Cell.RESISTOR, selectivity: float = 1.0
) -> float:
    """Return the resistance of equation (1), of all sneak paths of an N × N array, in ohm."""
    others = size("the number of lines", n) - 1
    resistance("R_LRS", r_lrs_ohm)
    if others == 0:
        return inf
    half, middle = blocking(cell, selectivity)
    return r_lrs_ohm * (2 * half / others + middle / others**2)


def read_margin(
    n: float,
    on_off_ratio: float,
    pull_up_ratio: float = 1.0,
    cell: Cell = Cell.RESISTOR,
    selectivity: float = 1.0,
    read: Read = Read.FLOATING,
    any_data: bool = False,
) -> float:
    """Return the margin ΔV/V_read of equation (2): N × N cells, all others in LRS.

    With ``any_data`` it is that of one threshold for any data in the other cells: the lowest level
    of a cell in LRS minus the highest of one in HRS, negative if they overlap. A level is monotonic
    in every other cell, so that all-LRS and all-HRS neighbours bound it.

    Args:
        n: lines of each kind, at least 1.
        on_off_ratio: R_HRS over R_LRS, above 1; may be infinite.
        pull_up_ratio: R_pu over R_LRS.
        cell: what blocks the sneak paths.
        selectivity: factor on the resistances of the blocked cells.
        read: how the unselected lines are held.
        any_data: equation (2) compares two reads among the same neighbours instead.
    """
    h, g = _checked(on_off_ratio, pull_up_ratio)
    y, alpha = _neighbours(size("the number of lines", n) - 1, cell, selectivity, read)
    neighbours = (y, h * y) if any_data else (y,)
    lowest = min(_level(1.0, each, alpha, g) for each in neighbours)
    return lowest - max(_level(h, each, alpha, g) for each in neighbours)


def largest_array(
    on_off_ratio: float,
    pull_up_ratio: float | None = 1.0,
    cell: Cell = Cell.RESISTOR,
    selectivity: float = 1.0,
    read: Read = Read.FLOATING,
    margin: float = MARGIN,
) -> LargestArray:
    """Return the largest array that keeps the margin of equation (2).

    Without a ``pull_up_ratio`` it is the one that allows the largest array; ``margin`` is the
    fraction of the read voltage to keep. See :func:`read_margin` for the other arguments.

    Example:
        >>> round(largest_array(inf).root, 2), largest_array(inf, None).size
        (4.85, 5)
    """
    fraction("the margin", margin)
    h, g = _checked(on_off_ratio, 1.0 if pull_up_ratio is None else pull_up_ratio)
    alpha = BIAS.get(read, 0.0)
    if pull_up_ratio is not None:
        y = _most_neighbours(h, g, alpha, margin)
    elif read is Read.FLOATING:
        y, g = _most_at_best_floating(h, margin)
    else:
        y, g = _most_at_best_biased(h, alpha, margin)
    root = 0.0 if y < 0 else 1 + _others(y, cell, selectivity, read)
    return LargestArray(
        size=floor(root + _ROUNDING), root=root, pull_up_ratio=inf if g == 0 else 1 / g
    )


def largest_array_any_data(
    on_off_ratio: float,
    pull_up_ratio: float = 1.0,
    cell: Cell = Cell.RESISTOR,
    selectivity: float = 1.0,
    read: Read = Read.FLOATING,
    margin: float = MARGIN,
) -> int:
    """Return the largest N that keeps the margin of any data; 0 if a single cell does not."""
    fraction("the margin", margin)

    def kept(n: float) -> bool:
        found = read_margin(n, on_off_ratio, pull_up_ratio, cell, selectivity, read, any_data=True)
        return found >= margin - _ROUNDING

    return floor(_last(kept, 1.0) + _ROUNDING) if kept(1) else 0


def _checked(on_off_ratio: float, pull_up_ratio: float) -> tuple[float, float]:
    """Return the conductances of a cell in HRS and of the pull-up, in units of G_LRS."""
    if on_off_ratio == 1:
        raise InputError("on/off ratio = 1: the states do not differ; give a ratio above 1")
    return 1 / ratio("on/off ratio", on_off_ratio), 1 / resistance("R_pu/R_LRS", pull_up_ratio)


def _level(selected: float, neighbours: float, alpha: float, pull_up: float) -> float:
    """Return the voltage at the pull-up in units of V_read, from conductances in units of G_LRS."""
    return (selected + (alpha or 1.0) * neighbours) / (selected + neighbours + pull_up)


def _neighbours(others: float, cell: Cell, selectivity: float, read: Read) -> tuple[float, float]:
    """Return the conductance beside the selected cell, in units of G_LRS, and α (0: floating)."""
    half, middle = blocking(cell, selectivity)
    if read is not Read.FLOATING:
        return others / half, BIAS[read]
    if others == 0:
        return 0.0, 0.0
    return 1 / (2 * half / others + middle / others**2), 0.0


def _others(y: float, cell: Cell, selectivity: float, read: Read) -> float:
    """Return N − 1 from the conductance of neighbours: the inverse of ``_neighbours``."""
    half, middle = blocking(cell, selectivity)
    if y == 0:
        return 0.0
    if read is not Read.FLOATING:
        return y * half
    return y * (half + sqrt(half**2 + middle / y))


def _most_neighbours(h: float, g: float, alpha: float, margin: float) -> float:
    """Return the largest conductance of neighbours that keeps the margin; −1 if none does.

    ΔV = (1 − h) ((1 − α) y + g) / ((1 + y + g)(h + y + g)), with α = 1 for floating lines (whose
    sneak paths start at the word line), must reach the margin: a quadratic condition on y, met
    between its roots. y, g and h are the conductances of neighbours, pull-up and HRS over G_LRS.
    """
    weight = 1 - (alpha or 1.0)
    b = margin * (1 + h + 2 * g) - (1 - h) * weight
    c = margin * (1 + g) * (h + g) - (1 - h) * g
    if c > 0:
        return -1.0
    root = sqrt(b * b - 4 * margin * c)
    # The form that does not subtract nearly equal numbers.
    return -2 * c / (b + root) if b > 0 else (root - b) / (2 * margin)


def _most_at_best_floating(h: float, margin: float) -> tuple[float, float]:
    """Return the largest conductance of neighbours over all pull-ups, and that pull-up.

    Between resistances a < b the divider separates most at R_pu = √(ab), where the margin is
    (√b − √a)/(√b + √a).
    """
    needed = ((1 + margin) / (1 - margin)) ** 2
    y = (1 - needed * h) / (needed - 1)
    return (y, sqrt((1 + y) * (h + y))) if y >= 0 else (-1.0, sqrt(h))


def _most_at_best_biased(h: float, alpha: float, margin: float) -> tuple[float, float]:
    """Return the largest conductance of neighbours and the best pull-up for biased lines."""

    def best(y: float) -> float:
        # dΔV/dg = 0, with u = y + g and c = αy, at u = c + √((c + 1)(c + h)).
        c = alpha * y
        return max(0.0, c + sqrt((c + 1) * (c + h)) - y)

    def kept(y: float) -> bool:
        g = best(y)
        if y + g == 0:  # infinite on/off, no neighbours: a large pull-up keeps any margin
            return True
        return _level(1.0, y, alpha, g) - _level(h, y, alpha, g) >= margin

    if not kept(0.0):
        return -1.0, best(0.0)
    y = _last(kept, 0.0)
    return y, best(y)


def _last(kept: Callable[[float], bool], start: float) -> float:
    """Return the largest number from ``start`` on for which a condition holds, by bisection."""
    step = 1.0
    while kept(start + step):
        step *= 2
        if step > 1e60:
            return inf
    low, high = start + step / 2 if step > 1 else start, start + step
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if kept(middle) else (low, middle)
    return low
