"""The density that moves with its atoms: of real pseudopotentials and in real files of pw.x."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase.units import Bohr
from scipy.io import FortranFile

from pvkdb.errors import CalculationFailedError
from pvkdb_pipelines.dft.codes import density, sssp
from pvkdb_pipelines.dft.codes.density import _of_atom, move_density
from pvkdb_pipelines.dft.codes.engines import load_engine
from pvkdb_pipelines.dft.codes.runs import DEBIAN_PSEUDO_DIR
from pvkdb_pipelines.dft.settings import complete_request

from ..conftest import CHEAP, csi, cspbi3, scf

pytestmark = pytest.mark.usefixtures("pw")


@pytest.mark.parametrize(
    ("element", "electrons"),
    # z_valence of the headers; the atom of tin is an ion, Sn+ (version 1 and 2 of UPF are there).
    [("Cs", 9), ("Pb", 14), ("Ag", 19), ("Br", 7), ("I", 7), ("Cl", 7), ("N", 5), ("Sn", 13)],
)
def test_an_atom_has_its_electrons(element: str, electrons: int) -> None:
    file = DEBIAN_PSEUDO_DIR / sssp.table()[element].file.file
    found = _of_atom(file, np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 4.0], [0.0, 0.0, 12.0]]))
    assert found[0] == pytest.approx(electrons, abs=0.05)
    assert electrons > 5 * abs(found[1]) > 5 * abs(found[2])


@pytest.mark.slow
def test_the_density_of_pw_x_moves_with_its_atoms(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nearer to the new structure's than the old density is: fewer SCF steps, the same energy."""
    settings = complete_request(scf(csi(), "CsI", CHEAP)).settings
    steps, energies = {}, {}
    for name in ("moved", "as it was"):
        engine = load_engine("espresso", settings)
        engine.evaluate([csi(0.1)], stress=False)
        if name == "as it was":
            monkeypatch.setattr(density, "move_density", lambda *args: None)
        (found,) = engine.evaluate([csi(0.4)], stress=False)
        steps[name], energies[name] = found["details"].steps, found["energy"]
    assert steps["moved"] < steps["as it was"]
    assert energies["moved"] == pytest.approx(energies["as it was"], abs=1e-5)


def test_a_file_without_the_density_of_its_atom_is_named(tmp_path: Path) -> None:
    (tmp_path / "Cs.UPF").write_text("<PP_R>0.0 0.1</PP_R><PP_RAB>0.1 0.1</PP_RAB>")
    with pytest.raises(CalculationFailedError, match=r"Cs\.UPF has no section PP_RHOATOM"):
        _of_atom(tmp_path / "Cs.UPF", np.zeros((1, 3)))


def test_back_where_they_were_atoms_have_their_density(tmp_path: Path) -> None:
    """And the number of electrons, which is that of the wave of length 0, never changes."""
    file = tmp_path / "charge-density.dat"
    reciprocal = 2 * np.pi / (6.3 / Bohr) * np.eye(3)
    indices = np.array([[x, y, z] for x in range(3) for y in range(-2, 3) for z in range(-2, 3)])
    waves = np.linspace(0.1, 0.2, len(indices)) * np.exp(1j * np.arange(len(indices)))
    with FortranFile(file, "w") as made:
        header = np.array([1, len(indices), 2], dtype="i4")
        for record in (header, reciprocal, indices.astype("i4"), waves, 2 * waves):
            made.write_record(record)
    before = file.read_bytes()
    names = {name: sssp.table()[name].file.file for name in ("Cs", "Pb", "I")}
    files = {name: DEBIAN_PSEUDO_DIR / each for name, each in names.items()}
    move_density(file, files, cspbi3(0.1), cspbi3(0.4))
    after = np.frombuffer(file.read_bytes(), "u1")
    changed = np.flatnonzero(after != np.frombuffer(before, "u1"))
    length = 16 * len(waves) + 8
    first = len(before) - 2 * length
    assert first < changed.min() < changed.max() < len(before) - length  # the total alone
    still = first + 4 + 16 * np.flatnonzero(~indices.any(axis=1))[0]
    assert not np.isin(np.arange(still, still + 16), changed).any()
    move_density(file, files, cspbi3(0.4), cspbi3(0.1))
    with FortranFile(file) as again:
        records = [again.read_record("u1") for _ in range(5)]
    np.testing.assert_allclose(records[3].view("c16"), waves, atol=1e-12)
