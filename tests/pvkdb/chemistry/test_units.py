"""Values as papers print them: numbers, ranges, bounds, units."""

from __future__ import annotations

from decimal import Context, Decimal, Inexact
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pvkdb.chemistry.quantities import Interval
from pvkdb.chemistry.units import KCAL_PER_MOL, KJ_PER_MOL, UNITS, parse_measurement, unit_of
from pvkdb.errors import InputError

from ...each import for_each


@pytest.mark.parametrize(
    ("printed", "kj_per_mol", "ev", "digits"),
    [
        ("57.8 kJ mol⁻¹ (~0.6 eV)", 57.8, 0.6, 0.05),  # ref. 115
        ("66.9 kJ mol⁻¹ (0.69 eV)", 66.9, 0.69, 0.005),
        ("71.5 kJ mol⁻¹ (~0.74 eV)", 71.5, 0.74, 0.005),
        ("50.9 kJ mol⁻¹", 50.9, 0.528, 0.0005),  # ref. 112 prints kJ/mol alone
        ("60.8 kJ mol⁻¹", 60.8, 0.630, 0.0005),
    ],
)
def test_activation_energies_a_mole_are_those_an_ion(
    review: list[str], printed: str, kj_per_mol: float, ev: float, digits: float
) -> None:
    assert any(printed in line for line in review)
    assert float(KJ_PER_MOL) * kj_per_mol == pytest.approx(ev, abs=digits)


def test_molar_energies_are_those_of_codata() -> None:
    """CODATA 2018: 1 eV is 96.485 332 12 kJ/mol; scipy holds the constants independently."""
    from scipy import constants

    assert float(1 / KJ_PER_MOL) == pytest.approx(96.48533212, rel=1e-9)
    assert float(KJ_PER_MOL) == pytest.approx(1000 / (constants.e * constants.N_A), rel=1e-12)
    assert float(KCAL_PER_MOL) == pytest.approx(
        1000 * constants.calorie / (constants.e * constants.N_A), rel=1e-12
    )


@pytest.mark.parametrize(
    ("text", "unit", "low", "high", "bound", "approximate"),
    [
        ("0.35 eV", "eV", 0.35, 0.35, None, False),
        ("350 meV", "eV", 0.35, 0.35, None, False),
        ("~0.2", "eV", 0.2, 0.2, None, True),
        ("≈ 0.2 eV", "eV", 0.2, 0.2, None, True),
        ("> 1.20", "eV", 1.2, None, "lower", False),
        ("≥1.2 eV", "eV", 1.2, None, "lower", False),
        ("<0.1 eV", "eV", None, 0.1, "upper", False),
        ("0.13–1.87", "eV", 0.13, 1.87, None, False),
        ("0.2 eV – 0.3 eV", "eV", 0.2, 0.3, None, False),
        ("300 meV to 0.4 eV", "eV", 0.3, 0.4, None, False),
        ("0.35 ± 0.02 eV", "eV", 0.33, 0.37, None, False),
        ("-0.078 to -3.6 V", "V", -3.6, -0.078, None, False),
        ("−0.5–−1.2", "V", -1.2, -0.5, None, False),
        ("+300 mV", "V", 0.3, 0.3, None, False),
        ("5-8 V", "V", 5, 8, None, False),
        ("3 months", "s", 7776000, 7776000, None, False),
        ("1 year", "d", 365, 365, None, False),
        ("2 yrs", "d", 730, 730, None, False),
        ("2 Hours", "s", 7200, 7200, None, False),
        ("90 min", "s", 5400, 5400, None, False),
        ("12 h", "d", 0.5, 0.5, None, False),
        ("800 ns", "s", 8e-7, 8e-7, None, False),
        ("100 µs", "s", 1e-4, 1e-4, None, False),
        ("10⁴", "1", 1e4, 1e4, None, False),
        ("1.5×10^6", "1", 1.5e6, 1.5e6, None, False),
        ("1.9 × 10⁻⁹", "1", 1.9e-9, 1.9e-9, None, False),
        ("1E4 s", "s", 1e4, 1e4, None, False),
        ("10,000 cycles", "cycles", 1e4, 1e4, None, False),
        ("1,500,000 cycles", "cycles", 1.5e6, 1.5e6, None, False),
        ("-1,234.5 to 2,000 s", "s", -1234.5, 2000, None, False),
        ("3–5 × 10^4 cycles", "cycles", 3e4, 5e4, None, False),  # the power is of both
        ("2 to 5 × 10⁻³ s", "s", 2e-3, 5e-3, None, False),
        ("500–2×10^4 cycles", "cycles", 500, 2e4, None, False),
        ("2 s to 5×10^3 s", "s", 2, 5e3, None, False),
        ("7 times", "cycles", 7, 7, None, False),
    ],
)
def test_what_papers_print(
    text: str,
    unit: str,
    low: float | None,
    high: float | None,
    bound: str | None,
    approximate: bool,
) -> None:
    assert parse_measurement(text, unit) == Interval(low, high, bound, approximate)  # type: ignore[arg-type]


