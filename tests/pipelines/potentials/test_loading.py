"""Potentials give what their own libraries give, and count what they were asked."""

from __future__ import annotations

import hashlib
import re
import sys
import tomllib
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.mixing import SumCalculator

from pvkdb.errors import CalculationFailedError, InputError
from pvkdb.schemas.calculations import FailureKind, PotentialName, registered_potentials
from pvkdb.schemas.calculations.relaxations import ElementRequest
from pvkdb.store.database import Store
from pvkdb_pipelines.potentials import loading
from pvkdb_pipelines.potentials.installed import installed_potentials
from pvkdb_pipelines.potentials.loading import (
    DEVICE,
    PACKAGES,
    PERMITTED,
    load_potential,
    local_potential,
    require_permitted,
)
from pvkdb_pipelines.prototypes import tilted_perovskite
from pvkdb_pipelines.relaxations.compound import compute_element
from pvkdb_pipelines.work.worker import Worker

from ...queueing import enqueued
from ..conftest import fails

#: Functions that a plug-in may name, sound and faulty. EMT gives copper −0.0 eV an atom.
FAKES = """
import numpy as np
from ase.calculators.calculator import Calculator
from ase.calculators.emt import EMT

made = 0

def sound():
    global made
    made += 1
    return EMT()

def few_elements():
    calculator = EMT()
    calculator.elements = ["Cu", "Au"]
    return calculator

def fails_to_load():
    raise OSError("the weights are damaged")

def on_any_device(device):
    calculator = EMT()
    calculator.device = device
    return calculator

def no_calculator():
    return 5

class _Fake(Calculator):
    implemented_properties = ["energy", "forces", "stress"]
    per_atom, force, atoms_more = -1.0, 0.0, 0

    def calculate(self, atoms, properties, changes):
        number = len(atoms)
        self.results = {
            "energy": self.per_atom * number,
            "forces": np.full((number + self.atoms_more, 3), self.force),
            "stress": np.zeros(6),
        }

def fake(**values):
    return lambda: type("Fake", (_Fake,), values)()

def complete():
    from pvkdb_pipelines.potentials.potential import Potential

    def evaluate(structures, stress):
        return [{"energy": -500.0 * len(s), "forces": np.ones((len(s), 3))} for s in structures]

    return Potential("batches", "weights 3", {"mine": "3"}, frozenset(["Cu"]), evaluate)

no_number = fake(per_atom=float("nan"))
infinite_force = fake(force=float("inf"))
unbound = fake(per_atom=-4000.0)
other_shape = fake(atoms_more=1)
"""


