"""Numbers as people read them. The exact value stands beside the text, in the page's source."""

from __future__ import annotations

import math
from decimal import Decimal

from markupsafe import Markup

#: Significant digits that a page shows; rows that a person wrote have fewer.
DIGITS = 4

_SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")

#: What stands where nothing is known. Read aloud, a dash alone says nothing.
UNKNOWN = Markup('<span class="unknown" title="not reported">–</span>')


def plain(value: float | int | None) -> str:
    """A number without markup, in few digits.

    Example:
        >>> plain(0.21738), plain(120000), plain(1e9), plain(-3.6), plain(2)
        ('0.2174', '1.2×10⁵', '10⁹', '−3.6', '2')
    """
    if value is None:
        return "–"
    if isinstance(value, float) and not math.isfinite(value):
        return "∞" if value > 0 else "−∞" if value < 0 else "undefined"
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)))
    if -4 <= exponent < 5:
        return _tidy(f"{value:.{max(0, DIGITS - 1 - exponent)}f}")
    mantissa, _, power = f"{value:.{DIGITS - 1}e}".partition("e")
    raised = f"10{str(int(power)).translate(_SUPERSCRIPTS)}"
    mantissa = _tidy(mantissa)
    if mantissa in ("1", "−1"):
        return mantissa.replace("1", raised)
    return f"{mantissa}×{raised}"


def number(value: float | int | None, unit: str | None = None) -> Markup:
    """A number with its exact value in the markup: ``<data value="0.21738">0.2174 eV</data>``."""
    if value is None:
        return UNKNOWN
    shown = f"{plain(value)} {unit}" if unit else plain(value)
    return Markup('<data value="{}">{}</data>').format(exact(value), shown)


def percent(share: float) -> Markup:
    """A share in percent, with the share itself in the markup.

    Example:
        >>> str(percent(0.157)), str(percent(0.0005))
        ('<data value="0.157">16 %</data>', '<data value="0.0005">0.05 %</data>')
    """
    shown = share * 100
    text = f"{shown:.0f}" if shown >= 9.95 or shown == 0 else f"{shown:.2g}"
    return Markup('<data value="{}">{} %</data>').format(exact(share), text)


def exact(value: float | int) -> str:
    """A number as JSON writes it."""
    return repr(value)


def interval(
    low: float | None,
    high: float | None,
    unit: str | None = None,
    *,
    approximate: bool = False,
    qualifier: str | None = None,
) -> Markup:
    """Two ends of a range: equal ones are one value, one that is missing makes a bound.

    Example:
        >>> str(interval(0.3, 0.3, "eV"))
        '<data value="0.3">0.3</data> eV'
        >>> str(interval(None, 0.5))
        '≤ <data value="0.5">0.5</data>'
    """
    if low is None and high is None:
        return UNKNOWN
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


def seconds(value: float | None) -> str:
    """A time in the unit that a person would use.

    Example:
        >>> seconds(3e-9), seconds(0.04), seconds(7200), seconds(2592000)
        ('3 ns', '40 ms', '2 h', '30 d')
    """
    if value is None:
        return "–"
    if not math.isfinite(value):
        return plain(value)
    for size, name in (
        (31_557_600, "a"),
        (86_400, "d"),
        (3_600, "h"),
        (60, "min"),
        (1, "s"),
        (1e-3, "ms"),
        (1e-6, "µs"),
        (1e-9, "ns"),
        (1e-12, "ps"),
    ):
        if abs(value) >= size * 0.9995:
            return f"{plain(float(Decimal(f'{value / size:.3g}')))} {name}"
    return f"{plain(value)} s"


def _tidy(text: str) -> str:
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return text.replace("-", "−")
