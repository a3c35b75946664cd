"""Healthy halides pass; every way in which one can fall apart has its name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import make_supercell
from ase.io import read
from ase.neighborlist import neighbor_list

from pvkdb.chemistry import Ion, parse_composition
from pvkdb.schemas.calculations.findings import Flaw
from pvkdb_pipelines.geometry.neighbours import neighbours
from pvkdb_pipelines.geometry.symmetry import standard_cell
from pvkdb_pipelines.prototypes import Compound, build, compound_of
from pvkdb_pipelines.structures.checks import check


def flaws(relaxed: Atoms, compound: Compound, start: Atoms, **settings) -> list[Flaw]:
    return [finding.flaw for finding in check(relaxed, compound, start, **settings)]


@pytest.fixture
def cspbi3() -> tuple[Compound, Atoms]:
    composition = parse_composition("CsPbI3")
    return compound_of(composition), build(composition, "Pnma")


# Structures relaxed with density-functional theory: files of tests/data/structures.
GOOD = [
    ("CsPbI3", "CsPbI3_Pnma-gamma_mp.vasp"),
    ("CsPbI3", "CsPbI3_Pnma-delta_mp.vasp"),
    ("CsPbI3", "CsPbI3_Pm-3m_mp.vasp"),
    ("CsPbBr3", "CsPbBr3_Pnma-gamma_mp.vasp"),
    ("CsPbBr3", "CsPbBr3_I4mcm_mp.vasp"),
    ("CsPbBr3", "CsPbBr3_Amm2_mp.vasp"),
    ("CsPbCl3", "CsPbCl3_P4mbm_mp.vasp"),
    ("CsPbCl3", "CsPbCl3_R32_mp.vasp"),
    ("Cs2SnI6", "Cs2SnI6_Fm-3m_HSE06_sumo.vasp"),
    ("Rb2SnI6", "Rb2SnI6_sumo.vasp"),
    ("Cs2AgBiBr6", "Cs2AgBiBr6_elpasolite_robocrys.vasp"),
    ("Cs3Bi2Br9", "Cs3Bi2Br9_HSE06_doped.vasp"),
    ("Cs3Bi2I9", "Cs3Bi2I9_C2c_mp-669458.vasp"),
]


@pytest.mark.parametrize(("formula", "file"), GOOD)
def test_real_structures_pass(data: Path, formula, file):
    relaxed = read(data / "structures" / file, format="vasp")
    compound = compound_of(parse_composition(formula))
    start = relaxed.copy()
    start.rattle(0.05, seed=1)
    assert check(relaxed, compound, start, energy_ev=-3.1 * len(relaxed)) == ()


@pytest.mark.parametrize("phase", ["Pm-3m", "R-3c", "delta", "6H"])
def test_neighbours_are_those_of_a_general_list(phase):
    atoms = build(parse_composition("CsPbI3"), phase, rattle_ang=0.05)
    atoms.positions += [7.0, -3.0, 11.0]  # atoms need not lie in the cell
    found = neighbours(atoms, 6.5)
    first, second, distance, cell = neighbor_list("ijdS", atoms, 6.5)
    mine = np.column_stack([found.first, found.second, found.cell, found.distance])
    theirs = np.column_stack([first, second, cell, distance])
    order = [np.lexsort(np.round(rows, 6).T[::-1]) for rows in (mine, theirs)]
    assert np.allclose(mine[order[0]], theirs[order[1]])


def test_a_large_cell_and_off_centred_germanium_pass(cspbi3):
    germanium = compound_of(parse_composition("CsGeI3"))
    polar = build(germanium, "R3m")
    assert check(polar, germanium, polar) == ()
    compound, start = cspbi3
    large = make_supercell(standard_cell(start, 1e-3), [[1, 0, 1], [0, 1, 0], [-1, 0, 1]])
    assert len(large) == 40
    assert check(large, compound, large, energy_ev=-120.0) == ()


def test_atoms_that_met_are_too_close(cspbi3):
    compound, start = cspbi3
    relaxed = start.copy()
    iodine = np.flatnonzero(relaxed.symbols == "I")
    relaxed.positions[iodine[1]] = relaxed.positions[iodine[0]] + [2.0, 0, 0]
    found = check(relaxed, compound, start)
    assert Flaw.ATOMS_TOO_CLOSE in [finding.flaw for finding in found]
    assert any("I–I 2.00 Å" in finding.message for finding in found)
    assert Flaw.ATOMS_TOO_CLOSE.numerical
    # CHGNet's HgCl2, ZnI2 and CoI2 end with bonds of 0.76 to 0.83 of the radii of the eight
    # neighbours that the prototypes of PbCl2 and CaF2 gave them: no failed calculation.
    assert not Flaw.DISTANCES_TOO_SHORT.numerical


def test_crushed_and_blown_up_cells(cspbi3):
    compound, start = cspbi3
    for factor, expected in [
        (0.85, {Flaw.VOLUME_OUT_OF_RANGE, Flaw.DISTANCES_TOO_SHORT}),
        (1.25, {Flaw.VOLUME_OUT_OF_RANGE, Flaw.DISTANCES_TOO_LONG}),
    ]:
        relaxed = start.copy()
        relaxed.set_cell(relaxed.cell * factor, scale_atoms=True)
        assert set(flaws(relaxed, compound, start)) == expected


def test_perovskite_that_fell_into_chains(cspbi3):
    compound, start = cspbi3
    (finding,) = check(build(compound, "delta"), compound, start)
    assert finding.flaw == Flaw.CONNECTIVITY_CHANGED
    assert finding.message == "corner 6 (three-dimensional) became edge 4 (chains)"
    assert not finding.flaw.numerical
    assert str(finding).startswith("connectivity changed: corner 6")


def test_b_that_left_its_octahedron(cspbi3):
    compound, start = cspbi3
    relaxed = start.copy()
    lead = int(np.flatnonzero(relaxed.symbols == "Pb")[0])
    relaxed.positions[lead] += [1.2, 0.6, 0.0]
    found = flaws(relaxed, compound, start)
    assert Flaw.COORDINATION_CHANGED in found
    assert Flaw.BONDS_UNEVEN in found


def test_energies_out_of_range(cspbi3):
    compound, start = cspbi3
    assert flaws(start, compound, start, energy_ev=-14.6 * 20) == [Flaw.ENERGY_OUT_OF_RANGE]
    assert flaws(start, compound, start, energy_ev=-3.1 * 20) == []


def test_relaxation_without_an_end(cspbi3):
    compound, start = cspbi3
    assert flaws(start, compound, start, converged=False) == [Flaw.NOT_CONVERGED]
    lost = start.copy()
    lost.positions[3] = np.nan
    assert flaws(lost, compound, start) == [Flaw.NOT_CONVERGED]


def test_symmetry_that_must_stay(cspbi3):
    compound, start = cspbi3
    assert flaws(start, compound, start, space_group_number=62) == []
    (finding,) = check(build(compound, "P4/mbm"), compound, start, space_group_number=62)
    assert finding.flaw == Flaw.SYMMETRY_CHANGED
    assert "no. 62 became P4/mbm (no. 127)" in finding.message


def test_competing_phases_may_rearrange():
    compound = compound_of(parse_composition("Cs2CdCl4"))
    layers, tetrahedra = build(compound, "I4/mmm"), build(compound, "Pnma")
    kept = flaws(layers, compound, layers)
    assert kept == []
    moved = {"coordination": 4, "keeps_polyhedra": False}
    assert Flaw.COORDINATION_CHANGED not in flaws(tetrahedra, compound, tetrahedra, **moved)


def test_binary_halides_are_judged_by_distances():
    compound = Compound("AX", (Ion("Cs", 1), Ion("I", -1)))
    start = build(compound, "Pm-3m")
    assert flaws(start, compound, start, coordination=8) == []
    squeezed = start.copy()
    squeezed.set_cell(squeezed.cell * 0.75, scale_atoms=True)
    found = flaws(squeezed, compound, start, coordination=8)
    assert {Flaw.DISTANCES_TOO_SHORT, Flaw.VOLUME_OUT_OF_RANGE} <= set(found)


def test_molecules_that_turned_are_a_remark():
    composition = parse_composition("MAPbI3")
    compound = compound_of(composition)
    start, other = (build(composition, "Pnma", pattern=each) for each in ("antipolar", "polar"))
    assert flaws(start, compound, start) == []
    (finding,) = check(other, compound, start)
    assert (finding.flaw, finding.remark) == (Flaw.MOLECULES_TURNED, True)
    assert "by more than 45°, at most 180°" in finding.message
