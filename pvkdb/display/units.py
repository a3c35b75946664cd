"""Values with their units, and intervals of them, as text for sentences."""

from __future__ import annotations

from pvkdb.display.numbers import computed_ev, number
from pvkdb.display.times import YEAR_S


def _steps(unit: str, prefixes: str) -> list[tuple[float, str]]:
    """Return the sizes and names of a unit in steps of a thousand, the largest first."""
    steps = enumerate(["", *prefixes])
    return [(float(f"1e-{3 * place}"), f"{prefix}{unit}") for place, prefix in steps]


#: Minutes, hours and days are left out because the literature writes 10⁴ s.
_STEPS = {
    "s": [(float(YEAR_S), "years"), *_steps("s", "mμnp")],
    "m": _steps("m", "mμn"),
    "J": _steps("J", "mμnpfa"),
}


def amount(value: float, unit: str) -> str:
    """Return a value with its unit; times, lengths and small energies get a fitting unit.

    Example:
        >>> amount(0.04, "s"), amount(8.7e7, "s"), amount(0.35, "eV"), amount(1e6, "cycles")
        ('40 ms', '2.8 years', '0.35 eV', '10⁶ cycles')
    """
    if unit == "eV/atom":  # always computed
        return with_unit(number(computed_ev(value, unit) or 0.0), unit)
    steps = _STEPS.get(unit)
    if steps and value > 0:
        size, name = next((step for step in steps if value >= step[0]), steps[-1])
        digits = 2 if name == "years" else 4
        text = number(float(f"{value / size:.{digits}g}"))
        return f"{text} {'year' if (text, name) == ('1', 'years') else name}"
    return with_unit(number(value), unit)


def amount_range(low: float | None, high: float | None, unit: str, sign: str = "") -> str:
    """Return an interval: equal ends are one value, a missing end makes the other a bound.

    ``sign`` is written before a value or an interval, not before a bound.

    Example:
        >>> amount_range(0.04, 3, "s"), amount_range(5000, None, "cycles")
        ('40 ms to 3 s', 'at least 5000 cycles')
    """
    if low is None:
        return "unknown" if high is None else f"at most {amount(high, unit)}"
    if high is None:
        return f"at least {amount(low, unit)}"
    if low == high:
        return f"{sign}{amount(low, unit)}"
    return f"{sign}{amount(low, unit)} to {amount(high, unit)}"


def with_unit(text: str, unit: str) -> str:
    """Return a number's text with its unit; a dimensionless one has none.

    Example:
        >>> with_unit("50", "%"), with_unit("3", "um2"), with_unit("1.1", "1")
        ('50%', '3 μm²', '1.1')
    """
    if unit in ("", "1"):
        return text
    return f"{text}{'' if unit == '%' else ' '}{written(unit)}"


def written(unit: str) -> str:
    """Return a unit as texts have it, where columns spell areas ``um2``."""
    return unit.replace("m2", "m²").replace("um²", "μm²")
