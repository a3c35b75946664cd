"""Folders for VASP, and its outputs taken back. VASP itself is not here: the outputs are in its
format, with numbers of our own.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase.io import read
from pymatgen.io.vasp.inputs import Incar, Kpoints

from pvkdb.errors import InputError
from pvkdb.schemas.calculations.dft import DftRelaxRequest, DftScfRequest, DftScfResult, DftSettings
from pvkdb.store.database import Store
from pvkdb.store.models.calculations import Calculation
from pvkdb_pipelines.dft.by_hand.exports import export_inputs
from pvkdb_pipelines.dft.settings import complete_request
from pvkdb_pipelines.geometry.hosts import host_of

from ....queueing import enqueued
from ..barriers import taken_back, vacancy_path
from .vasprun import vasprun_xml

#: Valence electrons of the Materials Project's PBE POTCARs: Cs_sv, Pb_d, Br.
VALENCE = {"Cs": 9.0, "Pb": 14.0, "Br": 7.0}
ELECTRONS = 9 + 14 + 2 * 7
#: Bromine first, so that VASP's order is another one than the job's.
START = vacancy_path()[0][[2, 0, 3, 1]]


def job(**settings: Any) -> DftScfRequest:
    chosen = DftSettings(engine="vasp", kpoint_grid=(1, 1, 1), **settings)
    return complete_request(
        DftScfRequest(formula="CsPbBr3", structure=host_of(START), settings=chosen)
    )


def test_the_folder_holds_what_the_job_says(tmp_path: Path) -> None:
    export_inputs(job(charge=1, magnetization_mub=0), "an-id", tmp_path / "job")
    incar = Incar.from_file(tmp_path / "job" / "INCAR")
    assert incar["ENCUT"] == pytest.approx(520, abs=0.01)
    assert (incar["ISMEAR"], incar["SIGMA"], incar["NSW"], incar["ISPIN"]) == (0, 0.05, 0, 2)
    assert incar["NUPDOWN"] == 0
    assert incar["EDIFF"] == pytest.approx(1.36e-7, rel=0.01)
    assert "LDAU" not in incar
    assert "MAGMOM" not in incar
    assert Kpoints.from_file(tmp_path / "job" / "KPOINTS").kpts[0] == (1, 1, 1)
    assert (tmp_path / "job" / "POTCAR.spec").read_text().split() == ["Cs_sv", "Pb_d", "Br"]
    poscar = read(tmp_path / "job" / "POSCAR")
    assert poscar.get_chemical_symbols() == ["Cs", "Pb", "Br", "Br"]
    assert np.allclose(poscar.cell, START.cell)
    assert not (tmp_path / "job" / "POTCAR").exists()


def test_the_readme_s_command_counts_the_electrons_of_a_charged_cell(tmp_path: Path) -> None:
    folder = tmp_path / "job"
    export_inputs(job(charge=1), "an-id", folder)
    lines = [f"   POMASS =  1.000; ZVAL   =  {VALENCE[s]:6.3f}    mass and valenz" for s in VALENCE]
    (folder / "POTCAR").write_text("\n".join(lines) + "\n")
    readme = (folder / "README.md").read_text()
    block = readme.partition("## Charge")[2].partition("```bash\n")[2].partition("```")[0]
    subprocess.run(["bash", "-c", block], cwd=folder, check=True)
    assert Incar.from_file(folder / "INCAR")["NELECT"] == ELECTRONS - 1


def test_a_relaxation_asks_for_its_forces(tmp_path: Path) -> None:
    settings, limits = job(soc=True).settings, {"fmax_ev_per_ang": 0.02, "max_steps": 40}
    asked = DftRelaxRequest(
        formula="CsPbBr3", structure=host_of(START), settings=settings, **limits
    )
    export_inputs(complete_request(asked), "an-id", tmp_path / "job")
    incar = Incar.from_file(tmp_path / "job" / "INCAR")
    assert (incar["EDIFFG"], incar["NSW"], incar["ISIF"], incar["IBRION"]) == (-0.02, 40, 2, 2)
    assert incar["LSORBIT"] is True
    assert "vasp_ncl" in (tmp_path / "job" / "README.md").read_text()


def returned(store: Store, folder: Path, request: DftScfRequest, **said: Any) -> Calculation:
    """A run of VASP for a job, its atoms sorted by element, taken back."""
    export_inputs(request, "", folder)
    key = enqueued(store, request)
    (folder / "pvkdb-job.json").unlink()
    atoms = said.pop("atoms", read(folder / "POSCAR"))
    forces = np.arange(3.0 * len(atoms)).reshape(-1, 3) / 100
    values: dict[str, Any] = {"nelect": ELECTRONS, "forces": forces, **said}
    (folder / "vasprun.xml").write_text(vasprun_xml(atoms, VALENCE, **values))
    return taken_back(store, key, folder)


def test_a_run_comes_back_with_its_free_energy_and_forces_on_their_atoms(sqlite_store, tmp_path):
    found = returned(sqlite_store, tmp_path / "job", job())
    result = DftScfResult.model_validate(found.result)
    assert (found.state, result.settings.engine, result.origin) == ("done", "vasp", "imported")
    assert result.point.energy_ev == pytest.approx(-50.0)
    forces = np.array(result.point.forces_ev_per_ang)
    assert forces[1] == pytest.approx([0.00, 0.01, 0.02])  # Cs, first in VASP's order
    assert forces[3] == pytest.approx([0.03, 0.04, 0.05])  # Pb
    assert found.versions["vasp"] == "6.4.2"


@pytest.mark.parametrize(
    ("asked", "said", "words"),
    [
        ({"charge": 1}, {}, r"charge \+0.00, the job has \+1"),
        ({}, {"encut_ev": 400.0}, "cutoff of the wave functions"),
        ({}, {"grid": (2, 2, 2)}, "k-points 2×2×2, the job has 1×1×1"),
        ({}, {"soc": True}, "spin–orbit coupling on"),
        ({}, {"scf_steps": 5, "nelm": 5}, "did not converge"),
        ({}, {"atoms": vacancy_path()[2]}, "from its place"),
    ],
)
def test_a_run_of_something_else_is_refused(sqlite_store, tmp_path, asked, said, words):
    with pytest.raises(InputError, match=words):
        returned(sqlite_store, tmp_path / "job", job(**asked), **said)
    with sqlite_store.session() as session:
        assert {entry.state for entry in session.query(Calculation)} == {"queued"}


@pytest.mark.parametrize("text", [None, "", "<modeling><generator>"])
def test_no_output_or_a_broken_one_is_refused(sqlite_store, tmp_path, text):
    key = enqueued(sqlite_store, job())
    if text is not None:
        (tmp_path / "vasprun.xml").write_text(text)
    with pytest.raises(InputError, match=r"vasprun\.xml"):
        taken_back(sqlite_store, key, tmp_path)