@pytest.fixture
def fakes(tmp_path, monkeypatch):
    """A module of plug-ins, whose name is new to this process."""
    module = f"fakes_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{module}.py").write_text(FAKES, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv(PERMITTED, "")
    return module


@pytest.fixture
def structures():
    """Five rattled CsPbBr3 cells with a bromine vacancy, 19 atoms each."""
    cells = [tilted_perovskite("Cs", "Pb", "Br", 5.9, 8, 0.05, s, primitive=True) for s in range(5)]
    for cell in cells:
        del cell[-1]
    return cells


@cache
def library_calculator(name: PotentialName):
    """The calculator that the potential's own library offers."""
    if name is PotentialName.CHGNET:
        from chgnet.model.dynamics import CHGNetCalculator

        return CHGNetCalculator(use_device="cpu")
    from dftd3.ase import DFTD3
    from sevenn.calculator import SevenNetCalculator

    model = SevenNetCalculator(PACKAGES[name][1], device="cpu")
    dispersion = DFTD3(method="PBE", damping="d3bj")
    return SumCalculator([model, dispersion]) if name.endswith("-d3") else model


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore:No tensor product accelerator")
@pytest.mark.filterwarnings("ignore:Converting a tensor with requires_grad")
@pytest.mark.parametrize(
    "name", [PotentialName.CHGNET, PotentialName.SEVENNET_0, PotentialName.SEVENNET_0_D3]
)
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
    cell = structures[-1]
    cell.calc = potential.calculator()
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
    assert set(potential.versions) == {package, "torch", "ase", weights}
    assert re.fullmatch("sha256:[0-9a-f]{16}", potential.versions[weights])
    assert potential.licence == {"chgnet": "Modified BSD", "sevenn": "MIT License"}[package]
    assert len(potential.elements) == 89


def test_unknown_elements_and_potentials_are_refused():
    with fails(FailureKind.UNSUPPORTED_ELEMENT, "not trained on Fr"):
        load_potential("chgnet").require_elements(["Fr", "Pb", "Br"])
    with pytest.raises(InputError, match="chgnet, sevennet-0"):
        load_potential("mace")
    with fails(FailureKind.POTENTIAL_NOT_LOADED, "mace-mp cannot be loaded"):
        require_permitted("mace-mp")  # no package registers it here


def element(potential: str) -> ElementRequest:
    return ElementRequest(symbol="Cu", potential=potential)


def test_a_function_is_named_with_the_hash_of_its_file_and_goes_into_the_record(fakes, tmp_path):
    name = local_potential(f"{fakes}:sound")
    digest = hashlib.sha256((tmp_path / f"{fakes}.py").read_bytes()).hexdigest()[:16]
    assert name == f"{fakes}:sound@{digest}" == local_potential(name)
    run = compute_element(element(name))
    assert run.versions[f"{fakes}:sound"] == f"sha256:{digest}"
    assert run.result.energy_ev_per_atom == pytest.approx(-0.006, abs=0.002)  # EMT of fcc copper
    assert 11 < run.result.volume_ang3_per_atom < 12
    compute_element(element(name))
    assert sys.modules[fakes].made == 1


def test_a_plug_in_may_return_a_complete_potential(fakes):
    name = local_potential(f"{fakes}:complete")
    one, other = load_potential(name), load_potential(name)
    assert (one.name, one.weights, one.versions["mine"]) == (name, "weights 3", "3")
    with fails(FailureKind.POTENTIAL_FAILED, "-500 eV an atom"):
        one.evaluate([bulk("Cu"), bulk("Cu")])
    assert (one.force_calls, other.force_calls) == (2, 0)


def test_another_content_has_another_key_and_is_not_computed_under_the_old_one(fakes, tmp_path):
    before = local_potential(f"{fakes}:on_any_device")
    source = tmp_path / f"{fakes}.py"
    source.write_text(FAKES + "\n# changed\n", encoding="utf-8")
    after = local_potential(f"{fakes}:on_any_device")
    assert element(before).key() != element(after).key()
    with fails(FailureKind.POTENTIAL_NOT_LOADED, "its file has changed"):
        load_potential(before)


def test_keys_of_shipped_potentials_are_those_of_stored_results():
    """A stored result would be computed again under another key."""
    key = "e97912d1160fd00bb462e81ee8f8983ced1e1c7c96b7c6a18aef6311da615e71"
    assert element("chgnet").key() == element(PotentialName.CHGNET).key() == key


@pytest.mark.parametrize(
    ("function", "kind", "said"),
    [
        ("fails_to_load", FailureKind.POTENTIAL_NOT_LOADED, "OSError: the weights are damaged"),
        ("no_calculator", FailureKind.POTENTIAL_NOT_LOADED, "returned int; return an ASE"),
        ("missing", FailureKind.POTENTIAL_NOT_LOADED, "no attribute 'missing'"),
        ("few_elements", FailureKind.UNSUPPORTED_ELEMENT, "not trained on Mo"),
        ("sound", FailureKind.POTENTIAL_FAILED, "Mo"),
        ("no_number", FailureKind.POTENTIAL_FAILED, "not a number"),
        ("infinite_force", FailureKind.POTENTIAL_FAILED, "not a number"),
        ("unbound", FailureKind.POTENTIAL_FAILED, "-4000 eV an atom"),
        ("other_shape", FailureKind.POTENTIAL_FAILED, "forces of shape (2, 3) for 1 atoms"),
    ],
)
def test_a_fault_is_a_typed_record_that_names_the_potential(
    fakes, empty_store: Store, function, kind, said
):
    name = local_potential(f"{fakes}:{function}")
    enqueued(empty_store, ElementRequest(symbol="Mo", potential=name))
    document = Worker(empty_store).run()
    assert (document.state, document.failure_kind) == ("failed", kind)
    assert f"{fakes}:{function}" in document.failure_message
    assert said in document.failure_message


def test_a_worker_does_not_load_code_that_its_owner_has_not_permitted(
    fakes, empty_store, queue, monkeypatch
):
    name = local_potential(f"{fakes}:sound")
    for permitted, state in (("", "failed"), (f"os:getcwd,{fakes}:sound", "done")):
        monkeypatch.setenv(PERMITTED, permitted)
        calculation, new = queue.enqueue(element(name))
        if not new:
            queue.requeue(calculation.id)
        document = Worker(empty_store).run()
        assert document.state == state
        assert (fakes in sys.modules) == (state == "done")
        if state == "failed":
            assert document.failure_kind == FailureKind.POTENTIAL_NOT_LOADED
            assert f"{PERMITTED}={fakes}:sound" in document.failure_message


def test_damaged_weights_of_a_shipped_potential_are_a_typed_failure(monkeypatch):
    def damaged(name, device):
        raise EOFError("Ran out of input")

    monkeypatch.setattr(loading, "_shipped", damaged)
    with fails(FailureKind.POTENTIAL_NOT_LOADED, r"sevennet-0 cannot.*EOFError"):
        load_potential("sevennet-0")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("mace", "there is no potential 'mace'.*sevennet-l3i5"),
        ("no_such_module:make", "no Python module 'no_such_module'.*PYTHONPATH"),
        ("nequix:weights.nqx", "pip install nequix"),
        ("a,b:make", "rename the file"),
    ],
)
def test_names_that_cannot_be_used_are_refused_with_the_remedy(name, said):
    with pytest.raises(InputError, match=said):
        local_potential(name)


