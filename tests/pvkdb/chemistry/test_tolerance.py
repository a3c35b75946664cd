"""Tolerance factors against the published table and by hand."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from pvkdb.chemistry import Ion, parse_composition, site_radius, tolerance_factors
from pvkdb.chemistry.factors.tolerance import bartel_tau, factor_radius, goldschmidt
from pvkdb.chemistry.ions import sources
from pvkdb.errors import InputError, MissingRadiusError

TABLE_S1 = Path(__file__).parents[3] / "pvkdb/chemistry/data/bartel2019_table_s1.csv"


def test_by_hand_for_an_ideal_perovskite() -> None:
    # r_A = r_X and r_B = (√2 − 1) r_X is the ideal packing: t = 1.
    assert goldschmidt(1.0, 2**0.5 - 1, 1.0) == pytest.approx(1.0)


def test_tau_is_undefined_where_the_a_cation_is_not_larger() -> None:
    assert bartel_tau(1.0, 1.0, 2.0) is None
    assert bartel_tau(0.9, 1.0, 2.0) is None
    assert bartel_tau(1.88, 1.19, 2.20) == pytest.approx(4.303, abs=1e-3)


def test_molecular_cations_use_effective_radii_and_say_so() -> None:
    factors = tolerance_factors(parse_composition("MAPbI3"))
    assert factors.r_a_ang == 2.17
    assert factors.radii_source == "shannon1976 + kieslich2014"
    # Kieslich et al. (2014) give t = 0.91 for MAPbI3 and 0.99 for FAPbI3.
    assert factors.t == pytest.approx(0.91, abs=0.005)
    assert tolerance_factors(parse_composition("FAPbI3")).t == pytest.approx(0.99, abs=0.005)


def test_mixed_sites_lie_between_their_ends() -> None:
    ends = [tolerance_factors(parse_composition(f)).t for f in ("CsPbI3", "FAPbI3")]
    mixed = tolerance_factors(parse_composition("Cs0.2FA0.8PbI3"))
    assert ends[0] < mixed.t < ends[1]
    assert mixed.r_a_ang == pytest.approx(0.2 * 1.88 + 0.8 * 2.53)


def test_double_perovskites_take_the_mean_radius_of_both_cations() -> None:
    """As the code of Bartel et al. does for A2BB'X6: r_B = (1.15 + 1.03) / 2 for Ag+ and Bi3+."""
    factors = tolerance_factors(parse_composition("Cs2AgBiBr6"))
    assert factors.r_b_ang == pytest.approx(1.09)
    assert factors.t == pytest.approx((1.88 + 1.96) / (2**0.5 * (1.09 + 1.96)))
    assert factors.tau == pytest.approx(bartel_tau(1.88, 1.09, 1.96))
    assert [radius.ion.symbol for radius in factors.radii] == ["Cs", "Ag", "Bi", "Br"]
    # Shares count: a quarter of the B sites each for Ag and Na, a half for Bi.
    mixed = tolerance_factors(parse_composition("Cs2Ag0.5Na0.5BiCl6"))
    assert mixed.r_b_ang == pytest.approx(0.25 * 1.15 + 0.25 * 1.02 + 0.5 * 1.03)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Cs2SnI6", "half of the B sites"),
        ("Cs3Bi2I9", "a third of the B sites"),
        ("(PEA)2PbI4", "separate the layers"),
        ("Cs2PbI2Cl2", "separate the layers"),
        ("Cs4PbBr6", "share all six corners"),
    ],
)
def test_other_families_have_no_factors_and_say_why(text: str, reason: str) -> None:
    with pytest.raises(InputError, match=f"not an ABX3 perovskite .* not defined .*{reason}"):
        tolerance_factors(parse_composition(text))


def test_what_is_not_defined_says_why() -> None:
    factors = tolerance_factors(parse_composition("Rb0.5Li0.5BaF3"))
    assert (factors.tau, factors.p_perovskite) == (None, None)
    assert "r_A = 1.32 Å is not above r_B = 1.35 Å" in (factors.not_defined or "")
    assert tolerance_factors(parse_composition("CsPbI3")).not_defined is None


def test_the_probability_follows_tau() -> None:
    """Bartel's Table S1 gives 0.48 for CsPbI3, a little below even odds: δ at room temperature."""
    p = {f: tolerance_factors(parse_composition(f)).p_perovskite for f in ("CsPbI3", "CsSnCl3")}
    assert p["CsPbI3"] == pytest.approx(0.48, abs=0.02)
    assert p["CsSnCl3"] == pytest.approx(0.66, abs=0.02)


def test_a_b_cation_that_is_in_no_octahedron_takes_the_nearest_coordination() -> None:
    """Shannon lists Sm2+ from 7 neighbours on; Bartel's Table S1 holds KSmCl3 with 1.22 Å."""
    radius = factor_radius(Ion("Sm", 2), "B")
    assert (radius.radius_ang, radius.coordination) == (1.22, 7)
    assert factor_radius(Ion("Pb", 2), "B").coordination == 6
    with pytest.raises(MissingRadiusError):
        factor_radius(Ion("BA", 1, molecular=True), "A")


@pytest.mark.parametrize("text", ["CsPb(BrxI1-x)3", "(FA,Cs)PbI3", "CsPbI3-x"])
def test_factors_need_numbers(text: str) -> None:
    with pytest.raises(InputError, match="leaves amounts open"):
        tolerance_factors(parse_composition(text))


@pytest.mark.parametrize("text", ["CsPbX3", "ABX3", "CsBX3"])
def test_a_letter_for_any_ion_has_no_radius(text: str) -> None:
    with pytest.raises(MissingRadiusError):
        tolerance_factors(parse_composition(text))


def test_every_radius_has_a_source_with_a_citation() -> None:
    radius = site_radius(Ion("Sn", 2), "B")
    assert (radius.radius_ang, radius.source) == (1.15, "bartel2019")
    assert all(row["citation"] for row in sources().values())
    with pytest.raises(MissingRadiusError, match="BDA2"):
        site_radius(Ion("BDA", 2, molecular=True), "A")


def test_the_halides_of_bartels_table_have_its_factors_as_formulas() -> None:
    """Formulas alone, without telling which ion is A: every halide of the training table."""
    with TABLE_S1.open(encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["X"] in ("F", "Cl", "Br", "I")]
    assert len(rows) == 172
    for row in rows:
        factors = tolerance_factors(parse_composition(row["ABX3"]))
        assert factors.t == pytest.approx(float(row["t"]), abs=0.01), row["ABX3"]
        assert factors.tau == pytest.approx(float(row["tau"]), abs=0.01), row["ABX3"]
