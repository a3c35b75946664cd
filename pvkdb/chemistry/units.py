"""Parsing of reported values: a number, a range or a bound, with its unit.

``parse_measurement("~25 kJ/mol", "eV")`` gives an :class:`~pvkdb.chemistry.quantities.Interval` in
eV. Factors are exact, so that 300 mV is exactly 0.3 V.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from math import isfinite

from pvkdb.chemistry.quantities import Interval
from pvkdb.errors import InputError

_ELEMENTARY_CHARGE_C = Fraction("1.602176634e-19")
_AVOGADRO_PER_MOL = Fraction("6.02214076e23")
#: Exact since the SI of 2019 (BIPM, The International System of Units, 9th edition).
KJ_PER_MOL = 1000 / (_ELEMENTARY_CHARGE_C * _AVOGADRO_PER_MOL)
#: The thermochemical calorie, 4.184 J.
KCAL_PER_MOL = Fraction("4.184") * KJ_PER_MOL

_MINUTE, _HOUR, _DAY = Fraction(60), Fraction(3600), Fraction(86400)
_TIMES: dict[str, Fraction] = {
    "fs": Fraction(1, 10**15),
    "ps": Fraction(1, 10**12),
    "ns": Fraction(1, 10**9),
    "μs": Fraction(1, 10**6),
    "us": Fraction(1, 10**6),
    "ms": Fraction(1, 1000),
    "s": Fraction(1),
    "sec": Fraction(1),
    "second": Fraction(1),
    "min": _MINUTE,
    "minute": _MINUTE,
    "h": _HOUR,
    "hr": _HOUR,
    "hour": _HOUR,
    "d": _DAY,
    "day": _DAY,
    "week": 7 * _DAY,
    # Conventions of pvkdb's tables: a month is 30 days, a year 365 days.
    "month": 30 * _DAY,
    "year": 365 * _DAY,
    "yr": 365 * _DAY,
}

#: For each unit of a column: the accepted units and their factors.
UNITS: Mapping[str, Mapping[str, Fraction]] = {
    "eV": {
        "eV": Fraction(1),
        "meV": Fraction(1, 1000),
        "kJ/mol": KJ_PER_MOL,
        "kJ mol-1": KJ_PER_MOL,
        "kcal/mol": KCAL_PER_MOL,
        "kcal mol-1": KCAL_PER_MOL,
    },
    "V": {"V": Fraction(1), "mV": Fraction(1, 1000), "μV": Fraction(1, 10**6)},
    "s": _TIMES,
    "d": {name: seconds / _DAY for name, seconds in _TIMES.items()},
    "J": {
        f"{prefix}J": Fraction(1, 10**exponent)
        for exponent, prefix in (
            (0, ""),
            (3, "m"),
            (6, "μ"),
            (9, "n"),
            (12, "p"),
            (15, "f"),
            (18, "a"),
        )
    },
    "cycles": {"cycles": Fraction(1), "cycle": Fraction(1), "times": Fraction(1)},
    "1": {},
}

#: Qualifiers in front of a value, and their meaning.
_QUALIFIERS = {">": ">", "≥": ">", ">=": ">", "<": "<", "≤": "<", "<=": "<", "~": "~", "≈": "~"}

_POWER = r"10\^\{?[+-]?\d+\}?"
_NUMBER = rf"(?:{_POWER}|[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+|\s?[x*]\s?{_POWER})?)"
_UNIT = r"(?!to\b)[A-Za-zμ]+(?:\s?/\s?mol|\s?mol-1)?"
_MEASUREMENT = re.compile(
    rf"(?P<qualifier>>=|<=|[><≥≤~≈])?\s*(?P<first>{_NUMBER})\s*(?P<unit1>{_UNIT})?\s*"
    rf"(?:(?P<joint>to|–|-|\.\.\.|±)\s*(?P<second>{_NUMBER})\s*(?P<unit2>{_UNIT})?)?",
)
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")


def parse_measurement(text: str, unit: str, *, unit_needed: bool = False) -> Interval:
    """Parse a reported value into an interval in ``unit``, a key of :data:`UNITS`.

    Accepts ``0.35 eV``, ``~25 kJ/mol``, ``> 1.20``, ``0.2–0.3 eV``, ``-0.5 to -1.2 V``,
    ``0.35 ± 0.02 eV`` (as 0.33 to 0.37), ``3 months``, ``1.5×10^6``, ``10⁴``. A number
    without a unit is in ``unit``, or refused where one is needed.

    Raises:
        InputError: the text cannot be parsed, or has no unit; the message gives examples.

    Example:
        >>> parse_measurement("300 mV", "V"), str(parse_measurement(">2 h", "s"))
        (Interval(minimum=0.3, maximum=0.3, bound=None, approximate=False), '> 7200')
    """
    cleaned = _plain(text)
    match = _MEASUREMENT.fullmatch(cleaned) if len(cleaned) <= 80 else None
    if match is None:
        raise InputError(
            f"{text[:80]!r} is not a value; write for example {_examples(unit)}, one value a cell"
        )
    if unit_needed and not (match["unit1"] or match["unit2"]):
        raise InputError(f"{text!r} has no unit; write for example {_examples(unit)}")
    factor = _factor(match["unit2"] or match["unit1"], unit)
    first = _number(match["first"]) * (
        _factor(match["unit1"], unit) if match["unit1"] and match["unit2"] else factor
    )
    second = None if match["second"] is None else _number(match["second"]) * factor
    qualifier = _QUALIFIERS.get(match["qualifier"] or "")
    if second is not None and qualifier in (">", "<"):
        raise InputError(f"{text!r} bounds a range; write either the bound or the range")
    if match["joint"] == "±" and second is not None:
        first, second = first - abs(second), first + abs(second)
    low, high = sorted((first, first if second is None else second))
    return Interval(
        minimum=None if qualifier == "<" else _float(low, text),
        maximum=None if qualifier == ">" else _float(high, text),
        bound={">": "lower", "<": "upper"}.get(qualifier or ""),  # type: ignore[arg-type]
        approximate=qualifier == "~",
    )


def _plain(text: str) -> str:
    """Return a text in which minus signs, micro signs and the like have one spelling each."""
    text = re.sub(r"(?<=10)(?=[⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺])", "^", text).translate(_SUPERSCRIPTS)
    for written, plain in (("−", "-"), ("×", "x"), ("·", "*"), ("µ", "μ"), ("—", "–"), ("E", "e")):
        text = text.replace(written, plain)
    text = text.replace("eV", "ev").replace("ev", "eV")  # "E" of an exponent, not of a unit
    return re.sub(r"(?<=\d),(?=\d{3}\b)", "", re.sub(r"\s+", " ", text)).strip()


def _number(text: str) -> Fraction:
    mantissa, power, exponent = re.sub(r"[\s{}]", "", text).partition("10^")
    if not power:
        mantissa, _, exponent = mantissa.partition("e")
    mantissa = mantissa.rstrip("x*") or "1"
    return Fraction(mantissa) * Fraction(10) ** _exponent(exponent or "0")


def _exponent(text: str) -> int:
    if abs(value := int(text)) > 300:
        raise InputError(f"the exponent {text} is outside the range of numbers")
    return value


def _factor(written: str | None, unit: str) -> Fraction:
    if not (name := (written or "").strip()):
        return Fraction(1)
    known = UNITS[unit]
    for candidate in (name, name.removesuffix("s"), name.lower(), name.lower().removesuffix("s")):
        if candidate in known:
            return known[candidate]
    choices = ", ".join(known) or "no unit at all"
    raise InputError(f"the unit {name!r} is none of {choices}")


def _float(value: Fraction, text: str) -> float:
    number = float(value)
    if not isfinite(number):
        raise InputError(f"{text!r} is outside the range of numbers")
    return number


def _examples(unit: str) -> str:
    return {
        "eV": "0.35 eV, ~25 kJ/mol, > 1.2 eV or 0.2–0.3 eV",
        "V": "0.5 V, -300 mV or -0.5 to -1.2 V",
        "s": "1e4 s, > 2 h or 3 months",
        "d": "60 days or > 3 months",
        "cycles": "500 or 10^4 cycles",
    }.get(unit, "1e4, ~10^3 or > 100")
