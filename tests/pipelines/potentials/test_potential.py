"""Potentials give what their own libraries give, and count what they were asked."""

from __future__ import annotations

import numpy as np
import pytest

from pvkdb.errors import CalculationFailedError, InputError
from pvkdb.schemas.calculations import FailureKind, PotentialName
from pvkdb_pipelines.potentials.potential import load_potential
from pvkdb_pipelines.prototypes import tilted_perovskite


@pytest.fixture
def structures():
    """Five rattled CsPbBr3 cells with a bromine vacancy, 19 atoms each."""
    cells = [tilted_perovskite("Cs", "Pb", "Br", 5.9, 8, 0.05, s, primitive=True) for s in range(5)]
    for cell in cells:
        del cell[-1]
    return cells


def library_calculator(name: PotentialName):
    """The calculator that the potential's own library offers."""
    if name is PotentialName.CHGNET:
        from chgnet.model.dynamics import CHGNetCalculator

        return CHGNetCalculator(use_device="cpu")
    from sevenn.calculator import SevenNetCalculator

    return SevenNetCalculator("7net-0", device="cpu")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore:No tensor product accelerator")
@pytest.mark.filterwarnings("ignore:Converting a tensor with requires_grad")
@pytest.mark.parametrize("name", list(PotentialName))
def test_images_evaluated_together_equal_the_library_one_by_one(name, structures, capsys):
    potential = load_potential(name)
    found = potential.evaluate(structures, stress=False)
    for structure, properties in zip(structures, found, strict=True):
        reference = structure.copy()
        reference.calc = library_calculator(name)
        assert properties["energy"] == pytest.approx(reference.get_potential_energy(), abs=1e-4)
        assert np.allclose(properties["forces"], reference.get_forces(), atol=1e-4)
        assert np.abs(properties["forces"].sum(axis=0)).max() < 1e-9
    assert potential.force_calls == len(structures)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore:No tensor product accelerator")
@pytest.mark.filterwarnings("ignore:Converting a tensor with requires_grad")
@pytest.mark.parametrize("name", list(PotentialName))
def test_stress_and_forces_of_a_cell_equal_the_library(name, structures, capsys):
    cell, reference = structures[0], structures[0].copy()
    cell.calc = load_potential(name).calculator()
    reference.calc = library_calculator(name)
    assert np.allclose(cell.get_forces(), reference.get_forces(), atol=1e-4)
    assert np.allclose(cell.get_stress(), reference.get_stress(), atol=1e-5)


def test_forces_are_the_slope_of_the_energy(structures):
    atoms = structures[0]
    atoms.calc = load_potential("sevennet-0").calculator()
    force, step = atoms.get_forces()[5, 0], 0.01
    energies = []
    for shift in (step, -2 * step):
        atoms.positions[5, 0] += shift
        energies.append(atoms.get_potential_energy())
    assert force == pytest.approx(-(energies[0] - energies[1]) / (2 * step), abs=0.01)


def test_loading_is_silent_and_shares_the_model_not_the_count(capsys):
    one, other = load_potential("chgnet"), load_potential(PotentialName.CHGNET)
    assert capsys.readouterr().out == ""
    assert one.evaluate_many is other.evaluate_many
    one.evaluate([tilted_perovskite("Cs", "Pb", "Br", 5.9, primitive=True)])
    assert (one.force_calls, other.force_calls) == (1, 0)
    assert one.calculator() is not one.calculator()


@pytest.mark.parametrize(
    ("name", "package", "weights"),
    [("chgnet", "chgnet", "0.3.0"), ("sevennet-0", "sevenn", "7net-0")],
)
def test_potential_names_its_weights_and_versions(name, package, weights):
    potential = load_potential(name)
    assert potential.weights == weights
    assert set(potential.versions) == {package, "torch", "ase"}
    assert len(potential.elements) == 89


def test_element_outside_the_training_set_is_refused():
    with pytest.raises(CalculationFailedError, match="not trained on Fr") as failure:
        load_potential("chgnet").require_elements(["Fr", "Pb", "Br"])
    assert failure.value.kind == FailureKind.UNSUPPORTED_ELEMENT


def test_unknown_potential_is_refused_with_the_known_ones():
    with pytest.raises(InputError, match="chgnet, sevennet-0"):
        load_potential("mace")
