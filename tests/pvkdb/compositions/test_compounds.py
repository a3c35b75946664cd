"""Compounds are compositions with one ion on each site; all others are refused, and told why."""

from __future__ import annotations

import numpy as np
import pytest

from pvkdb.chemistry import parse_composition
from pvkdb.errors import InputError
from pvkdb_pipelines.geometry.neighbours import check_structure
from pvkdb_pipelines.geometry.symmetry import space_group
from pvkdb_pipelines.prototypes import (
    STOICHIOMETRIES,
    build,
    build_element,
    competitors,
    compound_of,
    counts,
    tilted_perovskite,
)
from pvkdb_pipelines.prototypes.elements import element_source


@pytest.mark.parametrize(
    ("formula", "stoichiometry"),
    [
        *(("CsPbI3", "ABX3"), ("Cs2AgBiBr6", "A2BB'X6"), ("Cs2SnI6", "A2BX6")),
        *(("Cs3Sb2I9", "A3B2X9"), ("Cs2ZnBr4", "A2BX4"), ("Cs4PbBr6", "A4BX6")),
        *(("Cs3BiBr6", "A3BX6"), ("CsPb2Br5", "AB2X5"), ("CsCu2I3", "AB2X3")),
        ("Cs3Cu2I5", "A3B2X5"),
    ],
)
def test_composition_fills_a_stoichiometry(formula, stoichiometry):
    compound = compound_of(parse_composition(formula))
    assert (compound.stoichiometry, str(compound)) == (stoichiometry, formula)


def test_the_lower_charge_comes_first():
    assert str(compound_of(parse_composition("Cs2BiAgBr6"))) == "Cs2AgBiBr6"


@pytest.mark.parametrize(
    ("formula", "reason"),
    [
        ("Cs3Sb2I6Br3", "site X is shared by"),
        ("Cs2Ag0.6Na0.4InCl6", "no prototype of its family|site B is shared"),
        ("CsPbI3:EuCl2", "site of EuCl2"),
        ("CsPb0.5Sn0.5I3-xBrx", "amounts are open"),
        ("DMAPbI3", r"DMA\+ is a molecule"),
        ("CsPbX3", "X denotes any ion"),
        ("CsPbI3-xBrx", "amounts are open"),
        ("CsPb0.97Bi0.03I3", "do not balance"),
        ("Cs2InI3", "no prototype of its family"),
    ],
)
def test_what_cannot_be_built_is_refused_with_the_reason(formula, reason):
    with pytest.raises(InputError, match=reason) as refusal:
        compound_of(parse_composition(formula))
    assert "--from" in str(refusal.value)


def test_a_mixture_of_abx3_has_its_shares_and_the_ends_of_a_random_one():
    mixture = compound_of(parse_composition("Cs2PbSnI4Br2"))
    assert str(mixture) == "CsPb0.5Sn0.5I2Br"
    assert mixture.numbers_of_elements == {"Cs": 1, "Pb": 0.5, "Sn": 0.5, "I": 2, "Br": 1}
    ends = {str(end): share for end, share in mixture.ends.items()}
    assert ends == pytest.approx(
        {"CsPbI3": 1 / 3, "CsPbBr3": 1 / 6, "CsSnI3": 1 / 3, "CsSnBr3": 1 / 6}
    )
    assert {*mixture.ends, *competitors(next(iter(mixture.ends)))} <= {*competitors(mixture)}


@pytest.mark.parametrize(
    ("formula", "atoms", "units"),
    [("MAPbI2Br", 12, 8), ("Cs0.2FA0.8PbBr3", 10.6, 20), ("Cs0.1FA0.9PbI3", 11.3, 20)],
)
def test_a_cell_holds_whole_formula_units_of_a_mixture_of_molecules(formula, atoms, units):
    compound = compound_of(parse_composition(formula))
    assert compound.atoms_per_formula == atoms
    assert len(build(compound, "Pnma")) == pytest.approx(units * atoms)


def test_counts_read_the_stoichiometry():
    assert counts("A2BB'X6") == {"A": 2, "B": 1, "B'": 1, "X": 6}
    assert all(sum(counts(stoichiometry).values()) >= 2 for stoichiometry in STOICHIOMETRIES)


