"""Formation energies follow from their terms, and chemical potentials from what is stable."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
from pymatgen.core import Composition, Element

from pvkdb.chemistry import parse_composition
from pvkdb.chemistry.units import KJ_PER_MOL
from pvkdb.errors import InputError
from pvkdb_pipelines.prototypes import Compound, competitors, compound_of
from pvkdb_pipelines.screening.stages.formation import (
    HalideLimits,
    TransitionLevel,
    allowed_potential_ev,
    formation_energy_ev,
    halide_limits,
    neutral_vacancy_ev,
    transition_levels,
)

ev = st.floats(-8, 8)
charges = st.integers(-4, 4)


def compound(formula: str) -> Compound:
    return compound_of(parse_composition(formula))


def by_name(target: Compound, **energies: float) -> dict[Compound, float]:
    known = {other.formula: other for other in competitors(target)}
    return {known[name]: energy for name, energy in energies.items()}


# Charged defects ---------------------------------------------------------------------------------


def test_terms_of_a_charged_vacancy_add_up() -> None:
    # An iodine vacancy, +1: −210.0 + 215.0 + (−1.5) + (2.0 + 0.3) + 0.15 by hand.
    terms = {"charge": 1, "vbm_ev": 2.0, "fermi_level_ev": 0.3, "correction_ev": 0.15}
    found = formation_energy_ev(-210.0, -215.0, {"I": -1}, {"I": -1.5, "Pb": -3.5}, **terms)
    assert isinstance(found, float)
    assert found == pytest.approx(5.95)


def test_atoms_removed_go_to_their_reservoir_and_atoms_added_come_from_it() -> None:
    removed = [formation_energy_ev(-95.0, -100.0, {"I": -1}, {"I": mu}) for mu in (-2.0, -3.0)]
    assert np.diff(removed) == pytest.approx([-1.0])  # iodine-poor: vacancies are cheap
    added = [formation_energy_ev(-102.0, -100.0, {"I": 1}, {"I": mu}) for mu in (-2.0, -3.0)]
    assert np.diff(added) == pytest.approx([1.0])  # and interstitials dear
    swapped = formation_energy_ev(
        -100.5, -100.0, {"Bi": 1, "Pb": -1}, {"Bi": -4.0, "Pb": -3.5}, charge=1, vbm_ev=0.0
    )
    assert swapped == pytest.approx(-0.5 + 4.0 - 3.5)


@given(charges, ev, st.lists(st.floats(0, 3), min_size=1, max_size=20))
def test_a_line_with_the_slope_of_the_charge(charge: int, vbm: float, levels: list[float]) -> None:
    """Donors (q > 0) cost more with more electrons about, acceptors less."""
    fermi = np.array(levels)
    found = formation_energy_ev(
        -95.0, -100.0, {"Br": -1}, {"Br": -2.0}, charge=charge, vbm_ev=vbm, fermi_level_ev=fermi
    )
    assert found.shape == fermi.shape
    at_vbm = formation_energy_ev(-95.0, -100.0, {"Br": -1}, {"Br": -2.0}, charge=charge, vbm_ev=vbm)
    assert found == pytest.approx(at_vbm + charge * fermi)


@given(st.floats(-20, 20), st.floats(-20, 20), charges)
def test_zero_of_energy_does_not_matter(of_electrons: float, of_atoms: float, charge: int) -> None:
    """Shifts of the electrons' and of an element's energy leave a formation energy as it is."""
    terms = {"charge": charge, "fermi_level_ev": 0.4, "correction_ev": 0.1}
    before = formation_energy_ev(-95.0, -100.0, {"I": -1}, {"I": -2.0}, vbm_ev=1.0, **terms)
    # 30 atoms of iodine in the bulk, 29 with the vacancy; q electrons fewer than neutral.
    after = formation_energy_ev(
        -95.0 + 29 * of_atoms - charge * of_electrons,
        -100.0 + 30 * of_atoms,
        {"I": -1},
        {"I": -2.0 + of_atoms},
        vbm_ev=1.0 + of_electrons,
        **terms,
    )
    assert after == pytest.approx(before)


@given(st.floats(-1.6, 0.0), st.floats(0.0, 1.7))
def test_a_schottky_pair_costs_the_same_in_every_limit(mu_iodine: float, fermi: float) -> None:
    """V_Cs⁻ + V_I⁺ give CsI: neither the halide's potential nor the Fermi level matters.

    A. Walsh, D. O. Scanlon, S. Chen, X. G. Gong, S.-H. Wei, Angew. Chem. Int. Ed. 54, 1791
    (2015), doi:10.1002/anie.201409740.
    """
    cesium_iodide = -6.0
    potentials = {"I": mu_iodine, "Cs": cesium_iodide - mu_iodine}
    pair = formation_energy_ev(
        -96.5, -100.0, {"I": -1}, potentials, charge=1, vbm_ev=1.2, fermi_level_ev=fermi
    ) + formation_energy_ev(
        -95.9, -100.0, {"Cs": -1}, potentials, charge=-1, vbm_ev=1.2, fermi_level_ev=fermi
    )
    assert pair == pytest.approx(3.5 + 4.1 + cesium_iodide)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"charge": 1}, r"valence band maximum is missing: with charge \+1"),
        ({"potentials_ev": {"Pb": -3.5}}, "chemical potential of I is missing"),
        ({"added": {"I": -0.5}}, r"number of I atoms added is -0\.5"),
        ({"charge": 0.5, "vbm_ev": 0.0}, r"charge is 0\.5"),
        ({"correction_ev": float("nan")}, "not a number"),
        ({"fermi_level_ev": np.array([0.0, np.inf])}, "not a number"),
        ({"bulk_ev": -100.0 * 13.6057}, "all terms in eV"),  # Rydberg against eV
        ({"bulk_ev": -200.0}, "cells of the same size"),
    ],
)
def test_terms_that_cannot_be_are_refused(change: dict[str, object], message: str) -> None:
    energies = {"defect_ev": -95.0, "bulk_ev": -100.0}
    terms = energies | {"added": {"I": -1}, "potentials_ev": {"I": -2.0}}
    with pytest.raises(InputError, match=message):
        formation_energy_ev(**(terms | change))  # type: ignore[call-overload]


# Transition levels -------------------------------------------------------------------------------


def test_levels_of_a_donor_and_of_a_negative_u_defect() -> None:
    # ε(+/0) = E_f(0) − E_f(+).
    assert transition_levels({1: 0.4, 0: 1.6}) == (TransitionLevel(1, 0, pytest.approx(1.2)),)
    ordered = transition_levels({1: 0.0, 0: 0.5, -1: 1.5})
    assert [(t.below, t.above, t.level_ev) for t in ordered] == [(1, 0, 0.5), (0, -1, 1.0)]
    # Negative U: the neutral charge is never the lowest; ε(+/−) = [E_f(−) − E_f(+)] / 2.
    negative = transition_levels({1: 0.0, 0: 0.9, -1: 1.0})
    assert [(t.below, t.above, t.level_ev) for t in negative] == [(1, -1, 0.5)]
    assert transition_levels({0: 1.0}) == ()


@given(st.dictionaries(charges, ev, min_size=1))
def test_levels_bound_where_each_charge_is_lowest(at_vbm: Mapping[int, float]) -> None:
    levels = transition_levels(at_vbm)
    assert all(first.above == second.below for first, second in pairwise(levels))
    assert all(first.level_ev <= second.level_ev + 1e-9 for first, second in pairwise(levels))
    for fermi in np.linspace(-20, 20, 81):
        lowest = min(energy + charge * fermi for charge, energy in at_vbm.items())
        stable = max(at_vbm)
        for level in levels:
            stable = level.above if fermi > level.level_ev else stable
        assert at_vbm[stable] + stable * fermi == pytest.approx(lowest, abs=1e-9)


# Chemical potentials -----------------------------------------------------------------------------

CSPBI3 = compound("CsPbI3")
#: Standard enthalpies of formation at 298 K, kJ/mol, solids (CRC Handbook of Chemistry and
#: Physics); with these, elements are at zero.
CSI_EV, PBI2_EV = (float(value * KJ_PER_MOL) for value in (-346.6, -175.5))
ELEMENTS = {"Cs": 0.0, "Pb": 0.0, "I": 0.0}
SALTS = by_name(CSPBI3, CsI=CSI_EV, PbI2=PBI2_EV)


def test_limits_of_cspbi3() -> None:
    """X-rich is solid iodine, X-poor lead beside its iodide: 0.91 eV apart."""
    cost = 0.1  # eV, of decomposing; any stable compound would do
    limits = halide_limits(CSPBI3, CSI_EV + PBI2_EV - cost, SALTS, ELEMENTS)
    assert limits.rich_ev == pytest.approx(0.0, abs=1e-9)
    assert limits.poor_ev == pytest.approx(PBI2_EV / 2)
    assert limits.poor_ev == pytest.approx(-0.909, abs=0.001)
    # The corner where lead and CsI appear lies half the cost of decomposing lower.
    assert limits.allowed_ev == pytest.approx((PBI2_EV / 2 - cost / 2, 0.0), abs=1e-9)


def test_limits_of_two_halides_of_a_mixture_are_alike_where_their_salts_are() -> None:
    mixture = compound("CsPbI1.5Br1.5")
    salts = by_name(mixture, CsI=CSI_EV, CsBr=CSI_EV, PbI2=PBI2_EV, PbBr2=PBI2_EV)
    given = (mixture, CSI_EV + PBI2_EV - 0.1, salts, {**ELEMENTS, "Br": 0.0})
    iodide, bromide = (halide_limits(*given, halide) for halide in ("I", "Br"))
    assert iodide == halide_limits(*given)
    for limits in (iodide, bromide):
        assert (limits.poor_ev, limits.rich_ev) == pytest.approx((PBI2_EV / 2, 0.0), abs=1e-9)
        assert limits.allowed_ev == pytest.approx(iodide.allowed_ev)
    with pytest.raises(InputError, match="energy of solid Br2 is missing"):
        halide_limits(*given[:3], ELEMENTS, "Br")


def test_a_compound_above_its_binaries_has_no_stable_region() -> None:
    limits = halide_limits(CSPBI3, CSI_EV + PBI2_EV + 0.01, SALTS, ELEMENTS)
    assert limits.allowed_ev is None
    assert (limits.poor_ev, limits.rich_ev) == (pytest.approx(PBI2_EV / 2), 0.0)


def test_competing_ternaries_shrink_the_interval() -> None:
    energy = CSI_EV + PBI2_EV - 0.1
    wide = allowed_potential_ev("I", CSPBI3, energy, SALTS, ELEMENTS)
    # Cs4PbI6 stable against 4 CsI + PbI2 by 0.25 eV: on the side of CsI, where lead appears last.
    ternary = by_name(CSPBI3, Cs4PbI6=4 * CSI_EV + PBI2_EV - 0.25)
    narrow = allowed_potential_ev("I", CSPBI3, energy, {**SALTS, **ternary}, ELEMENTS)
    # 4 (μ_Cs + μ_I) + (μ_Pb + 2 μ_I) ≤ E beside E(CsPbI3) gives 3 (μ_Pb + 2 μ_I) ≥ 3 PbI2 − 0.15.
    assert narrow == pytest.approx((PBI2_EV / 2 - 0.15 / 6, 0.0), abs=1e-9)
    assert wide[0] < narrow[0]
    limits = halide_limits(CSPBI3, energy, {**SALTS, **ternary}, ELEMENTS)
    assert limits.poor_ev == pytest.approx(PBI2_EV / 2)


def test_a_phase_of_higher_valence_ends_the_rich_side_early() -> None:
    """CsSnI3 turns into Cs2SnI6 before solid iodine appears; energies invented."""
    target = compound("CsSnI3")
    energies = {**by_name(target, CsI=-3.6, SnI2=-1.5), compound("Cs2SnI6"): -9.7}
    limits = halide_limits(target, -5.2, energies, {"Cs": 0.0, "Sn": 0.0, "I": 0.0})
    # No Cs2SnI6: 2 μ_Cs + μ_Sn + 6 μ_I ≤ −9.7. Beside SnI2, where there is least caesium,
    # μ_Cs = −3.7 − μ_I and μ_Sn = −1.5 − 2 μ_I: −8.9 + 2 μ_I ≤ −9.7.
    assert limits.rich_ev == pytest.approx(-0.4)
    assert limits.rich_ev == pytest.approx(limits.allowed_ev[1])
    assert limits.poor_ev == pytest.approx(-0.75)


def test_the_poor_limit_is_where_the_first_metal_appears() -> None:
    """In Cs2AgBiBr6 silver comes before bismuth; tin is next to SnI2, not to SnI4."""
    target = compound("Cs2AgBiBr6")
    binaries = by_name(target, CsBr=-4.2, AgBr=-1.0, BiBr3=-3.6)
    elements = {"Cs": 0.0, "Ag": 0.0, "Bi": 0.0, "Br": 0.0}
    limits = halide_limits(target, 2 * -4.2 - 1.0 - 3.6 - 0.2, binaries, elements)
    assert limits.poor_ev == pytest.approx(-1.0)

    target = compound("Cs2SnI6")
    binaries = by_name(target, CsI=-3.6, SnI4=-2.2)
    elements = {"Cs": 0.0, "Sn": 0.0, "I": 0.0}
    assert halide_limits(target, -9.5, binaries, elements).poor_ev == pytest.approx(-2.2 / 4)
    binaries |= {next(o for o in competitors(compound("CsSnI3")) if o.formula == "SnI2"): -1.5}
    limits = halide_limits(target, -9.5, binaries, elements)
    # SnI2 would be the poor limit, but Cs2SnI6 loses iodine to it earlier.
    assert limits.poor_ev == limits.allowed_ev[0]
    assert limits.poor_ev > -0.75


def test_missing_references_are_named_and_the_metal_of_the_a_site_is_not_needed() -> None:
    energy = CSI_EV + PBI2_EV - 0.1
    without = halide_limits(CSPBI3, energy, SALTS, {"Pb": 0.0, "I": 0.0})
    assert without == halide_limits(CSPBI3, energy, SALTS, ELEMENTS)
    with pytest.raises(InputError, match="solid I2 is missing"):
        halide_limits(CSPBI3, energy, SALTS, {"Cs": 0.0, "Pb": 0.0})
    with pytest.raises(InputError, match=r"halide-poor limit of CsPbI3 .* solid Pb"):
        halide_limits(CSPBI3, energy, SALTS, {"Cs": 0.0, "I": 0.0})
    with pytest.raises(InputError, match=r"halide-poor limit of CsPbI3 .* solid Pb"):
        halide_limits(CSPBI3, energy, by_name(CSPBI3, CsI=CSI_EV), ELEMENTS)
    with pytest.raises(InputError, match=r"nothing limits .* of I in CsPbI3.*also of Cs, Pb"):
        allowed_potential_ev("I", CSPBI3, energy, SALTS, {"I": 0.0})


@given(
    st.sampled_from(["CsPbI3", "Cs2SnI6", "Cs3Sb2I9", "Cs2CdCl4"]),
    st.integers(0, 2**32),
    st.dictionaries(st.sampled_from(["Cs", "B", "X"]), st.floats(-6, 0)),
)
def test_the_allowed_interval_agrees_with_pymatgen(formula, seed, references):
    target = compound(formula)
    noise = Random(seed)
    symbols = [ion.symbol for ion in target.ions]
    elements = {s: references.get(k, 0.0) for s, k in zip(symbols, ("Cs", "B", "X"), strict=True)}
    gain = {symbols[0]: noise.uniform(2, 4), symbols[1]: noise.uniform(1, 4)}
    energies = {}
    for other in (*competitors(target), target):
        numbers = other.numbers_of_elements
        bound = sum(numbers.get(symbol, 0) * energy for symbol, energy in gain.items())
        extra = noise.uniform(-0.05, 0.15) * sum(numbers.values()) if len(numbers) > 2 else 0.0
        free = sum(number * elements[symbol] for symbol, number in numbers.items())
        energies[other] = free - bound - extra
    mine = allowed_potential_ev(symbols[2], target, energies[target], energies, elements)

    diagram = PhaseDiagram(
        [PDEntry(other.formula, energy) for other, energy in energies.items()]
        + [PDEntry(symbol, energy) for symbol, energy in elements.items()]
    )
    stable = {entry.composition.reduced_formula for entry in diagram.stable_entries}
    if mine is None or Composition(formula).reduced_formula not in stable:
        assert mine is None
        assert Composition(formula).reduced_formula not in stable
        return
    halide = Element(symbols[2])
    theirs = diagram.get_chempot_range_stability_phase(Composition(formula), halide)[halide]
    assert mine == pytest.approx(theirs, abs=1e-6)
    limits = halide_limits(target, energies[target], energies, elements)
    assert mine[0] <= limits.poor_ev <= limits.rich_ev <= mine[1]


# Neutral vacancies -------------------------------------------------------------------------------


def test_vacancies_cost_least_where_the_halide_is_scarce() -> None:
    limits = HalideLimits(poor_ev=-2.8, rich_ev=-1.8, allowed_ev=(-2.85, -1.8))
    found = neutral_vacancy_ev(-129.0, -132.0, "I", limits)
    assert found == (pytest.approx(0.2), pytest.approx(1.2))


@pytest.mark.parametrize(
    ("bx2", "kj_per_mol", "window_ev"),
    # Windows of the vacancy's energy, SevenNet-0: rich less poor, eV.
    [("PbI2", -175.5, 1.1 - 0.08), ("PbBr2", -278.7, 1.6 - 0.20), ("SnI2", -143.5, 1.0 - 0.17)],
)
def test_the_window_is_half_the_formation_enthalpy_of_the_binary(bx2, kj_per_mol, window_ev):
    """E_f(rich) − E_f(poor) = −ΔH_f(BX2) / 2 of ABX3; a potential's is within 0.15 eV of that."""
    halide = bx2[2:-1]
    target = compound(f"Cs{bx2[:2]}{halide}3")
    enthalpy = float(kj_per_mol * KJ_PER_MOL)
    energies = by_name(target, **{f"Cs{halide}": -3.6, bx2: enthalpy})
    elements = dict.fromkeys(target.numbers_of_elements, 0.0)
    limits = halide_limits(target, -3.6 + enthalpy - 0.1, energies, elements)
    poor_ev, rich_ev = neutral_vacancy_ev(-97.0, -100.0, halide, limits)
    assert rich_ev - poor_ev == pytest.approx(-enthalpy / 2)
    assert rich_ev - poor_ev == pytest.approx(window_ev, abs=0.15)
