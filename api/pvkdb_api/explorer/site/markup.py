"""Numbers and times as HTML: a short text, with the exact value in the markup."""

from __future__ import annotations

from datetime import datetime

from markupsafe import Markup

from pvkdb.display import numbers, times
from pvkdb.display.numbers import computed_ev, short_number
from pvkdb.display.units import written

#: Shown where a value is not known; the title is for screen readers.
UNKNOWN = Markup('<span class="unknown" title="not reported">{}</span>').format(numbers.UNKNOWN)


def number(value: float | int | None, unit: str | None = None) -> Markup:
    """Return a number such as ``<data value="0.21738">0.2174 eV</data>``.

    An energy per atom is always computed, and has the digits that its error leaves.
    """
    if value is None:
        return UNKNOWN
    text = short_number(computed_ev(value, unit) if unit == "eV/atom" else value)
    shown = f"{text} {written(unit)}" if unit else text
    return Markup('<data value="{}">{}</data>').format(repr(value), shown)


def percent(share: float) -> Markup:
    """Return a share in percent.

    Example:
        >>> str(percent(0.157))
        '<data value="0.157">16 %</data>'
    """
    return Markup('<data value="{}">{}</data>').format(repr(share), numbers.percent(share))


def rounded(value: float, low: float, high: float) -> Markup:
    """Return a value with its interval, in the digits that the interval leaves.

    Example:
        >>> print(rounded(0.38, 0.0074, 0.7).striptags(), rounded(0.88, 0.88, 0.88).striptags())
        0.38 (0.01 to 0.70) 0.88
    """
    if low == high:
        return number(value)
    digits = numbers.decimals_of(low, high)
    shown = (
        Markup('<data value="{}">{}</data>').format(repr(each), numbers.decimals(each, digits))
        for each in (value, low, high)
    )
    return Markup('{} <span class="soft">({} to {})</span>').format(*shown)


def interval(
    low: float | None,
    high: float | None,
    unit: str | None = None,
    *,
    approximate: bool = False,
    qualifier: str | None = None,
    computed: bool = False,
) -> Markup:
    """Return a range as HTML; equal ends give one value, a missing end gives a bound.

    Energies that are ``computed`` have the digits that their errors leave.

    Example:
        >>> str(interval(0.3, 0.3, "eV"))
        '<data value="0.3">0.3</data> eV'
        >>> str(interval(None, 0.5))
        '≤ <data value="0.5">0.5</data>'
    """
    if low is None and high is None:
        return UNKNOWN
    if computed:
        low, high = (computed_ev(end, unit or "eV") for end in (low, high))
    sign = "~" if approximate else (qualifier or "")
    if low is None:
        shown = Markup("≤ {}").format(number(high))
    elif high is None:
        shown = Markup("≥ {}").format(number(low))
    elif low == high:
        shown = number(low)
    else:
        shown = Markup("{} to {}").format(number(low), number(high))
    if sign:
        shown = Markup("{} {}").format(sign, shown)
    return Markup("{} {}").format(shown, unit) if unit else shown


def computed(value: float | None) -> Markup:
    """Return a computed energy in eV, in the digits that its error leaves."""
    return interval(value, value, computed=True)


def moment(at: datetime | None) -> Markup:
    """Return a time such as ``<time datetime="…">2026-11-25 21:30:05 UTC</time>``."""
    if at is None:
        return UNKNOWN
    exact = times.in_utc(at).isoformat(timespec="seconds")
    return Markup('<time datetime="{}">{}</time>').format(exact, times.moment(at))


def minute(at: datetime | None) -> Markup:
    """Return a time to the minute, for a table whose heading says UTC."""
    if at is None:
        return UNKNOWN
    exact = times.in_utc(at).isoformat(timespec="seconds")
    return Markup('<time class="whole" datetime="{}">{}</time>').format(exact, times.minute(at))