def test_weights_of_nequix_are_given_to_its_calculator(tmp_path, monkeypatch):
    (tmp_path / "nequix").mkdir()
    (tmp_path / "nequix/__init__.py").touch()
    (tmp_path / "nequix/calculator.py").write_text(
        "from ase.calculators.emt import EMT\n"
        "class NequixCalculator(EMT):\n"
        "    def __init__(self, model_path, backend, use_kernel):\n"
        "        super().__init__()\n"
        "        self.elements = [backend, model_path, str(use_kernel)]\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv(PERMITTED, "")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"there is no file .*oam\.nqx"):
        local_potential("nequix:oam.nqx")
    Path("oam.nqx").write_bytes(b"weights")
    name = local_potential("nequix:oam.nqx")
    assert name == f"nequix:{tmp_path}/oam.nqx@{hashlib.sha256(b'weights').hexdigest()[:16]}"
    assert load_potential(name).elements == {"jax", f"{tmp_path}/oam.nqx", "False"}


def test_a_gpu_is_refused_where_pytorch_has_none(fakes, monkeypatch):
    import torch

    monkeypatch.setenv(DEVICE, "cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="finds no CUDA GPU; install PyTorch with CUDA"):
        load_potential("sevennet-0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    potential = load_potential(f"{fakes}:on_any_device")
    assert (potential.device, potential.versions["device"]) == ("cuda", "cuda")
    with pytest.raises(CalculationFailedError, match="takes no argument 'device'"):
        load_potential(f"{fakes}:sound")
    with pytest.raises(InputError, match="no device 'tpu'"):
        load_potential("sevennet-0", "tpu")


def test_the_example_of_the_documentation_is_a_potential(tmp_path, monkeypatch, request):
    """The files of docs/potentials.md, installed as pip would, by their metadata."""
    page = (Path(__file__).parents[3] / "docs/potentials.md").read_text(encoding="utf-8")
    blocks = dict(re.findall(r"`([\w.]+)`:\n\n```\w+\n(.*?)```", page, re.DOTALL))
    project = tomllib.loads(blocks["pyproject.toml"])["project"]
    (tmp_path / "pvkdb_emt.py").write_text(blocks["pvkdb_emt.py"], encoding="utf-8")
    about = tmp_path / "pvkdb_emt-1.0.dist-info"
    about.mkdir()
    named = project["entry-points"]["pvkdb.potentials"].items()
    points = "".join(f"{name} = {function}\n" for name, function in named)
    (about / "entry_points.txt").write_text(f"[pvkdb.potentials]\n{points}", encoding="utf-8")
    (about / "METADATA").write_text(
        "Metadata-Version: 2.4\n"
        f"Name: {project['name']}\nVersion: {project['version']}\n"
        f"License-Expression: {project['license']}\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(tmp_path)
    registered_potentials.cache_clear()
    request.addfinalizer(registered_potentials.cache_clear)
    assert local_potential("emt") == "emt"
    run = compute_element(element("emt"))
    assert run.result.energy_ev_per_atom == pytest.approx(-0.006, abs=0.002)
    assert run.versions[project["name"]] == project["version"]
    with pytest.raises(CalculationFailedError, match="emt was not trained on Cs"):
        load_potential("emt").require_elements(["Cu", "Cs"])
    listed = {each.name: each for each in installed_potentials()}
    assert (listed["emt"].package, listed["emt"].licence) == (project["name"], project["license"])
    assert not listed["emt"].measured


def test_the_list_says_what_each_shipped_potential_was_measured_to_do():
    listed = {each.name: each for each in installed_potentials()}
    assert [name.value for name in PotentialName] == list(listed)[: len(PotentialName)]
    assert listed["sevennet-0"].measured["statements"] >= 12  # of experiments and the literature
    assert 0.2 < listed["chgnet"].measured["mean_absolute_error_ev"] < 0.5
    assert listed["sevennet-l3i5"].measured["statements"] >= 12


@pytest.mark.slow
def test_sevennet_l3i5_equals_sevennets_own_calculator_on_a_host():
    """CsPbBr3 in Pnma, 20 atoms; the tolerance is on the energy of the whole cell."""
    from pvkdb_pipelines.potentials.sevennet import sevennet_calculator

    host = tilted_perovskite("Cs", "Pb", "Br", 5.9, 8, primitive=True)
    library = sevennet_calculator("7net-l3i5")
    library.calculate(host)
    (found,) = load_potential("sevennet-l3i5").evaluate([host])
    assert len(host) == 20
    assert found["energy"] == pytest.approx(library.results["energy"], abs=1e-5)
    assert np.allclose(found["forces"], library.results["forces"], atol=2e-5)
    assert np.allclose(found["stress"], library.results["stress"], atol=1e-6)
