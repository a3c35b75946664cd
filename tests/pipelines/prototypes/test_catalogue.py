"""Every prototype is the structure it says it is, at distances that its ions want."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import make_supercell
from ase.io import read

from pvkdb.chemistry import Ion, parse_composition
from pvkdb.errors import InputError, MissingRadiusError
from pvkdb_pipelines.geometry.neighbours import check_structure
from pvkdb_pipelines.geometry.symmetry import space_group, standard_cell
from pvkdb_pipelines.prototypes import (
    PROTOTYPES,
    Compound,
    PrototypeInfo,
    build,
    candidates,
    compound_of,
    phases,
    prototype,
)
from pvkdb_pipelines.structures.checks import A_X_OF_RADII, B_X_OF_RADII, check, shortest_of_radii
from pvkdb_pipelines.structures.octahedra import polyhedra

from ...each import for_each

#: A compound that has each structure, or one near it.
EXAMPLES = {
    ("ABX3", "Pm-3m"): "CsSnI3",
    ("ABX3", "P4/mbm"): "CsSnI3",
    ("ABX3", "I4/mcm"): "CsPbBr3",
    ("ABX3", "Pnma"): "CsPbI3",
    ("ABX3", "R-3c"): "CsPbCl3",
    ("ABX3", "R3m"): "CsGeI3",
    ("ABX3", "delta"): "CsPbI3",
    ("ABX3", "2H"): "CsMgCl3",
    ("ABX3", "4H"): "CsCdCl3",
    ("ABX3", "6H"): "CsCdCl3",
    ("ABX3", "9R"): "CsMnCl3",
    ("A2BB'X6", "Fm-3m"): "Cs2AgBiBr6",
    ("A2BB'X6", "P2_1/n"): "Cs2AgBiBr6",
    ("A2BX6", "Fm-3m"): "Cs2SnI6",
    ("A2BX6", "P4/mnc"): "K2SnBr6",
    ("A2BX6", "P-3m1"): "K2GeF6",
    ("A3B2X9", "P6_3/mmc"): "Cs3Bi2I9",
    ("A3B2X9", "P-3m1"): "Cs3Bi2Br9",
    ("A2BX4", "I4/mmm"): "Cs2CdCl4",
    ("A2BX4", "Pnma"): "Cs2ZnBr4",
    ("A4BX6", "R-3c"): "Cs4PbBr6",
    ("A3BX6", "Fm-3m"): "K3ScF6",
    ("A3BX6", "P2_1/n"): "Na3ScF6",
    ("A3BX6", "C2/c"): "Cs3BiCl6",
    ("AB2X5", "I4/mcm"): "CsPb2Br5",
    ("AB2X3", "Cmcm"): "CsCu2I3",
    ("A3B2X5", "Pnma"): "Cs3Cu2I5",
    ("A2BX4", "Pbca"): "BA2PbI4",
    ("A2BX4", "P-1"): "PEA2PbI4",
}
#: Binary halides are no compositions of perovskites; they are named by their ions.
BINARIES = {
    ("AX", "Fm-3m"): (("K", 1), ("Br", -1)),
    ("AX", "Pm-3m"): (("Cs", 1), ("I", -1)),
    ("AX", "Cmcm"): (("Tl", 1), ("I", -1)),
    ("AX", "F-43m"): (("Cu", 1), ("I", -1)),
    ("AX", "P6_3mc"): (("Ag", 1), ("I", -1)),
    ("BX2", "P-3m1"): (("Pb", 2), ("I", -1)),
    ("BX2", "R-3m"): (("Cd", 2), ("Cl", -1)),
    ("BX2", "Pnma"): (("Pb", 2), ("Cl", -1)),
    ("BX2", "Fm-3m"): (("Ca", 2), ("F", -1)),
    ("BX2", "P4_2/mnm"): (("Mg", 2), ("F", -1)),
    ("BX2", "Pnnm"): (("Ca", 2), ("Cl", -1)),
    ("BX2", "P4_2/nmc"): (("Hg", 2), ("I", -1)),
    ("BX2", "Ibam"): (("Be", 2), ("Cl", -1)),
    ("BX3", "R-3"): (("Bi", 3), ("I", -1)),
    ("BX3", "C2/m"): (("Sc", 3), ("Cl", -1)),
    ("BX3", "P6_3/m"): (("La", 3), ("Cl", -1)),
    ("BX3", "Pm-3m"): (("Sc", 3), ("F", -1)),
    ("BX3", "R-3c"): (("Sc", 3), ("F", -1)),
    ("BX4", "Pa-3"): (("Sn", 4), ("I", -1)),
    ("BX4", "I-43m"): (("Si", 4), ("F", -1)),
    ("BX4", "I4/mmm"): (("Sn", 4), ("F", -1)),
}


@cache
def started(info: PrototypeInfo) -> tuple[Compound, Atoms]:
    """The example of a prototype, and its starting structure."""
    key = (info.stoichiometry, info.phase)
    if key in EXAMPLES:
        compound = compound_of(parse_composition(EXAMPLES[key]))
    else:
        compound = Compound(info.stoichiometry, tuple(Ion(*ion) for ion in BINARIES[key]))
    return compound, build(compound, info.phase)


def named(info: PrototypeInfo) -> str:
    return f"{info.stoichiometry}-{info.phase}"


each_prototype = for_each("info", PROTOTYPES, named)


def test_every_prototype_has_an_example():
    assert {(info.stoichiometry, info.phase) for info in PROTOTYPES} == {*EXAMPLES, *BINARIES}


@each_prototype
def test_start_has_the_space_group_and_the_formula(info):
    compound, atoms = started(info)
    found = space_group(atoms, 1e-3)
    assert (found.symbol, found.number) == (info.space_group, info.number)
    units = len(atoms) / sum(compound.numbers_of_elements.values())
    assert atoms.symbols.formula.count() == {
        element: number * units for element, number in compound.numbers_of_elements.items()
    }
    assert len(atoms) <= 44 or info.spacer


@for_each("info", [info for info in PROTOTYPES if info.spacer is None], named)
def test_start_occupies_the_wyckoff_positions_that_are_stated(info):
    cell = standard_cell(started(info)[1], 1e-3)
    stated = sorted(int(word[:-1]) for part in info.wyckoff.split(",") for word in part.split()[1:])
    group = space_group(cell, 1e-3)
    images = group.rotations @ cell.get_scaled_positions().T[None] + group.translations[:, :, None]
    offsets = images.transpose(2, 0, 1)[:, :, None, :] - cell.get_scaled_positions()
    same = (np.abs(offsets - np.round(offsets)) < 1e-3).all(axis=3).any(axis=1)
    orbits = {tuple(np.flatnonzero(row)) for row in same}
    assert sorted(map(len, orbits)) == stated


@each_prototype
def test_start_has_distances_of_its_ions(info):
    compound, atoms = started(info)
    check_structure(atoms, named(info))
    for role, ratio in shortest_of_radii(atoms, compound, info.coordination).items():
        low, high = A_X_OF_RADII if role == "A" else B_X_OF_RADII
        assert low <= ratio <= high, role


@each_prototype
def test_polyhedra_are_those_stated(info):
    compound, atoms = started(info)
    if "B" not in compound.sites:
        return
    found = polyhedra(atoms, compound, info.coordination)
    if info.coordination in (4, 6):
        assert (found.coordination == info.coordination).all()
        assert found.spread < 1.2
        stated = info.linkage.replace("a face", "face").replace("with ", "")
        for word in ("corner", "edge", "face"):
            assert (word in stated) == (word in found.linkage), found.linkage
    if " or " not in info.linkage and info.coordination == 6:
        neighbours = sum(int(word) for word in info.linkage.split() if word.isdigit())
        assert sum(found.links.values()) == neighbours


@pytest.mark.parametrize("size", [(2, 1, 1), (1, 2, 2)])
def test_polyhedra_do_not_depend_on_the_cell(size):
    compound = compound_of(parse_composition("CsCdCl3"))
    one = build(compound, "6H")
    many = make_supercell(one, np.diag(size))
    assert polyhedra(many, compound).links == polyhedra(one, compound).links


@pytest.mark.parametrize(
    ("formula", "phase", "network"),
    [
        ("CsPbI3", "Pnma", "three-dimensional"),
        ("CsPbI3", "delta", "chains"),
        ("CsMgCl3", "2H", "chains"),
        ("CsCdCl3", "6H", "three-dimensional"),
        ("CsCu2I3", "Cmcm", "chains"),
        ("Cs3Cu2I5", "Pnma", "isolated"),
        ("Cs3Sb2I9", "P6_3/mmc", "isolated"),
        ("Cs3Sb2I9", "P-3m1", "layers"),
        ("Cs2CdCl4", "I4/mmm", "layers"),
        ("Cs2SnI6", "Fm-3m", "isolated"),
    ],
)
def test_dimensions_of_the_network(formula, phase, network):
    compound = compound_of(parse_composition(formula))
    expected = prototype(compound.stoichiometry, phase).coordination
    assert polyhedra(build(compound, phase), compound, expected).network == network


# Files of tests/data/structures.
SAME_STRUCTURES = [
    ("CsPbI3", "delta", "CsPbI3_Pnma-delta_mp.vasp"),
    ("CsPbBr3", "delta", "CsPbBr3_Pnma-delta_mp.vasp"),
    ("CsPbI3", "Pnma", "CsPbI3_Pnma-gamma_mp.vasp"),
    ("CsPbCl3", "P4/mbm", "CsPbCl3_P4mbm_mp.vasp"),
    ("CsPbBr3", "I4/mcm", "CsPbBr3_I4mcm_mp.vasp"),
    ("Cs2SnI6", "Fm-3m", "Cs2SnI6_Fm-3m_HSE06_sumo.vasp"),
    ("Cs3Bi2Br9", "P-3m1", "Cs3Bi2Br9_HSE06_doped.vasp"),
    ("Cs2AgBiBr6", "Fm-3m", "Cs2AgBiBr6_elpasolite_robocrys.vasp"),
]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(("formula", "phase", "file"), SAME_STRUCTURES)
def test_start_matches_the_relaxed_structure(data: Path, formula, phase, file):
    from pymatgen.analysis.structure_matcher import StructureMatcher
    from pymatgen.io.ase import AseAtomsAdaptor

    relaxed = read(data / "structures" / file, format="vasp")
    start = build(parse_composition(formula), phase)
    to_structure = AseAtomsAdaptor.get_structure
    assert StructureMatcher().fit(to_structure(start), to_structure(relaxed))
    volume = start.get_volume() / len(start) / (relaxed.get_volume() / len(relaxed))
    assert volume == pytest.approx(1, abs=0.12)


# Files with measured cells, and the phase; the Pnma cell of CsPbBr3 is given as Pbnm.
MEASURED = [
    ("CsPbI3/cubic.cif", "Pm-3m", 0.03),
    ("CsPbI3/beta.cif", "P4/mbm", 0.04),
    ("CsPbI3/delta.cif", "delta", 0.03),
    ("CsPbBr3/cubic.cif", "Pm-3m", 0.03),
    ("CsPbBr3/ortho.cif", "Pnma", 0.10),  # the start has three equal pseudo-cubic axes
    ("CsPbBr3/hexagonal.cif", "delta", 0.03),
    ("CsPbBr3/Cs4PbBr6.cif", "R-3c", 0.03),
    ("CsPbI3/Cs4PbCl6.cif", "R-3c", 0.05),
    ("CsSnI3/cubic.cif", "Pm-3m", 0.03),
    ("CsSnI3/beta.cif", "P4/mbm", 0.04),
    ("CsSnI3/delta.cif", "delta", 0.03),
]


@pytest.mark.parametrize(("file", "phase", "tolerance"), MEASURED)
def test_start_is_near_the_measured_cell(data: Path, file, phase, tolerance):
    with (data / "experimental_cells.csv").open(encoding="utf-8") as lines:
        row = next(row for row in csv.DictReader(lines) if row["file_in_repo"] == file)
    formula = row["formula_sum"].replace(" ", "")
    cell = standard_cell(build(parse_composition(formula), phase), 1e-3).cell
    measured = [float(row[name]) for name in ("a_A", "b_A", "c_A")]
    assert sorted(cell.lengths()) == pytest.approx(sorted(measured), rel=tolerance)


# Measured lattice constants in Å, from the sources of the prototypes.
PUBLISHED = [
    ("ABX3", "2H", (("Cs", 1), ("Ni", 2), ("Cl", -1)), (7.18, 5.93)),
    ("ABX3", "6H", (("Cs", 1), ("Cd", 2), ("Cl", -1)), (7.403, 18.406)),
    ("A3B2X9", "P6_3/mmc", (("Cs", 1), ("Bi", 3), ("I", -1)), (8.41, 21.18)),
    ("A3B2X9", "P-3m1", (("Cs", 1), ("Bi", 3), ("Br", -1)), (7.972, 9.867)),
    ("A2BX4", "I4/mmm", (("K", 1), ("Ni", 2), ("F", -1)), (4.01, 13.08)),
    ("BX2", "P-3m1", (("Cd", 2), ("I", -1)), (4.24, 6.84)),
    ("BX3", "R-3", (("Bi", 3), ("I", -1)), (7.496, 20.682)),
    ("BX3", "P6_3/m", (("La", 3), ("Cl", -1)), (7.478, 4.375)),
    ("AX", "Fm-3m", (("Na", 1), ("Cl", -1)), (5.64, 5.64)),
    ("AX", "Pm-3m", (("Cs", 1), ("Cl", -1)), (4.123, 4.123)),
]


@pytest.mark.parametrize(("stoichiometry", "phase", "ions", "measured"), PUBLISHED)
def test_fitted_cell_is_near_the_published_one(stoichiometry, phase, ions, measured):
    compound = Compound(stoichiometry, tuple(Ion(*ion) for ion in ions))
    a, _, c = standard_cell(build(compound, phase), 1e-3).cell.lengths()
    assert (a, c) == pytest.approx(measured, rel=0.075)


def test_octahedra_of_two_sizes_share_the_distance_between_them():
    compound = compound_of(parse_composition("Cs2AgInCl6"))
    atoms = build(compound, "Fm-3m")
    ratios = shortest_of_radii(atoms, compound)
    assert ratios["B"] == pytest.approx(0.95)
    assert ratios["B'"] == pytest.approx(0.95)


@pytest.mark.parametrize("formula", ["CsMgCl3", "CsGeI3", "CsMgF3", "KPbI3", "NaPbI3", "RbMgF3"])
@pytest.mark.parametrize("phase", ["Pnma", "delta", "2H", "6H"])
def test_unlikely_ions_still_do_not_collide(formula, phase):
    compound = compound_of(parse_composition(formula))
    atoms = build(compound, phase, rattle_ang=0.05)
    check_structure(atoms, formula)
    assert shortest_of_radii(atoms, compound)["A"] > 0.78  # the rattle takes up to 0.1 Å


def test_rattled_start_is_reproducible():
    composition = parse_composition("Cs3Sb2I9")
    one = build(composition, "dimer", rattle_ang=0.05, seed=3)
    assert np.array_equal(one.positions, build(composition, "dimer", 0.05, 3).positions)
    assert not np.array_equal(one.positions, build(composition, "dimer", 0.05, 4).positions)
    moved = one.positions - build(composition, "dimer").positions
    assert np.std(moved) == pytest.approx(0.05, rel=0.2)


def test_healthy_starts_are_healthy():
    for info in phases("3D"):
        compound, ideal = started(info)
        rattled = build(compound, info.phase, rattle_ang=0.03)
        assert check(rattled, compound, ideal, coordination=info.coordination) == (), info.phase


def test_phases_of_a_family_and_of_its_stoichiometry_are_the_same():
    assert phases("3D") == phases("ABX3")
    assert [info.phase for info in phases("A3B2X9 dimer")] == ["P6_3/mmc", "P-3m1"]
    assert len({(info.stoichiometry, info.phase) for info in PROTOTYPES}) == len(PROTOTYPES)
    assert all(info.source and info.name and info.linkage for info in PROTOTYPES)


def test_unknown_names_are_refused_with_the_known_ones():
    with pytest.raises(InputError, match="no family with prototypes '4D'"):
        phases("4D")
    with pytest.raises(InputError, match=r"no ABX3 prototype 'Pnmb'; did you mean 'Pnma'"):
        prototype("3D", "Pnmb")
    assert prototype("3D", "δ").phase == "delta"


def test_ion_without_a_radius_is_refused():
    compound = Compound("ABX3", (Ion("Ga", 1), Ion("Pb", 2), Ion("I", -1)))
    with pytest.raises(MissingRadiusError, match=r"Ga\+"):
        build(compound, "delta")


@pytest.mark.parametrize(
    ("formula", "wanted"),
    [
        ("CsPbI3", ["Pnma", "delta"]),
        ("CsGeI3", ["Pnma", "R3m", "delta", "2H", "6H"]),
        ("CsSnI3", ["Pnma", "R3m", "delta"]),
        ("CsCdCl3", ["Pnma", "delta", "2H", "6H"]),
        ("CsMgCl3", ["Pnma", "2H", "6H"]),
        ("Cs2AgBiBr6", ["Fm-3m", "P2_1/n"]),  # the first was measured
        ("Cs2AgSbBr6", ["P2_1/n"]),
        ("CsMnCl3", ["Pnma", "delta", "2H", "6H", "9R"]),
        ("InPbI3", ["Pnma", "delta"]),  # from a learned radius
        ("Cs2SnI6", ["Fm-3m", "P4/mnc", "P-3m1"]),
        ("Cs3Sb2I9", ["P6_3/mmc", "P-3m1"]),
    ],
)
def test_ground_state_is_sought_among_few(formula, wanted):
    assert [info.phase for info in candidates(parse_composition(formula))] == wanted
