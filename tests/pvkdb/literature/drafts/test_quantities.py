"""Quantities are read as the literature prints them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pvkdb.literature.drafts.documents import readable
from pvkdb.literature.drafts.quantities import MAX_NUMBERS, quantities

from ....each import for_each


@for_each(
    ("text", "expected"),
    [
        ("a set voltage of ~ -0.11 V", "V -0.11 -0.11 ~"),
        ("15 mV and 13.5 aJ", "V 0.015 0.015; J 1.35e-17 1.35e-17"),
        ("90–300 nm", "m 9e-08 3e-07"),
        ("10-20 nm", "m 1e-08 2e-08"),
        ("0.38$ – 0.48 eV", "eV 0.38 0.48"),
        ("57.8 kJ mol⁻¹", "eV 0.599 0.599"),
        ("0.35 ± 0.02 eV", "eV 0.33 0.37"),
        ("humidity of 47% ± 4%", "% 43 51"),
        ("8.3 × 10–6 s–1 at 23 °C, 4 V s-1", "1 8.3e-06 8.3e-06; degC 23 23; V/s 4 4"),
        ("20 cm2 V-1 s-1 at 2 V–1 V", "1 20 20; V 1 2"),
        ("over 1000 seconds, exceeding 10⁴s", "s 1000 1000 >; s 10000 10000 >"),
        ("up to 6×10^6 cycles", "cycles 6e+06 6e+06 up to"),
        ("3 months or 7 days", "s 7.776e+06 7.776e+06; s 604800 604800"),
        ("0.5 M, 1.5 M, and 2.5 M", "mol/L 0.5 2.5"),
        ("0.61 eV, 0.32 eV, and 0.56 eV, respectively", "eV 0.61 0.61; eV 0.32 0.32; eV 0.56 0.56"),
        ("± 10 V to ± 60 V", "V 10 60 ±"),
        ("reducing the barrier from 0.74 eV to 0.41 eV", "eV 0.74 0.74; eV 0.41 0.41"),
        ("measured from 90 K to 400 K", "K 90 400"),
        (r"$3.34\text{--}33 \times 10^{15} \text{ cm}^{-3}$", "cm-3 3.34e+15 3.3e+16"),
        ("a 16 × 16 memristor array", "grid 16 16"),
        ("40 μm × 40 μm", "side 4e-05 4e-05"),
        ("nearly two orders of magnitude", "orders 2 2 ~"),
        ("sixteen conductance states over three months", "states 16 16; s 7.776e+06 7.776e+06 >"),
        ("one day, one of thirty-six months, one year", "s 3.1536e+07 3.1536e+07"),
        ("a ratio of 1.9×10^{-9}", "1 1.9e-09 1.9e-09"),
        ("300 set/reset cycles, 400 consecutive sweeps", "cycles 300 300; cycles 400 400"),
        ("500 distinct, non-volatile conductance states", "states 500 500"),
        ("larger than one hundred, over 2 million cycles", "1 100 100 >; cycles 2e+06 2e+06 >"),
        ("17 nanoseconds, 100 pico seconds", "s 1.7e-08 1.7e-08; s 1e-10 1e-10"),
        ("54 kJ mol(-1), 0.33(2) eV, 10 +/- 5 nm", "eV 0.56 0.56; eV 0.33 0.33; m 5e-09 1.5e-08"),
        ("a ratio exceeding 103can, 10^(3)", "1 1000 1000 >; 1 1000 1000"),
        ("0.3 V, 10^5 and 200 cycles", "V 0.3 0.3; 1 100000 100000; cycles 200 200"),
        ("10⁵:10³:1, 1:101.87", "1 100000 100000; 1 74.13 74.13"),
        ("more than ≈10³ cycles, by a factor of 5", "cycles 1000 1000 >; fold 5 5"),
        ("50 000 elements over 100 cm²", "devices 50000 50000; m2 0.01 0.01 >"),
        ("0,350 eV and -0,35 V with a decimal comma, 0.2 V", "V 0.2 0.2"),
        ("0, 5 and 10 V", "V 0 10"),
        ("(Fig. 9h) and ref. 12 of 2021, CsPbBr3, 2D, n = 3, the +4 state", ""),
    ],
)
def test_quantities_of_sentences(text: str, expected: str) -> None:
    found = (
        f"{one.unit} {one.low:g} {one.high:g} {one.sign}" for one in quantities(readable(text))
    )
    assert "; ".join(map(str.strip, found)) == expected


@for_each(
    ("text", "value", "doubt"),
    [
        *(("endurance of 103 cycles", 1e3, "is it 10^3?"), ("2 x 106 cycles", 2e6, "10^6?")),
        *(("a ratio of 10(3).", 1e3, "is it 10^3?"), ("retention of 10 4 s", 1e4, "is it 10^4?")),
        ("a ratio of 9 x 10(7)", 9e7, "is it 9 x 10^7?"),
        ("103 endurance cycles", 1e3, "is it 10^3?"),
        ("a current of 10 -7 A", 1e-7, "is it 10^-7?"),
        *(("about 1000 cycles", 1e3, ""), ("120 cycles", 120, ""), ("100 000 cycles", 1e5, "")),
        *(("100,000 cycles", 1e5, ""), ("103 000 cycles", 1.03e5, "")),
        *(("10 nm", 1e-8, ""), ("103 nm", 1.03e-7, "")),
    ],
)
def test_a_lost_superscript_is_proposed_with_a_doubt(text: str, value: float, doubt: str) -> None:
    (found,) = quantities(text)
    assert found.low == pytest.approx(value)
    assert doubt in found.doubt
    assert bool(doubt) == bool(found.doubt)


@given(st.text(alphabet="0123456789.,×⁰⁻⁹-–± VeKsm()to~", max_size=120))
def test_any_text_is_read_without_an_error(text: str) -> None:
    for found in quantities(text):
        assert found.low <= found.high or found.sign == "±"
        assert 0 <= found.start < found.end <= len(text)


def test_a_list_of_numbers_without_end_is_cut() -> None:
    assert len(quantities("5 V; " * 5000)) == MAX_NUMBERS
