"""Cells of mixtures: what is in them, how random they are, and how they are ordered."""

from itertools import pairwise

import numpy as np
import pytest
from ase.neighborlist import neighbor_list

from pvkdb.chemistry import parse_composition
from pvkdb.errors import InputError
from pvkdb.store.files.structure_reading import require_composition
from pvkdb_pipelines.geometry.neighbours import check_structure
from pvkdb_pipelines.geometry.symmetry import space_group
from pvkdb_pipelines.prototypes import build, compound_of, prototype
from pvkdb_pipelines.prototypes.mixtures import ordered, quasirandom


def mixed(formula, phase, **given):
    return quasirandom(compound_of(parse_composition(formula)), prototype("ABX3", phase), **given)


def in_order(formula, phase):
    return ordered(compound_of(parse_composition(formula)), prototype("ABX3", phase)).atoms


def warren_cowley(atoms, symbols, *radii_ang):
    """Return α = 1 − P(unlike) / P(unlike at random) of the pairs of two elements in shells."""
    first, second, lengths = neighbor_list("ijd", atoms, radii_ang[-1])
    kind = np.array(atoms.get_chemical_symbols())
    on_site = np.isin(kind[first], symbols) & np.isin(kind[second], symbols)
    share = (kind == symbols[0]).sum() / np.isin(kind, symbols).sum()
    found = []
    for inner, outer in pairwise(radii_ang):
        pairs = on_site & (lengths > inner) & (lengths < outer)
        unlike = (kind[first[pairs]] != kind[second[pairs]]).mean()
        found.append(1 - unlike / (2 * share * (1 - share)))
    return found


@pytest.mark.parametrize("phase", ["Pnma", "Pm-3m", "I4/mcm", "delta"])
@pytest.mark.parametrize(
    "formula", ["CsPbI2Br", "CsPb0.5Sn0.5I3", "Cs0.75Rb0.25PbI3", "Cs0.5Rb0.5PbI1.5Br1.5"]
)
def test_a_mixture_has_its_composition_and_no_atoms_too_close(formula, phase):
    cell = mixed(formula, phase)
    require_composition(cell.atoms, parse_composition(formula), formula)
    check_structure(cell.atoms, formula)
    assert len(cell.atoms) == 40


def test_molecules_stand_where_the_arrangement_has_them():
    formula = "Cs0.25MA0.25FA0.5PbI3"
    atoms = build(parse_composition(formula), "Pm-3m")
    require_composition(atoms, parse_composition(formula), formula)
    assert len(atoms) == 8 * 4 + 2 + 2 * 8 + 4 * 8


def test_the_seed_determines_the_arrangement():
    one, again, other = (
        build(parse_composition("CsPbI2Br"), "Pnma", seed=seed) for seed in (1, 1, 2)
    )
    assert str(one.symbols) == str(again.symbols) != str(other.symbols)


@pytest.mark.parametrize("phase", ["Pnma", "Pm-3m"])
def test_pairs_of_halides_are_nearly_as_frequent_as_at_random(phase):
    """The edges of octahedra counted here, a/√2 ± the tilts, as sqsgenerator counts them."""
    cell = mixed("CsPbI2Br", phase, seed=3)
    lattice = (cell.atoms.get_volume() / 8) ** (1 / 3)
    counted = warren_cowley(cell.atoms, ["I", "Br"], 1.0, 0.79 * lattice)
    assert counted == pytest.approx(cell.deviations["X"][:1], abs=1e-6)
    assert max(map(abs, cell.deviations["X"])) < 0.05
    assert f"{cell.deviations['X'][0]:+.3f}" in cell.kind


def test_the_order_of_rock_salt_is_the_most_symmetric_one_of_two_b_ions():
    """Elpasolite: every nearest pair unlike, α = −1, every second pair alike, α = +1."""
    atoms = in_order("CsPb0.5Sn0.5I3", "Pm-3m")
    lattice = (atoms.get_volume() / 2) ** (1 / 3)
    assert space_group(atoms, 1e-3).symbol == "Fm-3m"
    found = warren_cowley(atoms, ["Pb", "Sn"], 1.0, 1.1 * lattice, 1.5 * lattice)
    assert found == pytest.approx([-1, 1])


@pytest.mark.parametrize(
    ("formula", "phase", "group", "atoms"),
    [
        ("CsPbI2Br", "Pm-3m", "P4/mmm", 5),
        ("CsPbI2Br", "Pnma", "Pnma", 20),  # Br on 4c, the apices of the octahedra
        ("CsPb0.5Sn0.5I3", "Pnma", "P2_1/c", 20),  # tilted double perovskites
    ],
)
def test_ordered_mixtures(formula, phase, group, atoms):
    cell = in_order(formula, phase)
    assert (space_group(cell, 1e-3).symbol, len(cell)) == (group, atoms)


@pytest.mark.parametrize(
    ("formula", "size", "message"),
    [
        ("Cs0.9Rb0.1PbI3", 8, "take --units 10, or choose Cs0.875Rb0.125PbI3, which fits 8"),
        ("Cs0.9Rb0.1PbI3", 31, "take --units 30, or choose .*, which fits 31"),
        ("CsPbI1.91Br1.09", None, "no size up to 64 does, or choose CsPbI1.875Br1.125,"),
    ],
)
def test_a_size_that_does_not_fit_names_the_nearest_that_does(formula, size, message):
    with pytest.raises(InputError, match=message):
        mixed(formula, "Pm-3m", **({"units": size} if size else {}))


def test_the_volume_is_between_those_of_the_ends():
    per_formula = [
        build(parse_composition(formula), "Pm-3m").get_volume() / units
        for formula, units in (("CsPbBr3", 1), ("CsPbI2Br", 8), ("CsPbI3", 1))
    ]
    assert per_formula[1] == pytest.approx((per_formula[0] + 2 * per_formula[2]) / 3)
