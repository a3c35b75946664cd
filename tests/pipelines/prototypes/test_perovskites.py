"""The starting structures are the perovskites that Glazer's symbols name."""

from __future__ import annotations

import numpy as np
import pytest
from ase.neighborlist import neighbor_list

from pvkdb.errors import InputError
from pvkdb.schemas.calculations import FailureKind
from pvkdb_pipelines.geometry.symmetry import space_group
from pvkdb_pipelines.prototypes import tilted_perovskite

from ..conftest import fails

# Space groups of tilted perovskites: C. J. Howard, H. T. Stokes, Acta Cryst. B 54, 782 (1998),
# Table 1 (doi:10.1107/S0108768198004200).
GLAZER_SPACE_GROUPS = [
    ("a0a0a0", (0, 0, 0), 221),
    ("a0a0c+", (0, 0, 10), 127),
    ("a0a0c-", (0, 0, 10), 140),
    ("a0b+b+", (0, 10, 10), 139),
    ("a0b-b-", (0, 10, 10), 74),
    ("a0b+c-", (0, 7, 9), 63),
    ("a+a+a+", (10, 10, 10), 204),
    ("a-a-a-", (10, 10, 10), 167),
    ("a+b+c+", (5, 8, 11), 71),
    ("a+a+c-", (10, 10, 8), 137),
    ("a+b-b-", (6, 10, 10), 62),
    ("a-b-c-", (5, 7, 10), 2),
]


@pytest.mark.parametrize(("glazer", "tilt_deg", "number"), GLAZER_SPACE_GROUPS)
def test_tilt_pattern_has_the_published_space_group(glazer, tilt_deg, number):
    atoms = tilted_perovskite("Cs", "Pb", "Br", 6.0, tilt_deg, glazer=glazer)
    assert space_group(atoms, 1e-3).number == number


@pytest.mark.parametrize(("primitive", "units"), [(False, 8), (True, 4)])
def test_pnma_prototype_has_whole_formula_units(primitive, units):
    atoms = tilted_perovskite("Cs", "Pb", "Br", 6.0, 10.0, primitive=primitive)
    assert len(atoms) == 5 * units
    assert atoms.symbols.get_chemical_formula() == f"Br{3 * units}Cs{units}Pb{units}"
    assert space_group(atoms, 1e-3).symbol == "Pnma"


@pytest.mark.parametrize("tilt_deg", [0.0, 5.0, 10.0])
def test_tilts_bend_the_bridges_and_keep_octahedra_regular(tilt_deg):
    atoms = tilted_perovskite("Cs", "Pb", "Br", 6.0, tilt_deg)
    first, second, lengths, vectors = neighbor_list("ijdD", atoms, {("Pb", "Br"): 3.6})
    bridges = []
    for index in np.flatnonzero(atoms.symbols == "Br"):
        bonds = vectors[(first == index) & (atoms.numbers[second] == 82)]
        assert len(bonds) == 2
        cosine = bonds[0] @ bonds[1] / np.prod(np.linalg.norm(bonds, axis=1))
        bridges.append(np.degrees(np.arccos(np.clip(cosine, -1, 1))))
    # A halide moves off its bridge by the two tilts about the axes normal to it.
    bend = np.degrees(2 * np.arctan(np.sqrt(2) * np.tan(np.radians(tilt_deg))))
    assert np.allclose(bridges, 180 - bend, atol=0.01)
    assert np.ptp(lengths) < 1e-6


def test_molecular_cation_is_refused_with_its_kind():
    with fails(FailureKind.UNSUPPORTED_COMPOSITION, "'MA' on the A site"):
        tilted_perovskite("MA", "Pb", "I", 6.3)


def test_no_glazer_symbol_and_a_lattice_in_the_wrong_unit_are_refused():
    for glazer in ("a-b+", "a-b+a*", "", "a-b+a-c+"):
        with pytest.raises(InputError, match="Glazer"):
            tilted_perovskite("Cs", "Pb", "Br", 6.0, glazer=glazer)
    with pytest.raises(InputError, match="Å"):
        tilted_perovskite("Cs", "Pb", "Br", 0.6)