@for_each(
    ("text", "unit", "low", "high"),
    [
        ("~25 kJ/mol", "eV", 0.26, 0.26),  # 0.259107
        ("25.0 kJ mol⁻¹", "eV", 0.259, 0.259),
        ("100 kJ/mol", "eV", 1.04, 1.04),
        ("5–14.2 kJ·mol⁻¹", "eV", 0.05, 0.147),  # 0.0518, 0.1472
        ("25 ± 2 kJ/mol", "eV", 0.24, 0.28),  # 23 and 27 kJ/mol
        ("25 ± 0.5 kJ/mol", "eV", 0.254, 0.264),
        ("10^4 s", "d", 0.1, 0.1),  # 0.1157
        ("100 h", "d", 4.17, 4.17),
        ("12 h", "d", 0.5, 0.5),  # what decimals hold is exact
        ("3 months", "s", 7776000, 7776000),
        ("45 days", "s", 3888000, 3888000),
        ("0 kJ/mol", "eV", 0, 0),
    ],
)
def test_a_conversion_that_decimals_do_not_hold_keeps_the_digits_of_the_source(
    text: str, unit: str, low: float, high: float
) -> None:
    found = parse_measurement(text, unit)
    assert (found.minimum, found.maximum) == (low, high)


@for_each(
    ("printed", "unit"),
    [
        *(("μs", "s"), ("µs", "s"), ("us", "s"), ("Months", "s"), ("yrs", "s"), ("MINS", "s")),
        *(("Ω", "ohm"), ("\u2126", "ohm"), ("MΩ", "ohm"), ("V·s⁻¹", "V/s"), ("V s-1", "V/s")),
        *(("cm⁻³", "cm-3"), ("cm-3", "cm-3"), ("µC/cm2", "uC/cm2"), ("mW cm−2", "mW/cm2")),
        *(("Ms", None), ("Vs", None), ("eVs", None), ("S", "S"), ("MOHM", None), ("D", None)),
        *(("", None), ("apples", None), ("s–1", None)),
    ],
)
def test_units_are_read_in_every_spelling_and_symbols_in_one(
    printed: str, unit: str | None
) -> None:
    found = unit_of(printed)
    assert (found[0] if found else None) == unit


@pytest.mark.parametrize(
    ("text", "unit", "said"),
    [
        ("", "eV", "is not a value"),
        ("low", "eV", "is not a value"),
        ("0,35 eV", "eV", "is not a value"),  # a decimal comma is not a thousands separator
        ("0,350 eV", "eV", "is not a value"),  # nor with three digits: it was read as 350 eV
        ("-0,125 V", "V", "is not a value"),
        ("0.5,123 V", "V", "is not a value"),
        ("1234,567 s", "s", "is not a value"),
        ("0.3 eV at 300 K", "eV", "is not a value"),
        ("5 m", "s", "'m' is none of"),  # metres, minutes, months?
        ("5 V", "eV", "'V' is none of"),
        ("300 apples", "cycles", "'apples' is none of"),
        ("3 eV", "1", "no unit at all"),
        ("> 1 to 2", "1", "bounds a range"),
        ("1e999", "1", "outside the range"),
        ("9" * 100, "1", "is not a value"),
        ("nan", "1", "is not a value"),
        ("inf", "1", "is not a value"),
    ],
)
def test_what_cannot_be_understood_is_refused(text: str, unit: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        parse_measurement(text, unit)


@given(
    st.sampled_from([(unit, name) for unit, names in UNITS.items() for name in names]),
    st.integers(-(10**6), 10**6),
    st.integers(0, 4),
)
def test_factors_are_exact(unit_name: tuple[str, str], digits: int, decimals: int) -> None:
    unit, name = unit_name
    value = Fraction(digits, 10**decimals)
    text = f"{float(value):.{decimals}f} {name}"
    exact = value * UNITS[unit][name]
    division = Context(prec=60, traps=[])
    division.divide(Decimal(exact.numerator), Decimal(exact.denominator))
    found = parse_measurement(text, unit).minimum
    if division.flags[Inexact]:  # then half of the last digit of the source is lost
        assert found == pytest.approx(float(exact), rel=5 * 10.0 ** -len(str(abs(digits))))
    else:
        assert found == float(exact)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = parse_measurement(text, "eV")
    except InputError:
        return
    assert found.minimum is not None or found.maximum is not None
