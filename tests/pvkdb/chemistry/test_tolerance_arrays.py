"""Arrays of tolerance factors: the published table, and the same numbers as one by one."""

from __future__ import annotations

import subprocess
import sys
from math import isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.tolerance import training_set
from pvkdb.chemistry import parse_composition, tolerance_factors
from pvkdb.chemistry.factors.platt import PEROVSKITE
from pvkdb.chemistry.factors.tolerance import TAU_LIMIT, bartel_tau, goldschmidt, octahedral_factor
from pvkdb.chemistry.factors.tolerance_arrays import (
    FactorArrays,
    abx3_factors,
    factors_from_radii,
    site_radii,
)

radius = st.floats(0.1, 4.0)
NUMBERS = ("r_a_ang", "r_b_ang", "r_x_ang", "t", "mu", "tau", "p_perovskite")


def of_table() -> FactorArrays:
    """Factors of the training compounds of Bartel et al., from symbols and charges alone."""
    symbols = zip(*(compound.symbols for compound in training_set()), strict=True)
    charges = zip(*(compound.charges for compound in training_set()), strict=True)
    a, b, x = zip(symbols, charges, strict=True)
    return abx3_factors(a, b, x)


def test_every_factor_of_the_published_table_is_met() -> None:
    """All 460 rows, oxides included; closer than ±0.005 Å in the radii would allow."""
    factors = of_table()
    for site, name in enumerate(NUMBERS[:3]):
        printed = [compound.radii_ang[site] for compound in training_set()]
        assert np.abs(getattr(factors, name) - printed).max() < 0.0051
    assert np.abs(factors.t - [compound.t for compound in training_set()]).max() < 0.0051
    assert np.abs(factors.tau - [compound.tau for compound in training_set()]).max() < 0.0051


def test_the_rule_is_as_accurate_as_published() -> None:
    labels = np.array([compound.perovskite for compound in training_set()])
    published = np.array([compound.p for compound in training_set()])
    factors = of_table()
    assert ((factors.tau < TAU_LIMIT) == labels).sum() == 419
    assert np.abs(factors.p_perovskite - published).max() < 0.04


@given(st.lists(st.tuples(radius, radius, radius, st.integers(1, 5)), min_size=1, max_size=20))
def test_arrays_agree_to_the_last_bit_with_each(
    rows: list[tuple[float, float, float, int]],
) -> None:
    factors = factors_from_radii(*zip(*rows, strict=True))
    for i, (r_a, r_b, r_x, charge) in enumerate(rows):
        tau = bartel_tau(r_a, r_b, r_x, charge)
        assert factors.t[i] == goldschmidt(r_a, r_b, r_x)
        assert factors.mu[i] == octahedral_factor(r_b, r_x)
        if tau is None:
            assert isnan(factors.tau[i])
            assert isnan(factors.p_perovskite[i])
        else:
            assert factors.tau[i] == tau
            assert factors.p_perovskite[i] == PEROVSKITE(tau)


@given(radius, st.floats(-1e-6, 1e-6), radius)
def test_the_pole_at_equal_radii_is_no_perovskite(r_b: float, more: float, r_x: float) -> None:
    """Just above it tau is huge and p is 0; at it and below neither is defined."""
    tau = bartel_tau(r_b + more, r_b, r_x)
    factors = factors_from_radii(r_b + more, r_b, r_x)
    if tau is None:
        assert more <= 1e-15 * r_b
        assert np.isnan([factors.tau, factors.p_perovskite]).all()
    else:
        assert tau > 1e4
        assert factors.tau == tau
        assert factors.p_perovskite == 0


@pytest.mark.parametrize(
    ("a", "b", "x"), [("Cs", "Pb", "I"), ("MA", "Sn", "Br"), ("FA", "Ge", "Cl"), ("K", "Mg", "F")]
)
def test_a_composition_has_the_same_factors_alone(a: str, b: str, x: str) -> None:
    alone = tolerance_factors(parse_composition(f"{a}{b}{x}3"))
    factors = abx3_factors((a, 1), (b, 2), (x, -1))
    for name in NUMBERS:
        expected = getattr(alone, name)
        np.testing.assert_equal(
            float(getattr(factors, name)), np.nan if expected is None else expected
        )


def test_what_has_no_radius_is_not_a_number() -> None:
    factors = abx3_factors((["Cs", "BA"], 1), ("Pb", 2), ("I", -1))
    assert np.isnan(factors.t).tolist() == [False, True]
    assert np.isnan(site_radii(["Xx", "Pb"], [1, 3], "B")).all()


def test_chemistry_and_the_factors_of_one_composition_need_no_numpy() -> None:
    code = (
        "import sys; from pvkdb.chemistry import parse_composition, tolerance_factors;"
        "tolerance_factors(parse_composition('CsPbI3')); assert 'numpy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
