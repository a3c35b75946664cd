"""Sum formulas beside pymatgen's and beside what the specification of OPTIMADE prints."""

from __future__ import annotations

import re
from math import gcd

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymatgen.core import Composition

from pvkdb.chemistry.formulas.sum_formula import (
    anonymous_formula,
    composition_of_atoms,
    hill_formula,
    reduced_formula,
)
from pvkdb.errors import FormulaError

ELEMENTS = ("Cs", "Rb", "Pb", "Sn", "Ag", "Bi", "I", "Br", "Cl", "C", "H", "N")
CELLS = st.dictionaries(st.sampled_from(ELEMENTS), st.integers(1, 200), min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("atoms", "reduced", "anonymous", "hill"),
    [
        ({"Cs": 4, "Pb": 4, "I": 12}, "CsI3Pb", "A3BC", "Cs4I12Pb4"),
        ({"Cs": 4, "Pb": 4, "I": 11}, "Cs4I11Pb4", "A11B4C4", "Cs4I11Pb4"),
        ({"C": 1, "H": 6, "N": 1, "Pb": 1, "I": 3}, "CH6I3NPb", "A6B3CDE", "CH6I3NPb"),
        # H2NaO and H2O2, examples of the specification.
        ({"Na": 1, "H": 2, "O": 1}, "H2NaO", "A2BC", "H2NaO"),
        ({"H": 2, "O": 2}, "HO", "AB", "H2O2"),
    ],
)
def test_formulas(atoms, reduced, anonymous, hill):
    assert reduced_formula(atoms) == reduced
    assert anonymous_formula(atoms) == anonymous
    assert hill_formula(atoms) == hill


@given(CELLS)
def test_formulas_agree_with_pymatgen(atoms):
    theirs = Composition(atoms)
    assert hill_formula(atoms) == theirs.hill_formula.replace(" ", "")
    factor = gcd(*atoms.values())
    assert Composition(reduced_formula(atoms)) * factor == theirs
    amounts = [int(number) for number in re.findall(r"\d+", anonymous_formula(atoms))]
    assert amounts == sorted((n // factor for n in atoms.values() if n > factor), reverse=True)


def test_letters_go_on_behind_z():
    atoms = {f"X{number}": 60 - number for number in range(54)}
    named = anonymous_formula(atoms)
    assert named.startswith("A60B59C58")
    assert "Z35Aa34Ba33" in named
    assert named.endswith("Za9Ab8Bb7")


@pytest.mark.parametrize(
    ("atoms", "formula"),
    [
        ({"Br": 12, "Cs": 4, "Pb": 4}, "CsPbBr3"),
        ({"Bi": 1, "Ag": 1, "Cs": 2, "Br": 6}, "Cs2AgBiBr6"),
        ({"C": 4, "H": 24, "N": 4, "Pb": 4, "I": 12}, "MAPbI3"),
        ({"Cs": 1, "C": 1, "H": 5, "N": 2, "Pb": 2, "I": 6}, "Cs0.5FA0.5PbI3"),
    ],
)
def test_counted_atoms_are_a_composition(atoms, formula):
    assert composition_of_atoms(atoms).formula == formula


@pytest.mark.parametrize(
    ("atoms", "said"),
    [
        ({"C": 2, "H": 8, "N": 1, "Pb": 1, "I": 3}, "C2H8N are DMA or EA; give the formula"),
        ({"C": 60, "Pb": 1, "I": 3}, "no A ion that pvkdb knows"),
        ({"Cs": 1, "Pb": 1}, "no halide"),
    ],
)
def test_atoms_that_are_no_or_several_compositions_are_refused(atoms, said):
    with pytest.raises(FormulaError, match=said):
        composition_of_atoms(atoms)
