"""The host of a defect: symmetric, large enough, and a minimum; or a failure that says why not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from pvkdb.chemistry import parse_composition
from pvkdb.schemas.calculations import FailureKind
from pvkdb.schemas.calculations.migration import NebSettings
from pvkdb_pipelines.migration.host.hessian import host_hessian
from pvkdb_pipelines.migration.host.host import (
    Crystal,
    Start,
    of_lattice,
    relaxed_crystal,
    require_minimum,
)
from pvkdb_pipelines.migration.sites.operations import operations_of
from pvkdb_pipelines.potentials.loading import load_potential
from pvkdb_pipelines.potentials.potential import Potential
from pvkdb_pipelines.prototypes import build, compound_of

from ...conftest import fails
from ..conftest import EMT_LATTICE_ANG, deeper

SETTINGS = NebSettings(distance_ang=8.5)


def copper_host(emt: Potential, settings: NebSettings) -> Crystal:
    start = Start(bulk("Cu", "fcc", a=3.7), number=225)
    return relaxed_crystal(start, emt, settings, name="copper", atoms_per_formula=1)


@pytest.fixture(scope="module")
def crystal(emt: Potential) -> Crystal:
    return copper_host(emt, SETTINGS)


def test_host_keeps_its_symmetry_and_the_distance_of_defects(crystal, emt):
    assert crystal.space_group == "Fm-3m"
    assert crystal.left_for is None
    assert crystal.distance_ang >= 8.5
    assert crystal.units == len(crystal.cell)
    assert len(crystal.cell) == round(np.linalg.det(crystal.matrix))
    assert len(operations_of(crystal.cell)) == 48 * len(crystal.cell)
    assert crystal.conventional.cell.lengths() == pytest.approx([EMT_LATTICE_ANG["Cu"]] * 3, 1e-3)
    # The axes are those of the conventional cell, in the vectors of the supercell.
    axes = np.array([crystal.axes[name] for name in "abc"])
    assert axes @ crystal.cell.cell.array == pytest.approx(crystal.conventional.cell.array)
    (found,) = emt.evaluate([crystal.cell])
    assert crystal.cell.get_potential_energy() == pytest.approx(found["energy"])


def test_a_supercell_is_given_in_conventional_cells(emt):
    crystal = copper_host(emt, NebSettings(distance_ang=8.5, supercell="3x3x3"))
    assert len(crystal.cell) == 4 * 27
    assert crystal.cell.cell.array == pytest.approx(3 * crystal.conventional.cell.array)
    with pytest.raises(ValueError, match="not three multiples"):
        NebSettings(supercell="3x3")


@pytest.mark.slow
def test_supercell_of_too_many_atoms_is_refused_with_a_remedy(emt):
    with fails(FailureKind.TOO_LARGE, "more than 20; use a smaller distance"):
        copper_host(emt, NebSettings(distance_ang=8.5, max_atoms=20))


def test_crystal_that_is_no_minimum_is_left_for_what_it_became(emt):
    """Simple cubic copper collapses; barriers are then those of what it collapsed to."""
    start = Start(bulk("Cu", "sc", a=2.4) * 2, number=221)
    crystal = relaxed_crystal(start, emt, SETTINGS, name="copper", atoms_per_formula=1)
    assert crystal.left_for.startswith(crystal.space_group)
    assert "meV a formula unit lower" in crystal.left_for
    assert crystal.space_group != "Pm-3m"


@pytest.mark.slow
def test_cubic_iodide_is_left_for_what_it_becomes():
    """CHGNet has CsPbI3 lower without its cubic symmetry, as experiment has it below 260 °C."""
    start = Start(build(compound_of(parse_composition("CsPbI3")), "Pm-3m"), number=221)
    chgnet = load_potential("chgnet")
    crystal = relaxed_crystal(start, chgnet, NebSettings(), name="CsPbI3", atoms_per_formula=5)
    assert crystal.left_for.startswith(f"{crystal.space_group}, ")
    assert crystal.space_group != "Pm-3m"


@pytest.mark.long
def test_what_a_host_fell_to_gets_the_symmetry_that_costs_next_to_nothing():
    """SevenNet-0 has CsSnBr3 lower than Pnma, without symmetry at 0.3 Å; P2_12_12_1 is as low."""
    start = Start(build(compound_of(parse_composition("CsSnBr3")), "Pnma"), number=62)
    sevennet = load_potential("sevennet-0")
    crystal = relaxed_crystal(start, sevennet, NebSettings(), name="CsSnBr3", atoms_per_formula=5)
    assert crystal.left_for.startswith("P2_12_12_1, ")
    assert len(operations_of(crystal.cell)) % 4 == 0


def test_crystal_that_becomes_another_kind_of_structure_is_a_typed_failure(emt):
    start = Start(bulk("Cu", "sc", a=2.4) * 2, number=221, flaw=lambda atoms: "octahedra lost")
    with fails(FailureKind.SYMMETRY_CHANGED, "octahedra lost"):
        relaxed_crystal(start, emt, SETTINGS, name="copper", atoms_per_formula=1)


def test_supercell_must_not_fall_when_it_is_rattled(crystal, emt):
    """The fault: cells without symmetry lie 1 eV lower."""
    hessian = host_hessian(operations_of(crystal.cell), emt)
    assert require_minimum(crystal, hessian, emt, SETTINGS) < 1e-4
    lower = deeper(emt)
    with fails(FailureKind.UNSTABLE_HOST, "not a minimum of test"):
        require_minimum(crystal, hessian, lower, SETTINGS)
    # 1 eV shared by many more formula units is within what a host may fall.
    shared = replace(crystal, units=1000.0)
    assert require_minimum(shared, hessian, lower, SETTINGS) == pytest.approx(1e-3, rel=0.01)


def test_the_conventional_cell_is_of_the_lattice_also_where_its_standard_is_off_a_little() -> None:
    """Cs2NaGdCl6, P2_1/c: c was (1, 0.50015, 0.50015) of the supercell, so no path led along it."""
    vectors = np.array([[6.6, 0.0, 0.0], [0.0, 7.7, 0.0], [-6.6, 0.0, 9.3]])
    off = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [2e-3, 0.0, 0.0]])
    primitive = Atoms("Cl", cell=vectors, pbc=True)
    standard = Atoms("Cl", cell=vectors + off, scaled_positions=[[0.2, 0.3, 0.4]], pbc=True)
    conventional = of_lattice(standard, primitive)
    assert conventional.cell.array == pytest.approx(vectors, abs=1e-12)
    assert conventional.get_scaled_positions() == pytest.approx(np.array([[0.2, 0.3, 0.4]]))
    matrix = ((1, 0, 1), (-1, 1, 0), (-1, -1, 0))
    cell = Atoms("Cl", cell=np.array(matrix) @ vectors, pbc=True)
    axes = Crystal(cell, conventional, matrix, "P2_1/c", 11.0, 2.0).axes
    found = np.array([axes[name] for name in "abc"])
    expected = np.array([[0, -0.5, -0.5], [0, 0.5, -0.5], [1, 0.5, 0.5]])
    assert found == pytest.approx(expected, abs=1e-9)
