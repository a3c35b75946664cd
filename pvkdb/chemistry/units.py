"""The reader of numbers with units: of drafts, imports and the headings of measurements.

``parse_measurement("~25 kJ/mol", "eV")`` gives an :class:`~pvkdb.chemistry.quantities.Interval` in
eV. Factors are exact, so that 300 mV is exactly 0.3 V. A converted value that no decimal number
holds, as of kJ/mol in eV, gets as many digits as its source: 25 kJ/mol is 0.26 eV.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Context, Decimal
from fractions import Fraction
from functools import cache

from pvkdb.chemistry.quantities import Interval
from pvkdb.errors import InputError

_ELEMENTARY_CHARGE_C = Fraction("1.602176634e-19")
_AVOGADRO_PER_MOL = Fraction("6.02214076e23")
#: Exact since the SI of 2019 (BIPM, The International System of Units, 9th edition).
KJ_PER_MOL = 1000 / (_ELEMENTARY_CHARGE_C * _AVOGADRO_PER_MOL)
#: The thermochemical calorie, 4.184 J.
KCAL_PER_MOL = Fraction("4.184") * KJ_PER_MOL

_PREFIXES = dict(zip("afpnμumckMG", (-18, -15, -12, -9, -6, -6, -3, -2, 3, 6, 9), strict=True))


def _scaled(symbols: str, prefixes: str, power: int = 1) -> dict[str, Fraction]:
    """Return symbols of a unit with prefixes of the SI, each with its factor to the unit."""
    scales = {"": Fraction(1)} | {p: Fraction(10) ** (power * _PREFIXES[p]) for p in prefixes}
    return {f"{p}{symbol}": scale for symbol in symbols.split() for p, scale in scales.items()}


def _per(above: Mapping[str, Fraction], below: Mapping[str, Fraction]) -> dict[str, Fraction]:
    """Return the quotients of units, in both spellings: V/m and V m⁻¹."""
    found = {f"{one}/{other}": above[one] / below[other] for one in above for other in below}
    for name, factor in [*found.items()]:
        one, _, other = name.partition("/")
        found[f"{one} {other.rstrip('²')}⁻{'²' if other.endswith('²') else '¹'}"] = factor
    return found


#: Prefixes of units that are words, and what is written apart: "pico seconds", "electron volts".
_PREFIX_WORDS = dict(
    zip("afpnμm", ("atto", "femto", "pico", "nano", "micro", "milli"), strict=True)
)
_APART = re.compile(f"^({'|'.join(_PREFIX_WORDS.values())}|electron)")


def _prefixed(*words: str) -> dict[str, Fraction]:
    """Return words of a unit with small prefixes of the SI, each with its factor to the unit."""
    scales = {"": Fraction(1)}
    scales |= {word: Fraction(10) ** _PREFIXES[p] for p, word in _PREFIX_WORDS.items()}
    return {f"{p}{word}": scale for word in words for p, scale in scales.items()}


_ONE = Fraction(1)
_METRE = _scaled("m", "nμumc") | {"Å": Fraction(1, 10**10)}
_AREA = _scaled("m²", "nμumc", 2)
#: Units as words, which may have a capital and a plural. Conventions of pvkdb's tables: a month
#: is 30 days, a year 365 days.
_WORDS: Mapping[str, Mapping[str, Fraction | int]] = {
    "V": _prefixed("volt"),
    "eV": _prefixed("electronvolt"),
    "J": _prefixed("joule"),
    "s": {
        **_prefixed("second"),
        "sec": 1,
        "min": 60,
        "minute": 60,
        "hr": 3600,
        "hour": 3600,
        "day": 86400,
        "week": 7 * 86400,
        "month": 30 * 86400,
        "year": 365 * 86400,
        "yr": 365 * 86400,
    },
    "cycles": {"cycle": 1, "times": 1},
    "m": _prefixed("meter", "metre") | {"micron": Fraction(1, 10**6)},
    "deg": {"degree": 1},
    "ohm": {"ohm": 1},
    "A": _prefixed("ampere", "amp"),
    "S": {"siemens": 1},
    "arbitrary": {"normalized": 1, "normalised": 1},
}
_SYMBOLS: Mapping[str, Mapping[str, Fraction]] = {
    "eV": {
        **_scaled("eV", "m"),
        **_per({"kJ": KJ_PER_MOL, "kcal": KCAL_PER_MOL}, {"mol": _ONE}),
    },
    "V": _scaled("V", "nμumk"),
    "s": _scaled("s sec", "fpnμum") | {"h": Fraction(3600), "d": Fraction(86400)},
    "J": _scaled("J", "afpnμum"),
    "cycles": {},
    "m": _METRE,
    "m2": _AREA,
    "V/m": _per(_scaled("V", "kM"), _METRE),
    "V/s": _per(_scaled("V", "m"), {"s": _ONE}),
    "cm-1": {"cm⁻¹": _ONE},
    "cm-2": {"cm⁻²": _ONE, "/cm²": _ONE, "mm⁻²": Fraction(100), "/mm²": Fraction(100)},
    "cm-3": {"cm⁻³": _ONE, "/cm³": _ONE},
    "mW/cm2": {name: factor / 10 for name, factor in _per(_scaled("W", "nμum"), _AREA).items()},
    "uC/cm2": _per({"μC": _ONE, "uC": _ONE}, {"cm²": _ONE}),
    "K": {"K": _ONE},
    "degC": {"°C": _ONE, "℃": _ONE},
    "deg": {"°": _ONE},
    "mol/L": _scaled("M", "m") | _per(_scaled("mol", "m"), {"L": _ONE}),
    "mol%": {"mol%": _ONE, "mol %": _ONE},
    "ohm": _scaled("Ω ohm Ohm", "mkMG") | {"M Ω": Fraction(10**6)},
    "A": _scaled("A", "fpnμum"),
    "S": _scaled("S", "fpnμum"),
    "Pa": _scaled("Pa", "kM"),
    "%": {"%": _ONE},
    "arbitrary": dict.fromkeys(("a.u.", "a. u.", "arb. units", "arb. u.", "norm."), _ONE),
    "1": {},
}
_BASES: dict[str, dict[str, Fraction]] = {
    unit: {**names, **{word: Fraction(factor) for word, factor in _WORDS.get(unit, {}).items()}}
    for unit, names in _SYMBOLS.items()
}
#: For each unit of a table: the units that are read, with their factors to it.
UNITS: Mapping[str, Mapping[str, Fraction]] = _BASES | {
    unit: {name: factor / _BASES[base][one] for name, factor in _BASES[base].items()}
    for unit, base, one in (
        *(("d", "s", "d"), ("days", "s", "d")),
        *(("nm", "m", "nm"), ("um2", "m2", "μm²")),
    )
}
#: The zero of the scale of °C in K (BIPM, The International System of Units, 9th edition).
_ZERO_C_IN_K = Fraction("273.15")

#: Qualifiers in front of a value, and their meaning.
_QUALIFIERS = {">": ">", "≥": ">", ">=": ">", "<": "<", "≤": "<", "<=": "<", "~": "~", "≈": "~"}

_POWER = r"10\^\{?[+-]?\d+\}?"
_NUMBER = rf"(?:{_POWER}|[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+|\s?[x*]\s?{_POWER})?)"
#: A number with commas between thousands. One that begins with zero has a decimal comma.
_THOUSANDS = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?:,\d{3})+(?!\d)")
_BARE = re.compile(r"[+-]?[\d.]+")
_MANTISSA = re.compile(rf"(?P<mantissa>{_BARE.pattern})(?P<power>\s?[x*]\s?10\^.+)")
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_SIGNS = str.maketrans("−×·µ—\u2126", "-x*μ–Ω")


@cache
def unit_pattern() -> str:
    """Return a regular expression of the units that are read, in all of their spellings."""
    patterns = {
        **{name: _spellings(name) for names in _SYMBOLS.values() for name in names},
        **{
            name: "(?i:" + _APART.sub(r"\1\\s?", name) + "s?)"
            for names in _WORDS.values()
            for name in names
        },
    }
    return "|".join(patterns[name] for name in sorted(patterns, key=len, reverse=True))


def _spellings(name: str) -> str:
    pattern = re.escape(name)
    for sign, alike in (
        *(("\\ ", r"[\s·*]?"), ("/", r"\s?/\s?"), ("μ", "[μµ]"), ("Ω", "[Ω\u2126]")),
        *(("⁻", "[⁻−-]"), ("¹", "[¹1]"), ("²", "[²2]"), ("³", "[³3]")),
    ):
        pattern = pattern.replace(sign, alike)
    return pattern


def unit_of(printed: str, units: Iterable[str] = _BASES) -> tuple[str, Fraction] | None:
    """Return which of ``units`` a printed one is read as, and its factor; None: it is unknown.

    Example:
        >>> unit_of("kΩ"), unit_of("months")
        (('ohm', Fraction(1000, 1)), ('s', Fraction(2592000, 1)))
    """
    for unit in units:
        for name in _names(printed):
            if (factor := _keys(unit).get(name)) is not None:
                return unit, factor
    return None


def _names(printed: str) -> Iterator[str]:
    """Yield what a unit may be in the table: as it is, and a word in small letters, singular."""
    yield _key(printed)
    word = re.sub(r"\s", "", printed).lower()
    for name in (word, word.removesuffix("s")):
        if any(name in names for names in _WORDS.values()):
            yield name


@cache
def _keys(unit: str) -> dict[str, Fraction]:
    return {_key(name): factor for name, factor in UNITS[unit].items()}


def _key(name: str) -> str:
    return re.sub(r"[\s·*]", "", name.translate(_SUPERSCRIPTS | _SIGNS))


@cache
def _measurement() -> re.Pattern[str]:
    unit = rf"(?!to\b)(?:(?:{unit_pattern()})(?![A-Za-zμ])|[A-Za-zμ]+)"
    return re.compile(
        rf"(?P<qualifier>>=|<=|[><≥≤~≈])?\s*(?P<first>{_NUMBER})\s*(?P<unit1>{unit})?\s*"
        rf"(?:(?P<joint>to|–|-|\.\.\.|±)\s*(?P<second>{_NUMBER})\s*(?P<unit2>{unit})?)?",
    )


def parse_measurement(text: str, unit: str, *, unit_needed: bool = False) -> Interval:
    """Parse a reported value into an interval in ``unit``, a key of :data:`UNITS`.

    Accepts ``0.35 eV``, ``~25 kJ/mol``, ``> 1.20``, ``0.2–0.3 eV``, ``-0.5 to -1.2 V``,
    ``0.35 ± 0.02 eV`` (as 0.33 to 0.37), ``3 months``, ``1.5×10^6``, ``10⁴``, ``3–5 × 10^4`` (as
    30000 to 50000). A number without a unit is in ``unit``, or refused where one is needed.

    Raises:
        InputError: the text cannot be parsed, or has no unit; the message gives examples.

    Example:
        >>> parse_measurement("300 mV", "V"), str(parse_measurement(">2 h", "s"))
        (Interval(minimum=0.3, maximum=0.3, bound=None, approximate=False), '> 7200')
    """
    cleaned = _plain(text)
    match = _measurement().fullmatch(cleaned) if len(cleaned) <= 80 else None
    if match is None:
        raise InputError(
            f"{text[:80]!r} is not a value; write for example {_examples(unit)}, one value a cell"
        )
    if unit_needed and not (match["unit1"] or match["unit2"]):
        raise InputError(f"{text!r} has no unit; write for example {_examples(unit)}")
    zero = Fraction(0)
    if unit == "K" and unit_of(match["unit2"] or match["unit1"] or "", ("degC",)):
        unit, zero = "degC", _ZERO_C_IN_K
    factor = _factor(match["unit2"] or match["unit1"], unit)
    own = _factor(match["unit1"], unit) if match["unit1"] and match["unit2"] else factor
    first, place = _number(_with_power(match))
    ends = [(first, place, own)]
    qualifier = _QUALIFIERS.get(match["qualifier"] or "")
    if match["second"] is not None:
        if qualifier in (">", "<"):
            raise InputError(f"{text!r} bounds a range; write either the bound or the range")
        second, last = _number(match["second"])
        ends.append((second, last, factor))
        if match["joint"] == "±":
            error, last = abs(second) * factor / own, min(place, last)
            ends = [(first - error, last, own), (first + error, last, own)]
    values = sorted(_converted(*end) + zero for end in ends)
    low, high = (_float(value, text) for value in (values[0], values[-1]))
    return Interval(
        minimum=None if qualifier == "<" else low,
        maximum=None if qualifier == ">" else high,
        bound={">": "lower", "<": "upper"}.get(qualifier or ""),  # type: ignore[arg-type]
        approximate=qualifier == "~",
    )


def _with_power(match: re.Match[str]) -> str:
    """Return the first number of a value, with the power of ten that ends its range."""
    first, last = match["first"], _MANTISSA.fullmatch(match["second"] or "")
    if last is None or match["joint"] == "±" or match["unit1"] or not _BARE.fullmatch(first):
        return first
    shared = abs(float(first)) < abs(float(last["mantissa"]))
    return f"{first}{last['power']}" if shared else first


def _plain(text: str) -> str:
    """Return a text in which minus signs, micro signs and the like have one spelling each."""
    text = re.sub(r"(?<=10)(?=[⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺])", "^", text).translate(_SUPERSCRIPTS | _SIGNS)
    text = re.sub(r"(?<=\d)E(?=[+-]?\d)", "e", text)
    text = _THOUSANDS.sub(lambda found: found[0].replace(",", ""), text)
    return re.sub(r"\s+", " ", text).strip()


def _number(text: str) -> tuple[Fraction, int]:
    """Return a number, and the power of ten of its last digit."""
    mantissa, power, exponent = re.sub(r"[\s{}]", "", text).partition("10^")
    if not power:
        mantissa, _, exponent = mantissa.partition("e")
    mantissa = mantissa.rstrip("x*") or "1"
    if abs(shift := int(exponent or "0")) > 300:
        raise InputError(f"the exponent {exponent} is outside the range of numbers")
    return Fraction(mantissa) * Fraction(10) ** shift, shift - len(mantissa.partition(".")[2])


def _converted(value: Fraction, place: int, factor: Fraction) -> Fraction:
    """Return a value times a factor: exact if it has finite decimals, else with its own digits."""
    exact = value * factor
    if pow(10, 800, exact.denominator) == 0:  # a divisor of a power of ten
        return exact
    digits = len(str(abs(round(value / Fraction(10) ** place))))
    rounded = Context(prec=digits).divide(Decimal(exact.numerator), Decimal(exact.denominator))
    return Fraction(rounded)


def _factor(written: str | None, unit: str) -> Fraction:
    if not (name := (written or "").strip()):
        return Fraction(1)
    if found := unit_of(name, (unit,)):
        return found[1]
    choices = ", ".join(UNITS[unit]) or "no unit at all"
    raise InputError(f"the unit {name!r} is none of {choices}")


def _float(value: Fraction, text: str) -> float:
    try:
        return float(value)
    except OverflowError:
        raise InputError(f"{text!r} is outside the range of numbers") from None


def _examples(unit: str) -> str:
    return {
        "eV": "0.35 eV, ~25 kJ/mol, > 1.2 eV or 0.2–0.3 eV",
        "V": "0.5 V, -300 mV or -0.5 to -1.2 V",
        "s": "1e4 s, > 2 h or 3 months",
        "d": "60 days or > 3 months",
        "nm": "300 nm or 1.2 μm",
        "um2": "2500 μm² or 0.01 mm²",
        "K": "300 K or 85 °C",
        "cycles": "500 or 10^4 cycles",
    }.get(unit, "1e4, ~10^3 or > 100")
