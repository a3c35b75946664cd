"""Decomposition is the lower convex hull; a structure that fell apart is no perovskite."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import permutations
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram

from pvkdb.chemistry import parse_composition
from pvkdb.chemistry.units import KJ_PER_MOL
from pvkdb.errors import InputError
from pvkdb.schemas.calculations.findings import Flaw, read_finding
from pvkdb.schemas.screening import PhaseEnergy
from pvkdb_pipelines.prototypes import STOICHIOMETRIES, Compound, competitors, compound_of, phases
from pvkdb_pipelines.screening.plan.enumeration import TYPES
from pvkdb_pipelines.screening.stages.stability import (
    PEROVSKITE_PHASES,
    Level,
    assess,
    compared,
    decompose,
    lowest_level,
)

from ....screened import phase as energy


def compound(formula: str) -> Compound:
    """A ternary or quaternary by its formula, or one of the binaries by name."""
    if formula in _BINARIES:
        return _BINARIES[formula]
    return compound_of(parse_composition(formula))


#: Compositions have an A, a B and an X; binaries come as what others decompose into.
_BINARIES = {
    str(other): other
    for formula in ("CsPbI3", "Cs2AgBiBr6")
    for other in competitors(compound_of(parse_composition(formula)))
    if len(other.ions) == 2
}


def among(target: Compound, **ev: float | None) -> dict[Compound, list[PhaseEnergy]]:
    """Competitors of a compound, each with one phase of the energy given."""
    by_formula = {other.formula: other for other in competitors(target)}
    return {by_formula[name]: [energy("one", value)] for name, value in ev.items()}


CSPBI3 = compound("CsPbI3")
SALTS = among(CSPBI3, CsI=-6.0, PbI2=-8.5)


def test_the_energy_of_mixing_is_that_above_the_ends_in_the_same_phase() -> None:
    mixture = compound("CsPbI2Br")
    iodide, bromide = mixture.ends
    ends = {
        iodide: [energy("Pnma", -14.0), energy("delta", -14.5)],
        bromide: [energy("Pnma", -17.0)],
    }
    found = assess(mixture, [energy("Pnma", -14.99), energy("delta", -15.1)], ends)
    assert found.mixing_ev_per_formula == pytest.approx(0.01)
    alike = {end: [energy("Pnma", -15.0)] for end in mixture.ends}
    assert assess(mixture, [energy("Pnma", -15.0)], alike).mixing_ev_per_formula == 0
    bromide_left = {**ends, bromide: [energy("Pnma", -17.0, Flaw.CONNECTIVITY_CHANGED)]}
    for known in ({iodide: ends[iodide]}, bromide_left):
        assert assess(mixture, [energy("Pnma", -15.0)], known).mixing_ev_per_formula is None
    assert assess(iodide, ends[iodide], ends).mixing_ev_per_formula is None


# Phases ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("formula", "phases", "ground_state", "above_ev_per_atom"),
    [
        # SevenNet-0: the yellow δ 91 meV a formula unit below γ.
        ("CsPbI3", [("Pnma", -15.0), ("delta", -15.091)], "delta", 0.091 / 5),
        ("CsPbI3", [("delta", -15.0), ("R3m", -15.2), ("Pnma", -15.1)], "R3m", 0),
        # Face-sharing halides of small B: the number drops the perovskite, not a missing value.
        ("CsMgI3", [("Pnma", -13.0, Flaw.ABOVE_SIBLINGS), ("2H", -13.8)], "2H", 0.8 / 5),
        ("Cs4PbBr6", [("R-3c", -30.0)], "R-3c", None),  # it only competes
    ],
)
def test_the_lowest_phase_is_the_ground_state_and_the_perovskite_lies_above(
    formula: str, phases: list[Any], ground_state: str, above_ev_per_atom: float | None
) -> None:
    found = assess(compound(formula), [energy(*phase) for phase in phases], {})
    assert found.ground_state == ground_state
    assert found.perovskite_above_ground_state_ev_per_atom == pytest.approx(above_ev_per_atom)
    assert (found.above_hull_ev_per_atom, found.products) == (None, [])


@pytest.mark.parametrize("flaw", [flaw for flaw in Flaw if flaw.numerical])
def test_a_numerical_finding_takes_the_energy_away(flaw: Flaw) -> None:
    found = assess(CSPBI3, [energy("Pnma", -70.0, flaw), energy("delta", -15.0)], SALTS)
    assert found.ground_state == "delta"
    assert found.perovskite_above_ground_state_ev_per_atom is None
    assert found.above_hull_ev_per_atom == pytest.approx(-(15.0 - 14.5) / 5)


PHYSICAL = [flaw for flaw in Flaw if not flaw.numerical and not flaw.remark]


@pytest.mark.parametrize("flaw", PHYSICAL)
def test_what_fell_apart_is_no_perovskite_but_bounds_the_energy(flaw: Flaw) -> None:
    chains = energy("Pnma", -15.3, flaw)
    phases = [chains, energy("R3m", -15.0), energy("delta", -15.1)]
    found = assess(CSPBI3, phases, SALTS)
    assert found.ground_state == "delta"
    assert found.perovskite_above_ground_state_ev_per_atom == pytest.approx(0.3 / 5)
    assert found.above_hull_ev_per_atom == pytest.approx(-(15.3 - 14.5) / 5)
    alone = assess(CSPBI3, [chains], {})
    assert (alone.ground_state, alone.perovskite_above_ground_state_ev_per_atom) == (None, None)


def test_a_competitor_that_fell_apart_still_competes() -> None:
    target = compound("CsPbBr3")
    theirs = among(target, CsBr=-6.5)
    lead_bromide = next(other for other in competitors(target) if other.formula == "PbBr2")
    theirs[lead_bromide] = [
        energy("Pnma", -9.0),
        energy("P-3m1", -9.2, Flaw.DISTANCES_TOO_LONG),
        energy("I4_1/amd", -20.0, Flaw.NOT_CONVERGED),
    ]
    found = assess(target, [energy("Pnma", -16.0)], theirs)
    assert found.above_hull_ev_per_atom == pytest.approx(-(16.0 - 6.5 - 9.2) / 5)
    assert {(p.formula, p.phase) for p in found.products} == {("CsBr", "one"), ("PbBr2", "P-3m1")}


@pytest.mark.parametrize("remark", [flaw for flaw in Flaw if flaw.remark])
def test_a_remark_takes_no_name_away(remark: Flaw) -> None:
    found = assess(CSPBI3, [energy("Pnma", -15.3, remark), energy("delta", -15.2)], {})
    assert (found.ground_state, found.perovskite) == ("Pnma", "Pnma")


def test_phases_far_above_the_lowest_are_remarked() -> None:
    lowest, near, far = energy("2H", -13.8), energy("6H", -13.4), energy("Pnma", -13.0)
    failed = energy("delta", None, failure="relaxation not converged")
    found = {entry.phase: entry.findings for entry in compared([far, lowest, near, failed])}
    assert found["2H"] == found["6H"] == found["delta"] == []
    assert [str(finding) for finding in found["Pnma"]] == [
        f"{Flaw.ABOVE_SIBLINGS}: 0.80 eV a formula unit above the lowest (at most 0.5)"
    ]
    assert compared([failed]) == [failed]


@pytest.mark.parametrize(
    "bad",
    [
        energy("Pnma", None, failure="atoms too close"),
        energy("Pnma", None),
        energy("Pnma", -99.0, failure="crashed"),
        energy("Pnma", float("nan")),
        energy("Pnma", float("-inf")),
    ],
)
def test_what_has_no_energy_is_passed_over(bad: PhaseEnergy) -> None:
    assert lowest_level([bad]) is None
    assert lowest_level([bad, energy("delta", -15.0)]) == Level(-15.0, "delta")
    nothing = assess(CSPBI3, [bad], SALTS)
    assert nothing.ground_state is None
    assert nothing.above_hull_ev_per_atom is None
    assert len(nothing.phases) == 1  # the record keeps it


def test_an_unknown_finding_is_refused() -> None:
    melted = read_finding("melted: at 600 K")
    strange = energy("Pnma", -15.0).model_copy(update={"findings": [melted]})
    with pytest.raises(InputError, match=r"'melted'.*Pnma.*relax it again"):
        assess(CSPBI3, [strange], {})


def test_order_of_phases_does_not_matter() -> None:
    mine = [energy("Pnma", -15.0), energy("I4/mcm", -15.0), energy("delta", -14.9)]
    assert {assess(CSPBI3, order, {}).ground_state for order in permutations(mine)} == {"I4/mcm"}


def test_every_type_of_a_screening_knows_the_phases_that_it_is_after() -> None:
    assert set(PEROVSKITE_PHASES) == set(TYPES)
    for stoichiometry, wanted in PEROVSKITE_PHASES.items():
        assert wanted <= {info.phase for info in phases(stoichiometry)}


@pytest.mark.parametrize("stoichiometry", ["ABX3", "A2BB'X6"])
def test_perovskites_share_all_corners(stoichiometry: str) -> None:
    sharing = {i.phase for i in phases(stoichiometry) if i.linkage == "corners with 6"}
    assert PEROVSKITE_PHASES[stoichiometry] == sharing  # type: ignore[index]


# Decomposition -----------------------------------------------------------------------------------


def test_decomposition_into_binaries_by_hand_and_without_other_elements() -> None:
    for theirs in (SALTS, {compound("CsSnI3"): [energy("Pnma", -99.0)], **SALTS}):
        found = assess(CSPBI3, [energy("Pnma", -15.0)], theirs)
        assert found.above_hull_ev_per_atom == pytest.approx(-0.5 / 5)
        assert [(p.formula, p.amount) for p in found.products] == [("CsI", 1.0), ("PbI2", 1.0)]


def test_competing_ternaries_lower_the_products() -> None:
    # CsPbI3 → ¼ Cs4PbI6 + ¾ PbI2, where Cs4PbI6 is stable against 4 CsI + PbI2 by 1 eV.
    theirs = among(CSPBI3, CsI=-6.0, PbI2=-8.5, Cs4PbI6=-33.5)
    found = assess(CSPBI3, [energy("Pnma", -14.6)], theirs)
    assert {p.formula: p.amount for p in found.products} == {"Cs4PbI6": 0.25, "PbI2": 0.75}
    assert found.above_hull_ev_per_atom == pytest.approx(-(14.6 - 14.5 - 0.25) / 5)
    assert found.above_hull_ev_per_atom > 0  # it decomposes


@pytest.mark.parametrize(
    ("formula", "known", "products"),
    [
        ("Cs4PbI6", ("CsI", "PbI2"), {"CsI": 4, "PbI2": 1}),
        ("Cs3Bi2Br9", ("BiBr3", "Cs3BiBr6"), {"BiBr3": 1, "Cs3BiBr6": 1}),
        ("Cs2AgBiBr6", ("CsBr", "AgBr", "Cs3Bi2Br9"), {"AgBr": 1, "Cs3Bi2Br9": 0.5, "CsBr": 0.5}),
        ("Cs3BiBr6", ("CsBr", "Cs3Bi2Br9"), {"Cs3Bi2Br9": 0.5, "CsBr": 1.5}),
        ("CsPbI3", ("Cs4PbI6", "CsPb2I5"), {"Cs4PbI6": 1 / 7, "CsPb2I5": 3 / 7}),
    ],
)
def test_amounts_are_exact_fractions(formula, known, products):
    found = decompose(compound(formula), {compound(name): Level(-9.0, "one") for name in known})
    assert {product.formula: product.amount for product in found.products} == products


def test_a_product_without_an_energy_leaves_no_decomposition() -> None:
    theirs = among(CSPBI3, CsI=-6.0, PbI2=None)
    found = assess(CSPBI3, [energy("Pnma", -15.0)], theirs)
    assert found.above_hull_ev_per_atom is None
    assert found.products == []
    assert found.without_energy == ["PbI2"]
    assert decompose(CSPBI3, {}) is None


def test_a_competitor_without_an_energy_can_only_make_it_look_more_stable() -> None:
    mine = [energy("Pnma", -14.6)]
    known = assess(CSPBI3, mine, among(CSPBI3, CsI=-6.0, PbI2=-8.5, Cs4PbI6=-33.5))
    theirs = among(CSPBI3, CsI=-6.0, PbI2=-8.5, Cs4PbI6=None)
    unknown = assess(CSPBI3, mine, theirs)
    assert known.above_hull_ev_per_atom > unknown.above_hull_ev_per_atom
    assert unknown.without_energy == ["Cs4PbI6"]


def test_a_compound_does_not_decompose_into_itself() -> None:
    theirs = {CSPBI3: [energy("Pnma", -99.0)], **SALTS}
    found = assess(CSPBI3, [energy("Pnma", -15.0)], theirs)
    assert found.above_hull_ev_per_atom == pytest.approx(-0.1)
    ordered = Compound("A2BB'X6", (CSPBI3.ions[0], *CSPBI3.ions[1:2] * 2, CSPBI3.ions[2]))
    assert ordered.numbers_of_elements == {"Cs": 2, "Pb": 2, "I": 6}
    theirs[ordered] = [energy("Fm-3m", -99.0)]
    again = assess(CSPBI3, [energy("Pnma", -15.0)], theirs)
    assert again.products == found.products


# Standard enthalpies of formation of the solids CsX and PbX2 at 298 K, kJ/mol (CRC Handbook of
# Chemistry and Physics).
ENTHALPIES = [("Cl", -443.0, -359.4), ("Br", -405.8, -278.7), ("I", -346.6, -175.5)]


@pytest.mark.parametrize(("halide", "of_csx", "of_pbx2"), ENTHALPIES)
def test_enthalpies_of_formation_are_energies_too(halide, of_csx, of_pbx2):
    """With elements at zero, a compound 0.1 eV below its binaries costs 0.1 eV to decompose."""
    target = compound(f"CsPb{halide}3")
    csx, pbx2 = (float(value * KJ_PER_MOL) for value in (of_csx, of_pbx2))
    theirs = among(target, **{f"Cs{halide}": csx, f"Pb{halide}2": pbx2})
    found = assess(target, [energy("Pnma", csx + pbx2 - 0.1)], theirs)
    assert found.above_hull_ev_per_atom == pytest.approx(-0.1 / 5)


# Against pymatgen --------------------------------------------------------------------------------

TARGETS = ["CsPbI3", "Cs2AgBiBr6", "Cs2SnI6", "Cs3Sb2I9", "Cs2CdCl4", "Cs4PbBr6", "Rb3BiCl6"]


@st.composite
def consistent_energies(
    draw: st.DrawFn, ties: bool = True
) -> tuple[Compound, dict[Compound, float], dict[str, float]]:
    """A compound with its competitors, eV per formula unit, and the elements, eV an atom.

    Binaries are stable against their elements, ternaries within 0.4 eV an atom of their binaries.
    Without a change of valence, no mixture with elements is then lower than one of compounds.
    Mixtures of equal energy are rare without ``ties``.
    """
    noise = Random(draw(st.integers(0, 2**32)))
    target = compound(draw(st.sampled_from(TARGETS)))
    every = [*competitors(target), target]
    symbols = list(target.numbers_of_elements)
    elements = {symbol: draw(st.floats(-6.0, 0.0)) for symbol in symbols}
    of_ions = {ion.symbol: draw(st.floats(0.3, 4.0)) for ion in target.ions[:-1]}
    energies = {}
    for other in every:
        numbers = other.numbers_of_elements
        bound = sum(numbers[symbol] * gain for symbol, gain in of_ions.items() if symbol in numbers)
        atoms = sum(numbers.values())
        extra = 0.0
        if len(numbers) > 2:
            extra = atoms * (draw(st.floats(-0.4, 0.4)) if ties else noise.uniform(-0.4, 0.4))
        free = sum(number * elements[symbol] for symbol, number in numbers.items())
        energies[other] = free - bound - extra
    return target, energies, elements


def levels(energies: Mapping[Compound, float], but: Compound) -> dict[Compound, Level]:
    return {other: Level(ev, "one") for other, ev in energies.items() if other != but}


@given(consistent_energies(ties=False))
def test_decomposition_agrees_with_pymatgen(case):
    target, energies, elements = case
    mine = assess(
        target,
        [energy("one", energies[target])],
        {other: [energy("one", ev)] for other, ev in energies.items() if other != target},
    )
    entries = {other: PDEntry(other.formula, ev) for other, ev in energies.items()}
    references = [PDEntry(symbol, ev) for symbol, ev in elements.items()]

    # The hull without the compound, by qhull.
    hull = PhaseDiagram([*references, *(e for other, e in entries.items() if other != target)])
    entry = entries[target]
    products, per_atom = hull.get_decomp_and_hull_energy_per_atom(entry.composition)
    assert mine.above_hull_ev_per_atom == pytest.approx(entry.energy_per_atom - per_atom)
    # Amounts there are shares of the atoms.
    atoms = entry.composition.num_atoms
    theirs = sorted(
        round(share * atoms / product.composition.num_atoms, 6)
        for product, share in products.items()
        if share > 1e-6
    )
    assert sorted(round(p.amount, 6) for p in mine.products) == theirs

    # The decomposition enthalpy of Bartel et al., by sequential least squares.
    everything = PhaseDiagram([*references, *entries.values()])
    separation = everything.get_phase_separation_energy(entry)
    assert mine.above_hull_ev_per_atom == pytest.approx(separation, abs=1e-5)


@given(consistent_energies(), st.data())
def test_elemental_references_do_not_matter(case, data):
    """Shifting the energy of every atom of an element changes no decomposition energy."""
    target, energies, elements = case
    shift = {symbol: data.draw(st.floats(-10, 10)) for symbol in elements}
    moved = {
        other: ev + sum(n * shift[symbol] for symbol, n in other.numbers_of_elements.items())
        for other, ev in energies.items()
    }
    before, after = (decompose(target, levels(ev, but=target)) for ev in (energies, moved))
    assert after.energy_ev_per_formula - moved[target] == pytest.approx(
        before.energy_ev_per_formula - energies[target], abs=1e-6
    )


@given(consistent_energies(), st.data())
def test_products_balance_and_do_not_depend_on_the_order(case, data):
    target, energies, _ = case
    known = levels(energies, but=target)
    found = decompose(target, known)
    shuffled = dict(data.draw(st.permutations(list(known.items()))))
    assert decompose(target, shuffled) == found
    assert all(product.amount > 0 for product in found.products)
    by_formula = {other.formula: other for other in known}
    for symbol, number in target.numbers_of_elements.items():
        held = sum(
            product.amount * by_formula[product.formula].numbers_of_elements.get(symbol, 0)
            for product in found.products
        )
        assert held == pytest.approx(number, abs=1e-9)
    # Never above any mixture: the binaries alone are one.
    binaries = {o: level for o, level in known.items() if len(o.numbers_of_elements) == 2}
    of_binaries = decompose(target, binaries)
    assert found.energy_ev_per_formula <= of_binaries.energy_ev_per_formula + 1e-9


def test_every_competitor_of_every_type_can_be_balanced() -> None:
    for formula in TARGETS:
        target = compound(formula)
        assert target.stoichiometry in STOICHIOMETRIES
        assert decompose(target, {o: Level(-1.0, "one") for o in competitors(target)}) is not None
