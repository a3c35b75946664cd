"""Numbers and labels as text, in few characters."""

from __future__ import annotations

import math

#: Significant digits of a number on a page; values in curated rows have fewer.
DIGITS = 4
#: Text for a value that is not known.
UNKNOWN = "–"

_SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def number(value: float) -> str:
    """Return a number as the literature prints it, for sentences.

    Example:
        >>> number(6e6), number(9999.7), number(-0.35)
        ('6 × 10⁶', '10⁴', '−0.35')
    """
    if value == 0 or 0.01 <= abs(value) < 9999.5 or not math.isfinite(value):
        return f"{value:.4g}".replace("-", "−")
    return _scientific(value, 3, " × ").replace("-", "−")


def short_number(value: float | int | None) -> str:
    """Return a number for tables and charts: four digits, a narrow "×" and a minus sign.

    Example:
        >>> short_number(0.21738), short_number(120000), short_number(1e9), short_number(-3.6)
        ('0.2174', '1.2×10⁵', '10⁹', '−3.6')
    """
    if value is None:
        return UNKNOWN
    if isinstance(value, float) and not math.isfinite(value):
        return "∞" if value > 0 else "−∞" if value < 0 else "undefined"
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)))
    if -4 <= exponent < 5:
        text = _without_zeros(f"{value:.{max(0, DIGITS - 1 - exponent)}f}")
    else:
        text = _scientific(value, DIGITS, "×")
    return text.replace("-", "−")


def computed_ev(value: float | None, unit: str | None = "eV") -> float | None:
    """Return a computed energy without the digits that its error leaves no meaning.

    Errors are some 0.3 eV, some 0.03 eV of an energy per atom, and 0.1 of a probability; values in
    other units keep all digits.

    Example:
        >>> computed_ev(0.21738), computed_ev(0.04217, "eV/atom"), computed_ev(1.2345, "nm")
        (0.22, 0.042, 1.2345)
    """
    digits = {"eV": 2, "eV/atom": 3, "1": 2}.get(unit or "")
    return value if value is None or digits is None else round(value, digits)


def percent(share: float) -> str:
    """Return a share in percent.

    Example:
        >>> percent(0.157), percent(0.0005)
        ('16 %', '0.05 %')
    """
    shown = share * 100
    return f"{shown:.0f} %" if shown >= 9.95 or shown == 0 else f"{shown:.2g} %"


def decimals_of(low: float, high: float) -> int:
    """Return how many decimals an interval leaves to a value: its half width has two digits.

    Example:
        >>> decimals_of(0.0074, 0.7), decimals_of(0.4712, 0.4894)
        (2, 4)
    """
    return max(0, 1 - math.floor(math.log10((high - low) / 2)))


def with_interval(value: float, low: float, high: float) -> str:
    """Return a value with its interval, in the digits that the interval leaves.

    Example:
        >>> with_interval(0.38, 0.0074, 0.7), with_interval(0.88, 0.88, 0.88)
        ('0.38 (0.01 to 0.70)', '0.88')
    """
    if low == high:
        return short_number(value)
    digits = decimals_of(low, high)
    if 0 < value < 10**-digits:  # no zero, which would be a failure
        return f"{short_number(value)} ({short_number(low)} to {short_number(high)})"
    least, most = decimals(low, digits), decimals(high, digits)
    return f"{decimals(value, digits)} ({least} to {most})"


def decimals(value: float | None, digits: int) -> str:
    """Return a number with fixed decimals, empty if it is not known, and never "−0.00".

    Example:
        >>> decimals(-0.00001, 3), decimals(-0.5, 1), decimals(None, 3)
        ('0.000', '−0.5', '')
    """
    return "" if value is None else f"{value:z.{digits}f}".replace("-", "−")


def milli(value: float | None) -> str:
    """Return a number in thousandths with one decimal, such as meV from eV.

    Example:
        >>> milli(0.0421)
        '42.1'
    """
    return decimals(None if value is None else 1000 * value, 1)


def shortened(text: str, longest: int) -> str:
    """Return a text cut to a number of characters, with "…" at its end if it was cut."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _scientific(value: float, digits: int, times: str) -> str:
    mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
    mantissa = _without_zeros(mantissa)
    power = "10" + str(int(exponent)).translate(_SUPERSCRIPTS)
    if mantissa in ("1", "-1"):
        return mantissa.replace("1", power)
    return f"{mantissa}{times}{power}"


def _without_zeros(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text