@pytest.mark.parametrize(
    ("formula", "others"),
    [
        ("CsPbI3", "CsI PbI2 Cs4PbI6 Cs2PbI4 CsPb2I5"),
        ("Cs2AgBiBr6", "CsBr AgBr BiBr3 CsAg2Br3 Cs3Bi2Br9 Cs3BiBr6"),
        ("Cs2SnI6", "CsI SnI4"),
        ("Cs3Sb2I9", "CsI SbI3 Cs3SbI6"),
        ("Cs2CdCl4", "CsCl CdCl2 CsCdCl3 Cs4CdCl6 CsCd2Cl5"),
    ],
)
def test_what_a_halide_may_decompose_into(formula, others):
    compound = compound_of(parse_composition(formula))
    found = competitors(compound)
    assert " ".join(map(str, found)) == others
    # Each balances: no ion is lost or gained on the way.
    for other in found:
        charges = counts(other.stoichiometry)
        assert sum(charges[role] * ion.charge for role, ion in other.sites.items()) == 0


# Bond lengths of the molecules: K. P. Huber, G. Herzberg, Constants of Diatomic Molecules
# (1979), Å; a little longer in the crystals.
MOLECULES = [("I", "Cmce", 2.666), ("Br", "Cmce", 2.281), ("Cl", "Cmce", 1.988)]
MOLECULES += [("F", "C2/c", 1.412)]


@pytest.mark.parametrize(("symbol", "group", "bond_ang"), MOLECULES)
def test_halogens_are_molecular_crystals(symbol, group, bond_ang):
    crystal = build_element(symbol)
    assert space_group(crystal, 1e-3).symbol == group
    distances = crystal.get_all_distances(mic=True)
    np.fill_diagonal(distances, np.inf)
    nearest = np.sort(distances, axis=1)
    assert nearest[:, 0] == pytest.approx([bond_ang] * len(crystal), rel=0.03)
    assert (nearest[:, 1] > 1.2 * bond_ang).all()
    assert element_source(symbol)


@pytest.mark.parametrize(
    ("symbol", "group"),
    [
        *(("Pb", "Fm-3m"), ("Cs", "Im-3m"), ("Mg", "P6_3/mmc"), ("Ge", "Fd-3m")),
        *(("Sn", "I4_1/amd"), ("Bi", "R-3m"), ("Sb", "R-3m"), ("In", "I4/mmm")),
        *(("Ga", "Cmce"), ("Te", "P3_121"), ("Mn", "I-43m")),
    ],
)
def test_elements_have_their_structures(symbol, group):
    crystal = build_element(symbol)
    assert space_group(crystal, 1e-3).symbol == group
    if len(crystal) > 1:
        check_structure(crystal, symbol)


def test_element_without_a_structure_is_refused():
    with pytest.raises(InputError, match="'Po9'"):
        build_element("Po9")


def test_cells_of_the_barriers_stay_as_they_are():
    # BARRIER_RECIPE promises the same numbers for the same settings: the 2 × 2 × 2 cell is this
    # one to the last bit.
    tilt = float(np.tan(np.radians(10.0)))
    positions = {"A": [], "B": [], "X": []}
    for n in np.ndindex(2, 2, 2):
        cell = np.array(n)
        turns = [cell.sum(), cell.sum() - cell[1], cell.sum()]  # a-b+a-
        rotation = np.array([tilt * (-1.0) ** turn for turn in turns])
        positions["A"].append(cell + 0.5)
        positions["B"].append(cell.astype(float))
        for axis in np.eye(3):
            positions["X"].append(cell + 0.5 * axis + np.cross(rotation, 0.5 * axis))
    expected = 5.985 * np.concatenate([positions[site] for site in "ABX"])
    atoms = tilted_perovskite("Cs", "Pb", "Br", 5.985, 10.0)
    assert np.array_equal(atoms.positions, expected)
    assert np.array_equal(atoms.cell.array, np.diag([2 * 5.985] * 3))
